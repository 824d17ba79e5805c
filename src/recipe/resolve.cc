#include "recipe/resolve.h"

#include <deque>
#include <map>
#include <iterator>
#include <set>

#include "archive/archive.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "debian/index.h"
#include "debian/resolver.h"
#include "fetch/fetch.h"

namespace lethe::recipe {
namespace {

namespace fs = std::filesystem;
using debian::PackageRecord;

constexpr uint64_t kMaxInRelease = 4ULL << 20;
constexpr uint64_t kMaxIndex = 512ULL << 20;  // decompressed

// Tries each mirror in turn; the last error stands for all.
Result<std::string> GetFrom(const std::vector<std::string>& mirrors, const std::string& path, uint64_t max_bytes) {
  Error last{ErrorCode::kUnavailable, "no mirror is known for " + path};
  for (const std::string& mirror : mirrors) {
    auto body = fetch::Get(mirror + "/" + path, {.max_bytes = max_bytes});
    if (body) return body;
    last = std::move(body).error();
  }
  // A mirror without the index of a suite is no mirror of that suite.
  if (last.code == ErrorCode::kNotFound) last.code = ErrorCode::kUnavailable;
  return last;
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
    return Error{ErrorCode::kUntrusted, "the mirror answers for suite '" + suite.name + "' with the index of '" + Printable(codename) + "'"};
  }
  if (suite.release.valid_until.empty() || options.allow_expired_index) return {};
  const int64_t until = LETHE_TRY(debian::ParseReleaseDate(suite.release.valid_until));
  if (options.now_unix_s <= until) return {};
  return Error{ErrorCode::kExpired, "the index of '" + suite.name + "' was valid until " + suite.release.valid_until + ": the mirror is stale, or somebody holds back updates (--allow-expired-index accepts it)"};
}

Result<Suite> FetchSuite(const std::string& name, const LockOptions& options) {
  Suite suite{.name = name, .archive = debian::ArchiveOfSuite(name)};
  const std::string in_release = LETHE_TRY(GetFrom(options.mirrors.Of(suite.archive), "dists/" + name + "/InRelease", kMaxInRelease));
  const auto verified = LETHE_TRY(VerifyInRelease(in_release, options.keyring, name));
  suite.release = LETHE_TRY_IN(debian::ParseRelease(verified.text), name);
  LETHE_TRY(CheckRelease(suite, options));
  suite.locked = {name, suite.release.date, crypto::Sha256Of(in_release), verified.signed_by};
  return suite;
}

Result<std::string> FetchIndex(const Suite& suite, const std::string& component, const std::string& architecture, const LockOptions& options) {
  const std::string path = component + "/binary-" + architecture + "/Packages.xz";
  const auto entry = suite.release.files.find(path);
  if (entry == suite.release.files.end()) {
    return Error{ErrorCode::kNotFound, "suite '" + suite.name + "' has no component '" + component + "'"};
  }
  const std::string folder = "dists/" + suite.name + "/";
  const std::string by_hash = component + "/binary-" + architecture + "/by-hash/SHA256/" + entry->second.sha256.Hex();
  const std::string packed = LETHE_TRY(GetFrom(options.mirrors.Of(suite.archive), folder + (suite.release.by_hash ? by_hash : path), entry->second.size));
  if (packed.size() != entry->second.size || crypto::Sha256Of(packed) != entry->second.sha256) {
    return Error{ErrorCode::kUntrusted, "index " + suite.name + "/" + path + ": its SHA-256 is not the one that the signed Release file names"};
  }
  return archive::Decompress(packed, suite.name + "/" + path, kMaxIndex);
}

LockedPackage ToLocked(const PackageRecord& record) {
  LockedPackage p;
  p.name = record.name;
  p.version = record.version;
  p.architecture = record.architecture;
  p.archive = record.archive;
  p.path = record.filename;
  p.size = record.size;
  p.sha256 = record.sha256;
  const auto words = Words(record.source);
  p.source = words.empty() ? p.name : std::string(words[0]);
  p.source_version = words.size() < 2 ? p.version : std::string(words[1].substr(1, words[1].size() - 2));
  return p;
}

Result<std::vector<LockedPackage>> ResolveSets(const Recipe& recipe, const debian::Universe& universe) {
  std::map<std::pair<std::string, std::string>, LockedPackage> locked;
  const auto add = [&](const PackageRecord& record, PackageSet set) {
    LockedPackage package = ToLocked(record);
    const auto key = std::pair(package.name, package.architecture);
    locked.emplace(key, std::move(package)).first->second.in.insert(set);
  };
  for (const auto& name : recipe.build_only) {
    if (universe.Find(name) == nullptr) return Error{ErrorCode::kNotFound, "the archive has no package '" + name + "' (key 'build_only')"};
  }
  const struct {
    PackageSet set;
    const std::vector<std::string>& names;
  } kRoots[] = {{PackageSet::kImage, recipe.packages}, {PackageSet::kTools, recipe.tools}, {PackageSet::kCompilers, recipe.compilers}};
  for (const auto& root : kRoots) {
    if (root.names.empty()) continue;
    for (const PackageRecord* record : LETHE_TRY_IN(debian::Resolve(universe, root.names), "resolving the " + std::string(ToString(root.set)) + " set")) add(*record, root.set);
  }
  add(*LETHE_TRY(debian::ResolveKernel(universe, recipe.kernel.package)), PackageSet::kKernel);
  std::vector<LockedPackage> out;
  for (auto& [key, package] : locked) out.push_back(std::move(package));
  return out;
}

}  // namespace

