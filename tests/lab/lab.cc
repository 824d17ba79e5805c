#include "lab.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <thread>

#include "base/strings.h"
#include "base/unix_socket.h"
#include "client/transfer.h"
#include "image/capture.h"
#include "image/cpio_reader.h"
#include "image/cpio_writer.h"
#include "image/iso_reader.h"
#include "image/manifest.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

}  // namespace

fs::path ImageUnderTest() {
  const char* iso = std::getenv("LETHE_LAB_ISO");
  if (iso == nullptr)
    std::fprintf(stderr, "LETHE_LAB_ISO must name the ISO under test (./test builds it)\n");
  LETHE_ASSERT(iso != nullptr);
  return iso;
}

Result<BootFiles> ExtractBootFiles(const fs::path& iso, const fs::path& directory,
                                   const std::string& flip_file) {
  const auto mapped = LETHE_TRY(image::MapFile(iso));
  const auto listing = LETHE_TRY(image::ReadIso(mapped.bytes));
  const auto bytes_of = [&](std::string_view path) {
    const auto* file = image::FindIsoFile(listing, path);
    LETHE_ASSERT(file != nullptr);
    return mapped.bytes.substr(file->offset, file->size);
  };
  const auto manifest = LETHE_TRY(image::ParseManifest(bytes_of(image::kIsoManifestPath)));
  std::string initrd(bytes_of(image::kIsoInitrdPath));
  if (!flip_file.empty()) {
    bool found = false;
    for (const auto& entry : LETHE_TRY(image::ReadCpio(initrd))) {
      if (entry.name != flip_file) continue;
      char& byte =
          initrd[static_cast<size_t>(entry.bytes.data() - initrd.data()) + entry.bytes.size() / 2];
      byte = static_cast<char>(byte ^ 1);
      found = true;
      break;
    }
    if (!found) return Error{ErrorCode::kNotFound, "the initrd has no " + flip_file};
  }
  BootFiles files{directory / "vmlinuz", directory / "initrd.img", manifest.command_line};
  LETHE_TRY(WriteFileAtomic(files.kernel, bytes_of(image::kIsoKernelPath)));
  LETHE_TRY(WriteFileAtomic(files.initrd, initrd));
  return files;
}

Status AddProbe(BootFiles& files) {
  image::CpioStringSink sink;
  image::CpioWriter cpio(sink);
  LETHE_TRY(cpio.AddFile("probe", 0755, LETHE_TRY(ReadFile(LETHE_PROBE))));
  LETHE_TRY(cpio.Finish());
  LETHE_TRY(WriteFileAtomic(files.initrd, LETHE_TRY(ReadFile(files.initrd)) + sink.Take()));
  files.command_line += " rdinit=/probe";
  return {};
}

Result<ProbeClient::Answer> ProbeClient::Ask(const std::vector<std::string>& fields,
                                             seconds timeout) {
  for (const std::string& field : fields)
    LETHE_ASSERT(field.find_first_of("\t\n") == std::string::npos);
  const Fd fd = LETHE_TRY(ConnectUnix({.path = socket_}));
  LETHE_TRY(WriteAll(fd.get(), Join(fields, "\t") + "\n", "the probe"));
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::string received;
  while (true) {
    if (const size_t end = received.find('\n'); end != std::string::npos) {
      const std::string head = received.substr(0, end);
      const auto words = Words(head);
      const auto status = words.size() == 2 ? ParseUnsigned<int>(words[0]) : std::nullopt;
      const auto size = words.size() == 2 ? ParseUnsigned<size_t>(words[1]) : std::nullopt;
      if (!status || !size)
        return Error{ErrorCode::kMalformed, "the probe answers '" + Printable(head) + "'"};
      if (received.size() >= end + 1 + *size)
        return Answer{*status, received.substr(end + 1, *size)};
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                          deadline - std::chrono::steady_clock::now())
                          .count();
    pollfd waiting{fd.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0)
      return Error{ErrorCode::kUnavailable, "the probe does not answer to " + fields[0]};
    char buffer[65536];
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n <= 0) return Error{ErrorCode::kIo, "the probe's port was closed"};
    received.append(buffer, static_cast<size_t>(n));
  }
}

Status ProbeClient::WaitUntilUp(seconds timeout) {
  const bool up = Eventually(timeout, [&] {
    const auto answer = Ask({"ping"}, seconds(2));
    return answer && answer->bytes == "pong";
  });
  return up ? Status() : Status(Error{ErrorCode::kUnavailable, "the probe did not come up"});
}

