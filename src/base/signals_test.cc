#include "base/signals.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>

namespace lethe {
namespace {

// Other tests find the signals as they were.
class TakeSignalsTest : public testing::Test {
 protected:
  TakeSignalsTest() {
    ::sigprocmask(SIG_BLOCK, nullptr, &mask_);
    ::sigaction(SIGPIPE, nullptr, &broken_pipe_);
  }
  ~TakeSignalsTest() override {
    ::sigaction(SIGPIPE, &broken_pipe_, nullptr);
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }

 private:
  sigset_t mask_{};
  struct sigaction broken_pipe_ {};
};

TEST_F(TakeSignalsTest, ReadsEachOnceAndDoesNotWait) {
  const auto fd = TakeSignals({SIGUSR1, SIGHUP});
  ASSERT_TRUE(fd) << fd.error().message;
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
  ::raise(SIGHUP);
  ::raise(SIGUSR1);
  signalfd_siginfo info{};
  for (const int signal : {SIGHUP, SIGUSR1}) {
    ASSERT_EQ(::read(fd->get(), &info, sizeof info), ssize_t{sizeof info});
    EXPECT_EQ(static_cast<int>(info.ssi_signo), signal);
  }
  EXPECT_EQ(::read(fd->get(), &info, sizeof info), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(TakeSignalsTest, LetsNoBrokenPipeEndTheProgram) {
  ASSERT_TRUE(TakeSignals({SIGUSR1}));
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Fd(ends[0]).Close();
  const Fd write(ends[1]);
  EXPECT_EQ(::write(write.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

}  // namespace
}  // namespace lethe
