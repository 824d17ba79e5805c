#include "supervise/audit.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>

#include "base/file.h"
#include "base/strings.h"
#include "supervise/spawn_fixture.h"

namespace lethe::supervise {
namespace {

// Namespaces and control groups are made by root alone.
class AuditTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  }
};

// A process of no sandbox that opened something and waits.
class Planted {
 public:
  explicit Planted(const std::function<bool()>& open) {
    std::array<int, 2> ends;
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int null = ::open("/dev/null", O_RDWR);
      for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
      const int kept = ::fcntl(ends[1], F_DUPFD, 500);
      ::syscall(SYS_close_range, 3, 499, 0);
      ::syscall(SYS_close_range, kept + 1, ~0U, 0);
      const char done = open() ? 'y' : 'n';
      (void)!::write(kept, &done, 1);
      ::close(kept);
      ::pause();
      ::_exit(0);
    }
    ::close(ends[1]);
    char done = 0;
    EXPECT_EQ(::read(ends[0], &done, 1), 1);
    opened_ = done == 'y';
    ::close(ends[0]);
  }
  ~Planted() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  bool opened() const { return opened_; }
  unsigned Unsealed(const Service& service, const AuditAllowance& allowance = {}) const {
    const auto counts = AuditDescriptors({pid_}, service, allowance);
    EXPECT_TRUE(counts);
    EXPECT_EQ(counts->processes, 1U);
    return counts->unsealed;
  }

 private:
  pid_t pid_ = -1;
  bool opened_ = false;
};

bool Opens(const char* path, int flags) { return ::open(path, flags, 0600) >= 0; }
bool HasSocket(int family, int kind, int protocol = 0) {
  return ::socket(family, kind, protocol) >= 0;
}
// One that can be heard.
bool HasNetlink(int protocol) {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW, protocol);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}
// A device of that number, whatever this machine's /dev shows, in a file system of its own.
bool OpensDevice(mode_t kind, unsigned major_number, unsigned minor_number) {
  const char* path = "/tmp/device";
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("devices", "/tmp", "tmpfs", 0, nullptr) != 0) {
    return false;
  }
  if (::mknod(path, kind | 0600, makedev(major_number, minor_number)) != 0) return false;
  return ::open(path, (kind == S_IFBLK ? O_RDONLY : O_WRONLY) | O_NONBLOCK) >= 0;
}
// Any that this machine has.
bool OpensADisk() {
  const auto text = ReadFile("/proc/partitions");
  if (!text) return false;
  for (const auto line : Lines(*text)) {
    const auto words = Words(line);
    const auto major_number = words.empty() ? std::nullopt : ParseUnsigned<unsigned>(words[0]);
    if (major_number && OpensDevice(S_IFBLK, *major_number, *ParseUnsigned<unsigned>(words[1])))
      return true;
  }
  return false;
}
bool Listens() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path + 1, 60, "audit-test-%d", ::getpid());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
         ::listen(fd, 1) == 0;
}
bool HasPair(int kind) {
  std::array<int, 2> ends;
  return ::socketpair(AF_UNIX, kind, 0, ends.data()) == 0 && ::close(ends[0]) == 0;
}

