#include "git/batch.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "git/ask.h"

namespace lethe::git {
namespace {

constexpr size_t kMaxLine = 256;  // a name, a type, a size
constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kMaxWords = 2000;

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Ends {
  Fd in;   // git's
  Fd out;  // git's
  Fd words;
};

// Starts git with these three as stdin, stdout and stderr, no signal blocked or ignored.
Result<pid_t> Spawn(const std::filesystem::path& folder, const Ends& ends) {
  std::vector<std::string> arguments = CommandLine(folder);
  arguments.insert(arguments.end(), {"cat-file", "--batch"});
  std::vector<std::string> variables;
  for (const auto& [key, value] : Environment()) variables.push_back(key + "=" + value);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, ends.in.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, ends.out.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, ends.words.get(), 2);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, "git", &actions, &attributes, Pointers(arguments).data(),
                                    Pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return CannotStart("git", kPackage, failed);
  return pid;
}

}  // namespace

Result<std::unique_ptr<Batch>> Batch::Start(const std::filesystem::path& folder,
                                            std::chrono::milliseconds answer_timeout) {
  ::signal(SIGPIPE, SIG_IGN);
  int to[2];
  int from[2];
  if (::pipe2(to, O_CLOEXEC) != 0) return IoError("creating", "a pipe");
  Ends ends{Fd(to[0]), {}, {}};
  std::unique_ptr<Batch> batch(new Batch(folder, answer_timeout));
  batch->in_ = Fd(to[1]);
  if (::pipe2(from, O_CLOEXEC) != 0) return IoError("creating", "a pipe");
  batch->out_ = Fd(from[0]);
  ends.out = Fd(from[1]);
  ends.words = Fd(::memfd_create("git", MFD_CLOEXEC));
  if (!ends.words) return IoError("creating", "a file in memory");
  batch->pid_ = LETHE_TRY(Spawn(folder, ends));
  batch->words_ = std::move(ends.words);
  return batch;
}

Batch::~Batch() {
  if (pid_ < 0) return;
  in_.Close();
  out_.Close();
  ::kill(pid_, SIGKILL);  // it only reads
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Error Batch::Ended() {
  char words[kMaxWords];
  const ssize_t n = ::pread(words_.get(), words, sizeof words, 0);
  const std::string_view said(words, n > 0 ? static_cast<size_t>(n) : 0);
  return {ErrorCode::kUnavailable, "git cat-file of " + folder_.string() + " ended" +
                                       (said.empty() ? "" : ": " + Printable(Trim(said)))};
}

Status Batch::Fill() {
  pollfd fd{out_.get(), POLLIN, 0};
  while (true) {
    const int ready = ::poll(&fd, 1, static_cast<int>(answer_timeout_.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return IoError("polling", "git");
    if (ready > 0) break;
    return Error{ErrorCode::kUnavailable, "git cat-file of " + folder_.string() +
                                              " has been silent for " +
                                              std::to_string(answer_timeout_.count()) + " ms"};
  }
  buffer_.erase(0, taken_);
  taken_ = 0;
  const size_t before = buffer_.size();
  buffer_.resize(before + kReadBytes);
  const ssize_t n = ::read(out_.get(), buffer_.data() + before, kReadBytes);
  buffer_.resize(before + (n > 0 ? static_cast<size_t>(n) : 0));
  if (n < 0 && errno == EINTR) return {};
  if (n <= 0) return Ended();
  return {};
}

Result<std::string> Batch::Line() {
  while (true) {
    const size_t end = buffer_.find('\n', taken_);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(taken_, end - taken_);
      taken_ = end + 1;
      return line;
    }
    if (buffer_.size() - taken_ > kMaxLine)
      return Error{ErrorCode::kMalformed, "git cat-file: an answer without an end"};
    LETHE_TRY(Fill());
  }
}

Result<std::string> Batch::Bytes(size_t count) {
  std::string out;
  while (true) {
    const size_t here = std::min(count - out.size(), buffer_.size() - taken_);
    out.append(buffer_, taken_, here);
    taken_ += here;
    if (out.size() == count) return out;
    LETHE_TRY(Fill());
  }
}

Result<std::optional<Batch::Answer>> Batch::Ask(const ObjectId& id, size_t max_bytes) {
  const std::string name = id.Hex();
  const std::string request = name + "\n";
  for (std::string_view rest = request; !rest.empty();) {
    const ssize_t n = ::write(in_.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Ended();
    rest.remove_prefix(static_cast<size_t>(n));
  }
  const std::string line = LETHE_TRY(Line());
  if (line == name + " missing") return std::optional<Answer>();
  const auto words = Split(line, ' ');
  const auto size = words.size() == 3 ? ParseUnsigned<size_t>(words[2]) : std::nullopt;
  if (!size || words[0] != name)
    return Error{ErrorCode::kMalformed, "git cat-file: answered '" + Printable(line) + "'"};
  if (*size > max_bytes) {
    return Error{ErrorCode::kMalformed,
                 "has " + std::to_string(*size) + " bytes, more than " + std::to_string(max_bytes)};
  }
  Answer answer{std::string(words[1]), LETHE_TRY(Bytes(*size))};
  if (LETHE_TRY(Bytes(1)) != "\n")
    return Error{ErrorCode::kMalformed, "git cat-file: a body longer than it was said to be"};
  return std::optional<Answer>(std::move(answer));
}

}  // namespace lethe::git
