#include "prober/ikev2.h"

#include "probe/bytes.h"
#include "prober/eap.h"
#include "prober/ike_message.h"
#include "prober/ikev2_keys.h"
#include "prober/ikev2_payloads.h"

namespace lethe::prober {
namespace {

using namespace ike;  // NOLINT: its own protocol

constexpr uint8_t kSaInit = 34, kIkeAuth = 35, kInformational = 37;
constexpr uint8_t kInitiator = 0x08, kResponse = 0x20;
constexpr uint8_t kVersion = 0x20;
constexpr size_t kPlain = 0, kNat = 1;  // channels
constexpr size_t kNonceBytes = 32;
constexpr int kMaxFirstMessages = 4;  // a cookie, another group, a cookie again
constexpr int kMaxEapRounds = 12;
constexpr uint8_t kX509 = 4;  // encoding of certificates
constexpr uint8_t kInnerV4 = 4, kInnerV6 = 41;

class Session : public Attempt {
 public:
  Session(const Ikev2Credentials& credentials, const IpAddress& server, uint16_t port,
          const RoundTrip& round_trip, World world)
      : credentials_(credentials),
        server_(server),
        port_(port),
        round_trip_(round_trip),
        world_(std::move(world)),
        spi_i_(world_.random(kSpiBytes)),
        nonce_i_(world_.random(kNonceBytes)),
        child_spi_(world_.random(kEspSpiBytes)),
        group_(GroupOf(credentials_.ike.front())) {
    // Zero is no SPI; below 256 they are reserved.
    spi_i_[0] = static_cast<char>(spi_i_[0] | 1);
    child_spi_[0] = static_cast<char>(child_spi_[0] | 0x40);
  }

  std::vector<Channel> channels() const override {
    return {{.stream = false, .port = port_}, {.stream = false, .port = credentials_.nat_port}};
  }

  void Begin(Time now) override {
    progress_.Begin(now);
    SendFirst(now);
  }

  void Take(size_t channel, std::string_view bytes, Time now) override {
    if (channel == kNat) {
      if (!bytes.starts_with(kNonEspMarker)) return TakeEsp(bytes, now);
      bytes.remove_prefix(kNonEspMarker.size());
    }
    const auto message = Message::Parse(bytes);
    if (!message || message->header.spi_i != spi_i_ || message->header.version != kVersion)
      return progress_.Malformed();
    if (phase_ == Phase::kFirst) return TakeFirst(*message, bytes, now);
    if (message->header.spi_r != spi_r_) return progress_.Malformed();
    if ((message->header.flags & kResponse) == 0) return AnswerRequest(*message, bytes);
    TakeSealed(*message, bytes, now);
  }

  void Leave(Time now) override {
    leaving_ = true;
    if (!keys_ || gone_) return;
    std::string body(1, static_cast<char>(kProtocolIke));
    body.append(3, '\0');  // without SPI: this one
    Request(kInformational, {{kDelete, body}}, now);
  }
  bool left() const override { return !keys_ || gone_ || !progress_.established(); }

 private:
  enum class Phase { kFirst, kServer, kEap, kLast, kTunnel };

  // RFC 7296 2.23: a hash of an address that is not ours says that we are behind a NAT, which makes
  // the server put ESP into UDP. That of the server is right.
  std::string NatHash(const std::string& address, uint16_t port) const {
    std::string out = spi_i_ + std::string(kSpiBytes, '\0') + address;
    probe::AppendBigEndian(out, port, 2);
    return crypto::Digest(crypto::Hash::kSha1, out);
  }

  void SendFirst(Time now) {
    exchange_.emplace(
        crypto::KeyExchange::Make(group_, world_.random(crypto::KeyExchange::kSecretBytes)));
    Payloads payloads;
    if (!cookie_.empty()) payloads.push_back({kNotify, FormatNotify(kCookie, cookie_)});
    payloads.push_back({kSa, FormatSa(kProtocolIke, "", credentials_.ike)});
    payloads.push_back({kKe, FormatKe(*exchange_)});
    payloads.push_back({kNonce, nonce_i_});
    const std::string nobody(server_.bytes.size(), '\0');
    payloads.push_back({kNotify, FormatNotify(kNatSource, NatHash(nobody, 0))});
    payloads.push_back({kNotify, FormatNotify(kNatDestination, NatHash(server_.bytes, port_))});
    constexpr std::string_view kHashes("\0\2\0\3\0\4", 6);  // SHA-256, SHA-384, SHA-512
    payloads.push_back({kNotify, FormatNotify(kSignatureHashes, kHashes)});
    const Header header{.spi_i = spi_i_,
                        .spi_r = std::string(kSpiBytes, '\0'),
                        .next = FirstType(payloads),
                        .exchange = kSaInit,
                        .flags = kInitiator};
    const std::string chain = FormatPayloads(payloads);
    first_request_ = header.Format(chain.size()) + chain;
    progress_.Repeat(now, [this](Time) -> std::vector<Output> {
      return {{kPlain, first_request_}};
    });
  }

