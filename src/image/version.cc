#include "image/version.h"

#include <algorithm>
#include <ctime>

#include "base/strings.h"
#include "recipe/git.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShortHash = 12;

}  // namespace

Result<fs::path> RepositoryTop(const fs::path& directory) {
  const std::string out = LETHE_TRY(recipe::AskGit(directory, {"rev-parse", "--show-toplevel"}));
  return fs::path(Trim(out));
}

Result<ImageVersion> ReadVersion(const fs::path& directory) {
  const std::string head = LETHE_TRY_IN(
      recipe::AskGit(directory, {"show", "-s", "--no-show-signature", "--format=%H %ct", "HEAD"}),
      "the version of an image is its commit");
  const auto words = Words(Trim(head));
  const auto epoch = words.size() == 2 ? ParseUnsigned<uint64_t>(words[1]) : std::nullopt;
  if (!epoch || words[0].size() < kShortHash) {
    return Error{ErrorCode::kMalformed, "git describes HEAD as '" + Printable(head) + "'"};
  }
  const std::string status =
      LETHE_TRY(recipe::AskGit(directory, {"status", "--porcelain", "--untracked-files=normal"}));
  ImageVersion version{
      .commit = std::string(words[0]), .dirty = !status.empty(), .epoch_unix_s = *epoch};
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
    const std::string out = LETHE_TRY(recipe::AskGit(
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
