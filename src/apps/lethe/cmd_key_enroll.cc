// lethe key enroll: makes a person's key in an authenticator, checks the maker's attestation, and
// writes the key into the policy, for review.
// Exit codes: 0 ok, 1 failure, 2 usage, 3 the key or the policy is refused, 4 malformed, 5 there is
// no ssh-keygen.

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdlib>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "apps/lethe/policy_report.h"
#include "apps/lethe/ssh_sign.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "trust/attestation.h"
#include "trust/policy_check.h"
#include "trust/policy_edit.h"
#include "trust/software_key.h"

namespace lethe::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kApplication = "ssh:lethe";
constexpr size_t kChallengeBytes = 32;
constexpr size_t kMaxKeyFileBytes = 64 << 10;

struct Options {
  std::string file = "policy.toml";
  std::string person;
  std::string may = "commit,review";
  std::string type = "ed25519";
  std::string output;
  bool new_person = false;
  bool test_key = false;
  bool keep_number = false;
};

struct MadeKey {
  trust::SshPublicKey key;
  trust::Attestation attestation;
};

// `named`, else ~/.ssh/id_lethe.
Result<fs::path> KeyFile(const std::string& named) {
  if (!named.empty()) return fs::path(named);
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0')
    return Error{ErrorCode::kUsage, "--output: name the key's file (there is no HOME)"};
  return fs::path(home) / ".ssh" / "id_lethe";
}

// Everything that can be known before the authenticator is asked.
Status CheckFirst(const Options& options, const trust::Policy& policy, const fs::path& key_file) {
  const bool known =
      std::find(policy.people.begin(), policy.people.end(), options.person) != policy.people.end();
  if (!known && !options.new_person) {
    return Error{ErrorCode::kUsage, "--person: '" + Printable(options.person) +
                                        "' is not one of the policy's people (" +
                                        JoinNames(policy.people) + "); --new-person adds one"};
  }
  if (known && options.new_person)
    return Error{ErrorCode::kUsage, "--new-person: " + options.person + " is there already"};
  if (options.test_key && !policy.allow_test_keys) {
    return Error{ErrorCode::kUntrusted,
                 options.file + ": takes no test keys ('test_keys' is false)"};
  }
  if (policy.attestation_roots_pem.empty()) {
    return Error{ErrorCode::kUntrusted,
                 options.file +
                     ": names no vendor of authenticators ('roots' in [attestation]), so "
                     "that no key could prove where it lives"};
  }
  for (const fs::path& path : {key_file, fs::path(key_file.string() + ".pub")}) {
    if (fs::exists(fs::symlink_status(path))) {
      return Error{ErrorCode::kUsage,
                   path.string() + " is there already: name another file with --output"};
    }
  }
  return {};
}

// The folder of the key file, only for its owner where it is made here.
Status MakeKeyFolder(const fs::path& folder) {
  if (fs::is_directory(folder)) return {};
  LETHE_TRY(MakeDirectories(folder));
  std::error_code error;
  fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return Error{ErrorCode::kIo, "closing " + folder.string() + ": " + error.message()};
  return {};
}

std::string_view ApplicationOf(const Options& options) {
  return options.test_key ? trust::kTestApplication : kApplication;
}

Result<trust::PolicyEdit> Edit(const Options& options, std::string_view bytes,
                               const std::set<trust::Use>& may, const trust::SshPublicKey& key) {
  return trust::AddKey(
      bytes,
      {.key = {.key = key, .person = options.person, .may = may, .test = key.IsTestKey()},
       .new_person = options.new_person,
       .keep_number = options.keep_number},
      options.file);
}

// Whether the policy would take such a key, by one that stands in its place and is thrown away: the
// person is not asked for anything in vain.
Status TryEdit(const Options& options, std::string_view bytes, const std::set<trust::Use>& may) {
  trust::SshPublicKey key =
      trust::SoftwareKey::ForTest("in the place of another", options.type == "ed25519"
                                                                 ? trust::KeyType::kSkEd25519
                                                                 : trust::KeyType::kSkEcdsaP256)
          .public_key();
  key.application = ApplicationOf(options);
  (void)LETHE_TRY(Edit(options, bytes, may, key));
  return {};
}

void Guide(const Options& options) {
  fmt::print(stderr,
             "making a key for {} in an authenticator:\n"
             "  1. plug the authenticator in; it needs a PIN (set one with its maker's program)\n"
             "  2. give the PIN when ssh-keygen asks for it\n"
             "  3. touch the authenticator each time it blinks\n",
             options.person);
  if (options.test_key) {
    fmt::print(
        stderr,
        "WARNING: a test key: it may live in software, proves nothing, and counts only where "
        "the policy allows test keys\n");
  }
}

