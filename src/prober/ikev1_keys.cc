#include "prober/ikev1_keys.h"

#include <utility>

#include "crypto/block_cipher.h"
#include "probe/bytes.h"
#include "prober/ikev1_payloads.h"

namespace lethe::prober::ike {
namespace {

constexpr size_t kBlock = crypto::kAesBlockBytes;
constexpr uint8_t kFlagEncrypted = 1;
constexpr char kProtocolEspByte = 3;

}  // namespace

Phase1Keys::Phase1Keys(Phase1Input input) : input_(std::move(input)) {
  const Suite& suite = input_.suite;
  const std::string cookies = input_.cookie_i + input_.cookie_r;
  root_ = Prf(suite, input_.psk, input_.nonce_i + input_.nonce_r);
  derive_ = Prf(suite, root_, input_.shared + cookies + std::string(1, '\0'));
  authenticate_ = Prf(suite, root_, derive_ + input_.shared + cookies + "\1");
  encrypt_ = Prf(suite, root_, authenticate_ + input_.shared + cookies + "\2");
  const size_t wanted = EncryptionKeyBytes(suite);
  if (encrypt_.size() < wanted) {  // appendix B: a longer key than the hash
    std::string last = Prf(suite, encrypt_, std::string(1, '\0')), all = last;
    while (all.size() < wanted) all += last = Prf(suite, encrypt_, last);
    encrypt_ = all;
  }
  encrypt_.resize(wanted);
}

std::string Phase1Keys::HashI(std::string_view id_body) const {
  return Prf(input_.suite, root_,
             input_.public_i + input_.public_r + input_.cookie_i + input_.cookie_r +
                 input_.sa_body + std::string(id_body));
}

std::string Phase1Keys::HashR(std::string_view id_body) const {
  return Prf(input_.suite, root_,
             input_.public_r + input_.public_i + input_.cookie_r + input_.cookie_i +
                 input_.sa_body + std::string(id_body));
}

std::string Phase1Keys::Phase2Hash(std::string_view data) const {
  return Prf(input_.suite, authenticate_, data);
}

std::string Phase1Keys::FirstIv() const {
  return crypto::Digest(PrfHash(input_.suite), input_.public_i + input_.public_r).substr(0, kBlock);
}

std::string Phase1Keys::IvOf(uint32_t id, std::string_view last_block) const {
  std::string data(last_block);
  probe::AppendBigEndian(data, id, 4);
  return crypto::Digest(PrfHash(input_.suite), data).substr(0, kBlock);
}

std::string Phase1Keys::Seal(uint8_t exchange, uint32_t id, const Payloads& payloads,
                             std::string& iv) const {
  std::string text = FormatPayloads(payloads);
  text.resize((text.size() + kBlock - 1) / kBlock * kBlock, '\0');
  const std::string sealed = crypto::AesCbcEncrypt(encrypt_, iv, text);
  iv = sealed.substr(sealed.size() - kBlock);
  const Header header{.spi_i = input_.cookie_i,
                      .spi_r = input_.cookie_r,
                      .next = FirstType(payloads),
                      .version = kVersion1,
                      .exchange = exchange,
                      .flags = kFlagEncrypted,
                      .id = id};
  return header.Format(sealed.size()) + sealed;
}

std::optional<Phase1Keys::Opened> Phase1Keys::Open(const Message& message, std::string& iv) const {
  if ((message.header.flags & kFlagEncrypted) == 0 || message.payloads.empty()) return {};
  const auto text = crypto::AesCbcDecrypt(encrypt_, iv, message.payloads);
  if (!text) return {};
  size_t size = 0;
  auto payloads = ParsePadded(message.header.next, *text, size);
  if (!payloads) return {};
  iv = message.payloads.substr(message.payloads.size() - kBlock);
  return Opened{std::move(*payloads), text->substr(0, size)};
}

std::string Phase1Keys::KeysFor(const Suite& suite, const std::string& spi,
                                const std::string& nonces) const {
  const std::string seed = kProtocolEspByte + spi + nonces;
  std::string last, out;
  while (out.size() < EncryptionKeyBytes(suite) + IntegrityKeyBytes(suite)) {
    last = Prf(input_.suite, derive_, last + seed);
    out += last;
  }
  return out;
}

Esp Phase1Keys::MakeEsp(const Suite& suite, const std::string& our_spi,
                        const std::string& their_spi, const std::string& nonces) const {
  const size_t encryption = EncryptionKeyBytes(suite), integrity = IntegrityKeyBytes(suite);
  const auto direction = [&](const std::string& spi) {
    const std::string keys = KeysFor(suite, spi, nonces);
    return EspDirection{
        spi, Cipher(suite, keys.substr(0, encryption), keys.substr(encryption, integrity))};
  };
  return Esp(direction(their_spi), direction(our_spi));
}

}  // namespace lethe::prober::ike
