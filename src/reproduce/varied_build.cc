#include "reproduce/varied_build.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "image/store.h"
#include "recipe/lock.h"
#include "recipe/recipe.h"
#include "reproduce/checkout.h"
#include "reproduce/stage.h"

namespace lethe::reproduce {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReachable = "/mnt";  // for a user who may not enter the caller's folders

Status Mount(const char* from, const fs::path& to, const char* type, unsigned long flags,
             const char* options) {
  if (::mount(from, to.c_str(), type, flags, options) != 0) return IoError("mounting", to);
  return {};
}

Status ChangeOwner(const fs::path& tree, const OrdinaryUser& user) {
  if (::lchown(tree.c_str(), user.uid, user.gid) != 0)
    return IoError("changing the owner of", tree);
  std::error_code error;
  const fs::recursive_directory_iterator end;
  for (fs::recursive_directory_iterator it(tree, error); !error && it != end; it.increment(error)) {
    if (::lchown(it->path().c_str(), user.uid, user.gid) != 0)
      return IoError("changing the owner of", it->path());
  }
  if (error) return Error{ErrorCode::kIo, "reading " + tree.string() + ": " + error.message()};
  return {};
}

// All that one build needs, and only it, below one folder.
class Stage {
 public:
  Stage(const BuildInputs& inputs, const AxisSet& axes, fs::path scratch)
      : inputs_(inputs), axes_(axes), scratch_(std::move(scratch)) {}

  Status Run(const fs::path& result) {
    if (Varies(Axis::kUser)) user_ = LETHE_TRY(FindOrdinaryUser(inputs_.user));
    if (Varies(Axis::kUmask)) ::umask(varied::Umask(::umask(022)));
    LETHE_TRY(MakePlace());
    LETHE_TRY(Fill());
    if (user_) LETHE_TRY(GiveToUser());
    if (Varies(Axis::kHostName) &&
        ::sethostname(varied::kHostName, std::strlen(varied::kHostName)) != 0) {
      return IoError("setting", "the host name");
    }
    LETHE_TRY(Build());
    return KeepBuilt(place_ / "out", result);
  }

 private:
  bool Varies(Axis axis) const { return axes_.contains(axis); }

  Status MakePlace() {
    place_ = scratch_ / (Varies(Axis::kPath) ? varied::kPath : "build");
    LETHE_TRY(MakeDirectories(place_));
    if (Varies(Axis::kFileSystem)) LETHE_TRY(Mount("varied", place_, "tmpfs", 0, "mode=0755"));
    if (Varies(Axis::kDefaultAcl)) {
      const std::string acl = DefaultAcl();
      if (::setxattr(place_.c_str(), "system.posix_acl_default", acl.data(), acl.size(), 0) != 0 ||
          ::chmod(place_.c_str(), 02755) != 0) {
        return IoError("setting a default ACL on", place_);
      }
    }
    return Varies(Axis::kFolderOrder) ? Shuffle() : Status();
  }