// Makes the key with ssh-keygen as `file`, and checks it.
Result<MadeKey> MakeKey(const Options& options, const trust::Policy& policy, const fs::path& file) {
  std::string challenge(kChallengeBytes, '\0');
  if (::getrandom(challenge.data(), challenge.size(), 0) != static_cast<ssize_t>(kChallengeBytes))
    return IoError("reading", "random bytes");
  const fs::path folder = file.parent_path();
  LETHE_TRY(WriteFileAtomic(folder / "challenge", challenge, 0600));
  const std::string application(ApplicationOf(options));
  // Without a passphrase: the file is only a handle, the secret stays in the authenticator, which
  // asks for the PIN. ssh-keygen asks for it on the terminal.
  (void)LETHE_TRY_IN(
      RunChecked({.argv = {"ssh-keygen", "-q", "-t", options.type + "-sk", "-N", "", "-C",
                           options.person + "@" + policy.domain, "-f", file.string(), "-O",
                           "verify-required", "-O", "application=" + application, "-O",
                           "challenge=" + (folder / "challenge").string(), "-O",
                           "write-attestation=" + (folder / "attestation").string()},
                  .package = kSshKeygenPackage}),
      "making the key");
  MadeKey made;
  made.key =
      LETHE_TRY(trust::ParseKeyLine(LETHE_TRY(ReadFile(file.string() + ".pub", kMaxKeyFileBytes))));
  if (made.key.application != application) {
    return Error{ErrorCode::kUntrusted, "key " + made.key.Fingerprint() + " is for '" +
                                            made.key.application + "', not " + application};
  }
  const std::string blob = LETHE_TRY(ReadFile(folder / "attestation", trust::kMaxAttestationBytes));
  made.attestation = LETHE_TRY(
      trust::VerifyAttestation(blob, {made.key, challenge}, policy.attestation_roots_pem));
  if (!made.attestation.pin_verified) {
    return Error{ErrorCode::kUntrusted, "attestation: the authenticator made key " +
                                            made.key.Fingerprint() + " without asking for its PIN"};
  }
  return made;
}

Result<std::set<trust::Use>> ReadUses(std::string_view words) {
  std::set<trust::Use> may;
  for (const std::string_view word : Split(words, ',')) {
    const auto use = std::find_if(std::begin(trust::kAllUses), std::end(trust::kAllUses),
                                  [&](trust::Use u) { return trust::ToString(u) == word; });
    if (use == std::end(trust::kAllUses)) {
      return Error{ErrorCode::kUsage,
                   "--may: '" + Printable(word) + "': allowed: commit, review, release, policy"};
    }
    may.insert(*use);
  }
  return may;
}

int Report(const Options& options, const fs::path& key_file, const MadeKey& made,
           const trust::PolicyEdit& edit, bool number_raised, const GlobalOptions& global) {
  const auto weakness = trust::FindWeakness(edit.policy);
  const std::string& aaguid = made.attestation.aaguid;
  if (global.json) {
    PrintJson(json::Object{{"ok", true},
                           {"person", options.person},
                           {"key", made.key.Fingerprint()},
                           {"type", trust::ToString(made.key.type)},
                           {"test", made.key.IsTestKey()},
                           {"key_file", key_file.string()},
                           {"vendor", made.attestation.vendor},
                           {"model", HexEncode(aaguid)},
                           {"policy", options.file},
                           {"number", edit.policy.number},
                           {"missing", weakness ? json::Value(weakness->message) : json::Value()}});
    return 0;
  }
  fmt::print("{}: {}'s key {}, made in an authenticator of {}\n", key_file.string(), options.person,
             made.key.Fingerprint(), made.attestation.vendor);
  fmt::print("{}: {} with the key in it, for review\n", options.file, PolicyName(edit.policy));
  if (weakness) fmt::print("  not a policy yet: {}\n", weakness->message);
  fmt::print("next:\n");
  if (!weakness) PrintNextSteps(options.file, edit.policy, number_raised);
  fmt::print("  git config gpg.format ssh; git config user.signingkey {}    to sign commits\n",
             ShellWord(key_file.string()));
  return 0;
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto may = LETHE_TRY(ReadUses(options.may));
  const std::string bytes = LETHE_TRY(ReadFile(options.file, trust::kMaxPolicyBytes));
  const trust::Policy policy = LETHE_TRY(trust::ParsePolicyDraft(bytes, options.file));
  const fs::path key_file = fs::absolute(LETHE_TRY(KeyFile(options.output)));
  LETHE_TRY(CheckFirst(options, policy, key_file));
  LETHE_TRY(TryEdit(options, bytes, may));
  LETHE_TRY(MakeKeyFolder(key_file.parent_path()));
  Guide(options);
  // Beside its place: a key that is refused leaves nothing behind.
  const ScratchDir scratch =
      LETHE_TRY(ScratchDir::Create(key_file.parent_path(), ".lethe-enroll-"));
  const fs::path made_file = scratch.path() / "key";
  const MadeKey made = LETHE_TRY(MakeKey(options, policy, made_file));
  const auto edit = LETHE_TRY(Edit(options, bytes, may, made.key));
  LETHE_TRY(RenameDurably(made_file, key_file));
  LETHE_TRY(RenameDurably(made_file.string() + ".pub", key_file.string() + ".pub"));
  LETHE_TRY(WriteFileAtomic(options.file, edit.bytes));
  return Report(options, key_file, made, edit, edit.policy.number != policy.number, global);
}

}  // namespace

Action DeclareKeyEnroll(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("policy", options->file, "the policy file")->capture_default_str();
  app.add_option("--person", options->person, "whose key it is")->required();
  app.add_flag("--new-person", options->new_person, "add the person to the policy's people");
  app.add_option("--may", options->may,
                 "what it may sign: uses, separated by commas, of commit,review,release,policy")
      ->type_name("USES")
      ->capture_default_str();
  app.add_option("--type", options->type, "the kind of key")
      ->check(CLI::IsMember({"ed25519", "ecdsa"}))
      ->capture_default_str();
  app.add_option("--output", options->output, "the key's file (default: ~/.ssh/id_lethe)");
  app.add_flag("--test-key", options->test_key,
               "for tests and demos: a key that may live in software, marked as such");
  app.add_flag("--keep-number", options->keep_number,
               "the file already holds a change that nobody approved yet: same number");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