Result<VerifiedRelease> VerifyInRelease(const std::string& in_release, const fs::path& keyring, const std::string& suite) {
  if (!fs::exists(keyring)) return Error{ErrorCode::kNotFound, "keyring " + keyring.string() + " does not exist (package debian-archive-keyring)"};
  const ScratchDir scratch = LETHE_TRY(ScratchDir::Create(fs::temp_directory_path(), "lethe-gpgv-"));
  const fs::path signed_file = scratch.path() / "InRelease";
  const fs::path text_file = scratch.path() / "Release";
  LETHE_TRY(WriteFileAtomic(signed_file, in_release));
  const auto gpgv = LETHE_TRY(RunCommand({.argv = {"gpgv", "--homedir", scratch.path().string(), "--keyring", fs::absolute(keyring).string(), "--status-fd", "1", "--output", text_file.string(), signed_file.string()}, .env = {{"LC_ALL", "C"}}}));
  // Debian signs with the keys of several releases; one good signature is enough, a bad one is not
  // outvoted. Signatures by keys that the keyring does not have count as absent.
  std::set<std::string> fingerprints;
  bool bad = false;
  for (const std::string_view line : Lines(gpgv.out)) {
    const auto words = Words(line);
    if (words.size() >= 3 && words[1] == "VALIDSIG") fingerprints.emplace(words.back());
    if (words.size() >= 2 && words[1] == "BADSIG") bad = true;
  }
  if (bad || fingerprints.empty()) {
    return Error{ErrorCode::kUntrusted, "the signature of the InRelease file of '" + suite + "' does not verify: " + std::string(Trim(gpgv.err))};
  }
  VerifiedRelease verified{.text = LETHE_TRY(ReadFile(text_file, kMaxInRelease)), .signed_by = {}};
  verified.signed_by = Join({fingerprints.begin(), fingerprints.end()}, " ");
  return verified;
}

Result<Lock> ResolveRecipe(const Recipe& recipe, const LockOptions& options) {
  Lock lock{.request = RequestDigest(recipe)};
  std::deque<std::string> texts;  // records point into them
  std::vector<PackageRecord> records;
  for (const std::string& name : recipe.suites) {
    if (options.progress) options.progress("index of " + name);
    const Suite suite = LETHE_TRY(FetchSuite(name, options));
    lock.indices.push_back(suite.locked);
    for (const std::string& component : recipe.components_of_archive) {
      texts.push_back(LETHE_TRY(FetchIndex(suite, component, recipe.architecture, options)));
      auto parsed = LETHE_TRY_IN(debian::ParsePackages(texts.back(), suite.archive), name + "/" + component);
      std::move(parsed.begin(), parsed.end(), std::back_inserter(records));
    }
  }
  const debian::Universe universe(std::move(records), recipe.architecture);
  lock.packages = LETHE_TRY(ResolveSets(recipe, universe));
  return lock;
}

}  // namespace lethe::recipe
