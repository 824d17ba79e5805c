// A certificate with its private key: who we are to a server.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "crypto/mac.h"

namespace lethe::crypto {

inline constexpr size_t kMaxCertificates = 16;  // of one file

class Identity {
 public:
  // PEM; further certificates behind the first are sent with it. kMalformed: one of them is not PEM
  // of its kind, the key is neither RSA nor ECDSA, it has a passphrase, or it is another
  // certificate's. Messages say nothing of the key.
  static Result<Identity> Read(const std::string& certificates, const std::string& private_key);

  const std::vector<std::string>& ders() const;  // the certificate, then the further ones
  const std::string& subject_der() const;
  // The algorithm of Sign in DER, as RFC 7427 wants it in front of the signature.
  std::string SignatureAlgorithm() const;
  // RSA: PKCS #1 1.5; ECDSA: r and s in DER. With SHA-256 or, for longer curves, SHA-384 or
  // SHA-512.
  std::string Sign(std::string_view message) const;

  struct State;  // OpenSSL's objects, for this folder
  const State& state() const { return *state_; }

 private:
  explicit Identity(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace lethe::crypto
