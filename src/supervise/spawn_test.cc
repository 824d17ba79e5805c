#include "supervise/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <map>

#include "base/file.h"
#include "base/strings.h"
#include "supervise/spawn_fixture.h"

namespace lethe::supervise {
namespace {

namespace fs = std::filesystem;

// Namespaces and control groups are made by root alone.
class SpawnTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  }
};
using PrepareTest = SpawnTest;

const CommandLine kSleep{"/usr/bin/sleep", "1000"};

// Where the descriptor leads, per number.
std::map<int, std::string> Descriptors(pid_t pid) {
  std::map<int, std::string> out;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    const auto number = ParseUnsigned<int>(entry.path().filename().string());
    out[number.value_or(-1)] = fs::read_symlink(entry.path()).string();
  }
  return out;
}

std::string Limit(const Running& running, const std::string& name) {
  const std::string text = running.file("limits");
  for (const auto line : Lines(text)) {
    if (!line.starts_with(name)) continue;
    const auto words = Words(line.substr(name.size()));
    return std::string(words[0]) + " " + std::string(words[1]);
  }
  return "no " + name;
}

TEST_F(SpawnTest, IsItsUserWithItsCapabilitiesAndNoOthers) {
  ::signal(SIGPIPE, SIG_IGN);  // the manager's own, as is the umask
  Service service = ServiceOf(kSleep);
  service.sandbox.capabilities = {"net_admin", "net_raw"};
  const Running running(service);
  EXPECT_EQ(running.status("Uid"), "65534\t65534\t65534\t65534");
  EXPECT_EQ(running.status("Gid"), "65534\t65534\t65534\t65534");
  EXPECT_EQ(running.status("Groups"), "");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(running.status(set), "0000000000003000") << set;
  EXPECT_EQ(running.status("NoNewPrivs"), "1");
  EXPECT_EQ(running.status("Seccomp"), "2");
  EXPECT_EQ(running.status("Umask"), "0077");
  for (const char* signals : {"SigBlk", "SigIgn", "SigCgt"})
    EXPECT_EQ(running.status(signals), "0000000000000000") << signals;
  EXPECT_EQ(::getsid(running.pid()), running.pid());
  EXPECT_EQ(Trim(running.file("oom_score_adj")), "0");
  EXPECT_EQ(running.file("environ"), "");
}

TEST_F(SpawnTest, RootHasNoCapabilityThatIsNotNamed) {
  const Running running(ServiceOf(kSleep, "root"));
  EXPECT_EQ(running.status("Uid"), "0\t0\t0\t0");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(running.status(set), "0000000000000000") << set;
}

TEST_F(SpawnTest, HasItsLimitsFromTheSmallest) {
  Service service = ServiceOf(kSleep);
  service.limits.open_files = 8;
  service.limits.locked_bytes = 65536;
  const Running running(service);
  EXPECT_EQ(Limit(running, "Max open files"), "8 8");
  EXPECT_EQ(Limit(running, "Max locked memory"), "65536 65536");
  EXPECT_EQ(Limit(running, "Max core file size"), "0 0");
  EXPECT_EQ(Limit(running, "Max msgqueue size"), "0 0");
}

TEST_F(SpawnTest, HasTheNullDeviceAndNoOtherDescriptor) {
  const Fd open_elsewhere = *OpenFile("/etc/passwd", O_RDONLY);
  ASSERT_GE(::fcntl(open_elsewhere.get(), F_DUPFD, 100), 100);  // without close-on-exec
  const Running running(ServiceOf(kSleep));
  const std::map<int, std::string> wanted{{0, "/dev/null"}, {1, "/dev/null"}, {2, "/dev/null"}};
  EXPECT_EQ(Descriptors(running.pid()), wanted);
  for (const char* number : {"0", "1", "2"}) {
    struct stat info {};
    const std::string path = "/proc/" + std::to_string(running.pid()) + "/fd/" + number;
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_TRUE(S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3)) << number;
  }
}

