#include "supervise/spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/file.h"
#include "supervise/sandbox_plan.h"

namespace lethe::supervise {
namespace {

constexpr size_t kStackBytes = 128 << 10;
constexpr int kHighDescriptors = 64;  // channels are moved above, out of the way of 0, 1, 2, …

// Where the child runs until its program does. One for all starts: they come one after another.
Result<char*> ChildStack() {
  static char* const stack = [] {
    void* memory = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
  }();
  if (stack == nullptr) return IoError("making", "a stack");
  return stack;
}

// clone3(2) with a stack of its own: the child calls `entry(argument)` there and never returns. The
// C library has no function for it.
long Clone3(clone_args* arguments, void (*entry)(const ChildStart*), const ChildStart* argument) {
  long result = SYS_clone3;
  asm volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "xor %%ebp, %%ebp\n"
      "mov %[argument], %%rdi\n"
      "call *%[entry]\n"
      "hlt\n"
      "1:\n"
      : "+a"(result)
      : "D"(arguments), "S"(sizeof *arguments), [entry] "r"(entry), [argument] "r"(argument)
      : "rcx", "r11", "memory", "cc");
  return result;
}

void ChildEntry(const ChildStart* start) { EnterAndExec(*start); }

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// 0, 1, 2 and the channels, each a copy that the child may place where it belongs.
Result<std::vector<Fd>> Descriptors(const SpawnOptions& options) {
  const Fd null = LETHE_TRY(OpenFile("/dev/null", O_RDWR));
  const int output = options.output_fd >= 0 ? options.output_fd : null.get();
  std::vector<int> wanted{null.get(), output, output};
  for (const auto& channel : options.channels) wanted.push_back(channel.fd);
  std::vector<Fd> out;
  for (const int fd : wanted) {
    out.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, kHighDescriptors));
    if (!out.back()) return IoError("copying", "a descriptor");
  }
  return out;
}

// Until the child's program runs, a signal's handler would run in the memory of both.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

Error FailureOf(const std::string& name, const ChildFailure& failure) {
  const Error error{
      failure.error == ENOENT && std::string_view(failure.step) == "starting" ? ErrorCode::kNotFound
                                                                              : ErrorCode::kIo,
      std::string(failure.step) + " " + failure.detail + ": " + std::strerror(failure.error)};
  return error.In(name);
}

}  // namespace

Result<Child> Spawn(const Service& service, const Sandbox& sandbox, const SpawnOptions& options) {
  const Sandbox::Plan& plan = sandbox.plan();
  const auto& command = options.command.empty() ? service.command : options.command;
  std::vector<std::string> environment;
  for (const auto& [name, value] : service.environment) environment.push_back(name + "=" + value);
  int number = 3;
  for (const auto& channel : options.channels)
    environment.push_back(channel.variable + "=" + std::to_string(number++));
  const auto argv = Pointers(command), envp = Pointers(environment);
  const auto copies = LETHE_TRY(Descriptors(options));
  std::vector<int> descriptors;
  for (const Fd& fd : copies) descriptors.push_back(fd.get());

  ChildFailure failure;
  const ChildStart start{.plan = &plan,
                         .program = command[0].c_str(),
                         .argv = argv.data(),
                         .envp = envp.data(),
                         .descriptors = descriptors.data(),
                         .descriptor_count = static_cast<int>(descriptors.size()),
                         .failure = &failure};
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_NEWNS |
                    CLONE_NEWIPC | CLONE_NEWUTS | (plan.own_network ? CLONE_NEWNET : 0);
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<uint64_t>(LETHE_TRY(ChildStack()));
  arguments.stack_size = kStackBytes;
  if (options.cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(options.cgroup_fd);
  }
  const long pid = [&] {
    const BlockSignals block;
    return Clone3(&arguments, ChildEntry, &start);
  }();
  if (pid < 0) {
    errno = static_cast<int>(-pid);
    return IoError("starting", command[0]).In(service.name);
  }
  Child child{.pid = static_cast<pid_t>(pid), .pidfd = Fd(pidfd)};
  if (failure.step == nullptr) return child;
  siginfo_t info{};
  ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED);
  return FailureOf(service.name, failure);
}

}  // namespace lethe::supervise
