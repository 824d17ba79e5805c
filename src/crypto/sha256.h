// SHA-256 (FIPS 180-4) of bytes, streams and files, by OpenSSL (uses the CPU's SHA instructions).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lethe::crypto {

struct Sha256Digest {
  std::array<uint8_t, 32> bytes{};

  std::string Hex() const;  // 64 lower-case digits
  // kMalformed for anything but 64 lower-case hexadecimal digits.
  static Result<Sha256Digest> FromHex(std::string_view hex);
  auto operator<=>(const Sha256Digest&) const = default;
};

// Incremental digest. Not thread-safe; Finish may be called once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void Update(std::string_view bytes);
  Sha256Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Sha256Digest Sha256Of(std::string_view bytes);

struct FileDigest {
  Sha256Digest sha256;
  uint64_t bytes = 0;
};
// Reads a regular file once, in pieces, as far as it is `expected_bytes` long: a file of another
// size is not read, and one that grows meanwhile is read no further; its size tells. kMalformed for
// what is no regular file; kNotFound or kIo as in base/file.h.
Result<FileDigest> DigestFile(const std::filesystem::path& path, uint64_t expected_bytes);

// Reads the file once, in pieces. kNotFound or kIo as in base/file.h.
Result<Sha256Digest> Sha256OfFile(const std::filesystem::path& path);

}  // namespace lethe::crypto
