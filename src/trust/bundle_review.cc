#include "trust/bundle_review.h"

#include <map>

namespace lethe::trust {
namespace {

git::ObjectFormat FormatOf(const git::ObjectId& id) {
  return id.bytes.size() == git::IdBytes(git::ObjectFormat::kSha1) ? git::ObjectFormat::kSha1
                                                                   : git::ObjectFormat::kSha256;
}

// The commits of a bundle, each under the hash of its bytes; nothing else.
class BundleObjects : public git::ObjectSource {
 public:
  explicit BundleObjects(const BundledReview& review) : format_(FormatOf(review.tip)) {
    for (const std::string& body : review.commit_objects)
      objects_.emplace(git::HashObject(format_, git::ObjectType::kCommit, body), &body);
  }

  git::ObjectFormat format() const override { return format_; }

  Result<std::string> Read(const git::ObjectId& id, git::ObjectType type) override {
    const auto found = objects_.find(id);
    if (type != git::ObjectType::kCommit || found == objects_.end()) {
      return Error{ErrorCode::kNotFound,
                   "the bundle has no " + std::string(git::ToString(type)) + " " + id.Hex()};
    }
    return *found->second;
  }

 private:
  git::ObjectFormat format_;
  std::map<git::ObjectId, const std::string*> objects_;
};

JudgeReview FromCommits(const Policy& policy, int64_t at_unix_s) {
  return [&policy, at_unix_s](const BundledReview& review) {
    BundleObjects objects(review);
    return CheckReview(policy, objects,
                       {.base = review.base,
                        .tip = review.tip,
                        .at_unix_s = at_unix_s,
                        .statements = review.statements,
                        .with_trees = false});
  };
}

}  // namespace

Verdict<ProvenRelease> VerifyBundle(const Policy& policy, const ReleaseBundle& bundle,
                                    int64_t at_unix_s) {
  return JudgeBundle(policy, bundle, at_unix_s, FromCommits(policy, at_unix_s));
}

Verdict<ReviewVerdict> VerifyBundledReview(const Policy& policy, const ReleaseStatement& statement,
                                           const BundledReview& review, int64_t at_unix_s) {
  return JudgeBundledReview(policy, statement, review, at_unix_s, FromCommits(policy, at_unix_s));
}

}  // namespace lethe::trust
