#include "prober/ikev1.h"

#include <utility>

#include "probe/bytes.h"
#include "prober/ikev1_payloads.h"

namespace lethe::prober::ike {
namespace {

constexpr size_t kNonceBytes = 32;
constexpr uint8_t kUdp = 17;
constexpr uint16_t kL2tpPort = 1701;
constexpr uint16_t kFirstStatus1 = 16384;
// RFC 3947 3.1
constexpr std::string_view kNatVendor{
    "\x4a\x13\x1c\x81\x07\x03\x58\x45\x5c\x57\x28\xf2\x0e\x95\x45\x2f", 16};

// Where we seem to be, behind the NAT: nobody's (RFC 5737, RFC 3849).
IpAddress Behind(const IpAddress& server) {
  return *IpAddress::Parse(server.v4() ? "192.0.2.1" : "2001:db8::1");
}

std::string FourBytes(uint32_t value) {
  std::string out;
  probe::AppendBigEndian(out, value, 4);
  return out;
}

}  // namespace

Ikev1::Ikev1(Ikev1Options options, const World& world)
    : options_(std::move(options)), world_(world) {
  cookie_i_ = world_.random(kSpiBytes);
  cookie_i_[0] = static_cast<char>(cookie_i_[0] | 1);
  cookie_r_ = std::string(kSpiBytes, '\0');
  sa_body_ = FormatSa1("", options_.ike);
  message_ = Plain({{kSa1, sa_body_}, {kVendor1, std::string(kNatVendor)}});
}

std::string Ikev1::Plain(const Payloads& payloads) const {
  const std::string chain = FormatPayloads(payloads);
  const Header header{.spi_i = cookie_i_,
                      .spi_r = cookie_r_,
                      .next = FirstType(payloads),
                      .version = kVersion1,
                      .exchange = kMainMode};
  return header.Format(chain.size()) + chain;
}

std::string Ikev1::NatHash(const IpAddress& address, uint16_t port) const {
  std::string data = cookie_i_ + cookie_r_ + address.bytes;
  probe::AppendBigEndian(data, port, 2);
  return crypto::Digest(PrfHash(suite_), data);
}

Ikev1::Taken Ikev1::Fail(Reason reason, std::string detail) {
  verdict_ = {.reason = reason, .detail = std::move(detail)};
  return Taken::kFailed;
}

Ikev1::Taken Ikev1::Take(std::string_view bytes) {
  const auto message = Message::Parse(bytes);
  if (!message || message->header.version != kVersion1 || message->header.spi_i != cookie_i_)
    return Taken::kMalformed;
  if (phase_ != Phase::kSa && message->header.spi_r != cookie_r_) return Taken::kMalformed;
  const Header& header = message->header;
  if (header.exchange == kInformational1) return TakeInformational(*message);
  if (header.exchange == kQuickMode)
    return phase_ == Phase::kQuick && header.id == quick_id_ ? TakeQuick(*message)
                                                             : Taken::kNothing;
  if (header.exchange != kMainMode || header.id != 0) return Taken::kMalformed;
  if (phase_ == Phase::kProof) return TakeProof(*message);
  if (phase_ > Phase::kProof || (header.flags & 1) != 0) return Taken::kNothing;
  const auto payloads = ParsePayloads(header.next, message->payloads);
  if (!payloads) return Taken::kMalformed;
  if (phase_ == Phase::kKeys) return TakeKeys(*payloads);
  cookie_r_ = header.spi_r;
  return TakeSa(*payloads);
}

Ikev1::Taken Ikev1::TakeSa(const Payloads& payloads) {
  const Payload* sa = Find(payloads, kSa1);
  const auto chosen = sa == nullptr ? std::nullopt : ReadSa1(sa->body, 0, options_.ike);
  if (!chosen) return Fail(Reason::kHandshakeFailed, "it chose what was not offered");
  bool traversal = false;
  for (const Payload& payload : payloads)
    traversal = traversal || (payload.type == kVendor1 && payload.body == kNatVendor);
  if (!traversal) return Fail(Reason::kHandshakeFailed, "it knows no NAT traversal");
  suite_ = chosen->suite;
  exchange_.emplace(
      crypto::KeyExchange::Make(GroupOf(suite_), world_.random(crypto::KeyExchange::kSecretBytes)));
  nonce_ = world_.random(kNonceBytes);
  message_ = Plain({{kKe1, exchange_->public_value()},
                    {kNonce1, nonce_},
                    {kNatD1, NatHash(options_.server, options_.port)},
                    {kNatD1, NatHash(Behind(options_.server), 0)}});
  phase_ = Phase::kKeys;
  return Taken::kAdvanced;
}

Ikev1::Taken Ikev1::TakeKeys(const Payloads& payloads) {
  const Payload *ke = Find(payloads, kKe1), *nonce = Find(payloads, kNonce1);
  if (ke == nullptr || nonce == nullptr) return Taken::kNothing;  // the message before, again
  const auto shared = exchange_->Shared(ke->body);
  if (!shared || nonce->body.size() < 8 || nonce->body.size() > 256)
    return Fail(Reason::kMalformedAnswer, "its public value or its nonce is none");
  keys_.emplace(Phase1Input{.suite = suite_,
                            .psk = options_.psk,
                            .shared = *shared,
                            .public_i = exchange_->public_value(),
                            .public_r = ke->body,
                            .nonce_i = nonce_,
                            .nonce_r = nonce->body,
                            .cookie_i = cookie_i_,
                            .cookie_r = cookie_r_,
                            .sa_body = sa_body_});
  iv_ = keys_->FirstIv();
  const std::string id = FormatId1(Behind(options_.server), 0, 0);
  message_ = keys_->Seal(kMainMode, 0, {{kId1, id}, {kHash1, keys_->HashI(id)}}, iv_);
  phase_ = Phase::kProof;
  return Taken::kAdvanced;
}

Ikev1::Taken Ikev1::TakeProof(const Message& message) {
  if ((message.header.flags & 1) == 0) return Taken::kNothing;  // the message before, again
  std::string iv = iv_;
  const auto opened = keys_->Open(message, iv);
  const Payload* id = opened ? Find(opened->payloads, kId1) : nullptr;
  const Payload* hash = opened ? Find(opened->payloads, kHash1) : nullptr;
  if (id == nullptr || hash == nullptr || hash->body != keys_->HashR(id->body))
    return Fail(Reason::kAuthFailed, "the server has another preshared key");
  last_block_ = iv;
  StartQuick();
  return Taken::kAdvanced;
}

std::string Ikev1::Quick(const Payloads& payloads, const std::string& before) {
  Payloads all = {{kHash1, keys_->Phase2Hash(before + FormatPayloads(payloads))}};
  all.insert(all.end(), payloads.begin(), payloads.end());
  return keys_->Seal(kQuickMode, quick_id_, all, iv_);
}

void Ikev1::StartQuick() {
  phase_ = Phase::kQuick;
  quick_id_ = static_cast<uint32_t>(probe::BigEndian(world_.random(4), 0, 4)) | 1;
  iv_ = keys_->IvOf(quick_id_, last_block_);
  quick_nonce_ = world_.random(kNonceBytes);
  our_spi_ = world_.random(kEspSpiBytes);
  our_spi_[0] = static_cast<char>(our_spi_[0] | 0x40);
  const IpAddress behind = Behind(options_.server);
  message_ = Quick({{kSa1, FormatSa1(our_spi_, options_.esp)},
                    {kNonce1, quick_nonce_},
                    {kId1, FormatId1(behind, kUdp, kL2tpPort)},
                    {kId1, FormatId1(options_.server, kUdp, kL2tpPort)},
                    {kNatOa1, FormatNatOa(behind)},
                    {kNatOa1, FormatNatOa(options_.server)}},
                   FourBytes(quick_id_));
}

Ikev1::Taken Ikev1::TakeQuick(const Message& message) {
  std::string iv = iv_;
  const auto opened = keys_->Open(message, iv);
  if (!opened || opened->payloads.empty() || opened->payloads[0].type != kHash1)
    return Taken::kMalformed;
  // HASH(2) is over what follows it.
  const std::string rest = opened->chain.substr(4 + opened->payloads[0].body.size());
  if (opened->payloads[0].body != keys_->Phase2Hash(FourBytes(quick_id_) + quick_nonce_ + rest))
    return Taken::kMalformed;
  const Payload *sa = Find(opened->payloads, kSa1), *nonce = Find(opened->payloads, kNonce1);
  const auto chosen = sa == nullptr ? std::nullopt : ReadSa1(sa->body, kEspSpiBytes, options_.esp);
  if (!chosen || nonce == nullptr) return Fail(Reason::kHandshakeFailed, "no ESP that was offered");
  iv_ = iv;
  their_spi_ = chosen->spi;
  esp_suite_ = chosen->suite;
  quick_nonces_ = quick_nonce_ + nonce->body;
  const std::string third =
      keys_->Phase2Hash(std::string(1, '\0') + FourBytes(quick_id_) + quick_nonces_);
  message_ = keys_->Seal(kQuickMode, quick_id_, {{kHash1, third}}, iv_);
  phase_ = Phase::kDone;
  return Taken::kDone;
}

// Notifications and deletions. In clear before there are keys; with other keys than ours where the
// preshared key is another.
Ikev1::Taken Ikev1::TakeInformational(const Message& message) {
  if (phase_ == Phase::kProof)
    return Fail(Reason::kAuthFailed, "the server does not take the preshared key");
  std::optional<Payloads> payloads;
  if (!keys_) {
    payloads = ParsePayloads(message.header.next, message.payloads);
  } else {
    std::string iv = keys_->IvOf(message.header.id, last_block_);
    const auto opened = keys_->Open(message, iv);
    if (!opened || opened->payloads.empty() || opened->payloads[0].type != kHash1)
      return Taken::kMalformed;
    const std::string rest = opened->chain.substr(4 + opened->payloads[0].body.size());
    if (opened->payloads[0].body != keys_->Phase2Hash(FourBytes(message.header.id) + rest))
      return Taken::kMalformed;
    payloads = opened->payloads;
  }
  if (!payloads) return Taken::kMalformed;
  if (Find(*payloads, kDelete1) != nullptr)
    return Fail(Reason::kHandshakeFailed, "the server deleted the SA");
  const Payload* notify = Find(*payloads, kNotify1);
  const uint16_t type = notify == nullptr ? uint16_t{0} : NotifyType1(notify->body);
  if (type == 0 || type >= kFirstStatus1) return Taken::kNothing;
  return Fail(Reason::kHandshakeFailed, "IKE: notify " + std::to_string(type));
}

Esp Ikev1::MakeEsp() const {
  return keys_->MakeEsp(esp_suite_, our_spi_, their_spi_, quick_nonces_);
}

std::vector<std::string> Ikev1::Deletions() {
  if (last_block_.empty()) return {};
  std::vector<std::string> spis = {cookie_i_ + cookie_r_};
  if (phase_ == Phase::kDone) spis.insert(spis.begin(), our_spi_);
  std::vector<std::string> out;
  for (const std::string& spi : spis) {
    const auto id = static_cast<uint32_t>(probe::BigEndian(world_.random(4), 0, 4)) | 1;
    std::string iv = keys_->IvOf(id, last_block_);
    const Payloads body = {{kDelete1, FormatDelete1(spi)}};
    const std::string hash = keys_->Phase2Hash(FourBytes(id) + FormatPayloads(body));
    out.push_back(keys_->Seal(kInformational1, id, {{kHash1, hash}, body[0]}, iv));
  }
  return out;
}

}  // namespace lethe::prober::ike
