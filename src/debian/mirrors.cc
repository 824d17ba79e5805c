#include "debian/mirrors.h"

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"
#include "debian/index.h"

namespace lethe::debian {
namespace {

namespace fs = std::filesystem;

// Releases whose entries name a mirror of the whole archive.
constexpr std::string_view kReleases[] = {"bullseye", "bookworm", "trixie", "forky", "duke", "sid",
                                          "stable", "oldstable", "testing", "unstable"};

bool IsRelease(std::string_view name) {
  return std::find(std::begin(kReleases), std::end(kReleases), name) != std::end(kReleases);
}

bool IsSecuritySuite(std::string_view suite) {
  for (const std::string_view suffix : {"-security", "/updates"}) {
    if (suite.ends_with(suffix) && IsRelease(suite.substr(0, suite.size() - suffix.size()))) return true;
  }
  return false;
}

bool IsMainSuite(std::string_view suite) {
  if (IsRelease(suite)) return true;
  for (const std::string_view suffix : {"-updates", "-backports", "-proposed-updates"}) {
    if (suite.ends_with(suffix) && IsRelease(suite.substr(0, suite.size() - suffix.size()))) return true;
  }
  return false;
}

void AddOnce(std::vector<std::string>& list, std::string uri) {
  while (uri.ends_with('/')) uri.pop_back();
  if (std::find(list.begin(), list.end(), uri) == list.end()) list.push_back(std::move(uri));
}

}  // namespace

std::string ArchiveOfSuite(std::string_view suite) {
  return suite.ends_with("-security") || suite.ends_with("/updates") ? "debian-security" : "debian";
}

std::vector<AptSource> ParseOneLineSources(std::string_view text) {
  std::vector<AptSource> sources;
  for (std::string_view line : Lines(text)) {
    line = Trim(line.substr(0, line.find('#')));
    if (!line.starts_with("deb ") && !line.starts_with("deb\t")) continue;
    line = Trim(line.substr(3));
    if (line.starts_with('[')) {
      const size_t close = line.find(']');
      if (close == std::string_view::npos) continue;
      line = Trim(line.substr(close + 1));
    }
    const auto words = Words(line);
    if (words.size() >= 2) sources.push_back({std::string(words[0]), {std::string(words[1])}});
  }
  return sources;
}

std::vector<AptSource> ParseDeb822Sources(std::string_view text) {
  std::vector<AptSource> sources;
  (void)ForEachStanza(text, [&](const Stanza& stanza) -> Status {
    const auto types = Words(Get(stanza, "Types"));
    const std::string_view enabled = Get(stanza, "Enabled");
    if (enabled == "no" || std::find(types.begin(), types.end(), "deb") == types.end()) return {};
    for (const std::string_view line : Lines(Get(stanza, "URIs"))) {
      for (const std::string_view uri : Words(line)) {
        AptSource source{std::string(uri), {}};
        for (const std::string_view suite : Words(Get(stanza, "Suites"))) source.suites.emplace_back(suite);
        sources.push_back(std::move(source));
      }
    }
    return {};
  });
  return sources;
}

Mirrors ClassifySources(const std::vector<AptSource>& sources) {
  Mirrors mirrors;
  for (const AptSource& source : sources) {
    if (!source.uri.starts_with("http://") && !source.uri.starts_with("https://") &&
        !source.uri.starts_with("file:/")) {
      continue;
    }
    for (const std::string& suite : source.suites) {
      if (IsSecuritySuite(suite)) AddOnce(mirrors.security, source.uri);
      if (IsMainSuite(suite)) AddOnce(mirrors.debian, source.uri);
    }
  }
  return mirrors;
}

Result<Mirrors> DiscoverMirrors(const fs::path& apt_dir) {
  std::vector<fs::path> files = {apt_dir / "sources.list"};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(apt_dir / "sources.list.d", error)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin() + 1, files.end());
  std::vector<AptSource> sources;
  for (const fs::path& file : files) {
    const auto text = ReadFile(file, 1 << 20);
    if (!text) continue;
    const auto found = file.extension() == ".sources" ? ParseDeb822Sources(*text)
                       : file.extension() == ".list"  ? ParseOneLineSources(*text)
                                                      : std::vector<AptSource>();
    sources.insert(sources.end(), found.begin(), found.end());
  }
  Mirrors mirrors = ClassifySources(sources);
  if (mirrors.debian.empty()) {
    return Error{ErrorCode::kNotFound, "no Debian mirror in " + apt_dir.string() + ": name one with --mirror"};
  }
  return mirrors;
}

}  // namespace lethe::debian
