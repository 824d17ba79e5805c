// The seal of a step's result: every path in it with type, mode, size and SHA-256, so that a store
// with flipped bits is noticed before its bytes are used. Format: docs/formats/store.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"

namespace lethe::image {

struct SealedEntry {
  std::string path;   // below the folder; "." for itself
  char type = 'f';    // 'f' file, 'd' folder, 'l' symbolic link
  unsigned mode = 0;  // permission bits, 07777; 0 for links
  uint64_t size = 0;
  crypto::Sha256Digest sha256;  // of the content; of the target for links

  bool operator==(const SealedEntry&) const = default;
};

// Entries sorted by path.
std::string WriteSeal(const std::vector<SealedEntry>& entries);
// kMalformed for anything that WriteSeal does not write.
Result<std::vector<SealedEntry>> ParseSeal(std::string_view text);

// Seals `folder` as it is now. kMalformed where it holds a device, pipe or socket.
Status SealFolder(const std::filesystem::path& folder, const std::filesystem::path& seal,
                  unsigned jobs);

// kUntrusted, with the first path that differs, where `folder` is not what was sealed. kMalformed,
// kNotFound or kIo where the seal cannot be read.
Status CheckSeal(const std::filesystem::path& folder, const std::filesystem::path& seal,
                 unsigned jobs);

// Bytes of the files of a sealed folder, as its seal says.
Result<uint64_t> SealedBytes(const std::filesystem::path& seal);

}  // namespace lethe::image
