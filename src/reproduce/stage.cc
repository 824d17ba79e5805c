#include "reproduce/stage.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/fd.h"
#include "base/file.h"

namespace lethe::reproduce {
namespace {

constexpr char kOk = 'k';

Status Enter(int namespaces) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (namespaces == 0) return {};
  if (::unshare(namespaces) != 0) return IoError("creating", "namespaces");
  if ((namespaces & CLONE_NEWNS) != 0 &&
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return IoError("making private", "/");
  }
  return {};
}

Status Decode(const std::string& text) {
  if (text.size() == 1 && text[0] == kOk) return {};
  if (text.empty()) return Error{ErrorCode::kIo, "the build's stage was killed"};
  return Error{static_cast<ErrorCode>(text[0] - 'A'), text.substr(1)};
}

}  // namespace

Status RunOnStage(int namespaces, const std::function<Status()>& work) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return IoError("creating", "a pipe");
  const Fd read_end(fds[0]);
  Fd write_end(fds[1]);
  const pid_t child = ::fork();
  if (child < 0) return IoError("forking for", "a build's stage");
  if (child == 0) {
    Status status = Enter(namespaces);
    if (status) status = work();
    const std::string text = status
                                 ? std::string(1, kOk)
                                 : static_cast<char>('A' + static_cast<int>(status.error().code)) +
                                       status.error().message;
    (void)WriteAll(write_end.get(), text, "pipe");
    ::_exit(0);
  }
  write_end.Close();
  std::string text;
  char buffer[4096];
  ssize_t n = 0;
  while ((n = ::read(read_end.get(), buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR)) {
    if (n > 0) text.append(buffer, static_cast<size_t>(n));
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return Decode(text);
}

}  // namespace lethe::reproduce
