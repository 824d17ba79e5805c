#include "supervise/discard_meter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "supervise/spawn_fixture.h"

namespace lethe::supervise {
namespace {

bool IsReadable(int fd) {
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&readable, 1, 0) == 1;
}

TEST(DiscardMeter, CountsEveryByteOnce) {
  auto meter = DiscardMeter::Create();
  ASSERT_TRUE(meter) << meter.error().message;
  EXPECT_TRUE(meter->Discard());
  EXPECT_EQ(meter->bytes(), 0U);
  uint64_t wanted = 0;
  for (const size_t size : {1U, 100U, 4096U, 4097U, 65536U}) {  // what a pipe holds
    EXPECT_FALSE(IsReadable(meter->poll_fd()));
    const std::string said(size, 'x');
    ASSERT_EQ(::write(meter->child_fd(), said.data(), size), static_cast<ssize_t>(size));
    EXPECT_TRUE(IsReadable(meter->poll_fd()));
    EXPECT_TRUE(meter->Discard());
    wanted += size;
    EXPECT_EQ(meter->bytes(), wanted);
  }
  for (int i = 0; i < 200; ++i) ASSERT_EQ(::write(meter->child_fd(), "ab", 2), 2);
  EXPECT_TRUE(meter->Discard());
  EXPECT_EQ(meter->bytes(), wanted + 400);
  EXPECT_FALSE(IsReadable(meter->poll_fd()));
}

// What it costs in processor time is measured where vpnd runs (tests/functional/vpnd_supervises):
// here, that nobody can make a call last.
TEST(DiscardMeter, AFloodGetsNoMoreThanAPipefulPerCall) {
  auto meter = DiscardMeter::Create();
  ASSERT_TRUE(meter);
  const pid_t flood = ::fork();
  if (flood == 0) {
    const std::string line(200, 'x');
    while (::write(meter->child_fd(), line.data(), line.size()) > 0) {
    }
    ::_exit(1);
  }
  const auto capacity = static_cast<uint64_t>(::fcntl(meter->child_fd(), F_GETPIPE_SZ));
  uint64_t most = 0;
  while (meter->bytes() < 16 * capacity) {
    pollfd said{.fd = meter->poll_fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&said, 1, 60'000), 1);
    const uint64_t before = meter->bytes();
    ASSERT_TRUE(meter->Discard());
    most = std::max(most, meter->bytes() - before);
  }
  ::kill(flood, SIGKILL);
  ::waitpid(flood, nullptr, 0);
  EXPECT_LE(most, capacity);
}

// Namespaces are made by root alone.
class DiscardMeterTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  }
};

TEST_F(DiscardMeterTest, AServiceIsCountedToTheByte) {
  auto meter = DiscardMeter::Create();
  ASSERT_TRUE(meter);
  const Service service = ServiceOf({"/bin/sh", "-c", "printf 12345; printf 678 >&2"});
  const auto child = Spawn(service, *Sandbox::Prepare(service), {.output_fd = meter->child_fd()});
  ASSERT_TRUE(child);
  ::waitpid(child->pid, nullptr, 0);
  EXPECT_TRUE(meter->Discard());
  EXPECT_EQ(meter->bytes(), 8U);
}

}  // namespace
}  // namespace lethe::supervise
