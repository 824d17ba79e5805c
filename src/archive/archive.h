// Archives and compressed streams, by libarchive: ar, tar, cpio, gzip, xz, zstd. Input is hostile:
// a damaged archive is kMalformed and names the archive, sizes are bounded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct archive;

namespace lethe::archive {

enum class EntryType { kFile, kDirectory, kSymlink, kHardLink, kOther };

struct Entry {
  std::string path;  // as stored: may start with "./" or be hostile
  EntryType type = EntryType::kFile;
  unsigned mode = 0;  // permission bits, 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;
  std::string target;  // of a symlink or hard link
};

// Reads one archive front to back. Not thread-safe. `name` is for messages.
class Reader {
 public:
  // The bytes must outlive the reader.
  static Result<Reader> OpenMemory(std::string_view bytes, std::string name);
  static Result<Reader> OpenFile(const std::filesystem::path& path);
  // A compressed stream that holds no archive: one entry, the decompressed bytes.
  static Result<Reader> OpenStream(std::string_view bytes, std::string name);

  // The next entry, or nothing at the end.
  Result<std::optional<Entry>> Next();

  // The data of the entry that Next returned last. kMalformed beyond max_bytes.
  Result<std::string> ReadData(uint64_t max_bytes);
  // The same in pieces: holes arrive as zeros.
  Status ReadDataTo(uint64_t max_bytes, const std::function<Status(std::string_view)>& sink);

 private:
  Reader(::archive* handle, std::string name);
  struct Closer {
    void operator()(::archive* handle) const;
  };
  Error MakeError(std::string_view doing) const;
  static Result<Reader> Open(bool stream, std::string_view bytes, const char* path,
                             std::string name);

  std::unique_ptr<::archive, Closer> handle_;
  std::string name_;
};

// Decompresses xz, gzip or zstd (told by its magic); other bytes come back as they are.
Result<std::string> Decompress(std::string_view bytes, std::string name, uint64_t max_bytes);

}  // namespace lethe::archive
