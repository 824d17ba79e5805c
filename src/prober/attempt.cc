#include "prober/attempt.h"

#include <algorithm>

namespace lethe::prober {
namespace {

constexpr Time kFirstInterval = std::chrono::milliseconds(500);
constexpr Time kLongestInterval = std::chrono::seconds(4);

}  // namespace

std::string_view ToString(Reason reason) {
  switch (reason) {
    case Reason::kReady:
      return "ready";
    case Reason::kNoAnswer:
      return "no-answer";
    case Reason::kRefused:
      return "refused";
    case Reason::kUnreachable:
      return "unreachable";
    case Reason::kHandshakeFailed:
      return "handshake-failed";
    case Reason::kCertificateUntrusted:
      return "certificate-untrusted";
    case Reason::kAuthFailed:
      return "auth-failed";
    case Reason::kNoAddress:
      return "no-address";
    case Reason::kNoRoundTrip:
      return "no-round-trip";
    case Reason::kMalformedAnswer:
      return "malformed-answer";
    case Reason::kTimeout:
      return "timeout";
  }
  return "unknown";
}

void Progress::Repeat(Time now, Make make) {
  RepeatLater(now, std::move(make));
  for (Output& output : make_(now)) output_.push_back(std::move(output));
}

void Progress::RepeatLater(Time now, Make make) {
  make_ = std::move(make);
  interval_ = kFirstInterval;
  due_ = now + interval_;
}

std::optional<Time> Progress::wake_at() const {
  if (!make_) return {};
  return due_;
}

void Progress::Wake(Time now) {
  if (!make_ || now < due_) return;
  interval_ = std::min(interval_ * 2, kLongestInterval);
  due_ = now + interval_;
  for (Output& output : make_(now)) output_.push_back(std::move(output));
}

void Progress::Established(Time now) {
  if (!handshake_) handshake_ = now - begun_;
}

void Progress::Answered(Time now) {
  if (verdict_) return;
  verdict_ = Verdict{.reason = Reason::kReady,
                     .detail = "",
                     .handshake = handshake_,
                     .round_trip = now - request_sent_};
}

void Progress::Fail(Reason reason, std::string detail) {
  if (verdict_) return;
  make_ = nullptr;
  verdict_ = Verdict{.reason = reason, .detail = std::move(detail), .handshake = handshake_};
}

void Progress::Expire() {
  if (handshake_) return Fail(Reason::kNoRoundTrip, "no answer came through the tunnel");
  if (silence_) return Fail(silence_->reason, silence_->detail);
  if (heard_) return Fail(Reason::kTimeout, "the handshake did not end in time");
  if (malformed_) return Fail(Reason::kMalformedAnswer, "what came back is not the protocol");
  Fail(Reason::kNoAnswer, "nothing came back");
}

void Progress::Closed() {
  constexpr const char* kClosed = "the server closed the connection";
  if (silence_ && !handshake_) return Fail(silence_->reason, silence_->detail);
  Fail(handshake_ ? Reason::kNoRoundTrip : Reason::kHandshakeFailed, kClosed);
}

}  // namespace lethe::prober
