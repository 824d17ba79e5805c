#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "supervise/capabilities.h"
#include "supervise/sandbox_plan.h"
#include "supervise/seccomp.h"

namespace lethe::supervise {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDevices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                    "/dev/urandom"};
constexpr const char* kShared[] = {"/usr", "/etc"};
constexpr unsigned kScratchInodes = 4096;

// Writes the plan of the new root: each folder, file and link once, parents before children.
class RootWriter {
 public:
  explicit RootWriter(Sandbox::Plan& plan) : plan_(plan) { made_.insert(""); }

  const char* Keep(std::string text) { return plan_.texts.emplace_back(std::move(text)).c_str(); }

  void Folder(const std::string& path) { Make(path, PathStep::Kind::kFolder, nullptr); }
  void Link(const std::string& path, std::string target) {
    Make(path, PathStep::Kind::kLink, Keep(std::move(target)));
  }
  void Scratch(const std::string& path, std::string options) {
    Folder(path);
    plan_.steps.push_back(
        {PathStep::Kind::kScratch, Keep(path.substr(1)), Keep(std::move(options))});
  }
  // Shows a file or folder of the old root at its path.
  Status Bind(const std::string& path, bool writable) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return IoErrorOrNotFound(path);
    const bool folder = S_ISDIR(info.st_mode);
    Make(path, folder ? PathStep::Kind::kFolder : PathStep::Kind::kFile, nullptr);
    const char* from = Keep(path);
    plan_.binds.push_back({from, from + 1, writable, folder});
    return {};
  }

 private:
  static Error IoErrorOrNotFound(const std::string& path) {
    const Error error = IoError("looking for", path);
    return errno == ENOENT || errno == ENOTDIR ? Error{ErrorCode::kNotFound, error.message} : error;
  }

  void Make(const std::string& path, PathStep::Kind kind, const char* detail) {
    if (made_.contains(path)) return;
    const std::string parent = path.substr(0, path.rfind('/'));
    Make(parent, PathStep::Kind::kFolder, nullptr);
    made_.insert(path);
    plan_.steps.push_back({kind, Keep(path.substr(1)), detail});
  }

  Sandbox::Plan& plan_;
  std::set<std::string> made_;
};

// /bin, /lib and the like, which lead into /usr.
Status LinksIntoUsr(RootWriter& root) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/", error)) {
    if (!entry.is_symlink(error)) continue;
    const std::string target = fs::read_symlink(entry.path(), error).string();
    if (target.starts_with("usr/") || target.starts_with("/usr/"))
      root.Link(entry.path().string(), target);
  }
  if (error) {
    errno = error.value();
    return IoError("reading", "/");
  }
  return {};
}

// What a daemon could speak by, or write the kernel's memory. Numbers of the kernel's
// admin-guide/devices.txt.
bool IsSink(dev_t device) {
  constexpr unsigned kTerminals[] = {4, 7, 204, 229};  // tty and ttyS, vcs, serial lines, hvc
  const unsigned kind = major(device), number = minor(device);
  if (kind == 1) return number == 1 || number == 2 || number == 4 || number == 11;
  if (kind == 5) return number == 0 || number == 1;  // tty, console
  return std::find(std::begin(kTerminals), std::end(kTerminals), kind) != std::end(kTerminals);
}

bool IsBelow(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

Status DescribeRoot(const Service& service, Sandbox::Plan& plan) {
  RootWriter root(plan);
  const SandboxRules& rules = service.sandbox;
  for (const char* path : kShared) LETHE_TRY(root.Bind(path, false));
  LETHE_TRY(LinksIntoUsr(root));
  for (const char* path : kDevices) LETHE_TRY(root.Bind(path, true));
  for (const std::string& path : rules.devices) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0) {
      if (!S_ISCHR(info.st_mode))
        return Error{ErrorCode::kMalformed, path + ": is no character device"};
      if (IsSink(info.st_rdev))
        return Error{ErrorCode::kMalformed, path + ": is a sink, or all memory"};
    }
    LETHE_TRY(root.Bind(path, true));
  }
  if (rules.proc != ProcView::kNone) root.Folder("/proc");
  auto scratch = rules.scratch;
  std::sort(scratch.begin(), scratch.end());
  for (const std::string& path : scratch) {
    for (const char* shared : kShared) {
      if (IsBelow(path, shared) || IsBelow(path, "/proc") || IsBelow(path, "/dev"))
        return Error{ErrorCode::kMalformed, path + ": no scratch folder can lie there"};
    }
    root.Scratch(path, "mode=0700,uid=" + std::to_string(plan.user.uid) +
                           ",gid=" + std::to_string(plan.user.gid) +
                           ",size=" + std::to_string(rules.scratch_bytes) +
                           ",nr_inodes=" + std::to_string(kScratchInodes));
  }
  auto read = rules.read;
  std::sort(read.begin(), read.end());
  for (const std::string& path : read) {
    const bool shown = std::any_of(std::begin(kShared), std::end(kShared),
                                   [&](const char* shared) { return IsBelow(path, shared); });
    if (!shown) LETHE_TRY(root.Bind(path, false));
  }
  return {};
}

}  // namespace

Sandbox::Sandbox(std::unique_ptr<Plan> plan) : plan_(std::move(plan)) {}
Sandbox::Sandbox(Sandbox&&) noexcept = default;
Sandbox& Sandbox::operator=(Sandbox&&) noexcept = default;
Sandbox::~Sandbox() = default;

Result<Sandbox> Sandbox::Prepare(const Service& service) {
  auto plan = std::make_unique<Plan>();
  plan->user = LETHE_TRY(LookUpUser(service.user));
  plan->capabilities = LETHE_TRY(CapabilityMask(service.sandbox.capabilities));
  plan->filter = LETHE_TRY(CompileFilter(service.sandbox));
  LETHE_TRY(DescribeRoot(service, *plan));
  plan->proc = service.sandbox.proc;
  plan->own_network = service.sandbox.network == Network::kNone;
  return Sandbox(std::move(plan));
}

}  // namespace lethe::supervise
