#include "trust/release.h"

#include <algorithm>

#include "base/strings.h"
#include "base/utc.h"
#include "trust/dsse.h"

namespace lethe::trust {
namespace {

// in-toto: an extension of a predicate stands under a URI.
constexpr std::string_view kTerms = "urn:lethe:release:v1";
constexpr size_t kMaxNameBytes = 128;
constexpr int64_t kMaxIsoBytes = int64_t{1} << 40;

Error Bad(std::string_view key, std::string_view what) {
  return {ErrorCode::kMalformed, "key '" + std::string(key) + "': " + std::string(what)};
}

Result<const json::Value*> Member(const json::Value& object, std::string_view key) {
  const json::Value* value = object.Find(key);
  if (value == nullptr) return Bad(key, "is missing");
  return value;
}

Result<std::string> StringOf(const json::Value& object, std::string_view key) {
  const json::Value* value = LETHE_TRY(Member(object, key));
  if (value->AsString() == nullptr) return Bad(key, "must be a string");
  return *value->AsString();
}

Result<int64_t> NumberOf(const json::Value& object, std::string_view key, int64_t most) {
  const json::Value* value = LETHE_TRY(Member(object, key));
  if (value->AsInteger() == nullptr || *value->AsInteger() < 1 || *value->AsInteger() > most)
    return Bad(key, "must be an integer of 1 to " + std::to_string(most));
  return *value->AsInteger();
}

Result<int64_t> TimeOf(const json::Value& object, std::string_view key) {
  return LETHE_TRY_IN(ParseUtc(LETHE_TRY(StringOf(object, key))), "key '" + std::string(key) + "'");
}

Result<crypto::Sha256Digest> DigestOf(const json::Value& object, std::string_view key) {
  return LETHE_TRY_IN(crypto::Sha256Digest::FromHex(LETHE_TRY(StringOf(object, key))),
                      "key '" + std::string(key) + "'");
}

Result<git::ObjectId> CommitOf(const json::Value& object) {
  return LETHE_TRY_IN(git::ObjectId::FromHex(LETHE_TRY(StringOf(object, "gitCommit"))),
                      "key 'gitCommit'");
}

bool IsImageWord(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && text[0] != '.' && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

// "name-version.iso" and "name-version.manifest.json", as a build names them.
std::string FileName(const ReleasedImage& image, std::string_view ending) {
  return image.name + "-" + image.version + std::string(ending);
}

std::string PackageUrl(const ReleasedImage& image) {
  return "pkg:generic/" + image.name + "@" + image.version;
}

Status ReadSubjects(const Statement& statement, ReleaseStatement& release) {
  if (statement.subjects.size() != 2)
    return Bad("subject", "must be two: the ISO and its manifest");
  crypto::Sha256Digest* digests[] = {&release.image.iso_sha256, &release.image.manifest_sha256};
  for (size_t i = 0; i < 2; ++i) {
    const auto& digest = statement.subjects[i].digest;
    const auto sha256 = digest.find("sha256");
    const std::string where = "subject[" + std::to_string(i) + "]";
    if (sha256 == digest.end()) return Bad(where, "must have a digest 'sha256'");
    *digests[i] = LETHE_TRY_IN(crypto::Sha256Digest::FromHex(sha256->second), where);
  }
  return {};
}

Status ReadTerms(const json::Value& terms, ReleaseStatement& release) {
  const json::Value& image = *LETHE_TRY(Member(terms, "image"));
  release.image.name = LETHE_TRY(StringOf(image, "name"));
  release.image.version = LETHE_TRY(StringOf(image, "version"));
  release.image.iso_bytes =
      static_cast<uint64_t>(LETHE_TRY(NumberOf(image, "iso_bytes", kMaxIsoBytes)));
  const json::Value& commit = *LETHE_TRY(Member(terms, "commit"));
  const git::ObjectId id = LETHE_TRY(CommitOf(commit));
  release.image.commit = id.Hex();
  if (id.bytes.size() == git::IdBytes(git::ObjectFormat::kSha1))
    release.tree_sha256 = LETHE_TRY(DigestOf(commit, "sha256"));
  const json::Value& since = *LETHE_TRY(Member(terms, "since"));
  if (!since.IsNull()) release.since = LETHE_TRY_IN(CommitOf(since), "key 'since'");
  if (release.since && release.since->bytes.size() != id.bytes.size())
    return Bad("since", "a name of another length than the commit's");
  release.not_before_unix_s = LETHE_TRY(TimeOf(terms, "not_before"));
  release.expires_unix_s = LETHE_TRY(TimeOf(terms, "expires"));
  if (release.expires_unix_s <= release.not_before_unix_s)
    return Bad("expires", "must be later than 'not_before'");
  const json::Value& policy = *LETHE_TRY(Member(terms, "policy"));
  release.policy_domain = LETHE_TRY(StringOf(policy, "domain"));
  release.policy_number = LETHE_TRY(NumberOf(policy, "number", INT32_MAX));
  release.policy_sha256 = LETHE_TRY(DigestOf(policy, "sha256"));
  return CheckImageNames(release.image);
}

Result<ReleaseStatement> Parse(std::string_view text) {
  if (text.size() > kMaxReleaseStatementBytes)
    return Error{ErrorCode::kMalformed, "larger than 64 KiB"};
  const Statement statement = LETHE_TRY(ParseStatement(text));
  if (statement.predicate_type != kReleaseType)
    return Bad("predicateType", "'" + Printable(statement.predicate_type) + "' is no release");
  ReleaseStatement release;
  LETHE_TRY(ReadSubjects(statement, release));
  LETHE_TRY_IN(ReadTerms(*LETHE_TRY_IN(Member(statement.predicate, kTerms), "predicate"), release),
               "predicate");
  if (WriteReleaseStatement(release) != text) {
    return Error{ErrorCode::kMalformed,
                 "not in its one spelling: other names of the subjects, keys that the format does "
                 "not know, white space or another order"};
  }
  return release;
}

json::Object Commit(const git::ObjectId& id) { return json::Object{{"gitCommit", id.Hex()}}; }

Refusal OtherPolicy(const Policy& policy, const ReleaseStatement& statement) {
  return {Reason::kOtherPolicy,
          "the release is made for policy " + std::to_string(statement.policy_number) + " of " +
              Printable(statement.policy_domain) + " (sha256 " + statement.policy_sha256.Hex() +
              "), not for policy " + std::to_string(policy.number) + " of " + policy.domain +
              " (sha256 " + policy.sha256.Hex() + ")"};
}

}  // namespace

Status CheckImageNames(const ReleasedImage& image) {
  for (const auto& [key, value] : {std::pair("name", &image.name), {"version", &image.version}}) {
    if (!IsImageWord(*value))
      return Bad(key, "'" + Printable(value->substr(0, kMaxNameBytes)) +
                          "': allowed: letters, digits, '.', '_', '-'; at most 128");
  }
  (void)LETHE_TRY_IN(git::ObjectId::FromHex(image.commit), "key 'commit'");
  return {};
}

Result<ReleaseStatement> ParseReleaseStatement(std::string_view text) {
  return LETHE_TRY_IN(Parse(text), "release statement");
}

std::string WriteReleaseStatement(const ReleaseStatement& release) {
  json::Object commit = Commit(release.commit());
  if (release.tree_sha256) commit["sha256"] = release.tree_sha256->Hex();
  const ReleasedImage& image = release.image;
  json::Object terms{{"image", json::Object{{"name", image.name},
                                            {"version", image.version},
                                            {"iso_bytes", image.iso_bytes}}},
                     {"commit", std::move(commit)},
                     {"since", release.since ? json::Value(Commit(*release.since)) : json::Value()},
                     {"not_before", FormatUtc(release.not_before_unix_s)},
                     {"expires", FormatUtc(release.expires_unix_s)},
                     {"policy", json::Object{{"domain", release.policy_domain},
                                             {"number", release.policy_number},
                                             {"sha256", release.policy_sha256.Hex()}}}};
  return WriteStatement(
      {{{FileName(image, ".iso"), {{"sha256", image.iso_sha256.Hex()}}},
        {FileName(image, ".manifest.json"), {{"sha256", image.manifest_sha256.Hex()}}}},
       std::string(kReleaseType),
       json::Object{{"purl", PackageUrl(image)}, {std::string(kTerms), std::move(terms)}}});
}

Verdict<void> CheckReleaseTerms(const Policy& policy, const ReleaseStatement& statement,
                                int64_t at_unix_s) {
  if (statement.policy_domain != policy.domain || statement.policy_number != policy.number ||
      statement.policy_sha256 != policy.sha256)
    return OtherPolicy(policy, statement);
  const int64_t most_s = policy.release.max_age_days * kSecondsPerDay;
  if (statement.expires_unix_s - statement.not_before_unix_s > most_s) {
    return Refusal{Reason::kExpired,
                   "the release would hold from " + FormatUtc(statement.not_before_unix_s) +
                       " to " + FormatUtc(statement.expires_unix_s) + ", but the policy allows " +
                       Counted(policy.release.max_age_days, "day")};
  }
  if (at_unix_s < statement.not_before_unix_s) {
    return Refusal{Reason::kNotYetValid,
                   "the release begins at " + FormatUtc(statement.not_before_unix_s)};
  }
  if (at_unix_s >= statement.expires_unix_s) {
    return Refusal{Reason::kExpired, "the release ended at " + FormatUtc(statement.expires_unix_s)};
  }
  return {};
}

Verdict<void> CheckReleasedImage(const ReleaseStatement& statement, const ReleasedImage& found) {
  const ReleasedImage& released = statement.image;
  const auto differs = [](std::string_view what, const std::string& is, const std::string& wanted) {
    return Refusal{Reason::kWrongImage, "the ISO's " + std::string(what) + " is " + Printable(is) +
                                            ", the released one's " + wanted};
  };
  if (found.iso_bytes != released.iso_bytes) {
    return differs("size", std::to_string(found.iso_bytes) + " bytes",
                   std::to_string(released.iso_bytes));
  }
  if (found.iso_sha256 != released.iso_sha256)
    return differs("sha256", found.iso_sha256.Hex(), released.iso_sha256.Hex());
  if (found.manifest_sha256 != released.manifest_sha256) {
    return differs("manifest's sha256", found.manifest_sha256.Hex(),
                   released.manifest_sha256.Hex());
  }
  if (found.name != released.name) return differs("name", found.name, released.name);
  if (found.version != released.version) return differs("version", found.version, released.version);
  if (found.commit != released.commit) return differs("commit", found.commit, released.commit);
  return {};
}

}  // namespace lethe::trust
