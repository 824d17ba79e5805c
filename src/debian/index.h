// Debian's repository metadata: control stanzas (deb822(5)), Release files and Packages indices.
// Pure: text in, records out. Records point into the text that they were read from.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"

namespace lethe::debian {

// One field of a stanza: name as written, value with its continuation lines (each still starting
// with its blank), without the last line end.
struct Field {
  std::string_view name;
  std::string_view value;
};
using Stanza = std::vector<Field>;

// Calls `sink` for each stanza of `text`; its errors are passed on. kMalformed with the line for
// what is neither field, continuation, comment nor blank line, and for a field that stands twice in
// a stanza. A comment between continuation lines stays in the value.
Status ForEachStanza(std::string_view text, const std::function<Status(const Stanza&)>& sink);

// Value of a field, empty where it is missing. Names compare without regard to case.
std::string_view Get(const Stanza& stanza, std::string_view name);

struct PackageRecord {
  std::string_view name;
  std::string_view version;
  std::string_view architecture;
  std::string_view depends;
  std::string_view pre_depends;
  std::string_view provides;
  std::string_view conflicts;
  std::string_view breaks;
  std::string_view priority;
  std::string_view filename;
  std::string_view source;  // "name" or "name (version)" or empty
  uint64_t size = 0;
  crypto::Sha256Digest sha256;
  bool essential = false;
  std::string archive;  // set by the caller: which mirror tree holds `filename`
};

// kMalformed (naming the package) for a record whose name, version, architecture, file name, size
// or SHA-256 is missing or not what Debian policy 5.6 allows, or with a file name outside pool/.
Result<std::vector<PackageRecord>> ParsePackages(std::string_view text, const std::string& archive);

struct SourceFile {
  std::string path;  // below the archive's base: the record's Directory and the file's name
  uint64_t size = 0;
  crypto::Sha256Digest sha256;
};

// A source package: one stanza of a Sources index.
struct SourceRecord {
  std::string_view name;
  std::string_view version;
  std::string_view build_depends;
  std::string_view build_depends_arch;
  std::string_view build_depends_indep;
  std::vector<SourceFile> files;  // the .dsc first, the others in the index's order
  std::string archive;            // set by the caller
};

// Only the source packages for which `wanted` holds. kMalformed (naming the package) for one of
// them without exactly one .dsc, or with a name, version, directory or file that is not what policy
// 5.6 allows.
Result<std::vector<SourceRecord>> ParseSources(
    std::string_view text, const std::string& archive,
    const std::function<bool(std::string_view name, std::string_view version)>& wanted);

struct SourceName {
  std::string_view name;
  std::string_view version;
};
// The source package of a binary package (policy 5.6.1): its own name and version where it names
// none. kMalformed naming the package.
Result<SourceName> SourceOf(const PackageRecord& record);

struct ReleaseFile {
  std::string suite;
  std::string codename;
  std::string date;
  std::string valid_until;  // empty: no limit
  bool by_hash = false;
  struct Entry {
    uint64_t size;
    crypto::Sha256Digest sha256;
  };
  std::map<std::string, Entry, std::less<>> files;  // from the SHA256 section
};

// kMalformed where there is not exactly one stanza, without Codename, or for a bad SHA256 section.
Result<ReleaseFile> ParseRelease(std::string_view text);

// Unix seconds of an RFC 2822 date in UTC ("Sat, 15 Nov 2025 09:00:00 UTC"); kMalformed otherwise.
Result<int64_t> ParseReleaseDate(const std::string& text);

}  // namespace lethe::debian
