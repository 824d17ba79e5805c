#include "debian/mirrors.h"

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"
#include "debian/index.h"

namespace lethe::debian {
namespace {

namespace fs = std::filesystem;

// Releases whose entries name a mirror of the whole archive.
constexpr std::string_view kReleases[] = {"bullseye", "bookworm", "trixie", "forky",
                                          "duke",     "sid",      "stable", "oldstable",
                                          "testing",  "unstable"};

bool IsRelease(std::string_view name) {
  return std::find(std::begin(kReleases), std::end(kReleases), name) != std::end(kReleases);
}

bool IsSecuritySuite(std::string_view suite) {
  for (const std::string_view suffix : {"-security", "/updates"}) {
    if (suite.ends_with(suffix) && IsRelease(suite.substr(0, suite.size() - suffix.size())))
      return true;
  }
  return false;
}

bool IsMainSuite(std::string_view suite) {
  if (IsRelease(suite)) return true;
  for (const std::string_view suffix : {"-updates", "-backports", "-proposed-updates"}) {
    if (suite.ends_with(suffix) && IsRelease(suite.substr(0, suite.size() - suffix.size())))
      return true;
  }
  return false;
}

void AddOnce(std::vector<std::string>& list, std::string uri) {
  while (uri.ends_with('/')) uri.pop_back();
  if (std::find(list.begin(), list.end(), uri) == list.end()) list.push_back(std::move(uri));
}

// The words of a field over all its lines, without comment lines.
std::vector<std::string> WordsOf(const Stanza& stanza, std::string_view name) {
  std::vector<std::string> words;
  for (const std::string_view line : Lines(Get(stanza, name))) {
    if (line.starts_with('#')) continue;
    for (const std::string_view word : Words(Trim(line))) words.emplace_back(word);
  }
  return words;
}

// The words that apt takes for false.
bool IsSwitchedOff(std::string_view enabled) {
  std::string word(Trim(enabled));
  for (char& c : word) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return word == "no" || word == "false" || word == "without" || word == "off" ||
         word == "disable" || word == "0";
}

bool IsUsable(const AptSource& source) {
  const std::string_view uri = source.uri;
  const bool scheme =
      uri.starts_with("http://") || uri.starts_with("https://") || uri.starts_with("file:/");
  const auto& components = source.components;
  return scheme && std::find(components.begin(), components.end(), "main") != components.end() &&
         (source.signed_by.empty() ||
          source.signed_by.find("debian-archive-") != std::string::npos);
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
    AptSource source;
    if (line.starts_with('[')) {
      const size_t close = line.find(']');
      if (close == std::string_view::npos) continue;
      for (const std::string_view option : Words(line.substr(1, close - 1))) {
        if (option.starts_with("signed-by=")) source.signed_by = option.substr(10);
      }
      line = Trim(line.substr(close + 1));
    }
    const auto words = Words(line);
    if (words.size() < 2) continue;
    source.uri = words[0];
    source.suites.emplace_back(words[1]);
    source.components.assign(words.begin() + 2, words.end());
    sources.push_back(std::move(source));
  }
  return sources;
}

std::vector<AptSource> ParseDeb822Sources(std::string_view text) {
  std::vector<AptSource> sources;
  (void)ForEachStanza(text, [&](const Stanza& stanza) -> Status {
    const auto types = WordsOf(stanza, "Types");
    if (IsSwitchedOff(Get(stanza, "Enabled"))) return {};
    if (std::find(types.begin(), types.end(), "deb") == types.end()) return {};
    for (const std::string& uri : WordsOf(stanza, "URIs")) {
      sources.push_back({uri, WordsOf(stanza, "Suites"), WordsOf(stanza, "Components"),
                         std::string(Trim(Get(stanza, "Signed-By")))});
    }
    return {};
  });
  return sources;
}

Mirrors ClassifySources(const std::vector<AptSource>& sources) {
  Mirrors mirrors;
  for (const AptSource& source : sources) {
    if (!IsUsable(source)) continue;
    for (const std::string& suite : source.suites) {
      if (IsSecuritySuite(suite)) AddOnce(mirrors.security, source.uri);
      if (IsMainSuite(suite)) AddOnce(mirrors.debian, source.uri);
    }
  }
  if (!mirrors.security.empty()) return mirrors;
  for (const std::string& mirror : mirrors.debian) {
    if (std::string beside = SecurityMirrorBeside(mirror); !beside.empty()) {
      AddOnce(mirrors.security, std::move(beside));
    }
  }
  return mirrors;
}

std::string SecurityMirrorBeside(std::string_view mirror) {
  while (mirror.ends_with('/')) mirror.remove_suffix(1);
  return mirror.ends_with("/debian") ? std::string(mirror) + "-security" : "";
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
    return Error{ErrorCode::kNotFound,
                 "no Debian mirror in " + apt_dir.string() + ": name one with --mirror"};
  }
  return mirrors;
}

}  // namespace lethe::debian
