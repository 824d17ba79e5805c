#include "trust/review_fixture.h"

#include <algorithm>
#include <set>

#include "base/assert.h"
#include "trust/human_review.h"
#include "trust/tree_sha256.h"

namespace lethe::trust {
namespace {

std::string SignatureHeader(const std::string& armoured, git::ObjectFormat format) {
  std::string out = format == git::ObjectFormat::kSha256 ? "gpgsig-sha256 " : "gpgsig ";
  for (const char c : armoured.substr(0, armoured.find_last_not_of('\n') + 1)) {
    out += c;
    if (c == '\n') out += ' ';
  }
  return out + "\n";
}

}  // namespace

uint32_t ReviewFixture::Counter(const std::string& person, const std::optional<uint32_t>& given) {
  uint32_t& last = counters_[person];
  if (given) return *given;
  return ++last;
}

git::ObjectId ReviewFixture::Commit(const CommitSpec& spec) {
  Files files = spec.files;
  files.emplace("CODEOWNERS", kEverybodyOwns);
  if (files["CODEOWNERS"].empty()) files.erase("CODEOWNERS");
  const git::ObjectId tree = spec.tree ? *spec.tree : objects.AddTree(files);
  std::string head = "tree " + tree.Hex() + "\n";
  for (const git::ObjectId& parent : spec.parents) head += "parent " + parent.Hex() + "\n";
  head += "author A <a@vpn.example> " + spec.date + " +0000\n";
  head += "committer A <a@vpn.example> " + spec.date + " +0000\n";
  const std::string tail = "\n" + spec.message + "\n";
  std::string signature = spec.signature;
  if (signature.empty() && !spec.person.empty()) {
    const std::string payload = spec.signs.empty() ? head + tail : spec.signs;
    signature = SoftwareKey::ForTest(spec.person)
                    .SignSsh({payload, spec.name_space},
                             {.flags = spec.flags, .counter = Counter(spec.person, spec.counter)});
  }
  if (!signature.empty()) head += SignatureHeader(signature, objects.format());
  const git::ObjectId id = objects.Add(git::ObjectType::kCommit, head + tail);
  trees_.emplace(id, tree);
  return id;
}

void ReviewFixture::Approve(const std::string& person, const git::ObjectId& commit,
                            const ReviewSpec& spec) {
  HumanReview review{commit, {}};
  if (!spec.tree_sha256.empty()) {
    review.tree_sha256 = crypto::Sha256Digest::FromHex(spec.tree_sha256).value();
  } else if (objects.format() == git::ObjectFormat::kSha1) {
    review.tree_sha256 = TreeSha256(objects).Of(trees_.at(commit)).value();
  }
  DsseEnvelope envelope{std::string(kInTotoPayloadType),
                        spec.payload.empty() ? WriteHumanReview(review) : spec.payload,
                        {}};
  const std::string pae = DssePae(envelope.payload_type, envelope.payload);
  envelope.signatures.push_back(
      {"", SoftwareKey::ForTest(person).SignSsh(
               {pae, spec.name_space},
               {.flags = spec.flags, .counter = Counter(person, spec.counter)})});
  statements.push_back(std::move(envelope));
}

git::ObjectId ReviewFixture::Root(Files files) {
  const git::ObjectId root = Commit({.person = "alice", .files = std::move(files)});
  Approve("bob", root);
  return root;
}

Verdict<ReviewVerdict> ReviewFixture::Check(const git::ObjectId& tip,
                                            const std::optional<git::ObjectId>& base) {
  return CheckReview(MustParsePolicy(policy), objects,
                     {.base = base,
                      .tip = tip,
                      .at_unix_s = at_unix_s,
                      .statements = statements,
                      .with_trees = with_trees});
}

std::string ReviewFixture::Reasons(const git::ObjectId& tip, const git::ObjectId& commit,
                                   const std::optional<git::ObjectId>& base) {
  const auto verdict = Check(tip, base);
  if (!verdict) return "failed: " + std::string(ToString(verdict.error().reason));
  std::set<std::string> reasons;
  for (const Refusal& refusal : ReviewOf(*verdict, commit).refusals)
    reasons.insert(std::string(ToString(refusal.reason)));
  std::string out;
  for (const std::string& reason : reasons) out += (out.empty() ? "" : " ") + reason;
  return out.empty() ? "ok" : out;
}

const CommitReview& ReviewOf(const ReviewVerdict& verdict, const git::ObjectId& commit) {
  const auto found = std::find_if(verdict.commits.begin(), verdict.commits.end(),
                                  [&](const CommitReview& review) { return review.id == commit; });
  LETHE_ASSERT(found != verdict.commits.end());
  return *found;
}

}  // namespace lethe::trust
