#include "recipe/resolve.h"

#include <deque>
#include <functional>
#include <iterator>
#include <map>

#include "archive/archive.h"
#include "base/strings.h"
#include "debian/index.h"
#include "debian/resolver.h"
#include "fetch/fetch.h"
#include "recipe/in_release.h"

namespace lethe::recipe {
namespace {

namespace fs = std::filesystem;
using debian::PackageRecord;

constexpr uint64_t kMaxInRelease = 4ULL << 20;
constexpr uint64_t kMaxPackedIndex = 128ULL << 20;
constexpr uint64_t kMaxIndex = 512ULL << 20;  // decompressed

// How much an answer of one mirror tells when no mirror has the file: a wrong answer more than
// trouble, trouble more than a missing file.
int Weight(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return 0;
    case ErrorCode::kUnavailable:
      return 1;
    default:
      return 2;
  }
}

// The first good answer among all mirrors and paths, in this order.
Result<std::string> GetFrom(const debian::Mirrors& mirrors, const std::string& archive,
                            const std::vector<std::string>& paths,
                            const std::function<Result<std::string>(const std::string& url)>& get) {
  Error worst{ErrorCode::kNotFound, "no mirror of '" + archive + "' is known for " + paths[0] +
                                        ": name one with " +
                                        (archive == "debian" ? "--mirror" : "--security-mirror")};
  bool tried = false;
  for (const std::string& mirror : mirrors.Of(archive)) {
    for (const std::string& path : paths) {
      auto body = get(mirror + "/" + path);
      if (body) return body;
      if (!tried || Weight(body.error()) > Weight(worst)) worst = std::move(body).error();
      tried = true;
    }
  }
  // A mirror without the index of a suite is no mirror of that suite.
  if (worst.code == ErrorCode::kNotFound) worst.code = ErrorCode::kUnavailable;
  return worst;
}

struct Suite {
  std::string name;
  std::string archive;
  debian::ReleaseFile release;
  LockedIndex locked;
};

Status CheckRelease(const Suite& suite, const LockOptions& options) {
  const std::string& codename = suite.release.codename;
  if (suite.release.suite != suite.name && codename != suite.name) {
    return Error{ErrorCode::kUntrusted, "the mirror answers for suite '" + suite.name +
                                            "' with the index of '" + Printable(codename) + "'"};
  }
  if (suite.release.valid_until.empty() || options.allow_expired_index) return {};
  const int64_t until = LETHE_TRY(debian::ParseReleaseDate(suite.release.valid_until));
  if (options.now_unix_s <= until) return {};
  return Error{ErrorCode::kExpired, "the index of '" + suite.name + "' was valid until " +
                                        suite.release.valid_until +
                                        ": the mirror is stale, or somebody holds back updates "
                                        "(--allow-expired-index accepts it)"};
}

Result<Suite> FetchSuite(const std::string& name, const LockOptions& options) {
  Suite suite{.name = name, .archive = debian::ArchiveOfSuite(name)};
  const std::string in_release = LETHE_TRY(GetFrom(
      options.mirrors, suite.archive, {"dists/" + name + "/InRelease"},
      [](const std::string& url) { return fetch::Get(url, {.max_bytes = kMaxInRelease}); }));
  const auto verified = LETHE_TRY(VerifyInRelease(in_release, options.keyring, name));
  suite.release = LETHE_TRY_IN(debian::ParseRelease(verified.text), name);
  LETHE_TRY(CheckRelease(suite, options));
  suite.locked = {name, suite.release.date, crypto::Sha256Of(in_release), verified.signed_by};
  return suite;
}

// `file` is "binary-amd64/Packages.xz" or "source/Sources.xz".
Result<std::string> FetchIndex(const Suite& suite, const std::string& component,
                               const std::string& file, const LockOptions& options) {
  const std::string path = component + "/" + file;
  const auto entry = suite.release.files.find(path);
  if (entry == suite.release.files.end()) {
    return Error{ErrorCode::kNotFound,
                 "suite '" + suite.name + "' has no component '" + component + "'"};
  }
  const std::string folder = "dists/" + suite.name + "/";
  const std::string by_hash =
      path.substr(0, path.rfind('/')) + "/by-hash/SHA256/" + entry->second.sha256.Hex();
  if (entry->second.size > kMaxPackedIndex) {
    return Error{ErrorCode::kMalformed, "index " + suite.name + "/" + path + ": larger than " +
                                            std::to_string(kMaxPackedIndex) + " bytes"};
  }
  // By its digest first: that file does not change while the mirror takes in a new version. Copies
  // of a mirror may lack it.
  std::vector<std::string> paths = {folder + path};
  if (suite.release.by_hash) paths.insert(paths.begin(), folder + by_hash);
  const fetch::Expected expected{entry->second.size, entry->second.sha256};
  const std::string packed =
      LETHE_TRY(GetFrom(options.mirrors, suite.archive, paths,
                        [&](const std::string& url) { return fetch::Get(url, expected); }));
  return archive::Decompress(packed, suite.name + "/" + path, kMaxIndex);
}

Result<LockedPackage> ToLocked(const PackageRecord& record) {
  LockedPackage p;
  p.name = record.name;
  p.version = record.version;
  p.architecture = record.architecture;
  p.archive = record.archive;
  p.path = record.filename;
  p.size = record.size;
  p.sha256 = record.sha256;
  const auto source = LETHE_TRY(debian::SourceOf(record));
  p.source = source.name;
  p.source_version = source.version;
  return p;
}

// The packages of a lock while it is made.
class LockedSets {
 public:
  Status Add(const PackageRecord& record, PackageSet set) {
    LockedPackage package = LETHE_TRY(ToLocked(record));
    const auto key = std::pair(package.name, package.architecture);
    packages_.emplace(key, std::move(package)).first->second.in.insert(set);
    return {};
  }