TEST_F(AuditTest, FindsEachKindOfOpenSink) {
  const struct {
    const char* what;
    std::function<bool()> open;
  } kSinks[] = {
      {"0 is a file",
       [] { return ::dup2(::open("/etc/passwd", O_RDONLY), 0) == 0 && ::close(3) == 0; }},
      {"1 is another device",
       [] { return ::dup2(::open("/dev/zero", O_RDWR), 1) == 1 && ::close(3) == 0; }},
      {"2 is a pipe",
       [] {
         std::array<int, 2> ends;
         return ::pipe2(ends.data(), 0) == 0 && ::dup2(ends[1], 2) == 2;
       }},
      {"a file to write", [] { return Opens("/tmp", O_WRONLY | O_TMPFILE); }},
      {"a file to read and write", [] { return Opens("/tmp", O_RDWR | O_TMPFILE); }},
      {"memory", [] { return ::memfd_create("log", 0) >= 0; }},
      {"a named pipe",
       [] {
         const std::string path = "/tmp/audit-test-" + std::to_string(::getpid());
         if (::mkfifo(path.c_str(), 0600) != 0) return false;
         const bool opened = Opens(path.c_str(), O_RDWR);
         ::unlink(path.c_str());
         return opened;
       }},
      {"the kernel's log", [] { return OpensDevice(S_IFCHR, 1, 11); }},
      {"a device that it was not given", [] { return OpensDevice(S_IFCHR, 10, 200); }},
      {"IPv4", [] { return HasSocket(AF_INET, SOCK_DGRAM); }},
      {"IPv4, TCP", [] { return HasSocket(AF_INET, SOCK_STREAM); }},
      {"IPv6", [] { return HasSocket(AF_INET6, SOCK_DGRAM); }},
      {"packets", [] { return HasSocket(AF_PACKET, SOCK_RAW); }},
      {"datagrams", [] { return HasSocket(AF_UNIX, SOCK_DGRAM); }},
      {"half of a pair of datagrams", [] { return HasPair(SOCK_DGRAM); }},
      {"a stream to nobody yet", [] { return HasSocket(AF_UNIX, SOCK_STREAM); }},
      {"a listener", Listens},
      {"netlink", [] { return HasSocket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }},
      {"netlink of routes", [] { return HasNetlink(NETLINK_ROUTE); }},
      {"netlink of the audit", [] { return HasNetlink(NETLINK_AUDIT); }},
  };
  const Service service = ServiceOf({"/x"});
  for (const auto& sink : kSinks) {
    const Planted planted(sink.open);
    ASSERT_TRUE(planted.opened()) << sink.what;
    EXPECT_EQ(planted.Unsealed(service), 1U) << sink.what;
  }
}

TEST_F(AuditTest, FindsADisk) {
  const Planted planted(OpensADisk);
  if (!planted.opened()) GTEST_SKIP() << "this machine has none";
  EXPECT_EQ(planted.Unsealed(ServiceOf({"/x"})), 1U);
}

TEST_F(AuditTest, KnowsWhatIsNone) {
  const struct {
    const char* what;
    std::function<bool()> open;
  } kSealed[] = {
      {"nothing", [] { return true; }},
      {"1 and 2 closed", [] { return ::close(1) == 0 && ::close(2) == 0; }},
      {"a file to read", [] { return Opens("/etc/passwd", O_RDONLY); }},
      {"a folder", [] { return Opens("/etc", O_RDONLY | O_DIRECTORY); }},
      {"devices of everybody",
       [] {
         return Opens("/dev/null", O_WRONLY) && Opens("/dev/zero", O_RDWR) &&
                Opens("/dev/full", O_WRONLY) && Opens("/dev/random", O_RDONLY) &&
                Opens("/dev/urandom", O_RDWR);
       }},
      {"its own pipe",
       [] {
         std::array<int, 2> ends;
         return ::pipe2(ends.data(), 0) == 0;
       }},
      {"half of a pair", [] { return HasPair(SOCK_STREAM) && HasPair(SOCK_SEQPACKET); }},
      {"a process", [] { return ::syscall(SYS_pidfd_open, ::getpid(), 0) >= 0; }},
  };
  for (const auto& sealed : kSealed) {
    const Planted planted(sealed.open);
    ASSERT_TRUE(planted.opened()) << sealed.what;
    EXPECT_EQ(planted.Unsealed(ServiceOf({"/x"})), 0U) << sealed.what;
  }
}

