// What the release commands share: the ISO behind a statement, and a statement in words.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "apps/lethe/policy_file.h"
#include "git/repository.h"
#include "trust/release.h"

namespace lethe::cli {

// What somebody may take for another: by its first bytes, whatever its name.
enum class FileKind { kIso, kJson, kOther };
Result<FileKind> KindOf(const std::filesystem::path& file);

struct IsoToRelease {
  trust::ReleasedImage image;
  std::optional<crypto::Sha256Digest> policy_sha256;  // of the policy that it carries
};
// Checks every file of the ISO against its manifest, as `lethe image verify` does, and hashes it.
// kUntrusted for an ISO that is not what its manifest says, and for a dirty one; kMalformed.
Result<IsoToRelease> ReadIsoToRelease(const std::filesystem::path& iso);

// Whether the ISO is the released one: size and digest, as crypto::DigestFile found them, then what
// its manifest says. Nothing: it is. An error where it cannot be read.
Result<std::optional<trust::Refusal>> CheckIso(const std::filesystem::path& iso,
                                               const crypto::FileDigest& digest,
                                               const trust::ReleaseStatement& statement);

// SHA-256 over the tree of a commit that is named by a SHA-1; nothing where it is named by more.
// Errors as git::Repository::Read, with the commit.
Result<std::optional<crypto::Sha256Digest>> TreeDigestOf(git::Repository& repository,
                                                         const git::ObjectId& commit);

// kUntrusted where the statement names another digest of its commit's tree than the repository.
Status CheckTree(git::Repository& repository, const trust::ReleaseStatement& statement);

// "name-version.iso" beside `statement_file`.
std::filesystem::path IsoBeside(const std::filesystem::path& statement_file,
                                const trust::ReleaseStatement& statement);

// "commit … since …", "… to … (14 days)"
std::string RangeWords(const trust::ReleaseStatement& statement);
std::string TermWords(const trust::ReleaseStatement& statement);

// The statement's own facts, for --json.
json::Object ReleaseJson(const trust::ReleaseStatement& statement);

}  // namespace lethe::cli
