// Why a boot failed, as a number: nothing is shown and nothing is logged. The number survives the
// warm reboot in low memory. Format: docs/formats/boot-reason.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lethe::boot {

// Stable numbers: never reuse one.
enum class BootFailure : uint8_t {
  kKernelFileSystems = 1,  // /proc, /sys or /dev could not be mounted
  kSumsUnreadable = 2,     // /lethe/SHA256SUMS is missing or malformed
  kFileMissing = 3,        // a listed file of the initrd is missing
  kInitrdDigest = 4,       // a file of the initrd other than the root image has another digest
  kRootDigest = 5,         // the root image has another digest
  kModule = 6,             // a kernel module was refused, or is not listed
  kRootMount = 7,          // the root image could not be mounted
  kMountTable = 8,         // /lethe/mounts is malformed
  kWritableMount = 9,      // a tmpfs could not be mounted
  kSwitchRoot = 10,
  kStartSystemd = 11,
};

std::string_view ToString(BootFailure failure);

struct BootRecord {
  BootFailure failure;
  uint8_t attempts = 0;  // failed boots in a row, at most 255
};

// Where the record lies, twice: in page 0, which Linux never uses as memory but UEFI firmware
// clears on its way up, and in page 3, which firmware and boot loader leave alone but which the
// kernel must be told to leave alone too (memmap=4K$0x3000); without that /dev/mem ignores writes
// to it.
inline constexpr uint64_t kRecordAddress = 0xf00;
inline constexpr uint64_t kReservedRecordAddress = 0x3f00;
using RecordBytes = std::array<uint8_t, 16>;

RecordBytes EncodeRecord(const BootRecord& record);
// Nothing where the bytes are no record (other memory, a flipped bit, an unknown number).
std::optional<BootRecord> DecodeRecord(std::span<const uint8_t, 16> bytes);

}  // namespace lethe::boot
