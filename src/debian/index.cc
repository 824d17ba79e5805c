#include "debian/index.h"

#include <strings.h>

#include <cctype>
#include <ctime>

#include "base/strings.h"

namespace lethe::debian {
namespace {

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool Only(std::string_view text, std::string_view besides_lower_and_digits) {
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!plain && besides_lower_and_digits.find(c) == std::string_view::npos) return false;
  }
  return !text.empty();
}

bool IsPackageName(std::string_view text) {
  return Only(text, "+.-") && Only(text.substr(0, 1), "") && text.size() >= 2 && text.size() < 256;
}

bool IsVersion(std::string_view text) {
  return Only(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ.+-:~") && text.size() < 256;
}

// Below pool/, a plain path.
bool IsPoolPath(std::string_view path) {
  if (!path.starts_with("pool/") || path.size() > 1024) return false;
  for (const std::string_view part : Split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
    for (const char c : part) {
      if (c <= ' ' || c > '~' || c == '\\') return false;
    }
  }
  return true;
}

bool HasField(const Stanza& stanza, std::string_view name) {
  for (const Field& field : stanza) {
    if (SameName(field.name, name)) return true;
  }
  return false;
}

Error BadLine(size_t number, const char* what) {
  return Error{ErrorCode::kMalformed, "line " + std::to_string(number) + ": " + what};
}

Error BadRecord(std::string_view package, std::string_view what) {
  return Error{ErrorCode::kMalformed,
               "package index: package '" + Printable(package) + "': " + std::string(what)};
}

void Assign(PackageRecord& record, const Field& field, std::string_view& size,
            std::string_view& sha256) {
  struct Target {
    std::string_view name;
    std::string_view* value;
  };
  std::string_view essential;
  const Target targets[] = {
      {"Package", &record.name},
      {"Version", &record.version},
      {"Architecture", &record.architecture},
      {"Depends", &record.depends},
      {"Pre-Depends", &record.pre_depends},
      {"Provides", &record.provides},
      {"Conflicts", &record.conflicts},
      {"Breaks", &record.breaks},
      {"Priority", &record.priority},
      {"Filename", &record.filename},
      {"Source", &record.source},
      {"Size", &size},
      {"SHA256", &sha256},
      {"Essential", &essential},
  };
  for (const Target& target : targets) {
    if (SameName(field.name, target.name)) *target.value = field.value;
  }
  if (essential == "yes") record.essential = true;
}

}  // namespace

Status ForEachStanza(std::string_view text, const std::function<Status(const Stanza&)>& sink) {
  Stanza stanza;
  size_t line_number = 0;
  size_t begin = 0;
  while (begin <= text.size()) {
    size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view line = text.substr(begin, end - begin);
    ++line_number;
    if (Trim(line).empty()) {
      if (!stanza.empty()) LETHE_TRY(sink(stanza));
      stanza.clear();
    } else if (line[0] == ' ' || line[0] == '\t') {
      if (stanza.empty()) {
        return BadLine(line_number, "continues nothing");
      }
      std::string_view& value = stanza.back().value;
      value = {value.data(), static_cast<size_t>(line.data() + line.size() - value.data())};
    } else if (line[0] != '#') {
      const size_t colon = line.find(':');
      if (colon == std::string_view::npos || colon == 0 || line.find(' ') < colon) {
        return BadLine(line_number, "no field");
      }
      if (HasField(stanza, line.substr(0, colon)))
        return BadLine(line_number, "the field is there twice");
      // An empty first line keeps its place in the text, so that continuation lines can extend it.
      std::string_view value = line.substr(colon + 1);
      while (!value.empty() && (value[0] == ' ' || value[0] == '\t')) value.remove_prefix(1);
      stanza.push_back({line.substr(0, colon), value});
    }
    begin = end + 1;
  }
  if (!stanza.empty()) LETHE_TRY(sink(stanza));
  return {};
}

std::string_view Get(const Stanza& stanza, std::string_view name) {
  for (const Field& field : stanza) {
    if (SameName(field.name, name)) return field.value;
  }
  return {};
}

Result<std::vector<PackageRecord>> ParsePackages(std::string_view text,
                                                 const std::string& archive) {
  std::vector<PackageRecord> records;
  LETHE_TRY(ForEachStanza(text, [&](const Stanza& stanza) -> Status {
    PackageRecord record;
    std::string_view size;
    std::string_view sha256;
    for (const Field& field : stanza) Assign(record, field, size, sha256);
    if (!IsPackageName(record.name)) return BadRecord(record.name, "no package name");
    if (!IsVersion(record.version)) return BadRecord(record.name, "no version");
    if (!Only(record.architecture, "-")) return BadRecord(record.name, "no architecture");
    const auto bytes = ParseUnsigned<uint64_t>(Trim(size));
    const auto digest = crypto::Sha256Digest::FromHex(Trim(sha256));
    if (!bytes || !digest) return BadRecord(record.name, "no size or SHA-256");
    if (!IsPoolPath(record.filename)) return BadRecord(record.name, "file name outside of pool/");
    record.size = *bytes;
    record.sha256 = *digest;
    record.archive = archive;
    records.push_back(std::move(record));
    return {};
  }));
  return records;
}

