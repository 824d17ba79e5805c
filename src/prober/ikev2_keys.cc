#include "prober/ikev2_keys.h"

#include "probe/bytes.h"
#include "prober/ikev2_payloads.h"

namespace lethe::prober::ike {

struct IkeKeys::Split {
  std::string d, ai, ar, ei, er, pi, pr;

  explicit Split(const KeyInput& input) {
    const Suite& suite = input.suite;
    const std::string nonces = input.nonce_i + input.nonce_r;
    const std::string seed = Prf(suite, nonces, input.shared);
    const size_t prf = crypto::HashBytes(PrfHash(suite));
    const size_t integrity = IntegrityKeyBytes(suite), encryption = EncryptionKeyBytes(suite);
    const std::string all = PrfPlus(suite, seed, nonces + input.spi_i + input.spi_r,
                                    3 * prf + 2 * integrity + 2 * encryption);
    size_t at = 0;
    const auto take = [&](size_t bytes) {
      at += bytes;
      return all.substr(at - bytes, bytes);
    };
    d = take(prf);
    ai = take(integrity);
    ar = take(integrity);
    ei = take(encryption);
    er = take(encryption);
    pi = take(prf);
    pr = take(prf);
  }
};

IkeKeys::IkeKeys(const KeyInput& input) : IkeKeys(input, Split(input)) {}

IkeKeys::IkeKeys(const KeyInput& input, const Split& keys)
    : input_(input),
      derive_(keys.d),
      sign_i_(keys.pi),
      sign_r_(keys.pr),
      out_(input.suite, keys.ei, keys.ai),
      in_(input.suite, keys.er, keys.ar) {}

std::string IkeKeys::Seal(uint8_t exchange, uint32_t id, uint8_t flags, const Payloads& payloads,
                          const std::function<std::string(size_t)>& random) {
  std::string text = FormatPayloads(payloads);
  const size_t block = out_.block_bytes(), padding = (block - (text.size() + 1) % block) % block;
  text.append(padding, '\0');
  text += static_cast<char>(padding);
  const size_t sealed = out_.iv_bytes() + text.size() + out_.check_bytes();
  const Header header{.spi_i = input_.spi_i,
                      .spi_r = input_.spi_r,
                      .next = kEncrypted,
                      .exchange = exchange,
                      .flags = flags,
                      .id = id};
  std::string head = header.Format(4 + sealed);
  probe::AppendBigEndian(head, FirstType(payloads), 1);
  probe::AppendBigEndian(head, 0, 1);
  probe::AppendBigEndian(head, 4 + sealed, 2);
  return head + out_.Seal(head, text, random);
}

std::optional<Payloads> IkeKeys::Open(std::string_view bytes) const {
  const auto message = Message::Parse(bytes);
  if (!message || message->header.next != kEncrypted || message->payloads.size() < 4) return {};
  if (probe::BigEndian(message->payloads, 2, 2) != message->payloads.size()) return {};
  const auto first = static_cast<uint8_t>(message->payloads[0]);
  auto text = in_.Open(bytes.substr(0, kHeaderBytes + 4), message->payloads.substr(4));
  if (!text || text->empty()) return {};
  const size_t padding = static_cast<uint8_t>(text->back());
  if (padding + 1 > text->size()) return {};
  text->resize(text->size() - 1 - padding);
  return ParsePayloads(first, *text);
}

std::string IkeKeys::SignedByInitiator(std::string_view first_message,
                                       std::string_view id_body) const {
  return std::string(first_message) + input_.nonce_r + Prf(input_.suite, sign_i_, id_body);
}

std::string IkeKeys::SignedByResponder(std::string_view first_message,
                                       std::string_view id_body) const {
  return std::string(first_message) + input_.nonce_i + Prf(input_.suite, sign_r_, id_body);
}

Esp IkeKeys::MakeEsp(const Suite& suite, const std::string& our_spi,
                     const std::string& their_spi) const {
  const size_t encryption = EncryptionKeyBytes(suite), integrity = IntegrityKeyBytes(suite);
  const size_t each = encryption + integrity;
  const std::string all = PrfPlus(input_.suite, derive_, input_.nonce_i + input_.nonce_r, 2 * each);
  return Esp(
      {their_spi, Cipher(suite, all.substr(0, encryption), all.substr(encryption, integrity))},
      {our_spi,
       Cipher(suite, all.substr(each, encryption), all.substr(each + encryption, integrity))});
}

}  // namespace lethe::prober::ike
