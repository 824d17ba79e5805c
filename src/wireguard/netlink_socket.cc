#include "wireguard/netlink_socket.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "wireguard/netlink_message.h"

namespace lethe::wireguard {
namespace {

constexpr size_t kBufferBytes = 64 << 10;  // the kernel fills at most 32 KiB of it

Error KernelError(int number, std::string_view doing) {
  ErrorCode code = ErrorCode::kIo;
  if (number == ENODEV || number == ENOENT || number == EADDRNOTAVAIL) code = ErrorCode::kNotFound;
  if (number == EEXIST) code = ErrorCode::kConflict;
  if (number == EOPNOTSUPP || number == EAFNOSUPPORT) code = ErrorCode::kUnavailable;
  return Error{code, std::string(doing) + ": " + std::strerror(number)};
}

// Of NLMSG_ERROR: nothing for an acknowledgement.
Status StatusOf(std::string_view payload, std::string_view doing) {
  const auto number = LETHE_TRY(ReadStruct<int32_t>(payload));
  if (number == 0) return {};
  return KernelError(-number, doing);
}

}  // namespace

NetlinkSocket::NetlinkSocket(Fd fd) : fd_(std::move(fd)), buffer_(kBufferBytes) {}

Result<NetlinkSocket> NetlinkSocket::Open(int protocol) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return KernelError(errno, "opening a netlink socket");
  return NetlinkSocket(std::move(fd));
}

Status NetlinkSocket::Send(std::string& message, std::string_view doing) {
  ++sequence_;
  std::memcpy(message.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence_, sizeof sequence_);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd_.get(), message.data(), message.size(), 0,
                    reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent != static_cast<ssize_t>(message.size())) return KernelError(errno, doing);
  return {};
}

Result<std::string_view> NetlinkSocket::Receive(std::string_view doing) {
  while (true) {
    sockaddr_nl from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                   reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return KernelError(errno, doing);
    if (static_cast<size_t>(got) > buffer_.size())
      return Error{ErrorCode::kMalformed, std::string(doing) + ": an answer is too long"};
    if (from.nl_pid == 0) return std::string_view(buffer_.data(), static_cast<size_t>(got));
  }
}

Status NetlinkSocket::Do(std::string& message, std::string_view doing) {
  LETHE_TRY(Send(message, doing));
  while (true) {
    std::string_view bytes = LETHE_TRY(Receive(doing));
    while (!bytes.empty()) {
      const auto [header, payload] = LETHE_TRY(TakeMessage(bytes));
      if (header.nlmsg_seq == sequence_ && header.nlmsg_type == NLMSG_ERROR)
        return StatusOf(payload, doing);
    }
  }
}

Result<std::string> NetlinkSocket::Ask(std::string message, std::string_view doing) {
  LETHE_TRY(Send(message, doing));
  while (true) {
    std::string_view bytes = LETHE_TRY(Receive(doing));
    while (!bytes.empty()) {
      const auto [header, payload] = LETHE_TRY(TakeMessage(bytes));
      if (header.nlmsg_seq != sequence_) continue;
      if (header.nlmsg_type == NLMSG_ERROR) {
        LETHE_TRY(StatusOf(payload, doing));
        return Error{ErrorCode::kMalformed, std::string(doing) + ": no answer"};
      }
      return std::string(payload);
    }
  }
}

Status NetlinkSocket::Dump(std::string message, std::string_view doing,
                           const std::function<Status(std::string_view)>& each) {
  LETHE_TRY(Send(message, doing));
  bool changed = false;
  Status failure;
  // Read to its end also after a failure: the next answer is another one's.
  while (true) {
    const std::string_view received = LETHE_TRY(Receive(doing));
    std::string_view bytes = received;
    bool done = false;
    while (!bytes.empty() && !done) {
      const auto [header, payload] = LETHE_TRY(TakeMessage(bytes));
      if (header.nlmsg_seq != sequence_) continue;
      if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) changed = true;
      done = header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
      if (done) {
        if (const Status status = StatusOf(payload, doing); failure && !status) failure = status;
      } else if (failure) {
        failure = each(payload);
      }
    }
    ::explicit_bzero(buffer_.data(), received.size());
    if (!done) continue;
    if (failure && changed)
      return Error{ErrorCode::kConflict, std::string(doing) + ": changed meanwhile"};
    return failure;
  }
}

}  // namespace lethe::wireguard
