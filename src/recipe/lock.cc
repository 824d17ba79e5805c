#include "recipe/lock.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/file.h"
#include "base/strings.h"
#include "debian/index.h"
#include "recipe/names.h"
#include "toml/toml.h"

namespace lethe::recipe {
namespace {

namespace fs = std::filesystem;
using toml::Located;
using toml::TableReader;

constexpr PackageSet kSets[] = {
    PackageSet::kImage,    PackageSet::kKernel,    PackageSet::kTools,  PackageSet::kCompilers,
    PackageSet::kFirmware, PackageSet::kMicrocode, PackageSet::kSources};

Result<crypto::Sha256Digest> ReadDigest(TableReader& t, std::string_view key) {
  const Located value = LETHE_TRY(t.String(key));
  const auto digest = crypto::Sha256Digest::FromHex(value.value);
  if (!digest)
    return t.ErrorAt(value.line, "key '" + std::string(key) + "': " + digest.error().message);
  return *digest;
}

Result<std::string> ReadChecked(TableReader& t, std::string_view key, bool ok(std::string_view),
                                const char* allowed) {
  const Located value = LETHE_TRY(t.String(key));
  if (ok(value.value)) return value.value;
  return t.ErrorAt(value.line, "key '" + std::string(key) + "': '" + Printable(value.value) +
                                   "': allowed: " + allowed);
}

bool IsPoolPath(std::string_view text) {
  return text.starts_with("pool/") && !CheckRelativePath(text);
}

bool IsPackagePath(std::string_view text) { return IsPoolPath(text) && text.ends_with(".deb"); }

bool IsArchive(std::string_view text) { return text == "debian" || text == "debian-security"; }

bool IsVersion(std::string_view text) {
  return !text.empty() && text.size() < 256 &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-:~") ==
             std::string_view::npos;
}

Result<LockedPackage> ReadPackage(TableReader& t) {
  LockedPackage p;
  p.name = LETHE_TRY(ReadChecked(
      t, "name", [](std::string_view s) { return !CheckPackageName(s); }, "a package name"));
  p.version = LETHE_TRY(ReadChecked(t, "version", IsVersion, "a Debian version"));
  p.architecture = LETHE_TRY(ReadChecked(
      t, "arch", [](std::string_view s) { return s == "amd64" || s == "all"; }, "amd64, all"));
  p.archive = LETHE_TRY(ReadChecked(t, "archive", IsArchive, "debian, debian-security"));
  p.path = LETHE_TRY(
      ReadChecked(t, "path", IsPackagePath, "a clean path below pool/ that ends in .deb"));
  p.size = static_cast<uint64_t>(LETHE_TRY(t.Integer("size", {1, 4LL << 30})));
  p.sha256 = LETHE_TRY(ReadDigest(t, "sha256"));
  p.source = LETHE_TRY(ReadChecked(
      t, "source", [](std::string_view s) { return !CheckPackageName(s); }, "a package name"));
  p.source_version = LETHE_TRY(ReadChecked(t, "source_version", IsVersion, "a Debian version"));
  for (const Located& word : LETHE_TRY(t.Strings("in"))) {
    const auto set = std::find_if(std::begin(kSets), std::end(kSets),
                                  [&](PackageSet s) { return ToString(s) == word.value; });
    if (set == std::end(kSets) || (!p.in.empty() && *set <= *p.in.rbegin())) {
      return t.ErrorAt(word.line,
                       "key 'in': '" + Printable(word.value) +
                           "': allowed: image, kernel, tools, compilers, firmware, microcode, "
                           "sources, in this order");
    }
    p.in.insert(*set);
  }
  if (p.in.empty()) return t.ErrorAt(0, "key 'in': must name at least one set");
  LETHE_TRY(t.Finish());
  return p;
}

Result<LockedSource> ReadSource(TableReader& t) {
  LockedSource source;
  source.name = LETHE_TRY(ReadChecked(
      t, "name", [](std::string_view s) { return !CheckPackageName(s); }, "a package name"));
  source.version = LETHE_TRY(ReadChecked(t, "version", IsVersion, "a Debian version"));
  const std::string archive =
      LETHE_TRY(ReadChecked(t, "archive", IsArchive, "debian, debian-security"));
  for (TableReader& file : LETHE_TRY(t.Tables("files"))) {
    LockedFile locked{.archive = archive};
    locked.path = LETHE_TRY(ReadChecked(file, "path", IsPoolPath, "a clean path below pool/"));
    locked.size = static_cast<uint64_t>(LETHE_TRY(file.Integer("size", {1, 4LL << 30})));
    locked.sha256 = LETHE_TRY(ReadDigest(file, "sha256"));
    LETHE_TRY(file.Finish());
    source.files.push_back(std::move(locked));
  }
  if (source.files.empty() || !source.files[0].path.ends_with(".dsc"))
    return t.ErrorAt(0, "key 'files': the first one must be the .dsc");
  for (const Located& name : LETHE_TRY(t.Strings("build_depends"))) {
    if (CheckPackageName(name.value) ||
        (!source.build_depends.empty() && source.build_depends.back() >= name.value)) {
      return t.ErrorAt(name.line, "key 'build_depends': '" + Printable(name.value) +
                                      "': allowed: package names, sorted");
    }
    source.build_depends.push_back(name.value);
  }
  LETHE_TRY(t.Finish());
  return source;
}

bool IsSuite(std::string_view text) {
  return !CheckRelativePath(text) &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-./") ==
             std::string_view::npos;
}

bool IsFingerprints(std::string_view text) {
  for (const std::string_view word : Split(text, ' ')) {
    if (word.size() < 40 || word.size() > 64 ||
        word.find_first_not_of("0123456789ABCDEF") != std::string_view::npos)
      return false;
  }
  return true;
}

Result<LockedIndex> ReadIndex(TableReader& t) {
  LockedIndex index;
  index.suite = LETHE_TRY(ReadChecked(t, "suite", IsSuite, "a suite's name"));
  index.date = LETHE_TRY(ReadChecked(
      t, "date",
      [](std::string_view s) { return debian::ParseReleaseDate(std::string(s)).has_value(); },
      "a date in UTC as in a Release file"));
  index.in_release = LETHE_TRY(ReadDigest(t, "in_release"));
  index.signed_by =
      LETHE_TRY(ReadChecked(t, "signed_by", IsFingerprints,
                            "fingerprints in upper-case hexadecimal, separated by one space"));
  LETHE_TRY(t.Finish());
  return index;
}

auto OrderOf(const LockedPackage& p) { return std::tie(p.name, p.architecture); }

}  // namespace

std::string_view ToString(PackageSet set) {
  switch (set) {
    case PackageSet::kImage:
      return "image";
    case PackageSet::kKernel:
      return "kernel";
    case PackageSet::kTools:
      return "tools";
    case PackageSet::kCompilers:
      return "compilers";
    case PackageSet::kFirmware:
      return "firmware";
    case PackageSet::kMicrocode:
      return "microcode";
    case PackageSet::kSources:
      return "sources";
  }
  return "";
}

std::vector<NamedFile> FilesOf(const Lock& lock) {
  std::vector<NamedFile> out;
  for (const LockedPackage& p : lock.packages)
    out.push_back({p.name + " " + p.version, {p.archive, p.path, p.size, p.sha256}});
  for (const LockedSource& source : lock.sources) {
    for (const LockedFile& file : source.files)
      out.push_back({file.path.substr(file.path.rfind('/') + 1), file});
  }
  return out;
}

crypto::Sha256Digest RequestDigest(const Recipe& recipe) {
  crypto::Sha256 hash;
  const auto add = [&](std::string_view name, const std::vector<std::string>& values) {
    hash.Update(std::string(name) + " " + std::to_string(values.size()) + "\n");
    for (const auto& value : values) hash.Update(value + "\n");
  };
  add("architecture", {recipe.architecture});
  add("suites", recipe.suites);
  add("components", recipe.components_of_archive);
  add("packages", recipe.packages);
  add("tools", recipe.tools);
  add("compilers", recipe.compilers);
  add("kernel", {recipe.kernel.package});
  // Only where there are any: the locks of all other recipes stay as they are.
  std::vector<std::string> patched;
  for (const Patched& p : recipe.patched) patched.push_back(p.source);
  if (!recipe.kernel.firmware.empty()) add("firmware", recipe.kernel.firmware);
  if (!recipe.kernel.microcode.empty()) add("microcode", recipe.kernel.microcode);
  if (!patched.empty()) add("patched", patched);
  return hash.Finish();
}

Result<Lock> ParseLock(std::string_view text, const std::string& file) {
  auto root = LETHE_TRY(TableReader::Parse(text, file));
  (void)LETHE_TRY(root.Integer("format", {1, 1}));
  Lock lock;
  lock.request = LETHE_TRY(ReadDigest(root, "request"));
  for (TableReader& t : LETHE_TRY(root.Tables("index")))
    lock.indices.push_back(LETHE_TRY(ReadIndex(t)));
  for (TableReader& t : LETHE_TRY(root.Tables("package"))) {
    LockedPackage package = LETHE_TRY(ReadPackage(t));
    if (!lock.packages.empty() && !(OrderOf(lock.packages.back()) < OrderOf(package))) {
      return t.ErrorAt(0, "package '" + package.name + "': not in order, or there twice");
    }
    lock.packages.push_back(std::move(package));
  }
  for (TableReader& t : LETHE_TRY(root.Tables("source"))) {
    LockedSource source = LETHE_TRY(ReadSource(t));
    if (!lock.sources.empty() && lock.sources.back().name >= source.name)
      return t.ErrorAt(0, "source '" + source.name + "': not in order, or there twice");
    lock.sources.push_back(std::move(source));
  }
  LETHE_TRY(root.Finish());
  return lock;
}

namespace {

std::string WriteSource(const LockedSource& source) {
  std::string out = "\n[[source]]\nname = " + toml::Quote(source.name) +
                    "\nversion = " + toml::Quote(source.version) +
                    "\narchive = " + toml::Quote(source.files[0].archive) + "\nfiles = [\n";
  for (const LockedFile& file : source.files) {
    out += "  { path = " + toml::Quote(file.path) + ", size = " + std::to_string(file.size) +
           ", sha256 = " + toml::Quote(file.sha256.Hex()) + " },\n";
  }
  out += "]\nbuild_depends = [\n";
  for (const std::string& name : source.build_depends) out += "  " + toml::Quote(name) + ",\n";
  return out + "]\n";
}

}  // namespace

std::string WriteLock(const Lock& lock) {
  std::string out =
      "# Made by 'lethe recipe lock'. Do not edit: change recipe.toml and lock again.\nformat = "
      "1\nrequest = " +
      toml::Quote(lock.request.Hex()) + "\n\nindex = [\n";
  for (const LockedIndex& index : lock.indices) {
    out += "  { suite = " + toml::Quote(index.suite) + ", date = " + toml::Quote(index.date) +
           ", in_release = " + toml::Quote(index.in_release.Hex()) +
           ", signed_by = " + toml::Quote(index.signed_by) + " },\n";
  }
  out += "]\n\npackage = [\n";
  for (const LockedPackage& p : lock.packages) {
    std::string in;
    for (const PackageSet set : p.in) in += (in.empty() ? "" : ", ") + toml::Quote(ToString(set));
    out += "  { name = " + toml::Quote(p.name) + ", version = " + toml::Quote(p.version) +
           ", arch = " + toml::Quote(p.architecture) + ", in = [" + in +
           "], source = " + toml::Quote(p.source) +
           ", source_version = " + toml::Quote(p.source_version) +
           ", size = " + std::to_string(p.size) + ", sha256 = " + toml::Quote(p.sha256.Hex()) +
           ", archive = " + toml::Quote(p.archive) + ", path = " + toml::Quote(p.path) + " },\n";
  }
  out += "]\n";
  for (const LockedSource& source : lock.sources) out += WriteSource(source);
  return out;
}

Result<Lock> LoadLock(const fs::path& file, const Recipe& recipe) {
  auto text = ReadFile(file, kMaxLockBytes);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound)
      text.error().message += " (make it with 'lethe recipe lock')";
    return std::move(text).error();
  }
  Lock lock = LETHE_TRY(ParseLock(*text, file.string()));
  if (lock.request != RequestDigest(recipe)) {
    return Error{ErrorCode::kConflict, file.string() +
                                           " does not fit the recipe: its suites, components or "
                                           "package lists have changed; run 'lethe recipe lock'"};
  }
  return lock;
}

std::vector<LockChange> DiffLocks(const Lock& from, const Lock& to) {
  struct Pair {
    const LockedPackage* from = nullptr;
    const LockedPackage* to = nullptr;
  };
  std::map<std::pair<std::string, std::string>, Pair> pairs;
  for (const LockedPackage& p : from.packages) pairs[{p.name, p.architecture}].from = &p;
  for (const LockedPackage& p : to.packages) pairs[{p.name, p.architecture}].to = &p;
  std::vector<LockChange> changes;
  for (const auto& [key, pair] : pairs) {
    LockChange change{.name = key.first, .architecture = key.second};
    if (pair.from != nullptr) {
      change.old_version = pair.from->version;
      change.old_size = static_cast<int64_t>(pair.from->size);
      change.old_in = pair.from->in;
    }
    if (pair.to != nullptr) {
      change.new_version = pair.to->version;
      change.new_size = static_cast<int64_t>(pair.to->size);
      change.new_in = pair.to->in;
    }
    const bool same_version = change.old_version == change.new_version;
    change.other_bytes = same_version && pair.from->sha256 != pair.to->sha256;
    if (same_version && !change.other_bytes && change.old_in == change.new_in) continue;
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace lethe::recipe