  void TakeFirst(const Message& message, std::string_view bytes, Time now) {
    const auto payloads = ParsePayloads(message.header.next, message.payloads);
    if (!payloads || message.header.exchange != kSaInit || message.header.id != 0 ||
        (message.header.flags & (kResponse | kInitiator)) != kResponse)
      return progress_.Malformed();
    progress_.Heard();
    for (const Notify& notify : Notifies(*payloads)) {
      if (notify.type == kCookie && !notify.data.empty() && notify.data.size() <= 64) {
        cookie_ = notify.data;
        return FirstAgain(now);
      }
      if (notify.type == kInvalidKe && notify.data.size() == 2)
        return TakeGroup(probe::BigEndian(notify.data, 0, 2), now);
      if (notify.type < kFirstStatus)
        return progress_.Fail(Reason::kHandshakeFailed,
                              "IKE_SA_INIT: notify " + std::to_string(notify.type));
    }
    AgreeOnKeys(*payloads, message.header.spi_r, bytes, now);
  }

  void FirstAgain(Time now) {
    if (++first_messages_ >= kMaxFirstMessages)
      return progress_.Fail(Reason::kHandshakeFailed, "IKE_SA_INIT goes round in circles");
    SendFirst(now);
  }

  void TakeGroup(uint64_t group, Time now) {
    for (const Suite& suite : credentials_.ike) {
      if (suite.group == group && GroupOf(suite) != group_) {
        group_ = GroupOf(suite);
        return FirstAgain(now);
      }
    }
    progress_.Fail(Reason::kHandshakeFailed, "it asks for a group that was not offered");
  }

  void AgreeOnKeys(const Payloads& payloads, const std::string& spi_r, std::string_view bytes,
                   Time now) {
    const Payload *sa = Find(payloads, kSa), *ke = Find(payloads, kKe),
                  *nonce = Find(payloads, kNonce);
    if (sa == nullptr || ke == nullptr || nonce == nullptr || nonce->body.size() < 16 ||
        nonce->body.size() > 256)
      return progress_.Malformed();
    const auto chosen = ReadSa(sa->body, kProtocolIke, 0, credentials_.ike);
    if (!chosen || GroupOf(chosen->suite) != group_)
      return progress_.Fail(Reason::kHandshakeFailed, "it chose what was not offered");
    const auto theirs = ReadKe(ke->body, chosen->suite.group);
    const auto shared = theirs ? exchange_->Shared(*theirs) : std::nullopt;
    if (!shared) return progress_.Fail(Reason::kMalformedAnswer, "its public value is none");
    spi_r_ = spi_r;
    first_response_ = bytes;
    keys_.emplace(KeyInput{.suite = chosen->suite,
                           .shared = *shared,
                           .nonce_i = nonce_i_,
                           .nonce_r = nonce->body,
                           .spi_i = spi_i_,
                           .spi_r = spi_r_});
    phase_ = Phase::kServer;
    SendIdentity(now);
  }

  std::string OurId() const {
    const std::string subject =
        credentials_.identity ? credentials_.identity->subject_der() : std::string();
    const bool by_user = credentials_.id.empty() && !credentials_.identity;
    return FormatId(by_user ? credentials_.user : credentials_.id, subject);
  }

  void SendIdentity(Time now) {
    Payloads payloads = {{kIdI, OurId()}};
    if (credentials_.identity) {
      for (const std::string& der : credentials_.identity->ders())
        payloads.push_back({kCert, static_cast<char>(kX509) + der});
    }
    payloads.push_back({kCertReq, static_cast<char>(kX509) + credentials_.anchors.KeyHashes()});
    payloads.push_back({kIdR, FormatId(credentials_.server_id, "")});
    if (credentials_.identity) {
      const std::string octets = keys_->SignedByInitiator(first_request_, OurId());
      payloads.push_back({kAuth, FormatSignature(*credentials_.identity, octets)});
    } else {
      eap_.emplace(credentials_.user, credentials_.password);
    }
    payloads.push_back({kConfig, FormatConfigRequest(round_trip_.address.v4())});
    payloads.push_back({kSa, FormatSa(kProtocolEsp, child_spi_, credentials_.esp)});
    payloads.push_back({kTsI, FormatTrafficSelectors()});
    payloads.push_back({kTsR, FormatTrafficSelectors()});
    Request(kIkeAuth, payloads, now);
  }

