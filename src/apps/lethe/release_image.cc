#include "apps/lethe/release_image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/utc.h"
#include "image/capture.h"
#include "image/iso_reader.h"
#include "image/verify.h"
#include "recipe/recipe.h"
#include "trust/tree_sha256.h"

namespace lethe::cli {
namespace {

using trust::ReleasedImage;
using trust::ReleaseStatement;

// ECMA-119 8.4.2: the identifier of the first volume descriptor.
constexpr std::string_view kIsoMagic = "CD001";
constexpr off_t kIsoMagicOffset = 16 * 2048 + 1;

Result<std::string_view> ManifestText(std::string_view iso) {
  const auto listing = LETHE_TRY(image::ReadIso(iso));
  const image::IsoFile* file = image::FindIsoFile(listing, image::kIsoManifestPath);
  if (file == nullptr)
    return Error{ErrorCode::kMalformed, "the ISO has no " + std::string(image::kIsoManifestPath)};
  return iso.substr(file->offset, file->size);
}

// Of the file beside the ISO: inside it the same text is filled up with white space.
crypto::Sha256Digest ManifestDigest(std::string_view text) {
  return crypto::Sha256Of(std::string(Trim(text)) + "\n");
}

std::optional<crypto::Sha256Digest> CarriedPolicy(const image::Manifest& manifest) {
  for (const image::ManifestNode& node : manifest.root) {
    if (node.path == recipe::kImagePolicyPath && node.type == image::NodeType::kFile)
      return node.sha256;
  }
  return {};
}

Result<IsoToRelease> Read(std::string_view iso) {
  const auto report = LETHE_TRY(image::VerifyIso(iso, {}));
  if (!report.findings.empty()) {
    const auto& first = report.findings.front();
    return Error{ErrorCode::kUntrusted,
                 "is not what its manifest says: " + first.where + ": " + first.what};
  }
  const image::Manifest& manifest = report.manifest;
  if (manifest.dirty) {
    return Error{ErrorCode::kUntrusted, "was built from a work tree that is not commit " +
                                            manifest.commit + ": dirty, never releasable"};
  }
  IsoToRelease out{{.name = manifest.image_id,
                    .version = manifest.image_version,
                    .commit = manifest.commit,
                    .iso_sha256 = crypto::Sha256Of(iso),
                    .iso_bytes = iso.size(),
                    .manifest_sha256 = ManifestDigest(LETHE_TRY(ManifestText(iso)))},
                   CarriedPolicy(manifest)};
  LETHE_TRY(trust::CheckImageNames(out.image));
  return out;
}

}  // namespace

Result<FileKind> KindOf(const std::filesystem::path& file) {
  const Fd fd = LETHE_TRY(OpenFile(file, O_RDONLY));
  char first = 0;
  if (::pread(fd.get(), &first, 1, 0) < 0) return IoError("reading", file);
  if (first == '{') return FileKind::kJson;
  std::string magic(kIsoMagic.size(), '\0');
  if (::pread(fd.get(), magic.data(), magic.size(), kIsoMagicOffset) < 0)
    return IoError("reading", file);
  return magic == kIsoMagic ? FileKind::kIso : FileKind::kOther;
}

Result<IsoToRelease> ReadIsoToRelease(const std::filesystem::path& iso) {
  const auto file = LETHE_TRY(image::MapFile(iso));
  return LETHE_TRY_IN(Read(file.bytes), iso.string());
}

Result<std::optional<trust::Refusal>> CheckIso(const std::filesystem::path& iso,
                                               const crypto::FileDigest& digest,
                                               const ReleaseStatement& statement) {
  const auto differs = [&](const ReleasedImage& found) -> std::optional<trust::Refusal> {
    const auto verdict = trust::CheckReleasedImage(statement, found);
    if (verdict) return {};
    return verdict.error().In(iso.string());
  };
  ReleasedImage found = statement.image;
  found.iso_bytes = digest.bytes;
  found.iso_sha256 = digest.sha256;
  if (auto refusal = differs(found)) return refusal;
  // The bytes are those that people signed; what is left is whether they said what is in them.
  const auto file = LETHE_TRY(image::MapFile(iso));
  const std::string_view text = LETHE_TRY_IN(ManifestText(file.bytes), iso.string());
  const auto head = LETHE_TRY_IN(image::ParseManifestHead(text), iso.string());
  found.manifest_sha256 = ManifestDigest(text);
  found.name = head.image_id;
  found.version = head.image_version;
  found.commit = head.commit;
  if (auto refusal = differs(found)) return refusal;
  if (!head.dirty) return std::optional<trust::Refusal>();
  return std::optional(trust::Refusal{trust::Reason::kWrongImage,
                                      iso.string() + ": is dirty, and never releasable"});
}

Result<std::optional<crypto::Sha256Digest>> TreeDigestOf(git::Repository& repository,
                                                         const git::ObjectId& commit) {
  if (repository.format() != git::ObjectFormat::kSha1) return std::optional<crypto::Sha256Digest>();
  const auto digest = [&]() -> Result<crypto::Sha256Digest> {
    const auto parsed = LETHE_TRY(git::ParseCommit(
        LETHE_TRY(repository.Read(commit, git::ObjectType::kCommit)), repository.format()));
    return trust::TreeSha256(repository).Of(parsed.tree);
  };
  return std::optional(LETHE_TRY_IN(digest(), "commit " + commit.Hex()));
}

Status CheckTree(git::Repository& repository, const ReleaseStatement& statement) {
  if (LETHE_TRY(TreeDigestOf(repository, statement.commit())) == statement.tree_sha256) return {};
  return Error{ErrorCode::kUntrusted,
               "names another SHA-256 than that of the tree of commit " + statement.image.commit};
}

std::filesystem::path IsoBeside(const std::filesystem::path& statement_file,
                                const ReleaseStatement& statement) {
  return statement_file.parent_path() /
         (statement.image.name + "-" + statement.image.version + ".iso");
}

std::string RangeWords(const ReleaseStatement& statement) {
  return fmt::format("commit {}, {}", statement.image.commit,
                     statement.since ? "reviewed since " + statement.since->Hex()
                                     : "reviewed from the first commit on");
}

std::string TermWords(const ReleaseStatement& statement) {
  return fmt::format("{} to {}", FormatUtc(statement.not_before_unix_s),
                     FormatUtc(statement.expires_unix_s));
}

json::Object ReleaseJson(const ReleaseStatement& statement) {
  const ReleasedImage& image = statement.image;
  return json::Object{
      {"name", image.name},
      {"version", image.version},
      {"commit", image.commit},
      {"tree_sha256",
       statement.tree_sha256 ? json::Value(statement.tree_sha256->Hex()) : json::Value()},
      {"since", statement.since ? json::Value(statement.since->Hex()) : json::Value()},
      {"iso_sha256", image.iso_sha256.Hex()},
      {"iso_bytes", image.iso_bytes},
      {"manifest_sha256", image.manifest_sha256.Hex()},
      {"not_before", FormatUtc(statement.not_before_unix_s)},
      {"expires", FormatUtc(statement.expires_unix_s)},
      {"policy", json::Object{{"domain", statement.policy_domain},
                              {"number", statement.policy_number},
                              {"sha256", statement.policy_sha256.Hex()}}}};
}

}  // namespace lethe::cli