namespace {

Result<std::vector<SourceFile>> ParseSourceFiles(const SourceRecord& record, const Stanza& stanza) {
  const std::string directory(Trim(Get(stanza, "Directory")));
  std::vector<SourceFile> files;
  size_t descriptions = 0;
  for (const std::string_view line : Lines(Get(stanza, "Checksums-Sha256"))) {
    const auto words = Words(line);
    if (words.empty()) continue;
    const auto size = words.size() == 3 ? ParseUnsigned<uint64_t>(words[1]) : std::nullopt;
    const auto digest = crypto::Sha256Digest::FromHex(words[0]);
    if (!size || !digest || words[2].find('/') != std::string_view::npos)
      return BadRecord(record.name, "bad line in Checksums-Sha256");
    SourceFile file{directory + "/" + std::string(words[2]), *size, *digest};
    if (!IsPoolPath(file.path)) return BadRecord(record.name, "file name outside of pool/");
    const bool description = file.path.ends_with(".dsc");
    descriptions += description ? 1 : 0;
    files.insert(description ? files.begin() : files.end(), std::move(file));
  }
  if (descriptions != 1) return BadRecord(record.name, "not exactly one .dsc");
  return files;
}

}  // namespace

Result<std::vector<SourceRecord>> ParseSources(
    std::string_view text, const std::string& archive,
    const std::function<bool(std::string_view, std::string_view)>& wanted) {
  std::vector<SourceRecord> records;
  LETHE_TRY(ForEachStanza(text, [&](const Stanza& stanza) -> Status {
    SourceRecord record{.name = Get(stanza, "Package"), .version = Get(stanza, "Version")};
    if (!wanted(record.name, record.version)) return {};
    if (!IsPackageName(record.name)) return BadRecord(record.name, "no package name");
    if (!IsVersion(record.version)) return BadRecord(record.name, "no version");
    record.build_depends = Get(stanza, "Build-Depends");
    record.build_depends_arch = Get(stanza, "Build-Depends-Arch");
    record.build_depends_indep = Get(stanza, "Build-Depends-Indep");
    record.files = LETHE_TRY(ParseSourceFiles(record, stanza));
    record.archive = archive;
    records.push_back(std::move(record));
    return {};
  }));
  return records;
}

Result<SourceName> SourceOf(const PackageRecord& record) {
  const auto words = Words(record.source);
  if (words.empty()) return SourceName{record.name, record.version};
  SourceName source{words[0], record.version};
  if (words.size() > 1) {
    const bool bracketed = words[1].size() > 2 && words[1].front() == '(' && words[1].back() == ')';
    source.version = bracketed ? words[1].substr(1, words[1].size() - 2) : "";
  }
  if (words.size() > 2 || !IsPackageName(source.name) || !IsVersion(source.version)) {
    return BadRecord(record.name, "bad source '" + Printable(record.source) + "'");
  }
  return source;
}

Result<ReleaseFile> ParseRelease(std::string_view text) {
  ReleaseFile release;
  size_t stanzas = 0;
  LETHE_TRY_IN(
      ForEachStanza(text,
                    [&](const Stanza& stanza) -> Status {
                      if (++stanzas > 1)
                        return Error{ErrorCode::kMalformed, "more than one stanza"};
                      release.suite = Get(stanza, "Suite");
                      release.codename = Get(stanza, "Codename");
                      release.date = Get(stanza, "Date");
                      release.valid_until = Get(stanza, "Valid-Until");
                      release.by_hash = Get(stanza, "Acquire-By-Hash") == "yes";
                      for (const std::string_view line : Lines(Get(stanza, "SHA256"))) {
                        const auto words = Words(line);
                        if (words.empty()) continue;
                        const auto size =
                            words.size() == 3 ? ParseUnsigned<uint64_t>(words[1]) : std::nullopt;
                        if (!size)
                          return Error{ErrorCode::kMalformed, "bad line in the SHA256 section"};
                        release.files[std::string(words[2])] = {
                            *size, LETHE_TRY(crypto::Sha256Digest::FromHex(words[0]))};
                      }
                      return {};
                    }),
      "Release file");
  if (release.codename.empty() || release.files.empty()) {
    return Error{ErrorCode::kMalformed, "Release file: no Codename or no SHA256 section"};
  }
  return release;
}

Result<int64_t> ParseReleaseDate(const std::string& text) {
  std::tm utc{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &utc);
  const std::string_view zone = end == nullptr ? "" : Trim(end);
  if (zone != "UTC" && zone != "GMT" && zone != "+0000") {
    return Error{ErrorCode::kMalformed, "'" + Printable(text) + "' is no date of a Release file"};
  }
  return static_cast<int64_t>(::timegm(&utc));
}

}  // namespace lethe::debian
