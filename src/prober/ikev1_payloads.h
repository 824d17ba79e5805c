// Payloads of IKEv1 (RFC 2408 3, RFC 2407 4, RFC 3947): written as an initiator does, read as it
// gets them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "prober/ike_message.h"
#include "prober/ike_suite.h"
#include "prober/inner.h"

namespace lethe::prober::ike {

inline constexpr uint8_t kVersion1 = 0x10;
inline constexpr uint8_t kSa1 = 1, kKe1 = 4, kId1 = 5, kHash1 = 8, kNonce1 = 10, kNotify1 = 11,
                         kDelete1 = 12, kVendor1 = 13, kNatD1 = 20, kNatOa1 = 21;
inline constexpr uint8_t kMainMode = 2, kInformational1 = 5, kQuickMode = 32;

// One proposal with a transform per suite, all with AES-CBC and one hash. `spi` empty: for IKE
// itself, with a preshared key; else for ESP in transport mode over UDP.
std::string FormatSa1(std::string_view spi, const std::vector<Suite>& suites);

struct ChosenSa1 {
  Suite suite;
  std::string spi;  // theirs
};
// Nothing unless it is exactly one of the transforms.
std::optional<ChosenSa1> ReadSa1(std::string_view body, size_t spi_bytes,
                                 const std::vector<Suite>& offered);

// An IPv4 or IPv6 address with protocol and port.
std::string FormatId1(const IpAddress& address, uint8_t protocol, uint16_t port);
std::string FormatNatOa(const IpAddress& address);
// Of ESP by its SPI, or of IKE by both cookies.
std::string FormatDelete1(std::string_view spi);
// The type of a notification; 0 where it is cut.
uint16_t NotifyType1(std::string_view body);

}  // namespace lethe::prober::ike
