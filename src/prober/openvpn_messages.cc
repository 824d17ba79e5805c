#include "prober/openvpn_messages.h"

#include "base/assert.h"
#include "base/strings.h"
#include "probe/bytes.h"

namespace lethe::prober::openvpn {
namespace {

using probe::AppendBigEndian;
using probe::BigEndian;

constexpr char kKeyMethod2 = 2;
constexpr size_t kRandomBytes = 32;
constexpr uint32_t kMaxPeerId = 0xffffff;
// IV_PROTO: data v2, exporter, exit in the control channel.
constexpr int kProtocolFlags = 1 << 1 | 1 << 3 | 1 << 7;

// With its length, which counts a zero byte behind it.
void AppendText(std::string& out, const std::string& text) {
  AppendBigEndian(out, text.size() + 1, 2);
  out += text;
  out += '\0';
}

bool ReadAddress(std::string_view text, bool v4, std::optional<IpAddress>& out) {
  out = IpAddress::Parse(std::string(text.substr(0, text.find('/'))));
  return out.has_value() && out->v4() == v4;
}

bool ReadCipher(std::string_view name, PushedOptions& options) {
  constexpr size_t kKeyBytes = 32;
  options.key_bytes = kKeyBytes;
  if (name == "AES-256-GCM") options.cipher = crypto::Aead::kAesGcm;
  if (name == "CHACHA20-POLY1305") options.cipher = crypto::Aead::kChaCha20Poly1305;
  return options.cipher.has_value();
}

bool ReadOption(const std::vector<std::string_view>& words, PushedOptions& options) {
  if (words.empty()) return true;
  const std::string_view name = words[0];
  if (name == "ifconfig") return words.size() == 3 && ReadAddress(words[1], true, options.v4);
  if (name == "ifconfig-ipv6") return words.size() >= 2 && ReadAddress(words[1], false, options.v6);
  if (name == "cipher") return words.size() == 2 && ReadCipher(words[1], options);
  if (name == "peer-id") {
    options.peer_id = words.size() == 2 ? ParseUnsigned<uint32_t>(words[1]) : std::nullopt;
    return options.peer_id && *options.peer_id <= kMaxPeerId;
  }
  if (name == "push-continuation") {
    options.more = words.size() == 2 && words[1] == "2";
    return true;
  }
  if (name == "key-derivation" || name == "protocol-flags") {
    for (const auto word : words) {
      options.exported_keys = options.exported_keys || word == "tls-ekm";
      options.control_exit = options.control_exit || word == "cc-exit";
    }
  }
  return true;  // routes, name servers, intervals
}

}  // namespace

std::string FormatKeyMethod(const KeyMethod& message) {
  LETHE_ASSERT(message.random.size() == kKeyMethodRandomBytes);
  std::string out(4, '\0');
  out += kKeyMethod2;
  out += message.random;
  AppendText(out, "V4,dev-type tun,tun-mtu 1500,proto " +
                      std::string(message.tcp ? "TCPv4_CLIENT" : "UDPv4") +
                      ",auth [null-digest],key-method 2,tls-client");
  AppendText(out, message.user);
  AppendText(out, message.password);
  AppendText(out, "IV_PLAT=linux\nIV_NCP=2\nIV_CIPHERS=AES-256-GCM:CHACHA20-POLY1305\nIV_PROTO=" +
                      std::to_string(kProtocolFlags) + "\n");
  return out;
}

std::optional<bool> TakeServerKeyMethod(std::string& plain) {
  constexpr size_t kHead = 4 + 1 + 2 * kRandomBytes;
  if (plain.size() < kHead + 2) return {};
  if (plain.substr(0, 4) != std::string(4, '\0') || plain[4] != kKeyMethod2) return false;
  if (plain.size() < kHead + 2 + BigEndian(plain, kHead, 2)) return {};  // its options
  // Nothing of ours is behind it before we ask: what else is there belongs to it (empty user,
  // password, variables).
  plain.clear();
  return true;
}

std::optional<std::string_view> NextText(std::string_view plain, size_t& at) {
  const size_t end = plain.find('\0', at);
  if (end == std::string_view::npos) return {};
  const auto text = plain.substr(at, end - at);
  at = end + 1;
  return text;
}

bool ReadPushReply(std::string_view text, PushedOptions& options) {
  options.more = false;
  for (const auto option : Split(text, ',')) {
    if (!ReadOption(Words(option), options)) return false;
  }
  return true;
}

}  // namespace lethe::prober::openvpn
