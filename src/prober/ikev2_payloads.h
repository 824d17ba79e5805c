// Payloads of IKEv2 (RFC 7296 3): written as an initiator does, read as it gets them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/identity.h"
#include "crypto/trust_anchors.h"
#include "prober/ike_message.h"
#include "prober/ike_suite.h"
#include "prober/inner.h"

namespace lethe::prober::ike {

inline constexpr uint8_t kSa = 33, kKe = 34, kIdI = 35, kIdR = 36, kCert = 37, kCertReq = 38,
                         kAuth = 39, kNonce = 40, kNotify = 41, kDelete = 42, kTsI = 44, kTsR = 45,
                         kEncrypted = 46, kConfig = 47, kEap = 48;
inline constexpr uint8_t kProtocolIke = 1, kProtocolEsp = 3;

// Notify messages that we send or understand.
inline constexpr uint16_t kNoProposalChosen = 14, kInvalidKe = 17, kAuthenticationFailed = 24,
                          kAddressFailure = 36, kConfigRequired = 37, kFirstStatus = 16384,
                          kNatSource = 16388, kNatDestination = 16389, kCookie = 16390,
                          kSignatureHashes = 16431;

// One proposal per suite, numbered from 1. `spi` is empty in the first exchange.
std::string FormatSa(uint8_t protocol, std::string_view spi, const std::vector<Suite>& suites);

struct ChosenSa {
  Suite suite;
  std::string spi;  // theirs
};
// Nothing unless it is exactly one of the proposals, and the SPI has `spi_bytes`.
std::optional<ChosenSa> ReadSa(std::string_view body, uint8_t protocol, size_t spi_bytes,
                               const std::vector<Suite>& offered);

std::string FormatKe(const crypto::KeyExchange& exchange);
// The public value where it is of that group.
std::optional<std::string> ReadKe(std::string_view body, uint16_t group);

std::string FormatNotify(uint16_t type, std::string_view data);
struct Notify {
  uint16_t type = 0;
  std::string data;
};
// All of a message; those that are cut are left out.
std::vector<Notify> Notifies(const Payloads& payloads);

// "name.example", "user@example", an address, or where it is empty the subject of the certificate.
std::string FormatId(const std::string& id, const std::string& subject_der);

// RFC 7427: with its algorithm in front.
std::string FormatSignature(const crypto::Identity& identity, std::string_view signed_octets);
// Whether it is one by that key; false too for SHA-1 and methods of before RFC 7427.
bool CheckSignature(std::string_view body, const crypto::ServerKey& key,
                    std::string_view signed_octets);
std::string FormatMic(const Suite& suite, std::string_view key, std::string_view signed_octets);
bool CheckMic(std::string_view body, const Suite& suite, std::string_view key,
              std::string_view signed_octets);

// All addresses, both families.
std::string FormatTrafficSelectors();
// Asks for an address of that family.
std::string FormatConfigRequest(bool v4);
std::optional<IpAddress> ReadConfigAddress(std::string_view body, bool v4);

}  // namespace lethe::prober::ike
