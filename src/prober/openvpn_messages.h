// What OpenVPN says inside TLS: the exchange of key method 2, and the options that a server pushes
// (OpenVPN wire protocol, sections 4 and 5). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/aead.h"
#include "prober/inner.h"

namespace lethe::prober::openvpn {

struct KeyMethod {
  std::string random;  // kKeyMethodRandomBytes
  std::string user, password;
  bool tcp = false;
};
inline constexpr size_t kKeyMethodRandomBytes = 48 + 32 + 32;

// The client's message. With its IV_ variables it says: data packets with a peer's number, keys by
// TLS's exporter, a goodbye in the control channel, AES-256-GCM and ChaCha20-Poly1305.
std::string FormatKeyMethod(const KeyMethod& message);

// Takes the server's message from the front of `plain`. Nothing yet: it is not all there. False: it
// is no such message.
std::optional<bool> TakeServerKeyMethod(std::string& plain);

// The message at `at`, which ends in a zero byte; `at` goes behind that. Nothing: it is not all
// there.
std::optional<std::string_view> NextText(std::string_view plain, size_t& at);

struct PushedOptions {
  std::optional<IpAddress> v4, v6;
  std::optional<crypto::Aead> cipher;
  size_t key_bytes = 0;
  std::optional<uint32_t> peer_id;
  bool exported_keys = false;
  bool control_exit = false;
  bool more = false;  // another message continues it
};

// `text` is "PUSH_REPLY,…". Adds to `options`. False where an option that counts is malformed.
bool ReadPushReply(std::string_view text, PushedOptions& options);

}  // namespace lethe::prober::openvpn
