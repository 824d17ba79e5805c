#include "supervise/control_client.h"

#include <poll.h>

#include <cstring>

#include "base/fd.h"
#include "base/packet.h"
#include "base/unix_socket.h"

namespace lethe::supervise {

Status Ask(const std::filesystem::path& socket, const Request& request, int descriptor,
           const std::function<bool(const json::Value&)>& on_answer) {
  const Fd fd = LETHE_TRY(ConnectUnix({.path = socket, .type = SOCK_SEQPACKET}));
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
