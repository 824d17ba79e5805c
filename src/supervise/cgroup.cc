#include "supervise/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/file.h"
#include "base/strings.h"

namespace lethe::supervise {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kKillTimeout(5);
constexpr uint64_t kCpuPeriodUs = 100'000;
constexpr const char* kManagerLeaf = "manager";

Status WriteAt(int folder, const char* name, std::string_view text) {
  const Fd fd(::openat(folder, name, O_WRONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT)
      return Error{ErrorCode::kUnavailable,
                   "the control group has no " + std::string(name) + ": no such controller"};
    return IoError("opening", name);
  }
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return IoError("writing", name);
  return {};
}

Result<std::string> ReadAt(int fd) {
  std::string text(4096, '\0');
  size_t size = 0;
  while (true) {
    const ssize_t got =
        ::pread(fd, text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (got < 0) return IoError("reading", "a control group");
    if (got == 0) break;
    size += static_cast<size_t>(got);
    if (size == text.size()) text.resize(size * 2);
  }
  text.resize(size);
  return text;
}

// Groups that a service made below its own go with it, the deepest first.
Status RemoveBelow(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.is_directory(error)) continue;
    LETHE_TRY(RemoveBelow(entry.path()));
    if (::rmdir(entry.path().c_str()) != 0) return IoError("removing", entry.path());
  }
  return {};
}

Result<fs::path> Cgroup2Mount() {
  const std::string mounts = LETHE_TRY(ReadFile("/proc/self/mountinfo"));
  for (const auto line : Lines(mounts)) {
    const auto words = Words(line);
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (dash != words.end() && dash + 1 != words.end() && dash[1] == "cgroup2" && words.size() > 4)
      return fs::path(words[4]);
  }
  return Error{ErrorCode::kUnavailable, "no cgroup2 file system is mounted"};
}

Result<fs::path> OwnGroup() {
  const std::string groups = LETHE_TRY(ReadFile("/proc/self/cgroup"));
  for (const auto line : Lines(groups)) {
    if (line.starts_with("0::/")) return fs::path(line.substr(4));
  }
  return Error{ErrorCode::kUnavailable, "this process is in no group of cgroup2"};
}

Status MakeGroup(const fs::path& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return IoError("making", path);
  return {};
}

}  // namespace

Result<Cgroup> Cgroup::Create(const fs::path& parent, const std::string& name) {
  Cgroup group;
  group.path_ = parent / name;
  // A fresh one where that is possible: see KillAll.
  if (::rmdir(group.path_.c_str()) != 0 && errno != ENOENT && errno != EBUSY)
    return IoError("removing", group.path_);
  LETHE_TRY(MakeGroup(group.path_));
  group.folder_ = LETHE_TRY(OpenFile(group.path_, O_RDONLY | O_DIRECTORY));
  group.events_ = LETHE_TRY(OpenFile(group.path_ / "cgroup.events", O_RDONLY));
  const auto deadline = std::chrono::steady_clock::now() + kKillTimeout;
  while (!LETHE_TRY(group.IsEmpty())) {
    LETHE_TRY(group.KillAll());
    pollfd changed{.fd = group.events_.get(), .events = POLLPRI, .revents = 0};
    ::poll(&changed, 1, 100);
    if (std::chrono::steady_clock::now() > deadline)
      return Error{ErrorCode::kConflict, group.path_.string() + ": what runs in it does not end"};
  }
  LETHE_TRY(RemoveBelow(group.path_));
  if (!group.was_killed_) return group;
  group = Cgroup();
  return Create(parent, name);
}

Status Cgroup::Apply(const Limits& limits) {
  const int folder = folder_.get();
  const auto has = [&](const char* name) { return ::faccessat(folder, name, W_OK, 0) == 0; };
  if (limits.memory_bytes) {
    LETHE_TRY(WriteAt(folder, "memory.max", std::to_string(*limits.memory_bytes)));
    if (has("memory.swap.max")) LETHE_TRY(WriteAt(folder, "memory.swap.max", "0"));
    LETHE_TRY(WriteAt(folder, "memory.oom.group", "1"));
  } else if (has("memory.max")) {
    LETHE_TRY(WriteAt(folder, "memory.max", "max"));
  }
  if (limits.tasks_written || has("pids.max"))
    LETHE_TRY(WriteAt(folder, "pids.max", std::to_string(limits.tasks)));
  if (limits.cpu_percent) {
    const uint64_t quota_us = *limits.cpu_percent * kCpuPeriodUs / 100;
    LETHE_TRY(
        WriteAt(folder, "cpu.max", std::to_string(quota_us) + " " + std::to_string(kCpuPeriodUs)));
  } else if (has("cpu.max")) {
    LETHE_TRY(WriteAt(folder, "cpu.max", "max"));
  }
  return {};
}

Status Cgroup::KillAll() {
  if (LETHE_TRY(IsEmpty())) return {};
  was_killed_ = true;
  return WriteAt(folder_.get(), "cgroup.kill", "1");
}

Result<bool> Cgroup::IsEmpty() const {
  const std::string events = LETHE_TRY(ReadAt(events_.get()));
  return events.find("populated 0") != std::string::npos;
}

Result<std::vector<pid_t>> Cgroup::Processes() const {
  std::vector<pid_t> out;
  std::error_code error;
  std::vector<fs::path> folders{path_};
  for (fs::recursive_directory_iterator it(path_, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_directory(error)) folders.push_back(it->path());
  }
  for (const fs::path& folder : folders) {
    const auto text = ReadFile(folder / "cgroup.procs");
    if (!text) continue;  // it went meanwhile
    for (const auto line : Lines(*text)) {
      if (const auto pid = ParseUnsigned<pid_t>(line)) out.push_back(*pid);
    }
  }
  return out;
}

Status Cgroup::Remove() {
  LETHE_TRY(RemoveBelow(path_));
  if (::rmdir(path_.c_str()) != 0) return IoError("removing", path_);
  return {};
}

Result<fs::path> PrepareOwnCgroup() {
  const fs::path mount = LETHE_TRY(Cgroup2Mount());
  const fs::path here = mount / LETHE_TRY(OwnGroup());
  fs::path own = here / ("lethe-vpnd-" + std::to_string(::getpid()));
  if (here.filename() == kManagerLeaf && here.parent_path().extension() == ".service") {
    own = here.parent_path();
  } else {
    LETHE_TRY(MakeGroup(own));
  }
  const Fd folder = LETHE_TRY(OpenFile(own, O_RDONLY | O_DIRECTORY));
  const std::string controllers = LETHE_TRY(ReadFile(own / "cgroup.controllers"));
  for (const auto name : Words(Trim(controllers))) {
    // One that cannot be given on is missed where a limit needs it.
    (void)WriteAt(folder.get(), "cgroup.subtree_control", "+" + std::string(name));
  }
  return own;
}

}  // namespace lethe::supervise
