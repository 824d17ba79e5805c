#include "prober/esp.h"

#include <algorithm>

#include "probe/bytes.h"

namespace lethe::prober::ike {
namespace {

constexpr size_t kHeadBytes = kEspSpiBytes + 4;
constexpr size_t kAlignment = 4;

}  // namespace

std::string Esp::Seal(const Packet& packet, const std::function<std::string(size_t)>& random) {
  std::string head = out_.spi;
  probe::AppendBigEndian(head, ++sequence_, 4);
  const size_t block = std::max(out_.cipher.block_bytes(), kAlignment);
  std::string text = packet.payload;
  const size_t padding = (block - (text.size() + 2) % block) % block;
  for (size_t i = 1; i <= padding; ++i) text += static_cast<char>(i);
  text += static_cast<char>(padding);
  text += static_cast<char>(packet.next_header);
  return head + out_.cipher.Seal(head, text, random);
}

std::optional<Esp::Packet> Esp::Open(std::string_view packet) const {
  if (packet.size() < kHeadBytes || packet.substr(0, kEspSpiBytes) != in_.spi) return {};
  auto text = in_.cipher.Open(packet.substr(0, kHeadBytes), packet.substr(kHeadBytes));
  if (!text || text->size() < 2) return {};
  const size_t padding = static_cast<uint8_t>((*text)[text->size() - 2]);
  const auto next_header = static_cast<uint8_t>(text->back());
  if (padding + 2 > text->size()) return {};
  text->resize(text->size() - 2 - padding);
  return Packet{next_header, std::move(*text)};
}

}  // namespace lethe::prober::ike
