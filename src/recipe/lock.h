// The lock: every package that a recipe resolves to, pinned by SHA-256. Format:
// docs/formats/lock.md. A lock holds pool paths and no host.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"
#include "recipe/recipe.h"

namespace lethe::recipe {

inline constexpr uint64_t kMaxLockBytes = 16ULL << 20;

// What a package is locked for. One package may be in several sets. kSources: some source package
// of the lock is built with it.
enum class PackageSet { kImage, kKernel, kTools, kCompilers, kFirmware, kMicrocode, kSources };

// "image", "kernel", "tools", "compilers", "firmware", "microcode", "sources"
std::string_view ToString(PackageSet set);

struct LockedPackage {
  std::string name;
  std::string version;
  std::string architecture;  // "amd64" or "all"
  std::string archive;       // "debian" or "debian-security": which mirror tree holds `path`
  std::string path;          // pool path below that mirror's base
  uint64_t size = 0;
  crypto::Sha256Digest sha256;
  std::string source;  // source package
  std::string source_version;
  std::set<PackageSet> in;

  bool operator==(const LockedPackage&) const = default;
};

// A file of an archive: a package, or a part of a source package.
struct LockedFile {
  std::string archive;  // as in LockedPackage
  std::string path;
  uint64_t size = 0;
  crypto::Sha256Digest sha256;

  bool operator==(const LockedFile&) const = default;
};

// A source package that the recipe patches.
struct LockedSource {
  std::string name;
  std::string version;
  std::vector<LockedFile> files;           // the .dsc first
  std::vector<std::string> build_depends;  // names of locked packages, sorted

  bool operator==(const LockedSource&) const = default;
};

// One signed index that the lock was resolved from.
struct LockedIndex {
  std::string suite;
  std::string date;                 // of its Release file, as written there
  crypto::Sha256Digest in_release;  // SHA-256 of the InRelease file
  std::string signed_by;            // fingerprints, space separated

  bool operator==(const LockedIndex&) const = default;
};

struct Lock {
  crypto::Sha256Digest request;  // RequestDigest of the recipe that it was made for
  std::vector<LockedIndex> indices;
  std::vector<LockedPackage> packages;  // sorted by name, then architecture
  std::vector<LockedSource> sources;    // sorted by name

  bool operator==(const Lock&) const = default;
};

// Every file that a build from this lock needs, with a name for messages ("openvpn 2.6.14-1").
struct NamedFile {
  std::string name;
  LockedFile file;
};
std::vector<NamedFile> FilesOf(const Lock& lock);

// Digest over what the resolver is asked (architecture, suites, components, package lists, kernel
// package, patched sources): a lock fits a recipe if and only if these are equal.
crypto::Sha256Digest RequestDigest(const Recipe& recipe);

// kMalformed with file, line and key for anything that WriteLock would not have written, but for
// comments and layout. ParseLock(WriteLock(lock)) is `lock` where its packages are sorted and
// valid.
Result<Lock> ParseLock(std::string_view text, const std::string& file);
std::string WriteLock(const Lock& lock);

// Reads a lock and checks that it fits. kNotFound, kMalformed, or kConflict ("the lock does not fit
// the recipe", with the command that makes a new one).
Result<Lock> LoadLock(const std::filesystem::path& file, const Recipe& recipe);

struct LockChange {
  std::string name;
  std::string architecture;
  std::string old_version;  // empty: added
  std::string new_version;  // empty: removed
  int64_t old_size = 0;     // bytes of the .deb
  int64_t new_size = 0;
  std::set<PackageSet> old_in;
  std::set<PackageSet> new_in;
  bool other_bytes = false;  // the same version, but another .deb: no Debian archive does that
};
// Packages whose version, bytes or sets differ; sorted by name, then architecture.
std::vector<LockChange> DiffLocks(const Lock& from, const Lock& to);

}  // namespace lethe::recipe
