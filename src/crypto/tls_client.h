// A TLS client (1.2, 1.3) without a socket: bytes of the other side in, bytes for it out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/identity.h"
#include "crypto/trust_anchors.h"

namespace lethe::crypto {

struct TlsClientOptions {
  TrustAnchors anchors;
  std::optional<Identity> identity;
  ServerRules rules;
};

enum class TlsFailure {
  kNone,
  kUntrusted,    // the server's certificate
  kNotAccepted,  // the server says so of ours
  kAlert,        // the server ended it for another reason
  kProtocol,     // what came is not TLS, or offers nothing that we take
};

class TlsClient {
 public:
  // kMalformed where OpenSSL refuses the identity (a key that is too short).
  static Result<TlsClient> Create(const TlsClientOptions& options);
  TlsClient(TlsClient&&) noexcept;
  TlsClient& operator=(TlsClient&&) noexcept;
  ~TlsClient();

  // Takes what came and goes on: the handshake, then data. Call it once with nothing to begin.
  void Feed(std::string_view bytes);
  std::string TakeOutput();  // for the other side
  bool established() const;
  // Plain text that came; at most kMaxPlainBytes wait, more is kProtocol.
  std::string TakePlain();
  // Precondition: established.
  void Write(std::string_view plain);
  // RFC 5705, without context. Precondition: established.
  std::string Export(std::string_view label, size_t bytes) const;

  TlsFailure failure() const;
  const std::string& why() const;  // in OpenSSL's words; nothing of the other side's text

  static constexpr size_t kMaxPlainBytes = 1 << 20;

 private:
  struct State;
  explicit TlsClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lethe::crypto
