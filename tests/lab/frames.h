// Ethernet frames that were recorded on a cable, and hostile ones made of them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace lethe::lab {

// Of a UDP datagram or an ESP packet, IPv4 or IPv6, in one piece; nothing for any other frame.
struct Carried {
  unsigned protocol;    // IPPROTO_UDP or IPPROTO_ESP
  unsigned port;        // where a datagram goes
  std::string payload;  // behind the header of UDP, or behind that of IP
};
std::optional<Carried> CarriedBy(const std::string& frame);

// The same frame around another payload, with lengths and checksums that are right. Precondition:
// CarriedBy(frame).
std::string WithPayload(const std::string& frame, const std::string& payload);

// `payload` as no client would send it: bits flipped, cut short, made longer, filled with noise,
// empty. 1400 bytes at most.
std::string Malformed(std::string payload, std::mt19937& generator);

// `count` frames that no client would send, each made of one of `recorded` by a seeded generator.
// A frame that carries nothing is not touched. Empty where none does.
std::vector<std::string> Malformed(const std::vector<std::string>& recorded, size_t count,
                                   uint32_t seed);

}  // namespace lethe::lab
