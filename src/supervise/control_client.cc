#include "supervise/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "base/fd.h"
#include "base/packet.h"

namespace lethe::supervise {

namespace {

Result<Fd> Connect(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path)
    return Error{ErrorCode::kUsage, path.string() + ": longer than a socket's path may be"};
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  if (!fd || ::connect(fd.get(), name, sizeof address) != 0)
    return Error{ErrorCode::kUnavailable,
                 "connecting to " + path.string() + ": " + std::strerror(errno)};
  return fd;
}

}  // namespace

Status Ask(const std::filesystem::path& socket, const Request& request, int descriptor,
           const std::function<bool(const json::Value&)>& on_answer) {
  const Fd fd = LETHE_TRY(Connect(socket));
  LETHE_TRY(SendPacket(fd.get(), WriteRequest(request), descriptor));
  while (true) {
    pollfd ready{.fd = fd.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, -1) < 0 && errno != EINTR)
      return Error{ErrorCode::kIo, std::string("waiting for an answer: ") + std::strerror(errno)};
    const auto packet = LETHE_TRY(ReceivePacket(fd.get(), kMaxAnswerBytes));
    if (!packet) continue;
    if (packet->bytes.empty())
      return Error{ErrorCode::kUnavailable, "the manager closed the connection without an answer"};
    if (!on_answer(LETHE_TRY_IN(json::Parse(packet->bytes), "answer"))) return {};
  }
}

Status CheckAnswer(const json::Value& answer) {
  const json::Value* error = answer.Find("error");
  if (error == nullptr) return {};
  const json::Value* code = error->Find("code");
  const json::Value* message = error->Find("message");
  if (code == nullptr || message == nullptr || code->AsString() == nullptr ||
      message->AsString() == nullptr)
    return Error{ErrorCode::kMalformed, "the answer is an error without code and message"};
  return Error{ParseErrorCode(*code->AsString()).value_or(ErrorCode::kIo), *message->AsString()};
}

}  // namespace lethe::supervise
