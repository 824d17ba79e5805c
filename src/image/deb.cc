#include "image/deb.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/strings.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxDeb = 1ULL << 30;
constexpr uint64_t kMaxControl = 16ULL << 20;
constexpr uint64_t kMaxFile = 1ULL << 30;
constexpr uint64_t kMaxUnpacked = 4ULL << 30;  // of all files of one package
constexpr size_t kMaxEntries = 500000;
constexpr size_t kMaxPath = 1024;
constexpr size_t kMaxName = 255;
constexpr uint32_t kMaxId = 65535;  // the sandbox has no more

Error Malformed(std::string_view what) {
  return Error{ErrorCode::kMalformed, "data.tar: " + std::string(what)};
}

// For messages: a hostile name may be a megabyte.
std::string Shown(std::string_view text) {
  constexpr size_t kMax = 200;
  return "'" + Printable(text.substr(0, kMax)) + (text.size() > kMax ? "…'" : "'");
}

// File lists are made of lines, and names in an image are UTF-8.
bool IsPlain(std::string_view text) {
  return IsUtf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<uint8_t>(c) < ' ' || c == 0x7f;
         });
}

// "./usr/bin/x" and "usr/bin/x/" to "/usr/bin/x"; "./" to "/".
Result<std::string> CleanPath(std::string_view name) {
  std::string out;
  if (name.empty()) return Malformed("an entry without a name");
  if (name.starts_with('/')) return Malformed("absolute path " + Shown(name));
  if (!IsPlain(name)) return Malformed("path " + Shown(name) + " is not UTF-8 in one line");
  if (name.size() > kMaxPath) return Malformed("path " + Shown(name) + " is longer than 1024");
  for (const std::string_view part : Split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return Malformed("path " + Shown(name) + " leaves the package");
    if (part.size() > kMaxName) {
      return Malformed("path " + Shown(name) + " has a name longer than 255");
    }
    out += "/" + std::string(part);
  }
  return out.empty() ? "/" : out;
}

// "control.tar" also as "control.tar.xz" and the like.
bool IsTar(std::string_view member, std::string_view tar) {
  if (!member.starts_with(tar)) return false;
  const std::string_view suffix = member.substr(tar.size());
  return suffix.empty() || suffix == ".gz" || suffix == ".xz" || suffix == ".zst";
}

// The bytes of each ar member, kept while its tar is read.
struct Members {
  std::string control;
  std::string data;
};

Result<Members> ReadMembers(const fs::path& deb) {
  auto reader = LETHE_TRY(archive::Reader::OpenFile(deb));
  Members members;
  std::set<std::string_view> seen;
  bool version_seen = false;
  while (auto entry = LETHE_TRY(reader.Next())) {
    std::string_view kind;
    if (entry->path == "debian-binary") {
      kind = "debian-binary";
      version_seen = Trim(LETHE_TRY(reader.ReadData(64))).starts_with("2.");
    } else if (IsTar(entry->path, "control.tar")) {
      kind = "control.tar";
      members.control = LETHE_TRY(reader.ReadData(kMaxControl));
    } else if (IsTar(entry->path, "data.tar")) {
      kind = "data.tar";
      members.data = LETHE_TRY(reader.ReadData(kMaxDeb));
    } else {
      continue;  // a signature, say
    }
    if (!seen.insert(kind).second)
      return Error{ErrorCode::kMalformed, "has the member " + std::string(kind) + " twice"};
  }
  if (!version_seen || members.control.empty() || members.data.empty()) {
    return Error{ErrorCode::kMalformed, "not a Debian binary package of format 2"};
  }
  return members;
}

// They become names of dpkg's database, where "list" is the list of files.
bool IsControlName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name != "list" &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                  c == '_';
         });
}

