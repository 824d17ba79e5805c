// The child between clone and exec. It shares its parent's memory: no allocation, no lock, no C
// library function that keeps state. Identities are set by raw calls, as the library's would look
// for threads.

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "supervise/sandbox_plan.h"

// Of linux/mount.h, which does not go together with sys/mount.h in Debian 12.
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#define MOUNT_ATTR_NOSUID 0x00000002
#define MOUNT_ATTR_NODEV 0x00000004
#define OPEN_TREE_CLONE 1
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif

namespace lethe::supervise {
namespace {

constexpr size_t kMaxBinds = 512;
constexpr const char* kStaging =
    "/etc";  // a folder that exists everywhere; hidden in this child alone

// Of linux/landlock.h since 6.12.
struct LandlockRuleset {
  uint64_t handled_access_fs, handled_access_net, scoped;
};
constexpr uint64_t kScopeAbstractSockets = 1, kScopeSignals = 2;

struct MountAttributes {  // struct mount_attr of linux/mount.h
  uint64_t set, clear, propagation, userns_fd;
};

class ChildRun {
 public:
  explicit ChildRun(const ChildStart& start) : start_(start), plan_(*start.plan) {}

  void Run() {
    LeaveManager();
    SetLimits();
    BuildRoot();
    TakeDescriptors();
    BecomeUser();
    Filter();
    ::execve(start_.program, start_.argv, start_.envp);
    Fail("starting", start_.program);
  }

 private:
  [[noreturn]] void Fail(const char* step, const char* detail) {
    *start_.failure = {step, detail, errno};
    ::_exit(127);
  }
  void Need(long result, const char* step, const char* detail) {
    if (result < 0) Fail(step, detail);
  }

  void LeaveManager() {
    ::setsid();
    ::umask(077);
    // The manager may be spared by the kernel when memory is short; its services are not.
    const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) (void)!::write(fd, "0", 1);
  }

  void SetLimit(int which, uint64_t value, const char* name) {
    const rlimit limit{value, value};
    Need(::setrlimit(static_cast<__rlimit_resource>(which), &limit), "limiting", name);
  }

  void SetLimits() {
    SetLimit(RLIMIT_CORE, 0, "core dumps");
    SetLimit(RLIMIT_NOFILE, plan_.open_files, "open files");
    SetLimit(RLIMIT_MEMLOCK, plan_.locked_bytes, "locked memory");
    SetLimit(RLIMIT_MSGQUEUE, 0, "message queues");
  }

  void BuildRoot() {
    Need(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "making private", "/");
    for (size_t i = 0; i < plan_.binds.size(); ++i) trees_[i] = Detach(plan_.binds[i]);
    Need(
        ::mount("root", kStaging, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64k,nr_inodes=4k"),
        "mounting", "a root in memory");
    Need(::chdir(kStaging), "entering", "the new root");
    for (const PathStep& step : plan_.steps) Make(step);
    for (size_t i = 0; i < plan_.binds.size(); ++i) {
      Need(::syscall(SYS_move_mount, trees_[i], "", AT_FDCWD, plan_.binds[i].to,
                     MOVE_MOUNT_F_EMPTY_PATH),
           "showing", plan_.binds[i].from);
    }
    MountProc();
    Need(::syscall(SYS_pivot_root, ".", "."), "changing to", "the new root");
    Need(::umount2(".", MNT_DETACH), "leaving", "the old root");
    Need(::chdir("/"), "entering", "/");
    Need(::mount(nullptr, "/", nullptr,
                 MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr),
         "making read-only", "/");
  }

  int Detach(const BindMount& bind) {
    const unsigned recursive = bind.recursive ? AT_RECURSIVE : 0;
    const long fd =
        ::syscall(SYS_open_tree, AT_FDCWD, bind.from, OPEN_TREE_CLONE | O_CLOEXEC | recursive);
    Need(fd, "taking", bind.from);
    const MountAttributes attributes{
        MOUNT_ATTR_NOSUID | (bind.writable ? 0ULL : MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV), 0, 0, 0};
    Need(::syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | recursive, &attributes,
                   sizeof attributes),
         "restricting", bind.from);
    return static_cast<int>(fd);
  }