Result<std::string> ProbeClient::Read(const std::string& path) {
  const bool proc = path.starts_with("proc:");
  const auto answer =
      LETHE_TRY(Ask({proc ? "proc" : "read", proc ? path.substr(5) : path}, seconds(30)));
  if (answer.status != 0) return Error{ErrorCode::kNotFound, path + ": " + answer.bytes};
  return answer.bytes;
}

Result<std::string> ProbeClient::Run(const std::vector<std::string>& argv) {
  std::vector<std::string> fields = {"run"};
  fields.insert(fields.end(), argv.begin(), argv.end());
  const auto answer = LETHE_TRY(Ask(fields, seconds(60)));
  if (answer.status != 0)
    return Error{ErrorCode::kIo,
                 argv[0] + " exits with " + std::to_string(answer.status) + ": " + answer.bytes};
  return answer.bytes;
}

Result<std::vector<ProbeClient::Process>> ProbeClient::Processes() {
  const auto answer = LETHE_TRY(Ask({"processes"}, seconds(30)));
  std::vector<Process> out;
  for (const auto line : Lines(answer.bytes)) {
    const auto fields = Split(line, '\t');
    if (fields.size() != 5)
      return Error{ErrorCode::kMalformed, "process line '" + Printable(line) + "'"};
    out.push_back({ParseUnsigned<int>(fields[0]).value_or(0),
                   std::string(fields[1]),
                   {std::string(fields[2]), std::string(fields[3]), std::string(fields[4])}});
  }
  return out;
}

std::optional<boot::BootRecord> ReadBootRecord(vm::Guest& guest) {
  for (const uint64_t address : {boot::kReservedRecordAddress, boot::kRecordAddress}) {
    const auto memory = guest.ReadMemory(address, 16);
    if (!memory || memory->size() != 16) continue;
    const auto record = boot::DecodeRecord(
        std::span<const uint8_t, 16>(reinterpret_cast<const uint8_t*>(memory->data()), 16));
    if (record) return record;
  }
  return std::nullopt;
}

std::string KernelPanic(vm::Guest& guest, unsigned memory_mib) {
  constexpr std::string_view kWords = "Kernel panic - not syncing: ";
  constexpr uint64_t kStep = 16 << 20;
  constexpr size_t kLogBytes = 4096;
  for (uint64_t at = 0; at < uint64_t{memory_mib} << 20; at += kStep) {
    const auto memory = guest.ReadMemory(at, kStep);
    if (!memory) return "(" + memory.error().message + ")";
    for (size_t i = memory->find(kWords); i != std::string::npos; i = memory->find(kWords, i + 1)) {
      if (memory->compare(i + kWords.size(), 1, "%") == 0) continue;  // the kernel's own text
      const size_t start = i < kLogBytes ? 0 : i - kLogBytes;
      return Printable(memory->substr(start, i - start + 512));
    }
  }
  return std::string(kNoPanic);
}

class FarThread {
 public:
  FarThread(int fd, size_t bytes)
      : thread_([fd, bytes] {
          const std::string data(bytes, 'x');
          while (true) {
            const Fd client(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
            if (!client) return;
            (void)WriteAll(client.get(), data, "client");
          }
        }) {}
  ~FarThread() { thread_.join(); }

 private:
  std::thread thread_;
};

Result<std::unique_ptr<FarServer>> FarServer::Start(size_t bytes, const std::string& address) {
  std::unique_ptr<FarServer> server(new FarServer);
  client::SocketAddress own = LETHE_TRY(client::ParseSocketAddress(address, 0));
  server->fd_ = ::socket(own.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(server->fd_, own.get(), own.size) != 0 || ::listen(server->fd_, 8) != 0 ||
      ::getsockname(server->fd_, reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) {
    return IoError("listening on", address);
  }
  // The port stands at the same place for both families.
  server->port_ = ntohs(reinterpret_cast<const sockaddr_in*>(&own.storage)->sin_port);
  server->thread_ = std::make_unique<FarThread>(server->fd_, bytes);
  return server;
}

FarServer::~FarServer() {
  ::shutdown(fd_, SHUT_RDWR);
  thread_.reset();
  ::close(fd_);
}

uint64_t MemoryUsedKib(const std::string& meminfo) {
  uint64_t total = 0;
  uint64_t available = 0;
  for (const auto line : Lines(meminfo)) {
    const auto words = Words(line);
    if (words[0] == "MemTotal:") total = *ParseUnsigned<uint64_t>(words[1]);
    if (words[0] == "MemAvailable:") available = *ParseUnsigned<uint64_t>(words[1]);
  }
  return total - available;
}

}  // namespace lethe::lab
