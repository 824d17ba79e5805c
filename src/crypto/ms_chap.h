// MS-CHAP version 2 (RFC 2759) and the keys that come out of it (RFC 3079): how a user with a
// password is known to EAP and to PPP. Weak by today's measure; here it runs inside IKE.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lethe::crypto {

// RFC 1320
std::string Md4(std::string_view data);

inline constexpr size_t kMsChapChallengeBytes = 16;

struct MsChapInput {
  std::string user;
  std::string password;                 // UTF-8
  std::string authenticator_challenge;  // kMsChapChallengeBytes each
  std::string peer_challenge;
};

class MsChap {
 public:
  // Nothing where the password is not UTF-8 or a challenge has another length.
  static std::optional<MsChap> Make(const MsChapInput& input);

  // 24 bytes, RFC 2759 8.1.
  const std::string& nt_response() const { return nt_response_; }
  // "S=" and 40 digits: what a server says that knows the password, RFC 2759 8.7.
  const std::string& authenticator_response() const { return authenticator_response_; }
  // 32 bytes: the server's receive key and send key (RFC 3079 3.3), which EAP's MSK begins with.
  const std::string& session_keys() const { return session_keys_; }

 private:
  MsChap() = default;
  std::string nt_response_, authenticator_response_, session_keys_;
};

}  // namespace lethe::crypto
