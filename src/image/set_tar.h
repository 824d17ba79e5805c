// The tar of a store's set: a strict subset of POSIX ustar. Written in order with fixed metadata;
// read front to back, with anything but plain files refused by name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace lethe::image {

// The header block of one file: mode 0644, owner 0, time 0. Preconditions: at most 100 bytes of
// name, at most 8 GiB.
std::string SetTarHeader(std::string_view name, uint64_t size);

inline constexpr size_t kTarBlock = 512;
// How many zero bytes follow a content of this size.
constexpr size_t TarPadding(uint64_t size) {
  return static_cast<size_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}

struct SetMember {
  std::string name;
  uint64_t size = 0;
};

class SetTarReader {
 public:
  static Result<SetTarReader> Open(const std::filesystem::path& path);

  // The next file, or nothing at the end. kMalformed, with its name, for a link, folder, device or
  // extension header, for a damaged header, and for anything after the end.
  Result<std::optional<SetMember>> Next();
  // The content of the file that Next returned last, in pieces; must be called once for each.
  Status Read(const SetMember& member, const std::function<Status(std::string_view)>& sink);

 private:
  SetTarReader(Fd fd, std::string file) : fd_(std::move(fd)), file_(std::move(file)) {}
  // Less than `size` only at the end of the file.
  Result<size_t> ReadSome(char* to, size_t size);
  Status ExpectEnd();
  Error Malformed(std::string_view what) const;

  Fd fd_;
  std::string file_;
};

}  // namespace lethe::image