  std::vector<LockedPackage> Sorted() const {
    std::vector<LockedPackage> out;
    for (const auto& [key, package] : packages_) out.push_back(package);
    return out;
  }

 private:
  std::map<std::pair<std::string, std::string>, LockedPackage> packages_;
};

Status ResolveSets(const Recipe& recipe, const debian::Universe& universe, LockedSets& sets) {
  for (const auto& name : recipe.build_only) {
    if (universe.Find(name) == nullptr)
      return Error{ErrorCode::kNotFound,
                   "the archive has no package '" + name + "' (key 'build_only')"};
  }
  const struct {
    PackageSet set;
    const std::vector<std::string>& names;
  } kRoots[] = {{PackageSet::kImage, recipe.packages},
                {PackageSet::kTools, recipe.tools},
                {PackageSet::kCompilers, recipe.compilers}};
  for (const auto& root : kRoots) {
    if (root.names.empty()) continue;
    for (const PackageRecord* record :
         LETHE_TRY_IN(debian::Resolve(universe, root.names),
                      "resolving the " + std::string(ToString(root.set)) + " set"))
      LETHE_TRY(sets.Add(*record, root.set));
  }
  for (const auto& [set, names] : {std::pair{PackageSet::kFirmware, &recipe.kernel.firmware},
                                   {PackageSet::kMicrocode, &recipe.kernel.microcode}}) {
    for (const auto& name : *names) {
      const PackageRecord* record = universe.Find(name);
      if (record == nullptr) {
        return Error{ErrorCode::kNotFound,
                     "the archive has no package '" + name + "' (key '" +
                         std::string(ToString(set)) +
                         "' in [kernel]; firmware lies in the component non-free-firmware)"};
      }
      LETHE_TRY(sets.Add(*record, set));
    }
  }
  return sets.Add(*LETHE_TRY(debian::ResolveKernel(universe, recipe.kernel.package)),
                  PackageSet::kKernel);
}

// The source package of what the image has: its version, and whether packages for "all" are among
// its binaries.
struct WantedSource {
  std::string version;
  bool indep = false;
};

Result<std::map<std::string, WantedSource, std::less<>>> WantedSources(
    const Recipe& recipe, const std::vector<LockedPackage>& packages) {
  std::map<std::string, WantedSource, std::less<>> wanted;
  for (const Patched& patched : recipe.patched) {
    for (const LockedPackage& package : packages) {
      if (package.source != patched.source || !package.in.contains(PackageSet::kImage)) continue;
      WantedSource& source = wanted[patched.source];
      if (!source.version.empty() && source.version != package.source_version) {
        return Error{ErrorCode::kConflict, "the image has packages of two versions of source '" +
                                               patched.source + "': " + source.version + ", " +
                                               package.source_version};
      }
      source.version = package.source_version;
      source.indep = source.indep || package.architecture == "all";
    }
    if (!wanted.contains(patched.source)) {
      return Error{ErrorCode::kConflict, "no package of the image comes from the patched source '" +
                                             patched.source + "'"};
    }
  }
  return wanted;
}

Result<std::vector<LockedSource>> ResolveSources(const Recipe& recipe,
                                                 const std::vector<Suite>& suites,
                                                 const debian::Universe& universe,
                                                 const LockOptions& options, LockedSets& sets) {
  if (recipe.patched.empty()) return std::vector<LockedSource>();
  const auto wanted = LETHE_TRY(WantedSources(recipe, sets.Sorted()));
  std::map<std::string, LockedSource> found;
  for (const Suite& suite : suites) {
    if (options.progress) options.progress("sources of " + suite.name);
    for (const std::string& component : recipe.components_of_archive) {
      const std::string text =
          LETHE_TRY(FetchIndex(suite, component, "source/Sources.xz", options));
      const auto is_wanted = [&](std::string_view name, std::string_view version) {
        const auto it = wanted.find(name);
        return it != wanted.end() && it->second.version == version;
      };
      for (const debian::SourceRecord& record :
           LETHE_TRY_IN(debian::ParseSources(text, suite.archive, is_wanted),
                        suite.name + "/" + component)) {
        LockedSource source{std::string(record.name), std::string(record.version), {}, {}};
        if (found.contains(source.name)) continue;  // the same version in two suites
        for (const auto& file : record.files)
          source.files.push_back({record.archive, file.path, file.size, file.sha256});
        const bool indep = wanted.at(source.name).indep;
        for (const PackageRecord* need : LETHE_TRY(debian::ResolveBuild(universe, record, indep))) {
          LETHE_TRY(sets.Add(*need, PackageSet::kSources));
          source.build_depends.emplace_back(need->name);
        }
        found.emplace(source.name, std::move(source));
      }
    }
  }
  std::vector<LockedSource> out;
  for (const auto& [name, source] : wanted) {
    const auto it = found.find(name);
    if (it == found.end()) {
      return Error{ErrorCode::kNotFound,
                   "no suite has the source package '" + name + "' " + source.version};
    }
    out.push_back(std::move(it->second));
  }
  return out;
}

}  // namespace

