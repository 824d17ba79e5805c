// Files: whole reads with a limit, atomic writes, scratch folders, advisory locks. Every error is
// kIo (or kNotFound where the file does not exist) and names the path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace lethe {

// Refuses (kMalformed) files larger than max_bytes.
Result<std::string> ReadFile(const std::filesystem::path& path, uint64_t max_bytes = 1ULL << 30);

// Opens with O_CLOEXEC. `flags` as in open(2).
Result<Fd> OpenFile(const std::filesystem::path& path, int flags, unsigned mode = 0666);

// Opens `path` as a process would whose root is `root_fd`: neither ".." nor an absolute symlink
// leads out of that folder. "/" and "" are the folder itself. errno tells why it failed.
Result<Fd> OpenInRoot(int root_fd, std::string_view path, int flags);

// Reads a regular file below a folder that strangers wrote: kMalformed for anything else, and where
// a symlink or ".." is on the way.
Result<std::string> ReadFileBelow(const std::filesystem::path& folder, std::string_view path,
                                  uint64_t max_bytes = 1ULL << 30);

// kMalformed where a part of `path` below `folder` is a symlink; what does not exist is none.
Status RefuseSymlinks(const std::filesystem::path& folder, std::string_view path);

Status WriteAll(int fd, std::string_view bytes, std::string_view name);

// Writes to a temporary name in the same folder, syncs and renames: readers see the old file or the
// new one, never half of it.
Status WriteFileAtomic(const std::filesystem::path& path, std::string_view bytes,
                       unsigned mode = 0644);

// Waits until the content of a file (or the entries of a folder) would outlive a power cut.
Status SyncPath(const std::filesystem::path& path);

// The same for everything that was written to the file system that holds `path`.
Status SyncFileSystem(const std::filesystem::path& path);

// Renames what is already synced; the new name outlives a power cut.
Status RenameDurably(const std::filesystem::path& from, const std::filesystem::path& to);

Status MakeDirectories(const std::filesystem::path& path);

// Removes a tree of files, also where folders in it are not writable for their owner.
Status RemoveTree(const std::filesystem::path& path);

// An error of the last system call: "<doing> <path>: <strerror>".
Error IoError(std::string_view doing, const std::filesystem::path& path);

// A folder that is removed with all that is in it when its owner goes.
class ScratchDir {
 public:
  // Creates `<parent>/<prefix>XXXXXX`, mode 0700, without the default ACL or the set-group-id bit
  // that it would inherit. The parent is created when it is missing.
  static Result<ScratchDir> Create(const std::filesystem::path& parent, std::string_view prefix);
  ScratchDir(ScratchDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchDir& operator=(ScratchDir&&) = delete;
  ScratchDir(const ScratchDir&) = delete;
  ~ScratchDir();

  const std::filesystem::path& path() const { return path_; }
  // Gives the folder up: it stays.
  std::filesystem::path Release() { return std::exchange(path_, {}); }

 private:
  explicit ScratchDir(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Shared: many holders at a time, none of them exclusive.
enum class LockMode { kShared, kExclusive };

// A flock(2) on a file that is created when missing; released when its owner goes or the process
// dies, with the children that it forked and that run no other program.
class FileLock {
 public:
  // Waits for its turn.
  static Result<FileLock> Acquire(const std::filesystem::path& path,
                                  LockMode mode = LockMode::kExclusive);
  // Nothing where a holder is in the way.
  static Result<std::optional<FileLock>> TryAcquire(const std::filesystem::path& path,
                                                    LockMode mode = LockMode::kExclusive);

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace lethe