TEST_F(AuditTest, GoesByWhatTheServiceMayUse) {
  const auto unsealed = [](const std::function<bool()>& open, std::vector<SocketKind> sockets) {
    const Planted planted(open);
    EXPECT_TRUE(planted.opened());
    Service service = ServiceOf({"/x"});
    service.sandbox.sockets = std::move(sockets);
    return planted.Unsealed(service);
  };
  const auto route = [] { return HasNetlink(NETLINK_ROUTE); };
  EXPECT_EQ(unsealed(route, {SocketKind::kNetlinkRoute}), 0U);
  EXPECT_EQ(unsealed(route, {SocketKind::kNetlinkGeneric}), 1U);
  const auto inet = [] {
    return HasSocket(AF_INET, SOCK_DGRAM) && HasSocket(AF_INET, SOCK_RAW, 1);
  };
  EXPECT_EQ(unsealed(inet, {SocketKind::kInet}), 0U);
  EXPECT_EQ(unsealed(inet, {SocketKind::kInet6}), 2U);
  EXPECT_EQ(unsealed(Listens, {SocketKind::kUnix}), 0U);
  EXPECT_EQ(unsealed([] { return HasSocket(AF_PACKET, SOCK_RAW); }, {SocketKind::kPacket}), 0U);
  const Planted tun([] { return OpensDevice(S_IFCHR, 10, 200); });
  Service service = ServiceOf({"/x"});
  service.sandbox.devices = {"/dev/net/tun"};
  EXPECT_EQ(tun.Unsealed(service), 0U);
}

TEST_F(AuditTest, KnowsTheManagersPipeAndChannels) {
  std::array<int, 2> pipe, pair;
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
  struct stat output {
  }, channel{};
  ASSERT_EQ(::fstat(pipe[1], &output), 0);
  ASSERT_EQ(::fstat(pair[1], &channel), 0);
  Service service = ServiceOf({"/usr/bin/sleep", "1000"});
  // A channel is a socket of the manager's network, whatever network the service has.
  for (const Network network : {Network::kNone, Network::kHost}) {
    service.sandbox.network = network;
    const Running running(service, {.output_fd = pipe[1], .channels = {{pair[1], "LETHE_X_FD"}}});
    const auto unsealed = [&](const AuditAllowance& allowance) {
      return AuditDescriptors({running.pid()}, service, allowance)->unsealed;
    };
    EXPECT_EQ(unsealed({.output_inode = output.st_ino, .channels = {channel.st_ino}}), 0U);
    EXPECT_EQ(unsealed({.channels = {channel.st_ino}}), 2U);
    EXPECT_EQ(unsealed({.output_inode = output.st_ino}), network == Network::kNone ? 1U : 0U);
  }
  for (const int fd : {pipe[0], pipe[1], pair[0], pair[1]}) ::close(fd);
}

TEST_F(AuditTest, ScratchFoldersAreTheServicesOwn) {
  Service service = ServiceOf({"/bin/sh", "-c",
                               "exec 5>/tmp/one 6>/tmp/two; rm /tmp/two; mkfifo /tmp/three; exec "
                               "7<>/tmp/three; exec sleep 1000"});
  service.sandbox.scratch = {"/tmp"};
  const Running running(service);
  EXPECT_TRUE(Eventually([&] { return running.file("comm") == "sleep\n"; }));
  EXPECT_EQ(AuditDescriptors({running.pid()}, service, {})->unsealed, 0U);
  // A file of the machine's at the same path is none of them.
  const Planted planted([] { return Opens("/tmp", O_WRONLY | O_TMPFILE); });
  EXPECT_EQ(planted.Unsealed(service), 1U);
}

TEST_F(AuditTest, SettingUpTheNetworkIsWhatTheWholeProcIsFor) {
  Service service =
      ServiceOf({"/bin/sh", "-c", "exec 5>/proc/sys/net/ipv4/ip_forward; exec sleep 1000"}, "root");
  service.sandbox.network = Network::kNone;
  service.sandbox.proc = ProcView::kAll;
  const Running running(service);
  EXPECT_TRUE(Eventually([&] { return running.file("comm") == "sleep\n"; }));
  EXPECT_EQ(AuditDescriptors({running.pid()}, service, {})->unsealed, 0U);
}

TEST_F(AuditTest, WhoEndedIsNotCounted) {
  pid_t gone = -1;
  { gone = Running(ServiceOf({"/usr/bin/sleep", "1000"})).pid(); }
  const auto counts = AuditDescriptors({gone}, ServiceOf({"/x"}), {});
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->processes, 0U);
  EXPECT_EQ(counts->unsealed, 0U);
}

}  // namespace
}  // namespace lethe::supervise
