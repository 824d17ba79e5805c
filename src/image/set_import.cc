#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "image/set_layout.h"
#include "image/set_tar.h"
#include "image/store_set.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;
using Sink = std::function<Status(std::string_view)>;

constexpr uint64_t kMaxSumsBytes = 16ULL << 20;
constexpr size_t kHexDigits = 64;

Result<std::map<std::string, crypto::Sha256Digest>> ParseSums(std::string_view text) {
  std::map<std::string, crypto::Sha256Digest> sums;
  for (const std::string_view line : Lines(text)) {
    const std::string in = std::string(kSumsName) + ": line '" + Printable(line) + "'";
    if (line.size() <= kHexDigits + 2 || line.substr(kHexDigits, 2) != "  ") {
      return Error{ErrorCode::kMalformed, in + " is no sum"};
    }
    const std::string name(line.substr(kHexDigits + 2));
    const auto digest = LETHE_TRY_IN(crypto::Sha256Digest::FromHex(line.substr(0, kHexDigits)), in);
    const auto named = DigestOfName(name);
    if (name != kLockName && (!named || *named != digest)) {
      return Error{ErrorCode::kMalformed, in + ": the name is not that of an object with this sum"};
    }
    if (!sums.emplace(name, digest).second)
      return Error{ErrorCode::kMalformed, in + " is there twice"};
    if (sums.size() > kMaxSetObjects + 1) {
      return Error{ErrorCode::kMalformed,
                   std::string(kSumsName) + ": more than " + std::to_string(kMaxSetObjects)};
    }
  }
  if (!sums.contains(std::string(kLockName))) {
    return Error{ErrorCode::kMalformed, std::string(kSumsName) + " does not name the lock"};
  }
  return sums;
}

// Takes the members of one set, the sums first.
class Importer {
 public:
  using Content = std::function<Status(const Sink&)>;

  static Result<Importer> Create(const Store& store, const SetProgress& progress) {
    return Importer(store, progress, LETHE_TRY(OwnedDir::Create(store.tmp(), "import-")));
  }

  Status Take(const SetMember& member, const Content& content) {
    if (!sums_) return TakeSums(member, content);
    const auto sum = sums_->find(member.name);
    if (sum == sums_->end()) return Refuse(member, "is not one of " + std::string(kSumsName));
    if (!taken_.insert(member.name).second) return Refuse(member, "is there twice");
    if (member.name == kLockName) return TakeLock(member, sum->second, content);
    return TakeObject(member, sum->second, content);
  }

  Result<SetTotals> Finish() {
    if (!sums_) return Error{ErrorCode::kMalformed, "there is no " + std::string(kSumsName)};
    for (const auto& [name, sum] : *sums_) {
      if (!taken_.contains(name)) {
        return Error{ErrorCode::kMalformed, "member " + name + " is missing"};
      }
    }
    return totals_;
  }

 private:
  Importer(const Store& store, const SetProgress& progress, OwnedDir scratch)
      : store_(store), progress_(progress), scratch_(std::move(scratch)) {}

  static Error Refuse(const SetMember& member, const std::string& what) {
    return Error{ErrorCode::kMalformed, "member " + Printable(member.name) + " " + what};
  }

  static Result<std::string> ReadText(const SetMember& member, uint64_t max_bytes,
                                      const Content& content) {
    if (member.size > max_bytes) return Refuse(member, "is too large");
    std::string text;
    LETHE_TRY(content([&](std::string_view piece) -> Status {
      text += piece;
      return {};
    }));
    return text;
  }

  Status TakeSums(const SetMember& member, const Content& content) {
    if (member.name != kSumsName)
      return Refuse(member, "is not " + std::string(kSumsName) + ", which comes first");
    const std::string text = LETHE_TRY(ReadText(member, kMaxSumsBytes, content));
    sums_ = LETHE_TRY(ParseSums(text));
    return {};
  }

  // The lock is not kept: it is the recipe's. It must be one, and the set must be all that it
  // needs.
  Status TakeLock(const SetMember& member, const crypto::Sha256Digest& sum,
                  const Content& content) {
    const std::string text = LETHE_TRY(ReadText(member, recipe::kMaxLockBytes, content));
    if (crypto::Sha256Of(text) != sum) {
      return Error{ErrorCode::kUntrusted, "member " + member.name + " is not what its sum says"};
    }
    const auto lock = LETHE_TRY(recipe::ParseLock(text, member.name));
    for (const NeededObject& object : ObjectsOf(lock)) {
      if (!sums_->contains(ObjectName(object.sha256)))
        return Refuse(member, "needs " + object.name + ", which is missing");
    }
    return {};
  }

