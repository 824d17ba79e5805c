#include "image/version.h"

#include <algorithm>
#include <ctime>

#include "base/strings.h"
#include "git/ask.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShortHash = 12;

struct Tracked {
  std::string path;
  std::string blob;  // its name in git
};

// Names of the blobs that the files' bytes make, in order.
Result<std::vector<std::string>> BlobsOf(const fs::path& top, const std::vector<Tracked>& files) {
  std::string paths;
  for (const Tracked& file : files) paths += file.path + "\n";
  if (files.empty()) return std::vector<std::string>();
  const std::string out =
      LETHE_TRY(git::AskGit(top, {"hash-object", "--no-filters", "--stdin-paths"}, paths));
  std::vector<std::string> blobs;
  for (const std::string_view line : Lines(out)) blobs.emplace_back(line);
  return blobs;
}

// Whether every tracked file has the bytes of its blob. Git itself calls a work tree clean whose
// bytes were changed by line-end settings, filters or attributes, and one whose index has been told
// not to look.
Result<bool> HasTheCommitsBytes(const fs::path& top) {
  constexpr std::string_view kLink = "120000";
  constexpr std::string_view kSubmodule = "160000";
  const std::string listed = LETHE_TRY(git::AskGit(top, {"ls-files", "-z", "--stage"}));
  std::vector<Tracked> files;
  for (const std::string_view entry : Split(listed, '\0')) {
    const size_t tab = entry.find('\t');  // "<mode> <blob> <stage>\t<path>"
    if (tab == std::string_view::npos) continue;
    const auto words = Words(entry.substr(0, tab));
    const std::string path(entry.substr(tab + 1));
    if (words.size() != 3 || words[0] == kSubmodule) continue;
    const auto status = fs::symlink_status(top / path);
    if (words[0] == kLink ? !fs::is_symlink(status) : !fs::is_regular_file(status)) return false;
    // Git reads names line by line.
    if (path.find('\n') != std::string::npos || path.starts_with('"')) return false;
    if (words[0] != kLink) files.push_back({path, std::string(words[1])});
  }
  const auto blobs = LETHE_TRY(BlobsOf(top, files));
  if (blobs.size() != files.size()) return false;
  for (size_t i = 0; i < files.size(); ++i) {
    if (blobs[i] != files[i].blob) return false;
  }
  return true;
}

}  // namespace

Result<fs::path> RepositoryTop(const fs::path& directory) {
  const std::string out = LETHE_TRY(git::AskGit(directory, {"rev-parse", "--show-toplevel"}));
  return fs::path(Trim(out));
}

Result<ImageVersion> ReadVersion(const fs::path& directory) {
  const std::string head = LETHE_TRY_IN(
      git::AskGit(directory, {"show", "-s", "--no-show-signature", "--format=%H %ct", "HEAD"}),
      "the version of an image is its commit");
  const auto words = Words(Trim(head));
  const auto epoch = words.size() == 2 ? ParseUnsigned<uint64_t>(words[1]) : std::nullopt;
  if (!epoch || words[0].size() < kShortHash) {
    return Error{ErrorCode::kMalformed, "git describes HEAD as '" + Printable(head) + "'"};
  }
  const std::string status =
      LETHE_TRY(git::AskGit(directory, {"status", "--porcelain", "--untracked-files=normal"}));
  const bool clean =
      status.empty() && LETHE_TRY(HasTheCommitsBytes(LETHE_TRY(RepositoryTop(directory))));
  ImageVersion version{.commit = std::string(words[0]), .dirty = !clean, .epoch_unix_s = *epoch};
  const auto time = static_cast<time_t>(*epoch);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char date[16];
  std::strftime(date, sizeof date, "%Y%m%d", &utc);
  version.version = std::string(date) + "-" + version.commit.substr(0, kShortHash) +
                    (version.dirty ? "-dirty" : "");
  return version;
}

Result<std::vector<std::string>> RepositoryFiles(const fs::path& top,
                                                 const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    const std::string out = LETHE_TRY(git::AskGit(
        top, {"ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", path}));
    const size_t before = files.size();
    for (const std::string_view file : Split(out, '\0')) {
      // A tracked file that was deleted in the work tree is still listed.
      if (!file.empty() && fs::exists(fs::symlink_status(top / file))) files.emplace_back(file);
    }
    if (files.size() == before) {
      return Error{ErrorCode::kNotFound, "the repository has no source '" + Printable(path) + "'"};
    }
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

}  // namespace lethe::image
