#include "git/ask.h"

#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "base/subprocess.h"

namespace lethe::git {

std::vector<std::pair<std::string, std::string>> Environment() {
  // GIT_ALLOW_PROTOCOL lists no transport that exists: a partial clone would fetch what it lacks.
  std::vector<std::pair<std::string, std::string>> out{{"LC_ALL", "C"},
                                                       {"GIT_OPTIONAL_LOCKS", "0"},
                                                       {"GIT_ATTR_NOSYSTEM", "1"},
                                                       {"GIT_TERMINAL_PROMPT", "0"},
                                                       {"GIT_ALLOW_PROTOCOL", "none"}};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view key = text.substr(0, text.find('='));
    if (key != "PATH" && key != "HOME" && key != "XDG_CONFIG_HOME") continue;
    out.emplace_back(key, text.substr(std::min(text.size(), key.size() + 1)));
  }
  return out;
}

std::vector<std::string> CommandLine(const std::filesystem::path& folder) {
  std::vector<std::string> argv = {"git", "--no-replace-objects", "--no-pager"};
  for (const char* setting : {"core.fsmonitor=false", "core.hooksPath=/dev/null",
                              "core.autocrlf=false", "core.attributesFile=/dev/null",
                              "core.quotePath=true", "color.ui=false", "log.showSignature=false",
                              "i18n.logOutputEncoding=UTF-8", "status.submoduleSummary=false"}) {
    argv.insert(argv.end(), {"-c", setting});
  }
  argv.insert(argv.end(), {"-C", folder.string()});
  return argv;
}

Result<std::string> AskGit(const std::filesystem::path& folder,
                           const std::vector<std::string>& arguments, const std::string& input) {
  std::vector<std::string> argv = CommandLine(folder);
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const auto result = LETHE_TRY(RunCommand({.argv = argv,
                                            .env = Environment(),
                                            .clear_env = true,
                                            .input = input,
                                            .package = kPackage}));
  if (result.exit_code == 0) return result.out;
  return Error{ErrorCode::kNotFound,
               "asking git about " + folder.string() + ": " + std::string(Trim(result.err))};
}

}  // namespace lethe::git