  void Request(uint8_t exchange, const Payloads& payloads, Time now) {
    const std::string sealed =
        keys_->Seal(exchange, ++request_id_, kInitiator, payloads, world_.random);
    const std::string packet = std::string(kNonEspMarker) + sealed;
    progress_.Repeat(now, [packet](Time) -> std::vector<Output> { return {{kNat, packet}}; });
  }

  // Something that the server asks: it gets an empty answer, and a deletion is the end.
  void AnswerRequest(const Message& message, std::string_view bytes) {
    const auto payloads = keys_->Open(bytes);
    if (!payloads) return progress_.Malformed();
    progress_.Send(
        kNat, std::string(kNonEspMarker) + keys_->Seal(message.header.exchange, message.header.id,
                                                       kInitiator | kResponse, {}, world_.random));
    const Payload* deleted = Find(*payloads, kDelete);
    if (deleted == nullptr) return;
    gone_ = !deleted->body.empty() && deleted->body[0] == static_cast<char>(kProtocolIke);
    progress_.Fail(progress_.established() ? Reason::kNoRoundTrip : Reason::kHandshakeFailed,
                   "the server deleted the SA");
  }

  void TakeSealed(const Message& message, std::string_view bytes, Time now) {
    if (message.header.id != request_id_ || answered_id_ == request_id_) return;  // again
    const auto payloads = keys_->Open(bytes);
    if (!payloads) return progress_.Malformed();
    answered_id_ = request_id_;
    progress_.Heard();
    progress_.Arrived();
    if (leaving_) {
      gone_ = true;
      return;
    }
    for (const Notify& notify : Notifies(*payloads))
      if (notify.type < kFirstStatus) return FailNotified(notify.type);
    switch (phase_) {
      case Phase::kServer:
        return TakeServer(*payloads, now);
      case Phase::kEap:
        return TakeEap(*payloads, now);
      case Phase::kLast:
        return TakeLast(*payloads, now);
      case Phase::kFirst:
      case Phase::kTunnel:
        return;
    }
  }

  void FailNotified(uint16_t type) {
    const std::string detail = "IKE_AUTH: notify " + std::to_string(type);
    switch (type) {
      case kAuthenticationFailed:
        gone_ = true;  // it has forgotten us with that
        return progress_.Fail(Reason::kAuthFailed, detail);
      case kAddressFailure:
      case kConfigRequired:
        return progress_.Fail(Reason::kNoAddress, detail);
      default:
        return progress_.Fail(Reason::kHandshakeFailed, detail);
    }
  }

  // Who the server is: its certificate, and its signature over what both sides said.
  bool CheckServer(const Payloads& payloads, Time now) {
    const Payload *id = Find(payloads, kIdR), *auth = Find(payloads, kAuth);
    if (id == nullptr || auth == nullptr) {
      progress_.Fail(Reason::kMalformedAnswer, "it does not say who it is");
      return false;
    }
    std::vector<std::string> ders;
    for (const Payload& payload : payloads) {
      if (payload.type == kCert && payload.body.starts_with(static_cast<char>(kX509)))
        ders.push_back(payload.body.substr(1));
    }
    const auto wall = std::chrono::nanoseconds(now) + world_.wall_ahead;
    const auto key = credentials_.anchors.Verify(
        ders, {.now_unix_s = std::chrono::duration_cast<std::chrono::seconds>(wall).count(),
               .name = credentials_.server_id});
    std::string why;
    if (!key) {
      why = key.error().message;
    } else if (id->body.empty() || id->body != FormatId(credentials_.server_id, "")) {
      why = "it calls itself otherwise";
    } else if (!CheckSignature(auth->body, *key,
                               keys_->SignedByResponder(first_response_, id->body))) {
      why = "its signature does not hold";
    }
    if (why.empty()) {
      server_id_body_ = id->body;
      return true;
    }
    const bool malformed = !key && key.error().code == ErrorCode::kMalformed;
    progress_.Fail(malformed ? Reason::kMalformedAnswer : Reason::kCertificateUntrusted, why);
    return false;
  }

