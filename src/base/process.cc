#include "base/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "base/fd.h"
#include "base/file.h"

namespace lethe {

Result<ChildProcess> ChildProcess::Start(const std::vector<std::string>& argv,
                                         const std::filesystem::path& log) {
  LETHE_ASSERT(!argv.empty());
  const Fd null = LETHE_TRY(OpenFile("/dev/null", O_RDONLY));
  const Fd out = LETHE_TRY(OpenFile(log, O_CREAT | O_WRONLY | O_TRUNC));
  int failure[2];
  if (::pipe2(failure, O_CLOEXEC) != 0) return IoError("creating", "a pipe");
  const Fd failure_read(failure[0]);
  Fd failure_write(failure[1]);
  std::vector<std::string> strings = argv;
  std::vector<char*> pointers;
  for (auto& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return IoError("forking for", argv[0]);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(null.get(), 0);
    ::dup2(out.get(), 1);
    ::dup2(out.get(), 2);
    ::signal(SIGPIPE, SIG_DFL);
    ::execvp(pointers[0], pointers.data());
    const int error = errno;
    (void)!::write(failure_write.get(), &error, sizeof error);
    ::_exit(127);
  }
  failure_write.Close();
  ChildProcess child(pid);
  int error = 0;
  if (::read(failure_read.get(), &error, sizeof error) == sizeof error) {
    return Error{error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                 "starting " + argv[0] + ": " + std::strerror(error)};
  }
  return child;
}

std::optional<int> ChildProcess::Poll() {
  if (exit_code_ || pid_ < 0) return exit_code_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) {
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return exit_code_;
}

std::optional<int> ChildProcess::Wait(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!Poll() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return exit_code_;
}

void ChildProcess::Stop(std::chrono::milliseconds grace) {
  if (pid_ < 0 || Poll()) return;
  ::kill(pid_, SIGTERM);
  if (Wait(grace)) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  exit_code_ = 128 + SIGKILL;
}

}  // namespace lethe
