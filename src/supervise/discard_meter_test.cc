#include "supervise/discard_meter.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

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

double ProcessorSeconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// What part of a processor it takes to discard for a second.
double ShareOf(DiscardMeter& meter) {
  const double before = ProcessorSeconds();
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::seconds(1)) {
    EXPECT_TRUE(meter.Discard());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return (ProcessorSeconds() - before) / took.count();
}

TEST(DiscardMeter, AFloodCostsNothing) {
  auto meter = DiscardMeter::Create();
  ASSERT_TRUE(meter);
  const pid_t flood = ::fork();
  if (flood == 0) {
    const std::string line(200, 'x');
    while (::write(meter->child_fd(), line.data(), line.size()) > 0) {
    }
    ::_exit(1);
  }
  // The best of some: what else the machine does makes it dearer, and never cheaper.
  double share = 1;
  for (int i = 0; i < 5 && share >= 0.01; ++i) share = std::min(share, ShareOf(*meter));
  ::kill(flood, SIGKILL);
  ::waitpid(flood, nullptr, 0);
  RecordProperty("bytes", std::to_string(meter->bytes()));
  RecordProperty("share_ppm", static_cast<int>(share * 1e6));
  EXPECT_GT(meter->bytes(), 1U << 20);
  EXPECT_LT(share, 0.01);
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