TEST_F(SpawnTest, HasChannelsFromThreeOnWithTheirVariables) {
  std::array<int, 2> first, second;
  ASSERT_EQ(::pipe2(first.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(second.data(), O_CLOEXEC), 0);
  const Fd kept[] = {Fd(first[0]), Fd(first[1]), Fd(second[0]), Fd(second[1])};
  const SpawnOptions options{.channels = {{second[1], "LETHE_ONE_FD"}, {first[1], "LETHE_TWO_FD"}}};
  Service service = ServiceOf(kSleep);
  service.environment = {{"LANG", "C"}};
  const Running sleeping(service, options);
  EXPECT_EQ(Descriptors(sleeping.pid()).size(), 5U);
  EXPECT_EQ(sleeping.file("environ"), std::string("LANG=C\0LETHE_ONE_FD=3\0LETHE_TWO_FD=4\0", 37));
  service.command = {"/bin/sh", "-c", "echo one >&$LETHE_ONE_FD; echo two >&$LETHE_TWO_FD"};
  const Running speaking(service, options);
  char text[8] = {};
  EXPECT_EQ(::read(second[0], text, sizeof text), 4);
  EXPECT_STREQ(text, "one\n");
  EXPECT_EQ(::read(first[0], text, sizeof text), 4);
  EXPECT_STREQ(text, "two\n");
}

TEST_F(SpawnTest, SeesWhatItsFileNamesAndNothingElse) {
  const ScratchDir folder = *ScratchDir::Create("/tmp", "spawn-test-");
  ::chmod(folder.path().c_str(), 0755);
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "key", "secret\n"));
  Service service = ServiceOf({});
  service.sandbox.read = {folder.path().string()};
  service.sandbox.scratch = {"/var/scratch"};
  service.sandbox.devices = {"/dev/net/tun"};
  const Said said =
      RunScript(service, "cat " + (folder.path() / "key").string() +
                             "; ls / /dev /dev/net /var /tmp; echo x >/var/scratch/x && echo "
                             "written; hostname x || echo kept");
  EXPECT_EQ(said.exit_code, 0);
  const std::string root = [] {
    std::string names;
    for (const char* name : {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin",
                             "tmp", "usr", "var"}) {
      const bool link = fs::is_symlink(fs::path("/") / name);
      const std::string_view fixed = "dev etc proc tmp usr var";
      if (link || fixed.find(name) != std::string_view::npos) names += std::string(name) + "\n";
    }
    return names;
  }();
  EXPECT_EQ(said.text, "secret\n/:\n" + root +
                           "\n/dev:\nfull\nnet\nnull\nrandom\nurandom\nzero\n\n/dev/net:\ntun\n"
                           "\n/tmp:\n" +
                           folder.path().filename().string() +
                           "\n\n/var:\nscratch\nwritten\nhostname: you must be root to change the "
                           "host name\nkept\n");
}

TEST_F(SpawnTest, WritesOnlyToItsScratchFolders) {
  Service service = ServiceOf(kSleep, "root");
  service.sandbox.scratch = {"/tmp"};
  service.sandbox.proc = ProcView::kAll;
  service.sandbox.read = {"/var/lib"};
  const Running running(service);
  const std::string mounts = running.file("mounts");
  for (const auto line : Lines(mounts)) {
    const auto words = Words(line);
    const std::string where(words[1]), flags = std::string(words[3]) + ",";
    const bool writable = where == "/tmp" || where == "/proc/sys/net" || where.starts_with("/dev/");
    EXPECT_EQ(flags.starts_with("rw,"), writable) << line;
    EXPECT_NE(flags.find("nosuid,"), std::string::npos) << line;
    EXPECT_EQ(flags.find("nodev,") == std::string::npos, where.starts_with("/dev/")) << line;
    if (where == "/tmp" || where == "/") {
      EXPECT_NE(flags.find("noexec,"), std::string::npos) << line;
    }
  }
  EXPECT_NE(("\n" + mounts).find("\nroot / tmpfs ro,"), std::string::npos) << mounts;
}

TEST_F(SpawnTest, ScratchFoldersHaveTheirSize) {
  Service service = ServiceOf({});
  service.sandbox.scratch = {"/tmp", "/run/x"};
  service.sandbox.scratch_bytes = 1 << 20;
  const Said said =
      RunScript(service,
                "head -c 1048576 /dev/zero >/tmp/a && head -c 1048576 /dev/zero "
                ">/run/x/a && echo fits; head -c 1 /dev/zero >/tmp/b; stat -c '%a %u' "
                "/tmp /run/x");
  EXPECT_EQ(said.text, "fits\nhead: write error: No space left on device\n700 65534\n700 65534\n");
}

