#include "prober/l2tp_ipsec.h"

#include <optional>

#include "probe/bytes.h"
#include "prober/esp.h"
#include "prober/ikev1.h"
#include "prober/l2tp.h"
#include "prober/ppp.h"

namespace lethe::prober {
namespace {

using ike::Ikev1;
using l2tp::Tunnel;

constexpr size_t kPlain = 0, kNat = 1;  // channels
constexpr uint8_t kUdp = 17;
constexpr size_t kUdpHeader = 8;
constexpr int kMaxGoodbyes = 2;

uint16_t Number(const World& world) {
  return static_cast<uint16_t>(probe::BigEndian(world.random(2), 0, 2) | 1);
}

class Session : public Attempt {
 public:
  Session(const L2tpCredentials& credentials, const IpAddress& server, uint16_t port,
          const RoundTrip& round_trip, World world, Tamper tamper)
      : credentials_(credentials),
        port_(port),
        round_trip_(round_trip),
        world_(std::move(world)),
        tamper_(std::move(tamper)),
        ike_({.psk = credentials.psk,
              .ike = credentials.ike,
              .esp = credentials.esp,
              .server = server,
              .port = port},
             world_),
        tunnel_(Number(world_), Number(world_)) {}

  std::vector<Channel> channels() const override {
    return {{.stream = false, .port = port_}, {.stream = false, .port = credentials_.nat_port}};
  }

  void Begin(Time now) override {
    progress_.Begin(now);
    progress_.Repeat(now, [this](Time at) { return Again(at); });
  }

  void Take(size_t channel, std::string_view bytes, Time now) override {
    if (channel == kNat) {
      if (!bytes.starts_with(ike::kNonEspMarker)) return TakeEsp(bytes, now);
      bytes.remove_prefix(ike::kNonEspMarker.size());
    }
    if (leaving_) return;
    const Ikev1::Taken taken = ike_.Take(bytes);
    switch (taken) {
      case Ikev1::Taken::kNothing:
        return progress_.Heard();
      case Ikev1::Taken::kMalformed:
        return progress_.Malformed();
      case Ikev1::Taken::kFailed:
        progress_.Heard();
        return FailIke();
      case Ikev1::Taken::kAdvanced:
      case Ikev1::Taken::kDone:
        progress_.Heard();
        return Advance(taken, now);
    }
  }

  void Leave(Time now) override {
    leaving_ = true;
    progress_.Arrived();
    if (!esp_ || tunnel_.state() == Tunnel::State::kClosed) return DeleteAll();
    if (ppp_ && tunnel_.state() == Tunnel::State::kOpen) {
      ppp_->Terminate();
      Flush();
    }
    tunnel_.Close();
    Flush();
    progress_.RepeatLater(now, [this](Time) { return GoodbyeAgain(); });
  }
  bool left() const override { return deleted_; }

 private:
  std::string IkePacket(const std::string& message, bool nat) const {
    return (nat ? std::string(ike::kNonEspMarker) : "") + message;
  }

  // UDP without a checksum: ESP guards it (RFC 3948 3.1.2).
  Output Tunnelled(std::string_view message) {
    std::string udp;
    probe::AppendBigEndian(udp, l2tp::kPort, 2);
    probe::AppendBigEndian(udp, l2tp::kPort, 2);
    probe::AppendBigEndian(udp, kUdpHeader + message.size(), 2);
    probe::AppendBigEndian(udp, 0, 2);
    udp += message;
    return {kNat, esp_->Seal({kUdp, udp}, world_.random)};
  }

  void SendTunnelled(std::string_view message) {
    const auto send = [this](std::string_view one) {
      Output output = Tunnelled(one);
      progress_.Send(output.channel, std::move(output.bytes));
    };
    if (!tamper_) return send(message);
    for (const std::string& one : tamper_(message)) send(one);
  }

  void Flush() {
    if (ppp_) {
      for (const std::string& frame : ppp_->TakeOutput()) SendTunnelled(tunnel_.Wrap(frame));
    }
    for (const std::string& message : tunnel_.TakeOutput()) SendTunnelled(message);
  }

  // What is due when nothing came for a while.
  std::vector<Output> Again(Time now) {
    if (!esp_) {
      const bool nat = ike_.on_nat_port();
      return {{nat ? kNat : kPlain, IkePacket(ike_.message(), nat)}};
    }
    // Without its last message the server does not take our ESP.
    std::vector<Output> out = {{kNat, IkePacket(ike_.message(), true)}};
    for (const std::string& message : tunnel_.Unacknowledged()) out.push_back(Tunnelled(message));
    if (ppp_) {
      ppp_->Again();
      for (const std::string& frame : ppp_->TakeOutput())
        out.push_back(Tunnelled(tunnel_.Wrap(frame)));
    }
    if (request_) out.push_back(Request(now));
    return out;
  }

  Output Request(Time now) {
    progress_.RequestSent(now);
    return Tunnelled(tunnel_.Wrap(Ppp::WrapIp(request_->packet())));
  }

