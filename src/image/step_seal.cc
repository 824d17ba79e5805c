#include "image/step_seal.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "base/file.h"
#include "base/parallel.h"
#include "base/strings.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTitle = "lethe step seal 1";
constexpr uint64_t kMaxSealBytes = 64ULL << 20;
constexpr size_t kFields = 5;

Error BadSeal(const std::string& what) {
  return Error{ErrorCode::kMalformed, "damaged seal: " + what};
}

Result<SealedEntry> Describe(const fs::path& path, std::string relative) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return IoError("reading", path);
  SealedEntry entry{.path = std::move(relative), .mode = info.st_mode & 07777U};
  if (S_ISREG(info.st_mode)) {
    entry.size = static_cast<uint64_t>(info.st_size);
  } else if (S_ISDIR(info.st_mode)) {
    entry.type = 'd';
  } else if (S_ISLNK(info.st_mode)) {
    std::error_code error;
    const std::string target = fs::read_symlink(path, error).string();
    if (error) return Error{ErrorCode::kIo, "reading " + path.string() + ": " + error.message()};
    entry.type = 'l';
    entry.mode = 0;
    entry.size = target.size();
    entry.sha256 = crypto::Sha256Of(target);
  } else {
    return Error{ErrorCode::kMalformed, path.string() + " is a device, pipe or socket"};
  }
  return entry;
}

// All below `folder` and itself, sorted; the digests of files are still missing.
Result<std::vector<SealedEntry>> List(const fs::path& folder) {
  std::vector<SealedEntry> entries;
  entries.push_back(LETHE_TRY(Describe(folder, ".")));
  const size_t prefix = folder.string().size() + 1;
  std::error_code error;
  auto it = fs::recursive_directory_iterator(folder, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    entries.push_back(LETHE_TRY(Describe(it->path(), it->path().string().substr(prefix))));
  }
  if (error) return Error{ErrorCode::kIo, "reading " + folder.string() + ": " + error.message()};
  std::sort(entries.begin(), entries.end(),
            [](const SealedEntry& a, const SealedEntry& b) { return a.path < b.path; });
  return entries;
}

// The large files first, so that no thread is left with one of them at the end.
Status ForEachFile(const std::vector<SealedEntry>& entries, unsigned jobs,
                   const std::function<Status(size_t)>& work) {
  std::vector<size_t> files;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].type == 'f') files.push_back(i);
  }
  std::stable_sort(files.begin(), files.end(),
                   [&](size_t a, size_t b) { return entries[a].size > entries[b].size; });
  return ParallelFor(files.size(), jobs, [&](size_t i) { return work(files[i]); });
}

Error Differs(const std::string& path, const std::string& what) {
  return Error{ErrorCode::kUntrusted, Printable(path) + " " + what};
}

// Everything but the content of files.
Status CompareLists(const std::vector<SealedEntry>& sealed, const std::vector<SealedEntry>& found) {
  for (size_t i = 0; i < std::max(sealed.size(), found.size()); ++i) {
    if (i == found.size() || (i < sealed.size() && sealed[i].path < found[i].path)) {
      return Differs(sealed[i].path, "is missing");
    }
    if (i == sealed.size() || found[i].path < sealed[i].path) {
      return Differs(found[i].path, "does not belong there");
    }
    const SealedEntry& a = sealed[i];
    const SealedEntry& b = found[i];
    if (a.type != b.type) return Differs(a.path, "has another type");
    if (a.mode != b.mode) return Differs(a.path, "has another mode");
    if (a.size != b.size) return Differs(a.path, "has another size");
    if (a.type == 'l' && a.sha256 != b.sha256) return Differs(a.path, "has another target");
  }
  return {};
}

Result<SealedEntry> ParseEntry(const std::vector<std::string_view>& fields, size_t at) {
  SealedEntry entry{.path = std::string(fields[at + 4])};
  const auto mode = ParseUnsigned<unsigned>(fields[at + 1], 8);
  const auto size = ParseUnsigned<uint64_t>(fields[at + 2]);
  const std::string_view type = fields[at];
  if (type != "f" && type != "d" && type != "l") return BadSeal("an unknown type");
  if (!mode || *mode > 07777 || !size || entry.path.empty()) return BadSeal("a bad number or path");
  entry.type = type[0];
  entry.mode = *mode;
  entry.size = *size;
  entry.sha256 = LETHE_TRY_IN(crypto::Sha256Digest::FromHex(fields[at + 3]), "damaged seal");
  return entry;
}

}  // namespace

std::string WriteSeal(const std::vector<SealedEntry>& entries) {
  std::string out(kTitle);
  out += '\0';
  for (const SealedEntry& entry : entries) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%o", entry.mode);
    for (const std::string& field : {std::string(1, entry.type), std::string(mode),
                                     std::to_string(entry.size), entry.sha256.Hex(), entry.path}) {
      out += field;
      out += '\0';
    }
  }
  return out + crypto::Sha256Of(out).Hex();
}

Result<std::vector<SealedEntry>> ParseSeal(std::string_view text) {
  constexpr size_t kDigest = 64;
  if (text.size() < kDigest) return BadSeal("too short");
  const std::string_view body = text.substr(0, text.size() - kDigest);
  if (crypto::Sha256Of(body).Hex() != text.substr(body.size())) return BadSeal("its own digest");
  const auto fields = Split(body, '\0');
  // The title before, the empty piece after the last zero byte.
  if (fields[0] != kTitle || fields.size() % kFields != 2 || !fields.back().empty()) {
    return BadSeal("its layout");
  }
  std::vector<SealedEntry> entries;
  for (size_t at = 1; at + 1 < fields.size(); at += kFields) {
    entries.push_back(LETHE_TRY(ParseEntry(fields, at)));
    if (entries.size() > 1 && entries[entries.size() - 2].path >= entries.back().path) {
      return BadSeal("its order");
    }
  }
  return entries;
}

Status SealFolder(const fs::path& folder, const fs::path& seal, unsigned jobs) {
  auto entries = LETHE_TRY(List(folder));
  LETHE_TRY(ForEachFile(entries, jobs, [&](size_t i) -> Status {
    entries[i].sha256 = LETHE_TRY(crypto::Sha256OfFile(folder / entries[i].path));
    return {};
  }));
  const std::string text = WriteSeal(entries);
  const Fd fd = LETHE_TRY(OpenFile(seal, O_CREAT | O_WRONLY | O_TRUNC));
  return WriteAll(fd.get(), text, seal.string());
}

Status CheckSeal(const fs::path& folder, const fs::path& seal, unsigned jobs) {
  const std::string text = LETHE_TRY(ReadFile(seal, kMaxSealBytes));
  const auto sealed = LETHE_TRY(ParseSeal(text));
  const auto found = LETHE_TRY(List(folder));
  LETHE_TRY(CompareLists(sealed, found));
  return ForEachFile(sealed, jobs, [&](size_t i) -> Status {
    const auto digest = LETHE_TRY(crypto::Sha256OfFile(folder / sealed[i].path));
    return digest == sealed[i].sha256 ? Status() : Differs(sealed[i].path, "has other bytes");
  });
}

Result<uint64_t> SealedBytes(const fs::path& seal) {
  const std::string text = LETHE_TRY(ReadFile(seal, kMaxSealBytes));
  uint64_t bytes = 0;
  for (const SealedEntry& entry : LETHE_TRY(ParseSeal(text))) {
    if (entry.type == 'f') bytes += entry.size;
  }
  return bytes;
}

}  // namespace lethe::image
