#include "image/deb.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/strings.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxDeb = 1ULL << 30;
constexpr uint64_t kMaxControl = 16ULL << 20;
constexpr uint64_t kMaxFile = 4ULL << 30;
constexpr size_t kMaxEntries = 500000;

Error Malformed(const fs::path& deb, std::string_view what) {
  return Error{ErrorCode::kMalformed, deb.filename().string() + ": " + std::string(what)};
}

// "./usr/bin/x" and "usr/bin/x/" to "/usr/bin/x"; "./" to "/".
Result<std::string> CleanPath(std::string_view name, const fs::path& deb) {
  std::string out;
  if (name.starts_with('/')) return Malformed(deb, "absolute path '" + Printable(name) + "'");
  for (const std::string_view part : Split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.find('\0') != std::string_view::npos) {
      return Malformed(deb, "path '" + Printable(name) + "' leaves the package");
    }
    out += "/" + std::string(part);
  }
  return out.empty() ? "/" : out;
}

// The bytes of each ar member, kept while its tar is read.
struct Members {
  std::string control;
  std::string data;
};

Result<Members> ReadMembers(const fs::path& deb) {
  auto reader = LETHE_TRY(archive::Reader::OpenFile(deb));
  Members members;
  bool version_seen = false;
  while (auto entry = LETHE_TRY(reader.Next())) {
    if (entry->path == "debian-binary") {
      version_seen = Trim(LETHE_TRY(reader.ReadData(64))).starts_with("2.");
    } else if (entry->path.starts_with("control.tar")) {
      members.control = LETHE_TRY(reader.ReadData(kMaxControl));
    } else if (entry->path.starts_with("data.tar")) {
      members.data = LETHE_TRY(reader.ReadData(kMaxDeb));
    }
  }
  if (!version_seen || members.control.empty() || members.data.empty()) {
    return Malformed(deb, "not a Debian binary package of format 2");
  }
  return members;
}

Status ReadControl(const std::string& bytes, const fs::path& deb, DebContents& contents) {
  auto reader =
      LETHE_TRY(archive::Reader::OpenMemory(bytes, deb.filename().string() + "/control.tar"));
  while (auto entry = LETHE_TRY(reader.Next())) {
    if (entry->type != archive::EntryType::kFile) continue;
    const std::string path = LETHE_TRY(CleanPath(entry->path, deb));
    contents.control[path.substr(1)] = LETHE_TRY(reader.ReadData(kMaxControl));
  }
  if (!contents.control.contains("control")) return Malformed(deb, "no control file");
  return {};
}

// Unpacks below one folder, remembering the descriptor of the last parent.
class Unpacker {
 public:
  Unpacker(int root_fd, const UnpackOptions& options, const fs::path& deb)
      : root_fd_(root_fd), options_(options), deb_(deb) {}

  Status Add(const DebEntry& entry, const archive::Entry& raw, archive::Reader& reader) {
    if (entry.path == "/") return {};
    const size_t slash = entry.path.rfind('/');
    const std::string name = entry.path.substr(slash + 1);
    const int parent = LETHE_TRY(Parent(entry.path.substr(0, slash)));
    switch (entry.type) {
      case archive::EntryType::kDirectory:
        if (::mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST)
          return Fail(entry, "creating");
        return {};
      case archive::EntryType::kSymlink:
        if (::symlinkat(raw.target.c_str(), parent, name.c_str()) != 0)
          return Fail(entry, "linking");
        return Owner(parent, name, entry);
      case archive::EntryType::kHardLink:
        return Link(entry, raw, parent, name);
      case archive::EntryType::kFile:
        return File(entry, parent, name, reader);
      case archive::EntryType::kOther:
        return Malformed(deb_, "'" + Printable(entry.path) + "' is a device, pipe or socket");
    }
    return {};
  }

 private:
  Error Fail(const DebEntry& entry, std::string_view doing) const {
    return Error{errno == EEXIST ? ErrorCode::kConflict : ErrorCode::kIo,
                 deb_.filename().string() + ": " + std::string(doing) + " " +
                     Printable(entry.path) + ": " + std::strerror(errno)};
  }

