#include "boot/reason.h"

#include <algorithm>

namespace lethe::boot {
namespace {

constexpr std::array<uint8_t, 8> kMagic = {'L', 'E', 'T', 'H', 'E', 'B', 'R', '1'};

// Fletcher-32 over the first twelve bytes: enough to tell a record from stale memory.
uint32_t Checksum(std::span<const uint8_t> bytes) {
  uint32_t a = 1;
  uint32_t b = 0;
  for (const uint8_t byte : bytes) {
    a = (a + byte) % 65535;
    b = (b + a) % 65535;
  }
  return b << 16 | a;
}

}  // namespace

std::string_view ToString(BootFailure failure) {
  switch (failure) {
    case BootFailure::kKernelFileSystems:
      return "kernel-file-systems";
    case BootFailure::kSumsUnreadable:
      return "sums-unreadable";
    case BootFailure::kFileMissing:
      return "file-missing";
    case BootFailure::kInitrdDigest:
      return "initrd-digest";
    case BootFailure::kRootDigest:
      return "root-digest";
    case BootFailure::kModule:
      return "module";
    case BootFailure::kRootMount:
      return "root-mount";
    case BootFailure::kMountTable:
      return "mount-table";
    case BootFailure::kWritableMount:
      return "writable-mount";
    case BootFailure::kSwitchRoot:
      return "switch-root";
    case BootFailure::kStartSystemd:
      return "start-systemd";
  }
  return "";
}

RecordBytes EncodeRecord(const BootRecord& record) {
  RecordBytes bytes{};
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  bytes[8] = static_cast<uint8_t>(record.failure);
  bytes[9] = record.attempts;
  const uint32_t sum = Checksum(std::span(bytes).first(12));
  for (int i = 0; i < 4; ++i)
    bytes[12 + static_cast<size_t>(i)] = static_cast<uint8_t>(sum >> (8 * i));
  return bytes;
}

std::optional<BootRecord> DecodeRecord(std::span<const uint8_t, 16> bytes) {
  if (!std::equal(kMagic.begin(), kMagic.end(), bytes.begin())) return std::nullopt;
  const BootRecord record{static_cast<BootFailure>(bytes[8]), bytes[9]};
  if (ToString(record.failure).empty()) return std::nullopt;
  const RecordBytes expected = EncodeRecord(record);
  if (!std::equal(expected.begin(), expected.end(), bytes.begin())) return std::nullopt;
  return record;
}

}  // namespace lethe::boot
