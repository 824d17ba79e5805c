// The certificates that a server's has to come from, and whether it does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/mac.h"

namespace lethe::crypto {

struct ServerRules {
  int64_t now_unix_s = 0;
  std::string name;                 // a DNS name or an IP address of the certificate; empty: any
  bool needs_server_usage = false;  // extended key usage with "server"; else where it has one
};

// A public key out of a certificate that was verified.
class ServerKey {
 public:
  // RSA (PKCS #1 1.5) or ECDSA (r and s in DER). Never by MD5 or SHA-1.
  struct Signature {
    Hash hash = Hash::kSha256;
    std::string_view bytes;
  };
  bool Verify(const Signature& signature, std::string_view message) const;
  bool is_rsa() const;

  struct State;
  explicit ServerKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<const State> state_;
};

class TrustAnchors {
 public:
  // One or more certificates in PEM, roots or not. kMalformed.
  static Result<TrustAnchors> Read(const std::string& pem);

  // The key of the first certificate, where all holds: chain, dates, strength, usage, name.
  // kUntrusted with the reason; kMalformed for what is no certificate. `ders` is a stranger's.
  Result<ServerKey> Verify(const std::vector<std::string>& ders, const ServerRules& rules) const;

  struct State;  // OpenSSL's objects, for this folder
  const State& state() const { return *state_; }
  // SHA-1 of each anchor's public key information, one after another (RFC 7296 3.7).
  std::string KeyHashes() const;

 private:
  explicit TrustAnchors(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace lethe::crypto
