// WireGuard's keys: 32 bytes, in text as base64.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lethe::wireguard {

using Key = std::array<uint8_t, 32>;

// kMalformed, without the text, for anything but 44 characters of canonical base64, and for 32
// bytes of zero (which the kernel takes for "none").
Result<Key> ParseKey(std::string_view text);
std::string WriteKey(const Key& key);

// A file with one key and at most a newline. kMalformed as above; kIo, kNotFound.
Result<Key> ReadKeyFile(const std::filesystem::path& path);

Key PublicKeyOf(const Key& private_key);
Result<Key> NewPrivateKey();

// Zeroes that the compiler does not leave out.
void Forget(Key& key);
void Forget(std::string& text);

// What lethe-vpnd's probe needs (docs/formats/wireguard.md): two lines, the probe's private key and
// the server's public key.
std::string WriteProbeKeys(const Key& probe_private, const Key& server_public);

}  // namespace lethe::wireguard
