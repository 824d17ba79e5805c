// Credential files: one target each, docs/formats/prober.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "prober/attempt.h"
#include "prober/ikev2.h"
#include "prober/inner.h"
#include "prober/l2tp_ipsec.h"
#include "prober/openvpn.h"
#include "prober/wireguard.h"

namespace lethe::prober {

inline constexpr size_t kMaxTargetFileBytes = 256 << 10;

using Credentials =
    std::variant<WireGuardCredentials, OpenVpnCredentials, Ikev2Credentials, L2tpCredentials>;

struct Target {
  std::string name;
  std::string protocol;  // as in the file
  IpAddress address;     // outside
  std::string address_text;
  uint16_t port = 0;
  Time timeout{0};
  RoundTrip round_trip;
  Credentials credentials = WireGuardCredentials();
};

// `name` is the file's, without ".toml". kMalformed names file, line and key; never a value that is
// a secret.
Result<Target> ParseTarget(std::string_view name, std::string_view text, std::string file);

std::unique_ptr<Attempt> MakeAttempt(const Target& target, World world);

}  // namespace lethe::prober