Status ReadControl(const std::string& bytes, DebContents& contents) {
  auto reader = LETHE_TRY(archive::Reader::OpenMemory(bytes, "control.tar"));
  const auto malformed = [](const std::string& what) {
    return Error{ErrorCode::kMalformed, "control.tar: " + what};
  };
  uint64_t left = kMaxControl;
  for (size_t entries = 1; auto entry = LETHE_TRY(reader.Next()); ++entries) {
    constexpr size_t kMaxControlEntries = 1000;
    if (entries > kMaxControlEntries) return malformed("more than 1000 entries");
    std::string_view name = entry->path;
    if (name.starts_with("./")) name.remove_prefix(2);
    if (entry->type == archive::EntryType::kDirectory && (name.empty() || name == ".")) continue;
    if (entry->type != archive::EntryType::kFile || !IsControlName(name)) {
      return malformed(Shown(entry->path) + " is no control file");
    }
    std::string file = LETHE_TRY(reader.ReadData(left));
    left -= file.size();
    if (!contents.control.emplace(std::string(name), std::move(file)).second) {
      return malformed("holds " + Shown(name) + " twice");
    }
  }
  if (!contents.control.contains("control")) return malformed("no control file");
  return {};
}

// Reads data.tar within its limits.
class DataReader {
 public:
  static Result<DataReader> Open(const std::string& bytes) {
    return DataReader(LETHE_TRY(archive::Reader::OpenMemory(bytes, "data.tar")));
  }

  // What is read over costs time like what is unpacked, and counts like it.
  Result<std::optional<archive::Entry>> Next() {
    auto entry = LETHE_TRY(reader_.Next());
    if (!entry) return entry;
    if (++entries_ > kMaxEntries) return Malformed("more than 500000 entries");
    if (entry->size > kMaxFile) {
      return Malformed(Shown(entry->path) + " is larger than " + std::to_string(kMaxFile) +
                       " bytes");
    }
    unpacked_ += entry->size;
    if (unpacked_ > kMaxUnpacked) {
      return Malformed("with " + Shown(entry->path) + " the package unpacks to more than " +
                       std::to_string(kMaxUnpacked) + " bytes");
    }
    size_ = entry->size;
    return entry;
  }

  Status ReadDataTo(const std::function<Status(std::string_view)>& sink) {
    return reader_.ReadDataTo(size_, sink);
  }
  Result<std::string> ReadData() { return reader_.ReadData(size_); }

 private:
  explicit DataReader(archive::Reader reader) : reader_(std::move(reader)) {}
  archive::Reader reader_;
  size_t entries_ = 0;
  uint64_t unpacked_ = 0;
  uint64_t size_ = 0;
};

// Unpacks below one folder, remembering the descriptor of the last parent.
class Unpacker {
 public:
  Unpacker(int root_fd, const UnpackOptions& options) : root_fd_(root_fd), options_(options) {}

  Status Add(const DebEntry& entry, const archive::Entry& raw, DataReader& reader) {
    if (entry.path == "/") return {};
    const auto [known, fresh] = seen_.emplace(entry.path, entry.type);
    const bool folders =
        entry.type == archive::EntryType::kDirectory && known->second == entry.type;
    if (!fresh && !folders) return Malformed("holds " + Shown(entry.path) + " twice");
    const size_t slash = entry.path.rfind('/');
    const std::string name = entry.path.substr(slash + 1);
    const int parent = LETHE_TRY(Parent(entry.path.substr(0, slash)));
    switch (entry.type) {
      case archive::EntryType::kDirectory:
        return Folder(entry, parent, name);
      case archive::EntryType::kSymlink:
        if (::symlinkat(raw.target.c_str(), parent, name.c_str()) != 0)
          return Fail(entry, "linking");
        return Owner(parent, name, entry);
      case archive::EntryType::kHardLink:
        return Link(entry, raw, parent, name);
      case archive::EntryType::kFile:
        return File(entry, parent, name, reader);
      case archive::EntryType::kOther:
        return Malformed(Shown(entry.path) + " is a device, pipe or socket");
    }
    return {};
  }

 private:
  Error Fail(const DebEntry& entry, std::string_view doing) const {
    return Error{
        errno == EEXIST ? ErrorCode::kConflict : ErrorCode::kIo,
        "data.tar: " + std::string(doing) + " " + Shown(entry.path) + ": " + std::strerror(errno)};
  }

