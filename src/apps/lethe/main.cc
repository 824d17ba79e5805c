// lethe: the command line. Every command is one row of kCommands and one file cmd_<noun>_<verb>.cc.

#include <cstdio>
#include <map>
#include <optional>

#include "apps/lethe/command.h"
#include "apps/lethe/completion.h"
#include "base/strings.h"

namespace lethe::cli {
namespace {

constexpr Command kCommands[] = {
    {"recipe", "new", "write a small recipe to start from", DeclareRecipeNew},
    {"recipe", "check", "check a recipe and its lock", DeclareRecipeCheck},
    {"recipe", "lock", "resolve a recipe and pin every package", DeclareRecipeLock},
    {"recipe", "diff", "show what a re-lock changed", DeclareRecipeDiff},
    {"image", "build", "build the ISO of a recipe", DeclareImageBuild},
    {"image", "inspect", "show version, packages and sizes of an ISO", DeclareImageInspect},
    {"image", "boot", "boot an ISO in QEMU", DeclareImageBoot},
    {"image", "reproduce", "build an ISO again from its commit and compare", DeclareImageReproduce},
    {"image", "verify", "check every file of an ISO or UKI against its manifest",
     DeclareImageVerify},
    {"image", "diff", "say what differs between two ISOs, where and why", DeclareImageDiff},
    {"image", "sign-secureboot", "attach a Secure Boot signature to a UKI, or take it off",
     DeclareImageSignSecureboot},
    {"key", "enroll", "make a person's key in an authenticator", DeclareKeyEnroll},
    {"key", "list", "show the keys of a policy", DeclareKeyList},
    {"key", "revoke", "revoke a key in the policy", DeclareKeyRevoke},
    {"policy", "check", "check a policy and say who can what", DeclarePolicyCheck},
    {"policy", "show", "say in words what a policy holds", DeclarePolicyShow},
    {"policy", "diff", "say what a change of the policy lets whom do", DeclarePolicyDiff},
    {"policy", "export", "write a policy for ssh-keygen, git and log tools", DeclarePolicyExport},
    {"policy", "approve", "sign the next policy", DeclarePolicyApprove},
    {"policy", "walk", "follow approved policies to the newest", DeclarePolicyWalk},
    {"release", "sign", "approve a release: make or check its statement, and sign it",
     DeclareReleaseSign},
    {"release", "bundle", "put all that proves a release into one file", DeclareReleaseBundle},
    {"release", "verify", "say whether an ISO may be used, offline", DeclareReleaseVerify},
    {"review", "check", "check who signed, reviewed and owns each change", DeclareReviewCheck},
    {"review", "approve", "sign that a commit was reviewed", DeclareReviewApprove},
    {"store", "status", "show what the store holds, and what a recipe needs of it",
     DeclareStoreStatus},
    {"store", "gc", "remove what nobody needs any more", DeclareStoreGc},
    {"store", "export", "write all that a recipe's lock needs to one file", DeclareStoreExport},
    {"store", "import", "take an exported file into the store", DeclareStoreImport},
    {"store", "verify", "check every byte of the store", DeclareStoreVerify},
    {"store", "serve", "offer the store's packages to colleagues over HTTP", DeclareStoreServe},
};

constexpr const char* kNouns[][2] = {
    {"recipe", "an operating system as source: recipe.toml, recipe.lock, files"},
    {"image", "the bootable ISO: build, verify, reproduce, compare, inspect, boot"},
    {"key", "people's keys: each lives in an authenticator and needs touch"},
    {"policy", "who may say what: people, their keys, how many it takes"},
    {"release", "approved by people: what may run, until when, and the proof of it"},
    {"review", "the history of a repository: signatures, second people, owners"},
    {"store", "the packages of builds and the results of their steps: keep, carry, share, check"},
};

int Report(const Error& error, bool json) {
  std::fprintf(stderr, "lethe: %s\n", error.message.c_str());
  if (json) {
    PrintJson(json::Object{
        {"error", json::Object{{"code", ToString(error.code)}, {"message", error.message}}}});
  }
  return ExitCode(error.code);
}

// The first word that `group` does not know.
std::optional<std::string> UnknownWord(const CLI::App& group) {
  for (std::string& word : group.remaining()) {
    if (!word.starts_with('-')) return std::move(word);
  }
  return {};
}

// What to say of a word that names no command; nothing where another mistake was made.
std::optional<std::string> UnknownCommand(CLI::App& app) {
  CLI::App* group = &app;
  std::string name;
  const auto chosen = app.get_subcommands();
  if (!UnknownWord(app) && !chosen.empty()) {
    group = chosen.front();
    name = group->get_name() + " ";
  }
  const auto word = UnknownWord(*group);
  std::vector<std::string> there;
  for (const CLI::App* command : group->get_subcommands([](const CLI::App*) { return true; }))
    there.push_back(command->get_name());
  if (!word || there.empty()) return {};
  return "unknown command '" + name + Printable(*word) + "'; there are: " + Join(there, ", ");
}

int Main(int argc, char** argv) {
  CLI::App app("Lethe builds, proves, ships and runs servers that forget.", "lethe");
  app.set_version_flag("--version", LETHE_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  GlobalOptions global;
  std::map<std::string, CLI::App*> nouns;
  std::vector<std::pair<CLI::App*, Action>> actions;
  for (const auto& [noun, summary] : kNouns) {
    nouns[noun] = app.add_subcommand(noun, summary);
    nouns[noun]->require_subcommand(1);
  }
  for (const Command& command : kCommands) {
    CLI::App* sub = nouns.at(command.noun)->add_subcommand(command.verb, command.summary);
    sub->add_flag("--json", global.json, "print the result as JSON on stdout");
    actions.emplace_back(sub, command.declare(*sub, global));
  }
  std::string shell;
  CLI::App* completion = app.add_subcommand("completion", "print a shell completion script");
  completion->add_option("shell", shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const bool help = e.get_exit_code() == 0;
    if (const auto unknown = help ? std::nullopt : UnknownCommand(app))
      return Report({ErrorCode::kUsage, *unknown}, global.json);
    app.exit(e);
    return help ? 0 : ExitCode(ErrorCode::kUsage);
  }
  if (completion->parsed()) {
    std::fputs(CompletionScript(app, shell).c_str(), stdout);
    return 0;
  }
  for (const auto& [sub, action] : actions) {
    if (!sub->parsed()) continue;
    const auto result = action();
    return result ? *result : Report(result.error(), global.json);
  }
  return ExitCode(ErrorCode::kUsage);
}

}  // namespace

void PrintJson(const json::Value& value) { std::fputs(json::WritePretty(value).c_str(), stdout); }

}  // namespace lethe::cli

int main(int argc, char** argv) { return lethe::cli::Main(argc, argv); }
