// lethe-client: what the laboratory's client guest runs. It reads requests from the virtio port
// "lethe.commands", one line each, and answers each with one line
// (docs/formats/client-channel.md).

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"
#include "client/request.h"
#include "client/session.h"

namespace lethe::client {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPort = "lethe.commands";
constexpr const char* kPorts = "/sys/class/virtio-ports";

// kNotFound where the machine has no such port.
Result<Fd> OpenPort() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kPorts, error)) {
    const auto name = ReadFile(entry.path() / "name", 4096);
    if (name && Trim(*name) == kPort)
      return OpenFile(fs::path("/dev") / entry.path().filename(), O_RDWR);
  }
  return Error{ErrorCode::kNotFound, std::string("no virtio port ") + kPort};
}

Status Serve(int port) {
  Session session;
  std::string pending;
  while (true) {
    char buffer[4096];
    const ssize_t n = ::read(port, buffer, sizeof buffer);
    if (n <= 0) {
      ::usleep(20000);  // nobody is connected on the other side
      continue;
    }
    pending.append(buffer, static_cast<size_t>(n));
    for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      const std::string line = pending.substr(0, end);
      pending.erase(0, end + 1);
      LETHE_TRY(WriteAll(port, session.Answer(line) + "\n", kPort));
    }
    // A line that is too long already is refused when its end comes; what is kept of it suffices.
    if (pending.size() > kMaxLine) pending.resize(kMaxLine + 1);
  }
}

int Main() {
  ::setenv("PATH", "/usr/sbin:/usr/bin", 1);
  const auto port = OpenPort();
  const Status served = port ? Serve(port->get()) : Status(port.error());
  if (served) return 0;
  std::fprintf(stderr, "lethe-client: %s\n", served.error().message.c_str());
  return ExitCode(served.error().code);
}

}  // namespace
}  // namespace lethe::client

int main() { return lethe::client::Main(); }
