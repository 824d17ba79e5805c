#include "base/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"

namespace lethe {
namespace fs = std::filesystem;

namespace {

// A name that somebody chose may move the terminal's cursor.
std::string Shown(const fs::path& path) {
  return IsPlainText(path.native()) ? path.native() : Printable(path.native());
}

Fd OpenResolved(int folder_fd, std::string_view path, int flags, uint64_t resolve) {
  const size_t begin = path.find_first_not_of('/');
  const std::string relative(begin == std::string_view::npos ? "." : path.substr(begin));
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  return Fd(
      static_cast<int>(::syscall(SYS_openat2, folder_fd, relative.c_str(), &how, sizeof how)));
}

Result<std::string> ReadAll(int fd, const fs::path& path, uint64_t max_bytes) {
  std::string out;
  struct stat info {};
  if (::fstat(fd, &info) == 0 && info.st_size > 0) {
    out.reserve(
        static_cast<size_t>(std::min<uint64_t>(static_cast<uint64_t>(info.st_size), max_bytes)) +
        1);
  }
  while (true) {
    char buffer[1 << 16];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("reading", path);
    if (n == 0) return out;
    out.append(buffer, static_cast<size_t>(n));
    if (out.size() > max_bytes) {
      return Error{ErrorCode::kMalformed, "reading " + Shown(path) + ": larger than " +
                                              std::to_string(max_bytes) + " bytes"};
    }
  }
}

}  // namespace

Error IoError(std::string_view doing, const fs::path& path) {
  const int error = errno;
  return Error{error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
               std::string(doing) + " " + Shown(path) + ": " + std::strerror(error)};
}

Result<Fd> OpenFile(const fs::path& path, int flags, unsigned mode) {
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return IoError("opening", path);
  return fd;
}

Result<std::string> ReadFile(const fs::path& path, uint64_t max_bytes) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY));
  return ReadAll(fd.get(), path, max_bytes);
}

Result<Fd> OpenInRoot(int root_fd, std::string_view path, int flags) {
  Fd fd = OpenResolved(root_fd, path, flags, RESOLVE_IN_ROOT);
  if (fd) return fd;
  const int why = errno;
  Error error = IoError("opening", Printable(path));
  errno = why;
  return error;
}

Result<std::string> ReadFileBelow(const fs::path& folder, std::string_view path,
                                  uint64_t max_bytes) {
  const Fd folder_fd = LETHE_TRY(OpenFile(folder, O_PATH | O_DIRECTORY));
  // Without O_NONBLOCK a pipe would wait for its writer.
  const Fd fd = OpenResolved(folder_fd.get(), path, O_RDONLY | O_NONBLOCK,
                             RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  const bool open = static_cast<bool>(fd);
  if (!open && errno != ELOOP && errno != EXDEV && errno != ENXIO) {
    return IoError("reading", Printable(path));
  }
  struct stat info {};
  if (!open || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return Error{ErrorCode::kMalformed, Printable(path) + " is not a regular file"};
  }
  return ReadAll(fd.get(), Printable(path), max_bytes);
}

Status RefuseSymlinks(const fs::path& folder, std::string_view path) {
  const Fd folder_fd = LETHE_TRY(OpenFile(folder, O_PATH | O_DIRECTORY));
  const Fd fd = OpenResolved(folder_fd.get(), path, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (fd || errno == ENOENT) return {};
  if (errno == ELOOP || errno == EXDEV || errno == ENOTDIR) {
    return Error{ErrorCode::kMalformed,
                 Printable(path) + ": a symlink or a file stands where a folder must be"};
  }
  return IoError("opening", Printable(path));
}

Status WriteAll(int fd, std::string_view bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("writing", fs::path(name));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status WriteFileAtomic(const fs::path& path, std::string_view bytes, unsigned mode) {
  std::string temporary = path.string() + ".XXXXXX";
  Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return IoError("creating", temporary);
  auto status = [&]() -> Status {
    LETHE_TRY(WriteAll(fd.get(), bytes, temporary));
    if (::fchmod(fd.get(), mode) != 0) return IoError("changing the mode of", temporary);
    if (::fsync(fd.get()) != 0) return IoError("syncing", temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return IoError("renaming to", path);
    return {};
  }();
  if (!status) ::unlink(temporary.c_str());
  return status;
}

Status SyncPath(const fs::path& path) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY));
  return ::fsync(fd.get()) == 0 ? Status() : IoError("syncing", path);
}

Status SyncFileSystem(const fs::path& path) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY));
  return ::syncfs(fd.get()) == 0 ? Status() : IoError("syncing the file system of", path);
}

Status RenameDurably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return IoError("renaming to", to);
  return SyncPath(to.parent_path());
}

Status MakeDirectories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return Error{ErrorCode::kIo, "creating folder " + path.string() + ": " + error.message()};
  }
  return {};
}

Status RemoveTree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return {};
  // Folders without write permission stop an ordinary user: open them up and try again.
  std::error_code walk_error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto it = fs::recursive_directory_iterator(path, options, walk_error);
       !walk_error && it != fs::recursive_directory_iterator(); it.increment(walk_error)) {
    std::error_code ignored;
    if (it->is_directory(ignored) && !it->is_symlink(ignored)) {
      fs::permissions(it->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
    }
  }
  fs::remove_all(path, error);
  if (error) return Error{ErrorCode::kIo, "removing " + path.string() + ": " + error.message()};
  return {};
}

Result<ScratchDir> ScratchDir::Create(const fs::path& parent, std::string_view prefix) {
  LETHE_TRY(MakeDirectories(parent));
  std::string name = (parent / (std::string(prefix) + "XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) return IoError("creating folder", name);
  ScratchDir scratch(name);
  // What the parent hands down would reach every file below: its default ACL and its group.
  for (const char* acl : {"system.posix_acl_default", "system.posix_acl_access"}) {
    if (::removexattr(name.c_str(), acl) != 0 && errno != ENODATA && errno != ENOTSUP &&
        errno != EOPNOTSUPP) {
      return IoError("removing the ACL of", name);
    }
  }
  if (::chmod(name.c_str(), 0700) != 0) return IoError("changing the mode of", name);
  return scratch;
}

ScratchDir::~ScratchDir() {
  if (!path_.empty()) (void)RemoveTree(path_);
}

Result<FileLock> FileLock::Acquire(const fs::path& path, LockMode mode) {
  Fd fd = LETHE_TRY(OpenFile(path, O_RDWR | O_CREAT));
  while (::flock(fd.get(), mode == LockMode::kShared ? LOCK_SH : LOCK_EX) != 0) {
    if (errno != EINTR) return IoError("locking", path);
  }
  return FileLock(std::move(fd));
}

Result<std::optional<FileLock>> FileLock::TryAcquire(const fs::path& path, LockMode mode) {
  Fd fd = LETHE_TRY(OpenFile(path, O_RDWR | O_CREAT));
  while (::flock(fd.get(), (mode == LockMode::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    if (errno != EINTR) return IoError("locking", path);
  }
  return std::optional<FileLock>(FileLock(std::move(fd)));
}

}  // namespace lethe
