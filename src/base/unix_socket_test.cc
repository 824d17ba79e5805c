#include "base/unix_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "base/file.h"

namespace lethe {
namespace {

class ConnectUnixTest : public testing::Test {
 protected:
  std::filesystem::path Path() const { return scratch_.path() / "socket"; }
  // Listens, and never takes anybody in.
  Fd Listen(int type) {
    Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    const sockaddr_un address = UnixAddress(Path()).value();
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), 0), 0);
    return fd;
  }

 private:
  ScratchDir scratch_ = ScratchDir::Create(std::filesystem::temp_directory_path(), "unix-").value();
};

TEST_F(ConnectUnixTest, ReachesWhoListensThereBySocketsOfThatType) {
  const Fd server = Listen(SOCK_SEQPACKET);
  const auto client = ConnectUnix({.path = Path(), .type = SOCK_SEQPACKET});
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_NE(::fcntl(client->get(), F_GETFD) & FD_CLOEXEC, 0);
  const Fd accepted(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(accepted);
  ASSERT_EQ(::send(client->get(), "ab", 2, 0), 2);
  char got[8];
  EXPECT_EQ(::recv(accepted.get(), got, sizeof got, 0), 2);
  EXPECT_EQ(ConnectUnix({.path = Path()}).error().code, ErrorCode::kUnavailable);
}

TEST_F(ConnectUnixTest, WaitsNoLongerThanTheTimeout) {
  const Fd server = Listen(SOCK_STREAM);
  constexpr std::chrono::milliseconds kTimeout(50);
  const auto client = ConnectUnix({.path = Path(), .timeout = kTimeout});
  ASSERT_TRUE(client) << client.error().message;
  char got[8];
  EXPECT_EQ(::recv(client->get(), got, sizeof got, 0), -1);
  EXPECT_EQ(errno, EAGAIN);
  const auto second = ConnectUnix({.path = Path(), .timeout = kTimeout});
  ASSERT_FALSE(second) << "one waits already";
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

TEST_F(ConnectUnixTest, SaysWhereNobodyListens) {
  const auto client = ConnectUnix({.path = Path()});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(client.error().message,
            "connecting to " + Path().string() + ": No such file or directory");
}

TEST(UnixAddress, RefusesAPathThatWouldBeCut) {
  const std::string longest(sizeof sockaddr_un{}.sun_path - 1, 'p');
  EXPECT_EQ(UnixAddress(longest).value().sun_path, longest);
  const auto longer = UnixAddress(longest + "p");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, ErrorCode::kUsage);
  EXPECT_EQ(longer.error().message, longest + "p: longer than a socket's path may be");
}

}  // namespace
}  // namespace lethe
