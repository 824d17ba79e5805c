#include "apps/lethe-ikev2/charon.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/fd.h"
#include "base/file.h"
#include "base/unix_socket.h"

namespace lethe::ikev2 {
namespace {

constexpr std::chrono::seconds kAnswerTimeout(5);

Result<Fd> Connect(const std::string& path) {
  auto fd = ConnectUnix({.path = path, .timeout = kAnswerTimeout});
  if (!fd && fd.error().code == ErrorCode::kUnavailable)
    return Error{ErrorCode::kUnavailable, "charon does not listen"};
  return fd;
}

Status Send(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return Error{ErrorCode::kUnavailable, "charon does not read"};
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

Result<std::string> Receive(int fd, size_t length) {
  std::string bytes(length, '\0');
  size_t have = 0;
  while (have < length) {
    const ssize_t got = ::recv(fd, bytes.data() + have, length - have, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Error{ErrorCode::kUnavailable, "charon does not answer"};
    have += static_cast<size_t>(got);
  }
  return bytes;
}

// Where `quiet`, what it says goes nowhere, not even into the manager's meter.
Result<pid_t> Spawn(const std::vector<std::string>& argv, bool quiet) {
  std::vector<char*> pointers;
  for (const std::string& word : argv) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int output : {STDOUT_FILENO, STDERR_FILENO}) {
    if (quiet) ::posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0);
  }
  pid_t pid = -1;
  errno = ::posix_spawn(&pid, argv[0].c_str(), &actions, &attributes, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (errno != 0) return IoError("starting", argv[0]);
  return pid;
}

}  // namespace

Result<pid_t> StartProgram(const std::vector<std::string>& argv) { return Spawn(argv, false); }

Status RunProgram(const std::vector<std::string>& argv) {
  const pid_t pid = LETHE_TRY(Spawn(argv, true));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return IoError("waiting for", argv[0]);
  }
  if (status == 0) return {};
  return Error{ErrorCode::kUnavailable, argv[0] + " failed"};
}

Result<std::map<std::string, std::string>> Ask(const std::string& socket, std::string_view command,
                                               const vici::Arguments& arguments) {
  const Fd fd = LETHE_TRY(Connect(socket));
  LETHE_TRY(Send(fd.get(), vici::WriteRequest(command, arguments)));
  const auto front = LETHE_TRY(Receive(fd.get(), vici::kLengthBytes));
  const size_t length = LETHE_TRY(vici::ReadLength(front));
  const auto message = LETHE_TRY(Receive(fd.get(), length));
  return vici::ReadResponse(message);
}

}  // namespace lethe::ikev2