Result<Lock> ResolveRecipe(const Recipe& recipe, const LockOptions& options) {
  Lock lock{.request = RequestDigest(recipe)};
  std::deque<std::string> texts;  // records point into them
  std::vector<PackageRecord> records;
  std::vector<Suite> suites;
  for (const std::string& name : recipe.suites) {
    if (options.progress) options.progress("index of " + name);
    const Suite& suite = suites.emplace_back(LETHE_TRY(FetchSuite(name, options)));
    lock.indices.push_back(suite.locked);
    for (const std::string& component : recipe.components_of_archive) {
      texts.push_back(LETHE_TRY(
          FetchIndex(suite, component, "binary-" + recipe.architecture + "/Packages.xz", options)));
      auto parsed =
          LETHE_TRY_IN(debian::ParsePackages(texts.back(), suite.archive), name + "/" + component);
      std::move(parsed.begin(), parsed.end(), std::back_inserter(records));
    }
  }
  const debian::Universe universe(std::move(records), recipe.architecture);
  LockedSets sets;
  LETHE_TRY(ResolveSets(recipe, universe, sets));
  lock.sources = LETHE_TRY(ResolveSources(recipe, suites, universe, options, sets));
  lock.packages = sets.Sorted();
  // Nothing leaves here that the next reader would refuse.
  return ParseLock(WriteLock(lock), "the new lock");
}

}  // namespace lethe::recipe