TEST_F(SpawnTest, SeesItsOwnProcessesAlone) {
  for (const char* user : {"nobody", "root"}) {
    const Said said = RunScript(ServiceOf({}, user), "cd /proc; echo [0-9]* $$; echo *[a-z]");
    std::string text = said.text;
    const auto lines = Lines(text);
    ASSERT_EQ(lines.size(), 2U) << text;
    const auto pids = Words(lines[0]);
    EXPECT_EQ(pids.size(), 2U) << user << text;
    EXPECT_EQ(pids[0], pids[1]) << user;
    EXPECT_EQ(lines[1], "self thread-self") << user;
  }
}

TEST_F(SpawnTest, SetsUpTheNetworkWithTheWholeProcAndNothingElse) {
  Service service = ServiceOf({}, "root");
  service.sandbox.proc = ProcView::kAll;
  service.sandbox.network = Network::kNone;
  service.sandbox.capabilities = {"net_admin"};
  const Said said =
      RunScript(service,
                "echo 1 >/proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward\n"
                "for file in sys/kernel/domainname sysrq-trigger self/comm self/oom_score_adj; do\n"
                "  (: >/proc/$file) 2>/dev/null && echo wrote $file; done\n"
                "[ -e /proc/uptime ] && echo whole");
  EXPECT_EQ(said.text, "1\nwhole\n");
  EXPECT_EQ(RunScript(ServiceOf({}), ": >/proc/self/comm").exit_code, 2);
  service.sandbox.proc = ProcView::kNone;
  EXPECT_EQ(RunScript(service, "ls -d /proc").exit_code, 2);
}

TEST_F(SpawnTest, NoNetworkIsOneWithNothingInIt) {
  Service service = ServiceOf(kSleep);
  const Running running(service);
  service.sandbox.network = Network::kNone;
  const Running alone(service);
  const std::string devices = alone.file("net/dev");
  EXPECT_EQ(Lines(devices).size(), 3U) << devices;
  EXPECT_NE(devices.find(" lo:"), std::string::npos);
  const auto net = [](const Running& r) {
    return fs::read_symlink("/proc/" + std::to_string(r.pid()) + "/ns/net");
  };
  EXPECT_EQ(net(running), fs::read_symlink("/proc/self/ns/net"));
  EXPECT_NE(net(alone), net(running));
}

TEST_F(SpawnTest, HasNamespacesOfItsOwn) {
  const Running running(ServiceOf(kSleep));
  for (const char* name : {"mnt", "ipc", "uts"}) {
    EXPECT_NE(fs::read_symlink("/proc/" + std::to_string(running.pid()) + "/ns/" + name),
              fs::read_symlink(std::string("/proc/self/ns/") + name))
        << name;
  }
}

