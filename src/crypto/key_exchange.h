// Diffie-Hellman in the groups of IKE. The secret number comes in, so that callers stay pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lethe::crypto {

// By their numbers in IKE (RFC 3526, RFC 5903, RFC 8031).
enum class Group : uint16_t { kModp2048 = 14, kEcp256 = 19, kEcp384 = 20, kCurve25519 = 31 };

class KeyExchange {
 public:
  static constexpr size_t kSecretBytes = 48;  // of random, for each group

  // Precondition: kSecretBytes of random.
  static KeyExchange Make(Group group, std::string_view random);

  Group group() const { return group_; }
  // As it stands in a KE payload: of curves x and y.
  const std::string& public_value() const { return public_; }
  // Nothing where theirs is no public value of the group, or a weak one.
  std::optional<std::string> Shared(std::string_view theirs) const;

 private:
  KeyExchange(Group group, std::string secret) : group_(group), secret_(std::move(secret)) {}
  Group group_;
  std::string secret_;  // a number, big-endian
  std::string public_;
};

}  // namespace lethe::crypto
