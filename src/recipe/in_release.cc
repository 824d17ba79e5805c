#include "recipe/in_release.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace lethe::recipe {
namespace {

namespace fs = std::filesystem;

// Exactly one message from the first byte to the last line: text around it would not be signed.
bool IsOneClearSignedMessage(std::string_view text) {
  constexpr std::string_view kMarkers[] = {"-----BEGIN PGP SIGNED MESSAGE-----",
                                           "-----BEGIN PGP SIGNATURE-----",
                                           "-----END PGP SIGNATURE-----"};
  const auto lines = Lines(text);
  size_t seen = 0;
  for (const std::string_view line : lines) {
    // Lines of the message that begin with a dash are escaped: "- ----".
    if (!line.starts_with("-----")) continue;
    if (seen == std::size(kMarkers) || Trim(line) != kMarkers[seen]) return false;
    ++seen;
  }
  return seen == std::size(kMarkers) && lines.front().starts_with("-----") &&
         lines.back().starts_with("-----");
}

struct Findings {
  std::set<std::string> fingerprints;  // of primary keys with a good signature
  std::vector<std::string> reasons;    // against the other signatures
  bool wrong = false;                  // a signature does not fit the text
};

// SHA-256 to SHA-512 of RFC 9580 section 9.5.
bool IsStrongHash(std::string_view algorithm) {
  return algorithm == "8" || algorithm == "9" || algorithm == "10";
}

// The status lines of GnuPG's doc/DETAILS. VALIDSIG alone proves little: it also follows signatures
// by expired and revoked keys.
Findings ReadStatus(std::string_view status) {
  const struct {
    std::string_view keyword;
    const char* before;
    const char* after;
  } kProblems[] = {{"BADSIG", "the signature by ", " does not fit the text"},
                   {"NO_PUBKEY", "key ", " is not in the keyring"},
                   {"EXPKEYSIG", "key ", " has expired"},
                   {"REVKEYSIG", "key ", " is revoked"},
                   {"EXPSIG", "the signature by ", " has expired"}};
  Findings findings;
  bool good = false;
  for (const std::string_view line : Lines(status)) {
    const auto words = Words(line);
    if (words.size() < 3 || words[0] != "[GNUPG:]") continue;
    const std::string_view keyword = words[1];
    if (keyword == "NEWSIG") good = false;
    if (keyword == "GOODSIG") good = true;
    if (keyword == "BADSIG") findings.wrong = true;
    if (keyword == "VALIDSIG" && words.size() >= 12 && good) {
      if (IsStrongHash(words[9])) {
        findings.fingerprints.emplace(words[11]);
      } else {
        findings.reasons.push_back("the signature by " + std::string(words[11]) +
                                   " uses a weak hash");
      }
      good = false;
    }
    for (const auto& problem : kProblems) {
      if (keyword != problem.keyword) continue;
      good = false;
      findings.reasons.push_back(problem.before + Printable(words[2]) + problem.after);
    }
  }
  return findings;
}

}  // namespace

Result<VerifiedRelease> VerifyInRelease(const std::string& in_release, const fs::path& keyring,
                                        const std::string& suite) {
  std::error_code error;
  if (!fs::exists(keyring, error)) {
    return Error{ErrorCode::kNotFound, "keyring " + keyring.string() +
                                           " does not exist (Debian's is in the package "
                                           "debian-archive-keyring)"};
  }
  if (!IsOneClearSignedMessage(in_release)) {
    return Error{ErrorCode::kMalformed,
                 "the InRelease file of '" + suite + "' is not one clear-signed message"};
  }
  const ScratchDir scratch =
      LETHE_TRY(ScratchDir::Create(fs::temp_directory_path(error), "lethe-gpgv-"));
  const fs::path signed_file = scratch.path() / "InRelease";
  const fs::path text_file = scratch.path() / "Release";
  LETHE_TRY(WriteFileAtomic(signed_file, in_release));
  const auto gpgv =
      LETHE_TRY(RunCommand({.argv = {"gpgv", "--homedir", scratch.path().string(), "--keyring",
                                     fs::absolute(keyring).string(), "--status-fd", "1", "--output",
                                     text_file.string(), signed_file.string()},
                            .env = {{"LC_ALL", "C"}},
                            .package = "gpgv"}));
  // The exit code does not decide: it is not 0 where one of several keys is unknown.
  Findings findings = ReadStatus(gpgv.out);
  if (findings.wrong || findings.fingerprints.empty()) {
    if (findings.reasons.empty()) {
      const std::string_view said = Trim(gpgv.err);
      findings.reasons.push_back(Printable(said.substr(said.rfind('\n') + 1)));
    }
    return Error{ErrorCode::kUntrusted, "the signature of the InRelease file of '" + suite +
                                            "' does not verify: " + Join(findings.reasons, "; ")};
  }
  return VerifiedRelease{
      .text = LETHE_TRY(ReadFile(text_file)),
      .signed_by = Join({findings.fingerprints.begin(), findings.fingerprints.end()}, " ")};
}

}  // namespace lethe::recipe
