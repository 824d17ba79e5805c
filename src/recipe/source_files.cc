#include "recipe/source_files.h"

#include <algorithm>

#include "base/strings.h"
#include "git/ask.h"

namespace lethe::recipe {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 100000;

bool InsideRepository(fs::path folder) {
  while (true) {
    if (fs::exists(fs::symlink_status(folder / ".git"))) return true;
    if (folder == folder.parent_path()) return false;
    folder = folder.parent_path();
  }
}

Result<std::vector<std::string>> ListByGit(const fs::path& folder) {
  auto answer = git::AskGit(
      folder, {"ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."});
  // The folder is in a repository, so that this is a refusal and not an absence.
  if (!answer && answer.error().code == ErrorCode::kNotFound)
    return Error{ErrorCode::kIo, "listing: " + answer.error().message};
  if (!answer) return answer.error();
  const std::string listed = std::move(*answer);
  std::vector<std::string> out;
  for (const std::string_view path : Split(listed, '\0')) {
    // A tracked file that was deleted in the work tree is still listed.
    if (!path.empty() && fs::exists(fs::symlink_status(folder / path))) out.emplace_back(path);
  }
  return out;
}

Result<std::vector<std::string>> ListByWalk(const fs::path& folder) {
  std::vector<std::string> out;
  std::error_code error;
  const fs::recursive_directory_iterator end;
  for (fs::recursive_directory_iterator it(folder, error); !error && it != end;
       it.increment(error)) {
    if (fs::is_directory(it->symlink_status())) continue;
    out.push_back(it->path().lexically_relative(folder).string());
  }
  if (error) {
    return Error{ErrorCode::kIo, "reading " + folder.string() + ": " + error.message()};
  }
  return out;
}

}  // namespace

Result<std::vector<std::string>> ListSourceFiles(const fs::path& folder) {
  if (!fs::exists(fs::symlink_status(folder))) return std::vector<std::string>();
  if (!fs::is_directory(fs::symlink_status(folder))) {
    return Error{ErrorCode::kMalformed, folder.string() + ": must be a folder"};
  }
  auto out = LETHE_TRY(InsideRepository(folder) ? ListByGit(folder) : ListByWalk(folder));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (out.size() > kMaxFiles) {
    return Error{ErrorCode::kMalformed,
                 folder.string() + ": more than " + std::to_string(kMaxFiles) + " files"};
  }
  return out;
}

}  // namespace lethe::recipe
