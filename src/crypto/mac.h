// HMAC (RFC 2104) with the hashes of VPN protocols, and the hashes themselves, by OpenSSL. MD5 and
// SHA-1 are here for protocols that have nothing else.
#pragma once

#include <string>
#include <string_view>

namespace lethe::crypto {

enum class Hash { kMd5, kSha1, kSha256, kSha384, kSha512 };

size_t HashBytes(Hash hash);
std::string Digest(Hash hash, std::string_view data);
std::string Hmac(Hash hash, std::string_view key, std::string_view data);

}  // namespace lethe::crypto
