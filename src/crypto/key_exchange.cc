#include "crypto/key_exchange.h"

#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include <algorithm>

#include "crypto/openssl.h"
#include "crypto/x25519.h"

namespace lethe::crypto {
namespace {

using NumberContext = Owned<BN_CTX, BN_CTX_free>;

constexpr int kModpBytes = 256;

X25519Key KeyOf(std::string_view bytes) {
  X25519Key key;
  std::copy_n(bytes.begin(), key.size(), key.begin());
  return key;
}
std::string TextOf(const X25519Key& key) { return {key.begin(), key.end()}; }

// base ^ secret mod p.
std::string Power(const BIGNUM* base, const std::string& secret) {
  const Number prime(BN_get_rfc3526_prime_2048(nullptr)), exponent = ReadNumber(secret);
  const Number result(BN_new());
  const NumberContext context(BN_CTX_new());
  LETHE_ASSERT(BN_mod_exp_mont_consttime(result.get(), base, exponent.get(), prime.get(),
                                         context.get(), nullptr) == 1);
  std::string out(kModpBytes, '\0');
  LETHE_ASSERT(BN_bn2binpad(result.get(), Unsigned(out), kModpBytes) == kModpBytes);
  return out;
}

std::optional<std::string> ModpShared(const std::string& secret, std::string_view theirs) {
  if (theirs.size() != kModpBytes) return {};
  const Number base = ReadNumber(theirs), prime(BN_get_rfc3526_prime_2048(nullptr));
  // 0, 1 and p-1 generate nothing.
  LETHE_ASSERT(BN_sub_word(prime.get(), 1) == 1);
  if (BN_cmp(base.get(), BN_value_one()) <= 0 || BN_cmp(base.get(), prime.get()) >= 0) return {};
  return Power(base.get(), secret);
}

Curve CurveOf(Group group) {
  Curve out(
      EC_GROUP_new_by_curve_name(group == Group::kEcp256 ? NID_X9_62_prime256v1 : NID_secp384r1));
  LETHE_ASSERT(out != nullptr);
  return out;
}

// x and y, without the byte that says so.
std::string Coordinates(const EC_GROUP* curve, const EC_POINT* point) {
  const size_t size =
      EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED, nullptr, 0, nullptr);
  std::string out(size, '\0');
  LETHE_ASSERT(size > 1 && EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED,
                                              Unsigned(out), size, nullptr) == size);
  return out.substr(1);
}

std::string CurvePublic(Group group, const std::string& secret) {
  const Curve curve = CurveOf(group);
  const Point point(EC_POINT_new(curve.get()));
  const Number number = ReadNumber(secret);
  LETHE_ASSERT(point != nullptr && EC_POINT_mul(curve.get(), point.get(), number.get(), nullptr,
                                                nullptr, nullptr) == 1);
  return Coordinates(curve.get(), point.get());
}

// The x of the common point, RFC 5903 section 7.
std::optional<std::string> CurveShared(Group group, const std::string& secret,
                                       std::string_view theirs) {
  const size_t half = group == Group::kEcp256 ? 32 : 48;
  if (theirs.size() != 2 * half) return {};
  const Curve curve = CurveOf(group);
  const Point point(EC_POINT_new(curve.get())), result(EC_POINT_new(curve.get()));
  const std::string encoded = "\x04" + std::string(theirs);
  const bool on_curve =
      EC_POINT_oct2point(curve.get(), point.get(), Unsigned(encoded), encoded.size(), nullptr) == 1;
  ERR_clear_error();
  if (!on_curve) return {};
  const Number number = ReadNumber(secret);
  LETHE_ASSERT(
      EC_POINT_mul(curve.get(), result.get(), nullptr, point.get(), number.get(), nullptr) == 1);
  if (EC_POINT_is_at_infinity(curve.get(), result.get()) == 1) return {};
  return Coordinates(curve.get(), result.get()).substr(0, half);
}

}  // namespace

KeyExchange KeyExchange::Make(Group group, std::string_view random) {
  LETHE_ASSERT(random.size() == kSecretBytes);
  // Below the order of its curve: the order's first bytes are ff, ours is not.
  const size_t size = group == Group::kEcp384 || group == Group::kModp2048 ? kSecretBytes : 32;
  KeyExchange out(group, std::string(random.substr(0, size)));
  if (group != Group::kCurve25519)
    out.secret_[0] = static_cast<char>((out.secret_[0] & 0x7f) | 0x40);
  switch (group) {
    case Group::kCurve25519:
      out.public_ = TextOf(X25519PublicKey(KeyOf(out.secret_)));
      break;
    case Group::kEcp256:
    case Group::kEcp384:
      out.public_ = CurvePublic(group, out.secret_);
      break;
    case Group::kModp2048: {
      const Number two = ReadNumber("\x02");
      out.public_ = Power(two.get(), out.secret_);
      break;
    }
  }
  return out;
}

std::optional<std::string> KeyExchange::Shared(std::string_view theirs) const {
  switch (group_) {
    case Group::kCurve25519: {
      if (theirs.size() != X25519Key{}.size()) return {};
      const auto shared = X25519(KeyOf(secret_), KeyOf(theirs));
      if (!shared) return {};
      return TextOf(*shared);
    }
    case Group::kEcp256:
    case Group::kEcp384:
      return CurveShared(group_, secret_, theirs);
    case Group::kModp2048:
      break;
  }
  return ModpShared(secret_, theirs);
}

}  // namespace lethe::crypto