  // Puts disorderfs in front of the place. It ends with this process.
  Status Shuffle() {
    const fs::path behind = scratch_ / "behind";
    LETHE_TRY(MakeDirectories(behind));
    struct stat before {};
    if (::stat(place_.c_str(), &before) != 0) return IoError("reading", place_);
    shuffler_.emplace(LETHE_TRY(
        ChildProcess::Start({"disorderfs", "-f", "-q", "--multi-user=yes", "--shuffle-dirents=yes",
                             "--reverse-dirents=no", behind.string(), place_.string()},
                            scratch_ / "disorderfs.log")));
    for (int i = 0; i < 1000; ++i) {
      struct stat now {};
      if (::stat(place_.c_str(), &now) == 0 && now.st_dev != before.st_dev) return {};
      if (shuffler_->Poll()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const auto log = ReadFile(scratch_ / "disorderfs.log", 1 << 16);
    return Error{ErrorCode::kUnavailable,
                 "disorderfs does not start: " + std::string(log ? Trim(*log) : "")};
  }

  Status Fill() {
    LETHE_TRY(CheckOut(inputs_.repository, inputs_.commit, place_ / "tree"));
    LETHE_TRY(CopyPackages(place_ / "tree" / inputs_.recipe, inputs_.store, place_ / "store"));
    for (const char* folder : {"home", "tmp", "out"}) LETHE_TRY(MakeDirectories(place_ / folder));
    if (Varies(Axis::kGitSettings))
      LETHE_TRY(WriteFileAtomic(place_ / "home" / ".gitconfig", varied::GitSettings()));
    const std::string program = LETHE_TRY(ReadFile(inputs_.program));
    return WriteFileAtomic(place_ / "lethe", program, 0755);
  }

  // The user may be shut out of the folders above; and has no range of ids in /etc, so that one is
  // put over it that only this stage sees.
  Status GiveToUser() {
    LETHE_TRY(ChangeOwner(place_, *user_));
    const fs::path ranges = scratch_ / "ranges";
    LETHE_TRY(WriteFileAtomic(ranges, inputs_.user + ":100000:65536\n", 0644));
    for (const char* file : {"/etc/subuid", "/etc/subgid"})
      LETHE_TRY(Mount(ranges.c_str(), file, nullptr, MS_BIND, nullptr));
    const Fd inside = LETHE_TRY(OpenFile(place_, O_PATH | O_DIRECTORY));
    LETHE_TRY(Mount("reachable", kReachable, "tmpfs", 0, "mode=0755,size=1m"));
    const fs::path reachable = fs::path(kReachable) / place_.filename();
    LETHE_TRY(MakeDirectories(reachable));
    if (::chmod(reachable.c_str(), 0755) != 0) return IoError("opening", reachable);
    const std::string from = "/proc/self/fd/" + std::to_string(inside.get());
    LETHE_TRY(Mount(from.c_str(), reachable, nullptr, MS_BIND | MS_REC, nullptr));
    place_ = reachable;
    return {};
  }

  std::vector<std::pair<std::string, std::string>> Environment() const {
    std::vector<std::pair<std::string, std::string>> out;
    if (Varies(Axis::kEnvironment)) out = varied::Environment();
    if (Varies(Axis::kTimeZone)) out.emplace_back("TZ", varied::TimeZone());
    if (Varies(Axis::kLocale)) {
      for (const auto& variable : varied::Locale()) out.push_back(variable);
    }
    out.emplace_back("TMPDIR", (place_ / "tmp").string());
    // Another user's home is not this one's.
    if (user_ || Varies(Axis::kGitSettings)) out.emplace_back("HOME", (place_ / "home").string());
    if (user_) out.emplace_back("USER", inputs_.user);
    return out;
  }

  // What a process carries on to its children. Runs between fork and exec.
  int ChangeProcess() const {
    if (Varies(Axis::kProcessors)) {
      cpu_set_t allowed;
      CPU_ZERO(&allowed);
      if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
      int last = CPU_SETSIZE - 1;
      while (last > 0 && !CPU_ISSET(last, &allowed)) --last;
      CPU_ZERO(&allowed);
      CPU_SET(last, &allowed);
      if (::sched_setaffinity(0, sizeof allowed, &allowed) != 0) return 1;
    }
    if (Varies(Axis::kAddresses) && ::personality(ADDR_NO_RANDOMIZE) == -1) return 1;
    if (Varies(Axis::kLimits)) {
      const rlimit files{512, 512};
      const rlimit stack{16UL << 20, 16UL << 20};
      if (::setrlimit(RLIMIT_NOFILE, &files) != 0 || ::setrlimit(RLIMIT_STACK, &stack) != 0 ||
          ::setpriority(PRIO_PROCESS, 0, 5) != 0) {
        return 1;
      }
    }
    if (!user_) return 0;
    const gid_t group = user_->gid;
    return ::setgroups(1, &group) != 0 || ::setresgid(group, group, group) != 0 ||
                   ::setresuid(user_->uid, user_->uid, user_->uid) != 0
               ? 1
               : 0;
  }

  Status Build() {
    const unsigned jobs = Varies(Axis::kJobs) ? varied::Jobs(inputs_.jobs) : inputs_.jobs;
    const fs::path recipe = place_ / "tree" / inputs_.recipe;
    const auto done = LETHE_TRY(RunCommand(
        {.argv = {(place_ / "lethe").string(), "image", "build", recipe.string(), "--output",
                  (place_ / "out").string(), "--store", (place_ / "store").string(), "--jobs",
                  std::to_string(jobs), "--no-cache", "--offline"},
         .env = Environment(),
         .cwd = place_.string(),
         .before_exec = [this] { return ChangeProcess(); }}));
    return StatusOfBuild(done.exit_code, done.err);
  }

  const BuildInputs& inputs_;
  const AxisSet& axes_;
  fs::path scratch_;
  fs::path place_;
  std::optional<OrdinaryUser> user_;
  std::optional<ChildProcess> shuffler_;
};

int NamespacesFor(const AxisSet& axes) {
  if (::geteuid() != 0 || axes.empty()) return 0;
  int flags = CLONE_NEWNS;
  if (axes.contains(Axis::kHostName)) flags |= CLONE_NEWUTS;
  if (axes.contains(Axis::kNetwork)) flags |= CLONE_NEWNET;
  return flags;
}

}  // namespace

Status BuildVaried(const BuildInputs& inputs, const AxisSet& axes, const fs::path& result) {
  const ScratchDir scratch = LETHE_TRY(ScratchDir::Create(inputs.store / "tmp", "reproduce-"));
  return RunOnStage(NamespacesFor(axes),
                    [&] { return Stage(inputs, axes, scratch.path()).Run(result); });
}

Status CopyPackages(const fs::path& recipe, const fs::path& store, const fs::path& to) {
  const auto parsed = LETHE_TRY(recipe::LoadRecipe(recipe));
  const auto lock = LETHE_TRY(recipe::LoadLock(parsed.directory / "recipe.lock", parsed));
  const auto from_store = LETHE_TRY(image::Store::Open(store));
  const auto to_store = LETHE_TRY(image::Store::Open(to));
  std::string missing;
  for (const auto& [name, file] : recipe::FilesOf(lock)) {
    const fs::path from = from_store.ObjectPath(file.sha256);
    const fs::path target = to_store.ObjectPath(file.sha256);
    LETHE_TRY(MakeDirectories(target.parent_path()));
    std::error_code error;
    fs::copy_file(from, target, fs::copy_options::skip_existing, error);
    if (error == std::errc::no_such_file_or_directory) {
      missing += "\n  " + name;
    } else if (error) {
      return Error{ErrorCode::kIo, "copying " + from.string() + ": " + error.message()};
    }
  }
  if (missing.empty()) return {};
  return Error{ErrorCode::kUnavailable, "the store lacks packages:" + missing};
}

Status StatusOfBuild(int exit_code, const std::string& said) {
  if (exit_code == 0) return {};
  constexpr size_t kTail = 4000;
  std::string_view tail = Trim(said);
  if (tail.size() > kTail) tail.remove_prefix(tail.size() - kTail);
  ErrorCode code = ErrorCode::kIo;
  for (const ErrorCode known :
       {ErrorCode::kMalformed, ErrorCode::kUntrusted, ErrorCode::kUnavailable}) {
    if (ExitCode(known) == exit_code) code = known;
  }
  return Error{code, "the build ended with exit code " + std::to_string(exit_code) + ": " +
                         std::string(tail)};
}

Status KeepBuilt(const fs::path& from, const fs::path& to, const std::set<std::string>& without) {
  std::error_code error;
  for (auto it = fs::directory_iterator(from, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    const fs::path name = it->path().filename();
    if (without.contains(name.string()) || !it->is_regular_file()) continue;
    fs::copy_file(it->path(), to / name, error);
    if (error) return Error{ErrorCode::kIo, "keeping " + name.string() + ": " + error.message()};
  }
  if (error) return Error{ErrorCode::kIo, "reading " + from.string() + ": " + error.message()};
  return {};
}

}  // namespace lethe::reproduce
