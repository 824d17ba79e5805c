#include "base/packet.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace lethe {
namespace {

constexpr size_t kMaxDescriptors = 8;  // so many are taken, to be closed

std::vector<Fd> Descriptors(msghdr& message) {
  std::vector<Fd> out;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, reinterpret_cast<const char*>(c) + at, sizeof fd);
      out.emplace_back(fd);
    }
  }
  return out;
}

}  // namespace

Result<std::optional<Packet>> ReceivePacket(int socket, size_t max_bytes) {
  Packet packet;
  packet.bytes.resize(max_bytes + 1);
  iovec part{.iov_base = packet.bytes.data(), .iov_len = packet.bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return std::optional<Packet>();
    return Error{ErrorCode::kUnavailable, std::string("receiving a packet: ") + strerror(errno)};
  }
  std::vector<Fd> descriptors = Descriptors(message);
  if (static_cast<size_t>(got) > max_bytes || (message.msg_flags & MSG_TRUNC) != 0)
    return Error{ErrorCode::kMalformed,
                 "a packet has more than " + std::to_string(max_bytes) + " bytes"};
  if (descriptors.size() > 1 || (message.msg_flags & MSG_CTRUNC) != 0)
    return Error{ErrorCode::kMalformed, "a packet comes with more than one descriptor"};
  packet.bytes.resize(static_cast<size_t>(got));
  if (!descriptors.empty()) packet.descriptor = std::move(descriptors[0]);
  return std::optional<Packet>(std::move(packet));
}

Status SendPacket(int socket, std::string_view bytes, int descriptor) {
  iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
  }
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
    return Error{ErrorCode::kUnavailable, std::string("sending a packet: ") + strerror(errno)};
  return {};
}

}  // namespace lethe
