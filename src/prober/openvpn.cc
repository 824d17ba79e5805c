#include "prober/openvpn.h"

#include "base/strings.h"
#include "crypto/tls_client.h"
#include "probe/bytes.h"
#include "prober/openvpn_control.h"
#include "prober/openvpn_data.h"
#include "prober/openvpn_messages.h"

namespace lethe::prober {
namespace {

using crypto::TlsFailure;
using namespace openvpn;  // NOLINT: its own protocol

constexpr size_t kMaxFrame = 8192;  // of the stream; OpenVPN's are below 2 KiB
constexpr size_t kMaxPushed = 64 << 10;
// OCC_EXIT behind the magic of OpenVPN's own messages in the data channel.
constexpr std::string_view kDataExit =
    "\x28\x7f\x34\x6b\xd4\xef\x7a\x81\x2d\x56\xb8\xd3\xaf\xc5\x45\x9c\x06";

class Session : public Attempt {
 public:
  Session(const OpenVpnCredentials& credentials, uint16_t port, const RoundTrip& round_trip,
          World world)
      : credentials_(credentials),
        port_(port),
        round_trip_(round_trip),
        world_(std::move(world)),
        control_(world_.random(kSessionBytes)) {}

  std::vector<Channel> channels() const override {
    return {{.stream = credentials_.tcp, .port = port_}};
  }

  void Begin(Time now) override {
    progress_.Begin(now);
    control_.SendReset();
    Flush(now);
  }

  void Take(size_t, std::string_view bytes, Time now) override {
    if (!credentials_.tcp) return TakePacket(bytes, now);
    stream_ += bytes;
    size_t taken = 0;
    while (stream_.size() - taken >= 2) {
      const size_t size = probe::BigEndian(stream_, taken, 2);
      if (size == 0 || size > kMaxFrame) {
        stream_.clear();
        return progress_.Fail(Reason::kMalformedAnswer, "a frame of the stream has no length");
      }
      if (stream_.size() - taken < 2 + size) break;
      TakePacket(std::string_view(stream_).substr(taken + 2, size), now);
      taken += 2 + size;
    }
    stream_.erase(0, taken);
  }

  void Leave(Time now) override {
    leaving_ = true;
    if (!data_) return;
    if (options_.control_exit) {
      tls_->Write(std::string_view("EXIT\0", 5));
      control_.Send(tls_->TakeOutput());
    } else {
      SendPacket(data_->Seal(kDataExit));
    }
    Flush(now);
  }
  bool left() const override { return !data_ || credentials_.tcp || control_.all_acknowledged(); }

 private:
  enum class Phase { kReset, kTls, kKeys, kOptions, kTunnel };

  std::string Frame(std::string packet) const {
    if (!credentials_.tcp) return packet;
    std::string out;
    probe::AppendBigEndian(out, packet.size(), 2);
    return out + packet;
  }
  void SendPacket(std::string packet) { progress_.Send(0, Frame(std::move(packet))); }

  void Flush(Time now) {
    for (std::string& packet : control_.TakeOutput()) SendPacket(std::move(packet));
    if (progress_.verdict() && !leaving_) return;
    if (leaving_ && left()) return progress_.Arrived();
    progress_.RepeatLater(now, [this](Time at) { return Again(at); });
  }

  // What is due when nothing came for a while.
  std::vector<Output> Again(Time now) {
    std::vector<Output> out;
    const auto add = [&](std::vector<std::string> packets) {
      for (std::string& packet : packets)
        out.push_back({.channel = 0, .bytes = Frame(std::move(packet))});
    };
    if (!credentials_.tcp) add(control_.Unacknowledged());
    if (leaving_) return out;
    if (phase_ == Phase::kOptions) {
      AskForOptions();
      add(control_.TakeOutput());
    }
    if (phase_ == Phase::kTunnel) add({Request(now)});
    return out;
  }

  std::string Request(Time now) {
    progress_.RequestSent(now);
    return data_->Seal(request_->packet());
  }

  void TakePacket(std::string_view packet, Time now) {
    if (data_) {
      if (const auto plain = data_->Open(packet)) {
        if (request_->IsAnswer(*plain)) progress_.Answered(now);
        return;
      }
    }
    if (!control_.Take(packet)) return progress_.Malformed();
    progress_.Heard();
    Advance(now);
    Flush(now);
  }

  void Advance(Time now) {
    if (phase_ == Phase::kReset) {
      if (!control_.reset_answered() || !BeginTls(now)) return;
      phase_ = Phase::kTls;
    }
    tls_->Feed(control_.TakePayload());
    control_.Send(tls_->TakeOutput());
    if (phase_ == Phase::kTls && tls_->established()) {
      phase_ = Phase::kKeys;
      tls_->Write(FormatKeyMethod({.random = world_.random(kKeyMethodRandomBytes),
                                   .user = credentials_.user,
                                   .password = credentials_.password,
                                   .tcp = credentials_.tcp}));
      control_.Send(tls_->TakeOutput());
      // OpenVPN tells nobody that it does not take a certificate.
      progress_.SilenceMeans(Reason::kAuthFailed, "it fell silent when it had our certificate");
    }
    plain_ += tls_->TakePlain();
    if (!progress_.verdict()) TakePlain(now);
    if (tls_->failure() != TlsFailure::kNone && !progress_.verdict()) FailTls();
  }

