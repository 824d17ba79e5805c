// OpenVPN's data channel: packets sealed by keys of TLS's exporter (OpenVPN wire protocol, sections
// 6 and 7). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/aead.h"
#include "prober/openvpn_messages.h"

namespace lethe::prober::openvpn {

inline constexpr std::string_view kKeyLabel = "EXPORTER-OpenVPN-datakeys";
inline constexpr size_t kKeyMaterialBytes = 256;

class DataChannel {
 public:
  // The client's side. Precondition: kKeyMaterialBytes of material, and a cipher among the options.
  DataChannel(const std::string& material, const PushedOptions& options);

  std::string Seal(std::string_view plain);
  // Nothing where it is no data packet that the server sealed.
  std::optional<std::string> Open(std::string_view packet) const;

 private:
  crypto::AeadKey send_key_, receive_key_;
  std::string send_iv_, receive_iv_;
  std::string head_;  // opcode and the peer's number
  uint32_t number_ = 0;
};

}  // namespace lethe::prober::openvpn
