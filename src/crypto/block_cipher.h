// AES in CBC mode without padding (IPsec brings its own), and one block of DES, which MS-CHAP is
// made of; by OpenSSL.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lethe::crypto {

inline constexpr size_t kAesBlockBytes = 16;

// A key of 16, 24 or 32 bytes. Precondition: key, iv and text have their lengths, the text that of
// whole blocks.
std::string AesCbcEncrypt(const std::string& key, std::string_view iv, std::string_view text);
// Nothing where the text is not whole blocks.
std::optional<std::string> AesCbcDecrypt(const std::string& key, std::string_view iv,
                                         std::string_view text);

// FIPS 46-3; 8 bytes each. The parity of the key is not looked at.
std::string DesBlock(const std::string& key, std::string_view block);

}  // namespace lethe::crypto