  void FailIke() { progress_.Fail(ike_.verdict().reason, ike_.verdict().detail); }

  void Advance(Ikev1::Taken taken, Time now) {
    if (ike_.awaits_proof())
      progress_.SilenceMeans(Reason::kAuthFailed,
                             "it fell silent when it had our proof of the key");
    else
      progress_.SilenceMeans(Reason::kTimeout, "the handshake did not end in time");
    const bool nat = ike_.on_nat_port();
    progress_.Send(nat ? kNat : kPlain, IkePacket(ike_.message(), nat));
    if (taken != Ikev1::Taken::kDone) return Rearm(now);
    esp_.emplace(ike_.MakeEsp());
    tunnel_.Open();
    Flush();
    Rearm(now);
  }

  void Rearm(Time now) {
    progress_.RepeatLater(now, [this](Time at) { return Again(at); });
  }

  void TakeEsp(std::string_view bytes, Time now) {
    const auto packet = esp_ ? esp_->Open(bytes) : std::nullopt;
    if (!packet || packet->next_header != kUdp || packet->payload.size() < kUdpHeader) return;
    const std::string_view udp = packet->payload;
    const uint64_t size = probe::BigEndian(udp, 4, 2);
    if (size < kUdpHeader || size > udp.size()) return;
    if (!tunnel_.Take(udp.substr(kUdpHeader, size - kUdpHeader))) return;
    if (leaving_) return Goodbye();
    if (tunnel_.state() == Tunnel::State::kClosed)
      return progress_.Fail(Reason::kHandshakeFailed,
                            "L2TP: closed with result " + std::to_string(tunnel_.result()));
    if (!ppp_ && tunnel_.state() == Tunnel::State::kOpen)
      ppp_.emplace(credentials_.user, credentials_.password, world_);
    for (const std::string& frame : tunnel_.TakeFrames()) TakeFrame(frame, now);
    Flush();
    if (!progress_.verdict()) Rearm(now);
  }

  void TakeFrame(const std::string& frame, Time now) {
    if (!ppp_ || progress_.verdict()) return;
    if (const auto packet = Ppp::UnwrapIp(frame)) {
      if (request_ && request_->IsAnswer(*packet)) progress_.Answered(now);
      return;
    }
    ppp_->Take(frame);
    switch (ppp_->state()) {
      case Ppp::State::kUp:
        return OpenTunnel(now);
      case Ppp::State::kRefused:
        return progress_.Fail(Reason::kAuthFailed, "the server refuses the user or the password");
      case Ppp::State::kImpostor:
        return progress_.Fail(Reason::kHandshakeFailed, "the server does not know the password");
      case Ppp::State::kEnded:
        return progress_.Fail(
            progress_.established() ? Reason::kNoRoundTrip : Reason::kHandshakeFailed,
            "PPP: ended by the server");
      case Ppp::State::kNoAddress:
        return progress_.Fail(Reason::kNoAddress, "PPP: no IPv4 address was given");
      case Ppp::State::kLink:
      case Ppp::State::kAuthentication:
      case Ppp::State::kNetwork:
        return;
    }
  }

  void OpenTunnel(Time now) {
    if (request_) return;
    progress_.Established(now);
    Flush();  // what agrees goes first
    request_.emplace(round_trip_, ppp_->address(), world_);
    Output request = Request(now);
    progress_.Send(request.channel, std::move(request.bytes));
  }

  // Of the tunnel first; when that is acknowledged, or was said often enough, of IPsec.
  void Goodbye() {
    for (const std::string& message : tunnel_.TakeOutput()) SendTunnelled(message);
    if (tunnel_.all_acknowledged()) DeleteAll();
  }

  std::vector<Output> GoodbyeAgain() {
    std::vector<Output> out;
    for (const std::string& message : tunnel_.Unacknowledged()) out.push_back(Tunnelled(message));
    if (++goodbyes_ >= kMaxGoodbyes) DeleteAll();
    return out;
  }

  void DeleteAll() {
    if (deleted_) return;
    deleted_ = true;
    progress_.Arrived();
    for (const std::string& message : ike_.Deletions())
      progress_.Send(kNat, IkePacket(message, true));
  }

  const L2tpCredentials credentials_;
  const uint16_t port_;
  const RoundTrip round_trip_;
  const World world_;
  const Tamper tamper_;
  Ikev1 ike_;
  Tunnel tunnel_;
  std::optional<ike::Esp> esp_;
  std::optional<Ppp> ppp_;
  std::optional<InnerRequest> request_;
  bool leaving_ = false, deleted_ = false;
  int goodbyes_ = 0;
};

}  // namespace

std::unique_ptr<Attempt> L2tpAttempt(const L2tpCredentials& credentials, const IpAddress& server,
                                     uint16_t port, const RoundTrip& round_trip, World world,
                                     Tamper tamper) {
  return std::make_unique<Session>(credentials, server, port, round_trip, std::move(world),
                                   std::move(tamper));
}

}  // namespace lethe::prober