  void Make(const PathStep& step) {
    switch (step.kind) {
      case PathStep::Kind::kFolder:
        Need(::mkdir(step.path, 0755), "making", step.path);
        ::chmod(step.path, 0755);  // whatever the umask is
        return;
      case PathStep::Kind::kFile: {
        const int fd = ::open(step.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
        Need(fd, "making", step.path);
        ::close(fd);
        return;
      }
      case PathStep::Kind::kLink:
        Need(::symlink(step.detail, step.path), "making", step.path);
        return;
      case PathStep::Kind::kScratch:
        Need(::mount("scratch", step.path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, step.detail),
             "mounting", step.path);
        return;
    }
  }

  void MountProc() {
    constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (plan_.proc == ProcView::kNone) return;
    if (plan_.proc == ProcView::kOwn) {
      Need(::mount("proc", "proc", "proc", kFlags, "hidepid=invisible,subset=pid"), "mounting",
           "/proc");
      return;
    }
    Need(::mount("proc", "proc", "proc", kFlags, nullptr), "mounting", "/proc");
    const BindMount net{"/proc/sys/net", nullptr, true, false};
    const int writable = Detach(net);
    for (const char* path : {"proc/sys", "proc/sysrq-trigger"}) {
      Need(::mount(path, path, nullptr, MS_BIND, nullptr), "binding", path);
      Need(::mount(nullptr, path, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kFlags, nullptr),
           "making read-only", path);
    }
    Need(::syscall(SYS_move_mount, writable, "", AT_FDCWD, "proc/sys/net", MOVE_MOUNT_F_EMPTY_PATH),
         "showing", "/proc/sys/net");
  }

  void TakeDescriptors() {
    for (int i = 0; i < start_.descriptor_count; ++i)
      Need(::dup2(start_.descriptors[i], i), "placing", "a descriptor");
    Need(::syscall(SYS_close_range, start_.descriptor_count, ~0U, 0), "closing", "descriptors");
  }

  void BecomeUser() {
    for (unsigned long capability = 0; capability <= CAP_LAST_CAP; ++capability) {
      if ((plan_.capabilities >> capability & 1) == 0)
        ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);  // fails where the kernel is older
    }
    constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED;
    Need(::prctl(PR_SET_SECUREBITS, kBits, 0, 0, 0), "setting", "securebits");
    const User& user = plan_.user;
    Need(::syscall(SYS_setgroups, user.groups.size(), user.groups.data()), "setting", "groups");
    Need(::syscall(SYS_setresgid, user.gid, user.gid, user.gid), "setting", "the group");
    Need(::syscall(SYS_setresuid, user.uid, user.uid, user.uid), "setting", "the user");
    const auto low = static_cast<uint32_t>(plan_.capabilities);
    const auto high = static_cast<uint32_t>(plan_.capabilities >> 32);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct data[2] = {{low, low, low}, {high, high, high}};
    Need(::syscall(SYS_capset, &header, data), "setting", "capabilities");
    for (unsigned long capability = 0; capability <= CAP_LAST_CAP; ++capability) {
      if ((plan_.capabilities >> capability & 1) != 0)
        Need(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), "keeping",
             "a capability");
    }
    // After the change of user, which clears it.
    Need(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "binding to", "the manager");
  }

  void Filter() {
    Need(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "forbidding", "new privileges");
    // Neither its manager nor other services can be signalled, whoever it runs as, nor abstract
    // sockets of others be reached.
    const LandlockRuleset ruleset{0, 0, kScopeAbstractSockets | kScopeSignals};
    const long scope = ::syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
    Need(scope, "scoping", "signals (Landlock of Linux 6.12 is wanted)");
    Need(::syscall(SYS_landlock_restrict_self, scope, 0), "scoping", "signals");
    ::close(static_cast<int>(scope));
    sigset_t none;
    sigemptyset(&none);
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, NSIG / 8);
    const sock_fprog program{static_cast<unsigned short>(plan_.filter.size()),
                             const_cast<sock_filter*>(plan_.filter.data())};
    Need(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "filtering", "system calls");
  }

  const ChildStart& start_;
  const Sandbox::Plan& plan_;
  std::array<int, kMaxBinds> trees_{};
};

}  // namespace

void EnterAndExec(const ChildStart& start) {
  if (start.plan->binds.size() > kMaxBinds) {
    *start.failure = {"showing", "too many paths", E2BIG};
    ::_exit(127);
  }
  ChildRun(start).Run();
  ::_exit(127);
}

}  // namespace lethe::supervise