  void TakeServer(const Payloads& payloads, Time now) {
    if (!CheckServer(payloads, now)) return;
    if (!eap_) return OpenTunnel(payloads, now);
    phase_ = Phase::kEap;
    TakeEap(payloads, now);
  }

  void TakeEap(const Payloads& payloads, Time now) {
    const Payload* packet = Find(payloads, kEap);
    if (packet == nullptr || ++eap_rounds_ > kMaxEapRounds)
      return progress_.Fail(Reason::kHandshakeFailed, "no EAP where it was due, or without end");
    const auto answer = eap_->Answer(packet->body, world_);
    if (eap_->refused())
      progress_.SilenceMeans(Reason::kAuthFailed, "the server refuses the password");
    if (answer) return Request(kIkeAuth, {{kEap, *answer}}, now);
    switch (eap_->state()) {
      case EapPeer::State::kSucceeded: {
        phase_ = Phase::kLast;
        const std::string octets = keys_->SignedByInitiator(first_request_, OurId());
        return Request(kIkeAuth, {{kAuth, FormatMic(keys_->suite(), eap_->Msk(), octets)}}, now);
      }
      case EapPeer::State::kRefused:
        gone_ = true;
        return progress_.Fail(Reason::kAuthFailed, "the server refuses the user or the password");
      case EapPeer::State::kImpostor:
        return progress_.Fail(Reason::kHandshakeFailed, "the server does not know the password");
      case EapPeer::State::kMalformed:
      case EapPeer::State::kGoingOn:
        return progress_.Fail(Reason::kMalformedAnswer, "EAP: malformed");
    }
  }

  void TakeLast(const Payloads& payloads, Time now) {
    const Payload* auth = Find(payloads, kAuth);
    const std::string octets = keys_->SignedByResponder(first_response_, server_id_body_);
    if (auth == nullptr || !CheckMic(auth->body, keys_->suite(), eap_->Msk(), octets))
      return progress_.Fail(Reason::kHandshakeFailed, "the server has not the keys of EAP");
    OpenTunnel(payloads, now);
  }

  void OpenTunnel(const Payloads& payloads, Time now) {
    const bool v4 = round_trip_.address.v4();
    const Payload *sa = Find(payloads, kSa), *config = Find(payloads, kConfig);
    const auto chosen = sa == nullptr
                            ? std::nullopt
                            : ReadSa(sa->body, kProtocolEsp, kEspSpiBytes, credentials_.esp);
    if (!chosen) return progress_.Fail(Reason::kHandshakeFailed, "no CHILD_SA that was offered");
    const auto source = config == nullptr ? std::nullopt : ReadConfigAddress(config->body, v4);
    progress_.Established(now);
    if (!source)
      return progress_.Fail(Reason::kNoAddress,
                            v4 ? "no IPv4 address was given" : "no IPv6 address was given");
    esp_.emplace(keys_->MakeEsp(chosen->suite, child_spi_, chosen->spi));
    request_.emplace(round_trip_, *source, world_);
    phase_ = Phase::kTunnel;
    progress_.Repeat(now, [this, v4](Time at) -> std::vector<Output> {
      progress_.RequestSent(at);
      return {{kNat, esp_->Seal({v4 ? kInnerV4 : kInnerV6, request_->packet()}, world_.random)}};
    });
  }

  void TakeEsp(std::string_view bytes, Time now) {
    if (!esp_) return;
    const auto packet = esp_->Open(bytes);
    if (packet && request_->IsAnswer(packet->payload)) progress_.Answered(now);
  }

  const Ikev2Credentials credentials_;
  const IpAddress server_;
  const uint16_t port_;
  const RoundTrip round_trip_;
  const World world_;
  std::string spi_i_, nonce_i_, child_spi_;
  std::string spi_r_, cookie_;
  crypto::Group group_;
  Phase phase_ = Phase::kFirst;
  bool leaving_ = false, gone_ = false;
  int first_messages_ = 0, eap_rounds_ = 0;
  uint32_t request_id_ = 0, answered_id_ = 0;
  std::string first_request_, first_response_, server_id_body_;
  std::optional<crypto::KeyExchange> exchange_;
  std::optional<IkeKeys> keys_;
  std::optional<EapPeer> eap_;
  std::optional<Esp> esp_;
  std::optional<InnerRequest> request_;
};

}  // namespace

std::unique_ptr<Attempt> Ikev2Attempt(const Ikev2Credentials& credentials, const IpAddress& server,
                                      uint16_t port, const RoundTrip& round_trip, World world) {
  return std::make_unique<Session>(credentials, server, port, round_trip, std::move(world));
}

}  // namespace lethe::prober
