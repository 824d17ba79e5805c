#include "reproduce/checkout.h"

#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace lethe::reproduce {
namespace {

namespace fs = std::filesystem;

// Nothing of the caller's environment but PATH, no settings, no attributes.
std::vector<std::pair<std::string, std::string>> Environment() {
  std::vector<std::pair<std::string, std::string>> out{{"LC_ALL", "C"},
                                                       {"HOME", "/nonexistent"},
                                                       {"GIT_CONFIG_NOSYSTEM", "1"},
                                                       {"GIT_CONFIG_GLOBAL", "/dev/null"},
                                                       {"GIT_ATTR_NOSYSTEM", "1"},
                                                       {"GIT_TERMINAL_PROMPT", "0"}};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("PATH=")) out.emplace_back("PATH", text.substr(5));
  }
  return out;
}

Result<CommandResult> Git(const fs::path& folder, const std::vector<std::string>& arguments) {
  // The repository may be another user's: nothing of it is executed.
  std::vector<std::string> argv = {
      "git", "--no-replace-objects", "-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null",
      "-c",  "core.fsmonitor=false", "-C", folder.string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunCommand({.argv = argv, .env = Environment(), .clear_env = true, .package = "git"});
}

Result<std::string> GitChecked(const fs::path& folder, const std::vector<std::string>& arguments) {
  auto result = LETHE_TRY(Git(folder, arguments));
  if (result.exit_code == 0) return std::move(result.out);
  return Error{ErrorCode::kIo, "git " + arguments[0] + ": " + std::string(Trim(result.err))};
}

bool IsCommitName(std::string_view text) {
  constexpr size_t kSha1 = 40;
  constexpr size_t kSha256 = 64;
  return (text.size() == kSha1 || text.size() == kSha256) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Status CheckOut(const fs::path& repository, const std::string& commit, const fs::path& tree) {
  if (!IsCommitName(commit)) {
    return Error{ErrorCode::kMalformed, "commit '" + Printable(commit) + "': expected a full hash"};
  }
  const auto format = LETHE_TRY(Git(repository, {"rev-parse", "--show-object-format"}));
  if (format.exit_code != 0) {
    return Error{ErrorCode::kUsage,
                 repository.string() + " is in no git repository (--repository)"};
  }
  const auto there = LETHE_TRY(Git(repository, {"cat-file", "-e", commit + "^{commit}"}));
  if (there.exit_code != 0) {
    return Error{ErrorCode::kNotFound, "the repository " + repository.string() +
                                           " does not have commit " + commit +
                                           " (fetch it, or name another with --repository)"};
  }
  LETHE_TRY(MakeDirectories(tree));
  LETHE_TRY(GitChecked(tree, {"init", "--quiet",
                              "--template=", "--object-format=" + std::string(Trim(format.out))}));
  const std::string top = LETHE_TRY(
      GitChecked(repository, {"rev-parse", "--path-format=absolute", "--git-common-dir"}));
  LETHE_TRY_IN(GitChecked(tree, {"fetch", "--quiet", "--depth=1", "--no-tags",
                                 "--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules",
                                 "--upload-pack=git -c safe.directory='*' -c "
                                 "uploadpack.allowAnySHA1InWant=true upload-pack",
                                 std::string(Trim(top)), commit}),
               "copying commit " + commit);
  LETHE_TRY(GitChecked(tree, {"-c", "core.autocrlf=false", "-c", "advice.detachedHead=false",
                              "checkout", "--quiet", "--detach", commit}));
  return {};
}

}  // namespace lethe::reproduce