  Result<int> OpenFolder(const std::string& path) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const std::string relative = path.empty() ? "." : path.substr(1);
    const long fd = ::syscall(SYS_openat2, root_fd_, relative.c_str(), &how, sizeof how);
    if (fd < 0) return -1;
    return static_cast<int>(fd);
  }

  // Packages may leave out parents that another package ships.
  Result<int> Parent(const std::string& path) {
    if (parent_ && path == parent_path_) return parent_.get();
    int fd = LETHE_TRY(OpenFolder(path));
    if (fd < 0 && errno == ENOENT && !path.empty()) {
      const size_t slash = path.rfind('/');
      const int grandparent = LETHE_TRY(Parent(path.substr(0, slash)));
      if (::mkdirat(grandparent, path.c_str() + slash + 1, 0755) != 0 && errno != EEXIST) {
        return IoError("creating folder", path);
      }
      fd = LETHE_TRY(OpenFolder(path));
    }
    if (fd < 0) return IoError(deb_.filename().string() + ": opening folder", path);
    parent_ = Fd(fd);
    parent_path_ = path;
    return fd;
  }

  Status Owner(int parent, const std::string& name, const DebEntry& entry) {
    if (!options_.owners || (entry.uid == 0 && entry.gid == 0)) return {};
    if (::fchownat(parent, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
      return Fail(entry, "changing the owner of");
    }
    return {};
  }

  Status Link(const DebEntry& entry, const archive::Entry& raw, int parent,
              const std::string& name) {
    const std::string target = LETHE_TRY(CleanPath(raw.target, deb_));
    const size_t slash = target.rfind('/');
    const Fd folder(LETHE_TRY(OpenFolder(target.substr(0, slash))));
    if (!folder ||
        ::linkat(folder.get(), target.c_str() + slash + 1, parent, name.c_str(), 0) != 0) {
      return Fail(entry, "hard-linking");
    }
    return {};
  }

  Status File(const DebEntry& entry, int parent, const std::string& name, archive::Reader& reader) {
    const Fd fd(
        ::openat(parent, name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return Fail(entry, "creating");
    LETHE_TRY(reader.ReadDataTo(
        kMaxFile, [&](std::string_view piece) { return WriteAll(fd.get(), piece, entry.path); }));
    LETHE_TRY(Owner(parent, name, entry));
    const unsigned mode = options_.owners ? entry.mode : entry.mode & 0777;
    if (::fchmod(fd.get(), mode) != 0) return Fail(entry, "changing the mode of");
    return {};
  }

  int root_fd_;
  const UnpackOptions& options_;
  const fs::path& deb_;
  Fd parent_;
  std::string parent_path_;
};

Result<DebEntry> MakeEntry(const archive::Entry& raw, const fs::path& deb) {
  return DebEntry{LETHE_TRY(CleanPath(raw.path, deb)),
                  raw.type,
                  raw.mode,
                  raw.uid,
                  raw.gid,
                  raw.type == archive::EntryType::kSymlink ? raw.target : std::string()};
}

}  // namespace

Result<DebContents> UnpackDeb(const fs::path& deb, int root_fd, const UnpackOptions& options) {
  const Members members = LETHE_TRY(ReadMembers(deb));
  DebContents contents;
  LETHE_TRY(ReadControl(members.control, deb, contents));
  auto reader =
      LETHE_TRY(archive::Reader::OpenMemory(members.data, deb.filename().string() + "/data.tar"));
  Unpacker unpacker(root_fd, options, deb);
  while (auto raw = LETHE_TRY(reader.Next())) {
    DebEntry entry = LETHE_TRY(MakeEntry(*raw, deb));
    if (options.skip && options.skip(entry.path)) continue;
    LETHE_TRY(unpacker.Add(entry, *raw, reader));
    contents.entries.push_back(std::move(entry));
    if (contents.entries.size() > kMaxEntries) return Malformed(deb, "more than 500000 files");
  }
  return contents;
}

Result<std::map<std::string, std::string>> ReadDebControl(const fs::path& deb) {
  const Members members = LETHE_TRY(ReadMembers(deb));
  DebContents contents;
  LETHE_TRY(ReadControl(members.control, deb, contents));
  return std::move(contents.control);
}

Status ReadDebFiles(const fs::path& deb, const std::function<bool(std::string_view)>& wanted,
                    const std::function<Status(const DebEntry&, std::string)>& sink) {
  const Members members = LETHE_TRY(ReadMembers(deb));
  auto reader =
      LETHE_TRY(archive::Reader::OpenMemory(members.data, deb.filename().string() + "/data.tar"));
  while (auto raw = LETHE_TRY(reader.Next())) {
    const DebEntry entry = LETHE_TRY(MakeEntry(*raw, deb));
    if (entry.type == archive::EntryType::kDirectory || !wanted(entry.path)) continue;
    if (entry.type == archive::EntryType::kSymlink) {
      LETHE_TRY(sink(entry, {}));
    } else if (entry.type == archive::EntryType::kFile) {
      LETHE_TRY(sink(entry, LETHE_TRY(reader.ReadData(kMaxFile))));
    } else {
      return Malformed(deb, Printable(entry.path) + " is neither file, folder nor symlink");
    }
  }
  return {};
}

}  // namespace lethe::image
