#include "secure_boot.h"

#include "base/file.h"
#include "base/subprocess.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;

// GUIDs as they lie in memory.
constexpr std::string_view kGlobalVariable(
    "\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c", 16);
constexpr std::string_view kImageSecurityDatabase(
    "\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f", 16);
constexpr std::string_view kAuthenticatedStore(
    "\x78\x2c\xf3\xaa\x7b\x94\x9a\x43\xa1\x80\x2e\x14\x4e\xc3\x77\x92", 16);
constexpr std::string_view kX509("\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a\x87\xb5\xab\x15\x5c\x2b\xf0\x72",
                                 16);
constexpr std::string_view kOwner("lethe test owner", 16);

// edk2, MdePkg/Include/Pi/PiFirmwareVolume.h and
// MdeModulePkg/Include/Guid/VariableFormat.h: volume header, store header, variables.
constexpr size_t kVolumeHeaderLength = 48;  // offset of HeaderLength
constexpr size_t kStoreHeaderBytes = 28;
constexpr size_t kStoreSize = 16;  // offset of Size
constexpr std::string_view kFormattedHealthy("\x5a\xfe", 2);
constexpr uint16_t kStartId = 0x55aa;
constexpr char kAdded = 0x3f;
// Non-volatile, boot and runtime access, time-based authenticated write.
constexpr uint32_t kAttributes = 0x27;
constexpr char kErased = '\xff';

std::string Little(uint64_t value, size_t width) {
  std::string out(width, '\0');
  for (size_t i = 0; i < width; ++i) out[i] = static_cast<char>(value >> (8 * i));
  return out;
}

uint32_t ReadLittle(std::string_view bytes, size_t at, size_t width) {
  uint32_t value = 0;
  for (size_t i = width; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

// EFI_SIGNATURE_LIST (UEFI 2.10, 32.4.1) with one certificate.
std::string SignatureList(const std::string& certificate_der) {
  const size_t entry = kOwner.size() + certificate_der.size();
  constexpr size_t kListHeader = 28;
  return std::string(kX509) + Little(kListHeader + entry, 4) + Little(0, 4) + Little(entry, 4) +
         std::string(kOwner) + certificate_der;
}

std::string Variable(std::string_view name, std::string_view vendor, const std::string& data) {
  std::string utf16;
  for (const char c : name) utf16 += Little(static_cast<uint8_t>(c), 2);
  utf16 += Little(0, 2);
  const std::string time = Little(2026, 2) + Little(1, 1) + Little(1, 1) + Little(0, 12);
  std::string out = Little(kStartId, 2) + kAdded + '\0' + Little(kAttributes, 4) + Little(0, 8) +
                    time + Little(0, 4) + Little(utf16.size(), 4) + Little(data.size(), 4) +
                    std::string(vendor) + utf16 + data;
  out.resize((out.size() + 3) / 4 * 4, kErased);
  return out;
}

}  // namespace

Result<crypto::AuthenticodeKey> MakeTestKey(const std::string& name, const fs::path& directory) {
  const fs::path key = directory / (name + ".key");
  const fs::path certificate = directory / (name + ".pem");
  (void)LETHE_TRY(RunChecked(
      {.argv = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                "/CN=" + name, "-keyout", key.string(), "-out", certificate.string()}}));
  return crypto::AuthenticodeKey{LETHE_TRY(ReadFile(key)), LETHE_TRY(ReadFile(certificate))};
}

Result<std::string> EnrollKey(std::string store, const std::string& certificate_der) {
  const Error unknown{ErrorCode::kMalformed, "not an empty store of authenticated UEFI variables"};
  if (store.size() < kVolumeHeaderLength + 2) return unknown;
  const size_t header = ReadLittle(store, kVolumeHeaderLength, 2);
  if (store.size() < header + kStoreHeaderBytes) return unknown;
  const std::string_view head = std::string_view(store).substr(header, kStoreHeaderBytes);
  const size_t end = header + ReadLittle(head, kStoreSize, 4);
  const std::string list = SignatureList(certificate_der);
  const std::string variables = Variable("PK", kGlobalVariable, list) +
                                Variable("KEK", kGlobalVariable, list) +
                                Variable("db", kImageSecurityDatabase, list);
  const size_t at = header + kStoreHeaderBytes;
  if (!head.starts_with(kAuthenticatedStore) ||
      head.substr(kStoreSize + 4, 2) != kFormattedHealthy || end > store.size() ||
      at + variables.size() > end || store.find_first_not_of(kErased, at) < at + variables.size()) {
    return unknown;
  }
  store.replace(at, variables.size(), variables);
  return store;
}

Status MakeEspDisk(const fs::path& efi, const fs::path& disk) {
  constexpr uint64_t kSlackKib = 4096;
  const uint64_t kib = (fs::file_size(efi) >> 10) + kSlackKib;
  (void)LETHE_TRY(RunChecked(
      {.argv = {"/usr/sbin/mkfs.fat", "-F", "32", "-C", disk.string(), std::to_string(kib)}}));
  (void)LETHE_TRY(RunChecked({.argv = {"mmd", "-i", disk.string(), "::/EFI", "::/EFI/BOOT"}}));
  (void)LETHE_TRY(RunChecked(
      {.argv = {"mcopy", "-i", disk.string(), efi.string(), "::/EFI/BOOT/BOOTX64.EFI"}}));
  return {};
}

}  // namespace lethe::lab