  bool BeginTls(Time now) {
    const auto wall = std::chrono::nanoseconds(now) + world_.wall_ahead;
    crypto::TlsClientOptions options{
        .anchors = credentials_.anchors,
        .identity = credentials_.identity,
        .rules = {.now_unix_s = std::chrono::duration_cast<std::chrono::seconds>(wall).count(),
                  .name = credentials_.server_name,
                  .needs_server_usage = true}};
    auto tls = crypto::TlsClient::Create(options);
    if (!tls) {
      progress_.Fail(Reason::kHandshakeFailed, tls.error().message);
      return false;
    }
    tls_.emplace(std::move(*tls));
    return true;
  }

  void FailTls() {
    const std::string why = "TLS: " + tls_->why();
    switch (tls_->failure()) {
      case TlsFailure::kUntrusted:
        return progress_.Fail(Reason::kCertificateUntrusted, why);
      case TlsFailure::kNotAccepted:
        return progress_.Fail(Reason::kAuthFailed, why);
      case TlsFailure::kAlert:
        return progress_.Fail(Reason::kHandshakeFailed, why);
      case TlsFailure::kProtocol:
        return progress_.Fail(Reason::kMalformedAnswer, why);
      case TlsFailure::kNone:
        return;
    }
  }

  void AskForOptions() {
    tls_->Write(std::string_view("PUSH_REQUEST\0", 13));
    control_.Send(tls_->TakeOutput());
  }

  void TakePlain(Time now) {
    if (phase_ == Phase::kKeys) {
      const auto taken = TakeServerKeyMethod(plain_);
      if (!taken) return;
      if (!*taken) return progress_.Fail(Reason::kMalformedAnswer, "not a key exchange");
      phase_ = Phase::kOptions;
      progress_.SilenceMeans(Reason::kTimeout, "it pushed no options in time");
      AskForOptions();
    }
    size_t taken = 0;
    while (phase_ == Phase::kOptions && !progress_.verdict()) {
      const auto text = NextText(plain_, taken);
      if (!text) break;
      TakeMessage(*text, now);
    }
    plain_.erase(0, taken);
    if (plain_.size() > kMaxPushed)
      progress_.Fail(Reason::kMalformedAnswer, "a message without an end");
  }

  void TakeMessage(std::string_view text, Time now) {
    if (text.starts_with("AUTH_FAILED,Data channel cipher"))
      return progress_.Fail(Reason::kHandshakeFailed, "no cipher that both sides take");
    if (text.starts_with("AUTH_FAILED"))
      return progress_.Fail(Reason::kAuthFailed, "the server says AUTH_FAILED");
    if (!text.starts_with("PUSH_REPLY")) return;  // INFO, AUTH_PENDING: it goes on
    pushed_bytes_ += text.size();
    if (pushed_bytes_ > kMaxPushed || !ReadPushReply(text, options_))
      return progress_.Fail(Reason::kMalformedAnswer, "its options are malformed");
    if (!options_.more) OpenTunnel(now);
  }

  void OpenTunnel(Time now) {
    if (!options_.cipher || !options_.exported_keys)
      return progress_.Fail(Reason::kHandshakeFailed,
                            "no cipher, or keys that are not from TLS's exporter");
    const bool v4 = round_trip_.address.v4();
    const auto& source = v4 ? options_.v4 : options_.v6;
    if (!source)
      return progress_.Fail(Reason::kNoAddress,
                            v4 ? "no IPv4 address was pushed" : "no IPv6 address was pushed");
    data_.emplace(tls_->Export(kKeyLabel, kKeyMaterialBytes), options_);
    request_.emplace(round_trip_, *source, world_);
    phase_ = Phase::kTunnel;
    progress_.Established(now);
    SendPacket(Request(now));
  }

  const OpenVpnCredentials credentials_;
  const uint16_t port_;
  const RoundTrip round_trip_;
  const World world_;
  ControlChannel control_;
  Phase phase_ = Phase::kReset;
  bool leaving_ = false;
  std::string stream_;
  std::optional<crypto::TlsClient> tls_;
  std::string plain_;
  size_t pushed_bytes_ = 0;
  PushedOptions options_;
  std::optional<DataChannel> data_;
  std::optional<InnerRequest> request_;
};

}  // namespace

std::unique_ptr<Attempt> OpenVpnAttempt(const OpenVpnCredentials& credentials, uint16_t port,
                                        const RoundTrip& round_trip, World world) {
  return std::make_unique<Session>(credentials, port, round_trip, std::move(world));
}

}  // namespace lethe::prober