  Result<Fd> OpenFolder(std::string_view path) const {
    return OpenInRoot(root_fd_, path, O_PATH | O_DIRECTORY);
  }

  // A folder may lie on a link to a folder (the merged /usr), but on no file.
  Status Folder(const DebEntry& entry, int parent, const std::string& name) const {
    if (::mkdirat(parent, name.c_str(), 0755) == 0) return {};
    if (errno != EEXIST) return Fail(entry, "creating");
    if (OpenFolder(entry.path)) return {};
    errno = EEXIST;
    return Fail(entry, "creating the folder");
  }

  // The folder is missing or something else: this package's fault, or two packages do not fit.
  Error NoFolder(const std::string& path) const {
    bool own = false;
    for (size_t end = path.size(); end != 0 && end != std::string::npos;
         end = path.rfind('/', end - 1)) {
      const auto it = seen_.find(std::string_view(path).substr(0, end));
      own = own || (it != seen_.end() && it->second != archive::EntryType::kDirectory);
    }
    return Error{own ? ErrorCode::kMalformed : ErrorCode::kConflict,
                 "data.tar: " + Shown(path) + " is used as a folder and is none"};
  }

  // Packages may leave out parents that another package ships.
  Result<int> Parent(const std::string& path) {
    if (parent_ && path == parent_path_) return parent_.get();
    auto folder = OpenFolder(path);
    if (!folder && errno == ENOENT && !path.empty()) {
      const size_t slash = path.rfind('/');
      const int grandparent = LETHE_TRY(Parent(path.substr(0, slash)));
      if (::mkdirat(grandparent, path.c_str() + slash + 1, 0755) != 0 && errno != EEXIST) {
        return IoError("creating folder", path);
      }
      folder = OpenFolder(path);
    }
    if (!folder && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return NoFolder(path);
    parent_ = LETHE_TRY_IN(std::move(folder), "data.tar");
    parent_path_ = path;
    return parent_.get();
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
    const std::string target =
        LETHE_TRY_IN(CleanPath(raw.target), "the hard link " + Shown(entry.path));
    const auto known = seen_.find(target);
    if (known == seen_.end() || known->second == archive::EntryType::kDirectory ||
        target == entry.path) {
      return Malformed(Shown(entry.path) + " is a hard link to " + Shown(target) +
                       ", which is no earlier file of the package");
    }
    const size_t slash = target.rfind('/');
    const Fd folder = LETHE_TRY(OpenFolder(target.substr(0, slash)));
    if (::linkat(folder.get(), target.c_str() + slash + 1, parent, name.c_str(), 0) != 0) {
      return Fail(entry, "hard-linking");
    }
    return {};
  }

  Status File(const DebEntry& entry, int parent, const std::string& name, DataReader& reader) {
    const Fd fd(
        ::openat(parent, name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return Fail(entry, "creating");
    LETHE_TRY_IN(reader.ReadDataTo(
                     [&](std::string_view piece) { return WriteAll(fd.get(), piece, entry.path); }),
                 Shown(entry.path));
    LETHE_TRY(Owner(parent, name, entry));
    const unsigned mode = options_.owners ? entry.mode : entry.mode & 0777;
    if (::fchmod(fd.get(), mode) != 0) return Fail(entry, "changing the mode of");
    return {};
  }

  int root_fd_;
  const UnpackOptions& options_;
  std::map<std::string, archive::EntryType, std::less<>> seen_;
  Fd parent_;
  std::string parent_path_;
};

Result<DebEntry> MakeEntry(const archive::Entry& raw) {
  DebEntry entry{LETHE_TRY(CleanPath(raw.path)),
                 raw.type,
                 raw.mode,
                 raw.uid,
                 raw.gid,
                 raw.type == archive::EntryType::kSymlink ? raw.target : std::string()};
  if (entry.path == "/" && entry.type != archive::EntryType::kDirectory)
    return Malformed(Shown(raw.path) + " is not a folder");
  if (entry.uid > kMaxId || entry.gid > kMaxId)
    return Malformed(Shown(raw.path) + " has an owner above 65535");
  if (entry.type == archive::EntryType::kSymlink &&
      (entry.target.empty() || entry.target.size() > kMaxPath || !IsPlain(entry.target))) {
    return Malformed("symlink " + Shown(raw.path) + " to " + Shown(entry.target) +
                     ": a target is UTF-8 in one line of 1 to 1024 bytes");
  }
  return entry;
}

// "Field: value"; a name of a field has neither spaces nor control characters (deb822(5)).
Result<std::string> FieldName(std::string_view line) {
  const size_t colon = line.find(':');
  std::string name(line.substr(0, colon));
  const bool plain =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (colon == std::string_view::npos || name.empty() || name[0] == '-' || name[0] == '#' || !plain)
    return Error{ErrorCode::kMalformed, "control: " + Shown(line) + " is no field"};
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return name;
}

}  // namespace

Status CheckDebControl(std::string_view control, std::string_view name,
                       std::string_view architecture) {
  std::map<std::string, std::string_view> fields;
  for (const std::string_view line : Lines(control)) {
    if (line.find_first_of(std::string_view("\0\r", 2)) != std::string_view::npos)
      return Error{ErrorCode::kMalformed, "control: control characters in " + Shown(line)};
    if (Trim(line).empty())
      return Error{ErrorCode::kMalformed, "control: an empty line: it is one stanza"};
    if (!fields.empty() && (line[0] == ' ' || line[0] == '\t')) continue;
    std::string field = LETHE_TRY(FieldName(line));
    if (field == "status") return Error{ErrorCode::kMalformed, "control: a field Status"};
    const std::string_view value = Trim(line.substr(field.size() + 1));
    if (!fields.emplace(field, value).second)
      return Error{ErrorCode::kMalformed, "control: the field '" + field + "' twice"};
  }
  if (fields["package"] == name && fields["architecture"] == architecture) return {};
  return Error{ErrorCode::kConflict, "control: is of " + Shown(fields["package"]) + " for " +
                                         Shown(fields["architecture"]) + ", not of '" +
                                         std::string(name) + "' for '" + std::string(architecture) +
                                         "'"};
}

Result<DebContents> UnpackDeb(const fs::path& deb, int root_fd, const UnpackOptions& options) {
  const Members members = LETHE_TRY(ReadMembers(deb));
  DebContents contents;
  LETHE_TRY(ReadControl(members.control, contents));
  auto reader = LETHE_TRY(DataReader::Open(members.data));
  Unpacker unpacker(root_fd, options);
  while (auto raw = LETHE_TRY(reader.Next())) {
    DebEntry entry = LETHE_TRY(MakeEntry(*raw));
    if (options.skip && options.skip(entry.path)) continue;
    LETHE_TRY(unpacker.Add(entry, *raw, reader));
    contents.entries.push_back(std::move(entry));
  }
  return contents;
}

Result<std::map<std::string, std::string>> ReadDebControl(const fs::path& deb) {
  const Members members = LETHE_TRY(ReadMembers(deb));
  DebContents contents;
  LETHE_TRY(ReadControl(members.control, contents));
  return std::move(contents.control);
}

Status ReadDebFiles(const fs::path& deb, const std::function<bool(std::string_view)>& wanted,
                    const std::function<Status(const DebEntry&, std::string)>& sink) {
  const Members members = LETHE_TRY(ReadMembers(deb));
  auto reader = LETHE_TRY(DataReader::Open(members.data));
  while (auto raw = LETHE_TRY(reader.Next())) {
    const DebEntry entry = LETHE_TRY(MakeEntry(*raw));
    if (entry.type == archive::EntryType::kDirectory || !wanted(entry.path)) continue;
    if (entry.type == archive::EntryType::kSymlink) {
      LETHE_TRY(sink(entry, {}));
    } else if (entry.type == archive::EntryType::kFile) {
      LETHE_TRY(sink(entry, LETHE_TRY(reader.ReadData())));
    } else {
      return Malformed(Shown(entry.path) + " is neither file, folder nor symlink");
    }
  }
  return {};
}

}  // namespace lethe::image