TEST_F(SpawnTest, DiesWithItsManager) {
  std::array<int, 2> ends;
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t manager = ::fork();
  if (manager == 0) {
    const Service service = ServiceOf(kSleep);
    const auto sandbox = Sandbox::Prepare(service);
    const auto child = sandbox ? Spawn(service, *sandbox, {}) : Result<Child>(sandbox.error());
    const pid_t pid = child ? child->pid : -1;
    (void)!::write(ends[1], &pid, sizeof pid);
    ::pause();
  }
  pid_t service = -1;
  ASSERT_EQ(::read(ends[0], &service, sizeof service), static_cast<ssize_t>(sizeof service));
  ASSERT_GT(service, 0);
  ASSERT_EQ(::kill(service, 0), 0);
  ::kill(manager, SIGKILL);
  ::waitpid(manager, nullptr, 0);
  const auto gone = [&] {
    const auto status = ReadFile("/proc/" + std::to_string(service) + "/status");
    return !status || status->find("State:\tZ") != std::string::npos;
  };
  EXPECT_TRUE(Eventually(gone));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(SpawnTest, SaysWhichStepFailed) {
  const auto error_of = [](const Service& service, const std::function<void()>& between) {
    auto sandbox = Sandbox::Prepare(service);
    EXPECT_TRUE(sandbox);
    between();
    auto child = Spawn(service, *sandbox, {});
    return child ? Error{ErrorCode::kUsage, "it started"} : child.error();
  };
  const Error no_program = error_of(ServiceOf({"/usr/bin/no-such-program"}), [] {});
  EXPECT_EQ(no_program.code, ErrorCode::kNotFound);
  EXPECT_EQ(no_program.message,
            "subject: starting /usr/bin/no-such-program: No such file or directory");
  const Error no_permission = error_of(ServiceOf({"/etc/passwd"}), [] {});
  EXPECT_EQ(no_permission.code, ErrorCode::kIo);
  EXPECT_EQ(no_permission.message, "subject: starting /etc/passwd: Permission denied");
  const ScratchDir folder = *ScratchDir::Create("/tmp", "spawn-test-");
  const std::string key = (folder.path() / "key").string();
  ASSERT_TRUE(WriteFileAtomic(key, "x"));
  Service service = ServiceOf(kSleep);
  service.sandbox.read = {key};
  const Error gone = error_of(service, [&] { fs::remove(key); });
  EXPECT_EQ(gone.code, ErrorCode::kIo);
  EXPECT_EQ(gone.message, "subject: taking " + key + ": No such file or directory");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "what failed is not a zombie";
}

TEST_F(SpawnTest, ItsPidfdSaysWhenItEnds) {
  Service service = ServiceOf({"/bin/sh", "-c", "exit 3"});
  const auto sandbox = Sandbox::Prepare(service);
  ASSERT_TRUE(sandbox);
  const auto child = Spawn(service, *sandbox, {});
  ASSERT_TRUE(child);
  pollfd ended{.fd = child->pidfd.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ended, 1, 5000), 1);
  int status = 0;
  EXPECT_EQ(::waitpid(child->pid, &status, 0), child->pid);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST_F(SpawnTest, LeavesNoDescriptorBehind) {
  const auto count = [] { return Descriptors(::getpid()).size(); };
  { const Running first(ServiceOf(kSleep)); }
  const size_t before = count();
  for (int i = 0; i < 10; ++i) Running(ServiceOf(kSleep));
  for (int i = 0; i < 10; ++i) {
    const Service service = ServiceOf({"/nothing"});
    EXPECT_FALSE(Spawn(service, *Sandbox::Prepare(service), {}));
  }
  EXPECT_EQ(count(), before);
}

TEST_F(PrepareTest, NamesWhatDoesNotExist) {
  const auto error_of = [](const std::function<void(Service&)>& change) {
    Service service = ServiceOf(kSleep);
    change(service);
    const auto sandbox = Sandbox::Prepare(service);
    return sandbox ? Error{ErrorCode::kUsage, "it can start"} : sandbox.error();
  };
  const struct {
    std::function<void(Service&)> change;
    ErrorCode code;
    const char* message;
  } kCases[] = {
      {[](Service& s) { s.user = "no-such-user"; }, ErrorCode::kNotFound,
       "/etc/passwd has no user 'no-such-user'"},
      {[](Service& s) {
         s.sandbox.capabilities = {"net_admin", "everything"};
       },
       ErrorCode::kMalformed, "no capability is named 'everything'"},
      {[](Service& s) { s.sandbox.allow = {"teleport"}; }, ErrorCode::kMalformed,
       "no system call is named 'teleport'"},
      {[](Service& s) { s.sandbox.deny = {"teleport"}; }, ErrorCode::kMalformed,
       "no system call is named 'teleport'"},
      {[](Service& s) { s.sandbox.read = {"/run/no-such-file"}; }, ErrorCode::kNotFound,
       "looking for /run/no-such-file: No such file or directory"},
      {[](Service& s) { s.sandbox.devices = {"/dev/no-such-device"}; }, ErrorCode::kNotFound,
       "looking for /dev/no-such-device: No such file or directory"},
      {[](Service& s) { s.sandbox.devices = {"/dev/shm"}; }, ErrorCode::kMalformed,
       "/dev/shm: is no character device"},
      {[](Service& s) { s.sandbox.scratch = {"/usr/x"}; }, ErrorCode::kMalformed,
       "/usr/x: no scratch folder can lie there"},
  };
  for (const auto& bad : kCases) {
    const Error error = error_of(bad.change);
    EXPECT_EQ(error.code, bad.code) << bad.message;
    EXPECT_EQ(error.message, bad.message);
  }
  for (const char* sink : {"/dev/kmsg", "/dev/console", "/dev/tty", "/dev/tty0", "/dev/mem"}) {
    if (!fs::exists(sink)) continue;
    const Error error = error_of([&](Service& s) { s.sandbox.devices = {sink}; });
    EXPECT_EQ(error.code, ErrorCode::kMalformed) << sink;
    EXPECT_EQ(error.message, std::string(sink) + ": is a sink, or all memory");
  }
}

}  // namespace
}  // namespace lethe::supervise
