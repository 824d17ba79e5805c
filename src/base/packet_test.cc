#include "base/packet.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <filesystem>

namespace lethe {
namespace {

std::pair<Fd, Fd> Sockets() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

size_t OpenDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

TEST(Packet, CarriesBytesAndOneDescriptor) {
  auto [a, b] = Sockets();
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(SendPacket(a.get(), "hello", null.get()));
  auto packet = ReceivePacket(b.get(), 5);
  ASSERT_TRUE(packet && *packet);
  EXPECT_EQ((*packet)->bytes, "hello");
  EXPECT_TRUE((*packet)->descriptor);
  EXPECT_NE(::fcntl((*packet)->descriptor.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_FALSE(*ReceivePacket(b.get(), 5)) << "nothing more is there";
  a.Close();
  packet = ReceivePacket(b.get(), 5);
  ASSERT_TRUE(packet && *packet);
  EXPECT_TRUE((*packet)->bytes.empty()) << "closed";
}

TEST(Packet, RefusesWhatIsTooLargeOrHasTwoDescriptorsAndKeepsNone) {
  auto [a, b] = Sockets();
  ASSERT_TRUE(SendPacket(a.get(), "123456"));
  const auto large = ReceivePacket(b.get(), 5);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kMalformed);

  const size_t before = OpenDescriptors();
  for (const size_t count : {size_t{2}, size_t{8}, size_t{20}}) {
    std::vector<int> two(count, a.get());
    std::vector<char> control(CMSG_SPACE(count * sizeof(int)));
    iovec part{.iov_base = const_cast<char*>("x"), .iov_len = 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(c), two.data(), count * sizeof(int));
    ASSERT_EQ(::sendmsg(a.get(), &message, 0), 1);
    const auto packet = ReceivePacket(b.get(), 5);
    ASSERT_FALSE(packet) << count;
    EXPECT_EQ(packet.error().code, ErrorCode::kMalformed);
    EXPECT_EQ(OpenDescriptors(), before) << count;
  }
}

}  // namespace
}  // namespace lethe
