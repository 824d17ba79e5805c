#include "crypto/ecdsa.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "crypto/openssl.h"

namespace lethe::crypto {
namespace {

using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Signature = Owned<ECDSA_SIG, ECDSA_SIG_free>;
using Builder = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = Owned<OSSL_PARAM, OSSL_PARAM_free>;

const EC_GROUP* P256() {
  static const Curve group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  LETHE_ASSERT(group != nullptr);
  return group.get();
}

bool IsScalar(const BIGNUM* number) {
  return BN_is_zero(number) == 0 && BN_is_negative(number) == 0 &&
         BN_cmp(number, EC_GROUP_get0_order(P256())) < 0;
}

// The key of OpenSSL for a point that was checked; with the secret number where there is one.
Key MakeKey(std::string_view point, const BIGNUM* secret) {
  const Builder builder(OSSL_PARAM_BLD_new());
  LETHE_ASSERT(
      builder != nullptr &&
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) == 1);
  LETHE_ASSERT(secret == nullptr ||
               OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1);
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  LETHE_ASSERT(parameters != nullptr && context != nullptr &&
               EVP_PKEY_fromdata_init(context.get()) == 1 &&
               EVP_PKEY_fromdata(context.get(), &key,
                                 secret == nullptr ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR,
                                 parameters.get()) == 1);
  return Key(key);
}

std::string EncodeDer(const ECDSA_SIG* signature) { return ToDer(signature, i2d_ECDSA_SIG); }

// Nothing unless it is DER, to the last byte.
Signature DecodeDer(std::string_view der) {
  const unsigned char* at = Unsigned(der);
  Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (signature == nullptr || EncodeDer(signature.get()) != der) return nullptr;
  return signature;
}

bool Verify(std::string_view point, const ECDSA_SIG* signature, std::string_view message) {
  if (!IsP256Point(point) || !IsScalar(ECDSA_SIG_get0_r(signature)) ||
      !IsScalar(ECDSA_SIG_get0_s(signature))) {
    return false;
  }
  const Key key = MakeKey(point, nullptr);
  const Digester context(EVP_MD_CTX_new());
  LETHE_ASSERT(context != nullptr &&
               EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
  const std::string der = EncodeDer(signature);
  const bool good = EVP_DigestVerify(context.get(), Unsigned(std::string_view(der)), der.size(),
                                     Unsigned(message), message.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace

bool IsP256Point(std::string_view point) {
  if (point.size() != kP256PointBytes || point[0] != POINT_CONVERSION_UNCOMPRESSED) return false;
  const Point decoded(EC_POINT_new(P256()));
  LETHE_ASSERT(decoded != nullptr);
  // Checks the equation of the curve, and that both coordinates are below the field's prime.
  const bool good =
      EC_POINT_oct2point(P256(), decoded.get(), Unsigned(point), point.size(), nullptr) == 1;
  ERR_clear_error();
  return good;
}

bool VerifyEcdsaP256(const EcdsaSignature& signature, std::string_view message) {
  if (signature.raw.size() != kP256SignatureBytes) return false;
  Number r = ReadNumber(signature.raw.substr(0, kP256ScalarBytes));
  Number s = ReadNumber(signature.raw.substr(kP256ScalarBytes));
  const Signature parsed(ECDSA_SIG_new());
  LETHE_ASSERT(parsed != nullptr && ECDSA_SIG_set0(parsed.get(), r.get(), s.get()) == 1);
  (void)r.release();
  (void)s.release();
  return Verify(signature.point, parsed.get(), message);
}

bool VerifyEcdsaP256Der(const EcdsaSignature& signature, std::string_view message) {
  constexpr size_t kMaxDerBytes = 80;
  if (signature.raw.size() > kMaxDerBytes) return false;
  const Signature parsed = DecodeDer(signature.raw);
  return parsed != nullptr && Verify(signature.point, parsed.get(), message);
}

std::optional<EcdsaP256Key> EcdsaP256Key::FromScalar(std::string_view scalar) {
  if (scalar.size() != kP256ScalarBytes) return std::nullopt;
  const Number secret = ReadNumber(scalar);
  if (!IsScalar(secret.get())) return std::nullopt;
  const Point point(EC_POINT_new(P256()));
  std::string encoded(kP256PointBytes, '\0');
  LETHE_ASSERT(point != nullptr &&
               EC_POINT_mul(P256(), point.get(), secret.get(), nullptr, nullptr, nullptr) == 1 &&
               EC_POINT_point2oct(P256(), point.get(), POINT_CONVERSION_UNCOMPRESSED,
                                  Unsigned(encoded), encoded.size(), nullptr) == encoded.size());
  return EcdsaP256Key(std::string(scalar), std::move(encoded));
}

std::string EcdsaP256Key::SignDer(std::string_view message) const {
  const Number secret = ReadNumber(scalar_);
  const Key key = MakeKey(point_, secret.get());
  return SignWith(key.get(), EVP_sha256(), message);
}

std::string EcdsaP256Key::Sign(std::string_view message) const {
  const Signature signature = DecodeDer(SignDer(message));
  LETHE_ASSERT(signature != nullptr);
  std::string raw(kP256SignatureBytes, '\0');
  constexpr int kBytes = static_cast<int>(kP256ScalarBytes);
  LETHE_ASSERT(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), Unsigned(raw), kBytes) == kBytes &&
               BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), Unsigned(raw) + kBytes, kBytes) ==
                   kBytes);
  return raw;
}

}  // namespace lethe::crypto