  Status TakeObject(const SetMember& member, const crypto::Sha256Digest& sum,
                    const Content& content) {
    if (member.size > kMaxObjectBytes) return Refuse(member, "is too large");
    const fs::path file = scratch_.path() / sum.Hex();
    crypto::Sha256 hash;
    {
      const Fd fd = LETHE_TRY(OpenFile(file, O_CREAT | O_EXCL | O_WRONLY, 0644));
      LETHE_TRY(content([&](std::string_view piece) -> Status {
        hash.Update(piece);
        return WriteAll(fd.get(), piece, file.string());
      }));
    }
    if (hash.Finish() != sum) {
      return Error{ErrorCode::kUntrusted, "member " + member.name + " is not what its name says"};
    }
    bool damaged = false;
    if (HaveObject(store_.ObjectPath(sum), sum, damaged)) {
      ++totals_.present;
      LETHE_TRY(RemoveTree(file));
    } else {
      LETHE_TRY(PutObject(store_, file, sum));
    }
    ++totals_.objects;
    totals_.bytes += member.size;
    if (progress_) progress_(totals_.objects, sums_->size() - 1);
    return {};
  }

  const Store& store_;
  const SetProgress& progress_;
  OwnedDir scratch_;
  std::optional<std::map<std::string, crypto::Sha256Digest>> sums_;
  std::set<std::string> taken_;
  SetTotals totals_;
};

Result<SetTotals> ImportTar(Importer& importer, const fs::path& source) {
  SetTarReader reader = LETHE_TRY(SetTarReader::Open(source));
  while (const auto member = LETHE_TRY(reader.Next())) {
    LETHE_TRY_IN(
        importer.Take(*member, [&](const Sink& sink) { return reader.Read(*member, sink); }),
        source.string());
  }
  return importer.Finish();
}

// Plain files only, by their own metadata; SHA256SUMS sorts first.
Result<std::vector<SetMember>> ListFolder(const fs::path& source) {
  std::vector<SetMember> members;
  const size_t prefix = source.string().size() + (source.string().ends_with('/') ? 0 : 1);
  std::error_code error;
  auto it = fs::recursive_directory_iterator(source, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string name = it->path().string().substr(prefix);
    struct stat info {};
    if (::lstat(it->path().c_str(), &info) != 0) return IoError("reading", it->path());
    if (S_ISDIR(info.st_mode)) continue;
    if (!S_ISREG(info.st_mode)) {
      return Error{ErrorCode::kMalformed,
                   source.string() + ": member " + Printable(name) + " is no plain file"};
    }
    members.push_back({name, static_cast<uint64_t>(info.st_size)});
    if (members.size() > kMaxSetObjects + 2) {
      return Error{ErrorCode::kMalformed, source.string() + ": too many files"};
    }
  }
  if (error) return Error{ErrorCode::kIo, "reading " + source.string() + ": " + error.message()};
  std::sort(members.begin(), members.end(),
            [](const SetMember& a, const SetMember& b) { return a.name < b.name; });
  return members;
}

Status ReadWhole(const fs::path& path, uint64_t size, const Sink& sink) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY | O_NOFOLLOW));
  char buffer[1 << 17];
  for (uint64_t left = size; left > 0;) {
    const ssize_t n = ::read(fd.get(), buffer, std::min<uint64_t>(left, sizeof buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("reading", path);
    if (n == 0) return Error{ErrorCode::kIo, path.string() + " became shorter while it was read"};
    LETHE_TRY(sink({buffer, static_cast<size_t>(n)}));
    left -= static_cast<uint64_t>(n);
  }
  return {};
}

Result<SetTotals> ImportFolder(Importer& importer, const fs::path& source) {
  for (const SetMember& member : LETHE_TRY(ListFolder(source))) {
    LETHE_TRY_IN(importer.Take(member,
                               [&](const Sink& sink) {
                                 return ReadWhole(source / member.name, member.size, sink);
                               }),
                 source.string());
  }
  return importer.Finish();
}

}  // namespace

Result<SetTotals> ImportSet(const Store& store, const fs::path& source,
                            const SetProgress& progress) {
  const FileLock use = LETHE_TRY(store.Use());
  Importer importer = LETHE_TRY(Importer::Create(store, progress));
  std::error_code error;
  if (fs::is_directory(source, error)) return ImportFolder(importer, source);
  return ImportTar(importer, source);
}

}  // namespace lethe::image
