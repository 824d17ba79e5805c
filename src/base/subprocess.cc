#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"

namespace lethe {
namespace {

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return IoError("creating", "a pipe");
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

std::vector<std::string> MakeEnvironment(const Command& command) {
  std::vector<std::string> env;
  const auto replaced = [&](std::string_view entry) {
    for (const auto& [key, value] : command.env) {
      if (entry.size() > key.size() && entry.starts_with(key) && entry[key.size()] == '=')
        return true;
    }
    return false;
  };
  if (!command.clear_env) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (!replaced(*entry)) env.emplace_back(*entry);
    }
  }
  for (const auto& [key, value] : command.env) env.push_back(key + "=" + value);
  return env;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (auto& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What a child says that could not become the program.
struct Failure {
  int errno_value = 0;
  bool at_exec = false;
};

// Feeds stdin and drains stdout and stderr together, so that no pipe can fill up and stall both.
Status Pump(Fd in, Fd out, Fd err, const Command& command, CommandResult& result) {
  std::string_view input = command.input;
  if (in) ::fcntl(in.get(), F_SETFL, O_NONBLOCK);
  while (out || err) {
    pollfd fds[3] = {{in.get(), POLLOUT, 0}, {out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}};
    if (::poll(fds, 3, -1) < 0 && errno != EINTR) return IoError("polling", command.argv[0]);
    if (in && fds[0].revents != 0) {
      const ssize_t n = ::write(in.get(), input.data(), input.size());
      if (n > 0) input.remove_prefix(static_cast<size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.Close();
    }
    const auto drain = [&](Fd& fd, std::string& to) -> Status {
      char buffer[1 << 16];
      const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
      if (n > 0) to.append(buffer, static_cast<size_t>(n));
      if (n == 0 || (n < 0 && errno != EINTR)) fd.Close();
      if (to.size() > command.max_output_bytes) {
        return Error{ErrorCode::kIo, "running " + command.argv[0] + ": too much output"};
      }
      return {};
    };
    if (out && fds[1].revents != 0) LETHE_TRY(drain(out, result.out));
    if (err && fds[2].revents != 0) LETHE_TRY(drain(err, result.err));
  }
  return {};
}

[[noreturn]] void Child(const Command& command, std::vector<char*>& argv, std::vector<char*>& env,
                        int in, int out, int err, int failure) {
  const auto fail = [&](bool at_exec = false) {
    const Failure error{errno, at_exec};
    (void)!::write(failure, &error, sizeof error);
    ::_exit(127);
  };
  if (in < 0) in = ::open("/dev/null", O_RDONLY);
  if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) fail();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (!command.cwd.empty() && ::chdir(command.cwd.c_str()) != 0) fail();
  if (command.before_exec && command.before_exec() != 0) fail();
  ::execvpe(argv[0], argv.data(), env.data());
  fail(true);
  ::_exit(127);
}

}  // namespace

Error CannotStart(const std::string& program, const std::string& package, int errno_value) {
  if (errno_value != ENOENT)
    return {ErrorCode::kIo, "starting " + program + ": " + std::strerror(errno_value)};
  return {ErrorCode::kUnavailable,
          "this machine has no " + program +
              (package.empty() ? "" : " (Debian package " + package + ")")};
}

Result<CommandResult> RunCommand(const Command& command) {
  LETHE_ASSERT(!command.argv.empty());
  ::signal(SIGPIPE, SIG_IGN);
  Pipe in{};
  if (!command.input.empty()) in = LETHE_TRY(MakePipe());
  Pipe out = LETHE_TRY(MakePipe());
  Pipe err = LETHE_TRY(MakePipe());
  Pipe failure = LETHE_TRY(MakePipe());
  std::vector<std::string> argv_strings = command.argv;
  std::vector<std::string> env_strings = MakeEnvironment(command);
  std::vector<char*> argv = Pointers(argv_strings);
  std::vector<char*> env = Pointers(env_strings);

  const pid_t pid = ::fork();
  if (pid < 0) return IoError("forking for", command.argv[0]);
  if (pid == 0) {
    Child(command, argv, env, in.read.get(), out.write.get(), err.write.get(), failure.write.get());
  }
  in.read.Close();
  out.write.Close();
  err.write.Close();
  failure.write.Close();

  CommandResult result;
  auto pumped =
      Pump(std::move(in.write), std::move(out.read), std::move(err.read), command, result);
  if (!pumped) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  LETHE_TRY(std::move(pumped));
  Failure failed;
  if (::read(failure.read.get(), &failed, sizeof failed) == sizeof failed) {
    if (failed.at_exec) return CannotStart(command.argv[0], command.package, failed.errno_value);
    return Error{ErrorCode::kIo,
                 "starting " + command.argv[0] + ": " + std::strerror(failed.errno_value)};
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

Result<std::string> RunChecked(const Command& command) {
  CommandResult result = LETHE_TRY(RunCommand(command));
  if (result.exit_code == 0) return std::move(result.out);
  constexpr size_t kTail = 2000;
  std::string_view tail = Trim(result.err.empty() ? result.out : result.err);
  if (tail.size() > kTail) tail.remove_prefix(tail.size() - kTail);
  return Error{ErrorCode::kIo, command.argv[0] + " ended with exit code " +
                                   std::to_string(result.exit_code) + ": " + std::string(tail)};
}

}  // namespace lethe
