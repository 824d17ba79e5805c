#include "trust/review_owners.h"

#include <algorithm>

#include "base/strings.h"

namespace lethe::trust {
namespace {

constexpr size_t kMaxParsed = 16;

std::vector<std::string> Both(const std::vector<std::string>& owners,
                              const std::vector<std::string>& reviewers) {
  std::vector<std::string> out;
  std::copy_if(owners.begin(), owners.end(), std::back_inserter(out), [&](const auto& person) {
    return std::find(reviewers.begin(), reviewers.end(), person) != reviewers.end();
  });
  return out;
}

class Named {
 public:
  explicit Named(std::vector<Refusal>& refusals) : refusals_(refusals) {}
  void Add(Refusal refusal) {
    if (++count_ <= kMaxNamedPaths) refusals_.push_back(std::move(refusal));
  }
  void Finish() {
    if (count_ <= kMaxNamedPaths) return;
    refusals_.push_back({refusals_.back().reason,
                         std::to_string(count_ - kMaxNamedPaths) + " more paths of this kind"});
  }

 private:
  std::vector<Refusal>& refusals_;
  size_t count_ = 0;
};

}  // namespace

Verdict<std::optional<git::ObjectId>> ReviewOwners::Blob(const git::ObjectId& tree) {
  git::ObjectId at = tree;
  const auto names = Split(policy_.review.owners_file, '/');
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string body =
        LETHE_TRY(Judge(objects_.Read(at, git::ObjectType::kTree), Reason::kWrongObject));
    const auto entries =
        LETHE_TRY(Judge(git::ParseTree(body, objects_.format()), Reason::kMalformed));
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const auto& entry) { return entry.name == names[i]; });
    const bool last = i + 1 == names.size();
    if (found == entries.end()) return std::optional<git::ObjectId>();
    const bool file =
        found->kind == git::EntryKind::kFile || found->kind == git::EntryKind::kExecutable;
    if (last ? !file : found->kind != git::EntryKind::kTree) return std::optional<git::ObjectId>();
    at = found->id;
  }
  return std::optional<git::ObjectId>(at);
}

Verdict<CodeOwners> ReviewOwners::Parse(const std::string& bytes) const {
  const std::string& file = policy_.review.owners_file;
  CodeOwners owners = LETHE_TRY(ParseCodeOwners(bytes, file, policy_.people));
  LETHE_TRY_IN(owners.Of(file), "the owners file itself");
  return owners;
}

Verdict<Verdict<CodeOwners>> ReviewOwners::Rules(const git::ObjectId& tree) {
  const auto blob = LETHE_TRY(Blob(tree));
  if (!blob) {
    return Verdict<CodeOwners>(
        Refusal{Reason::kBadOwners,
                "there is no owners file '" + Printable(policy_.review.owners_file) + "'"});
  }
  if (const auto known = parsed_.find(*blob); known != parsed_.end()) return known->second;
  const std::string bytes =
      LETHE_TRY(Judge(objects_.Read(*blob, git::ObjectType::kBlob), Reason::kWrongObject));
  if (parsed_.size() == kMaxParsed) parsed_.clear();
  return parsed_.emplace(*blob, Parse(bytes)).first->second;
}

Verdict<OwnersFound> ReviewOwners::Check(const OwnedChange& change) {
  OwnersFound out;
  const auto rules = LETHE_TRY(Rules(change.rules));
  if (!rules) {
    out.refusals.push_back(rules.error());
    return out;
  }
  const std::string& file = policy_.review.owners_file;
  if (std::binary_search(change.touched.begin(), change.touched.end(), file)) {
    const auto left = LETHE_TRY(Rules(change.result));
    if (!left) out.refusals.push_back(left.error().In("the owners file that it leaves"));
  }
  Named named(out.refusals);
  for (const std::string& path : change.touched) {
    const auto owners = rules->Of(path);
    if (!owners) {
      named.Add(owners.error());
      continue;
    }
    const auto approvers = Both(*owners, change.reviewers);
    if (!approvers.empty()) {
      out.owned.push_back(Printable(path) + ": " + Join(approvers, ", "));
    } else {
      named.Add({Reason::kNoOwner, "path '" + Printable(path) + "': none of its owners reviewed (" +
                                       Join(*owners, ", ") + ")"});
    }
  }
  named.Finish();
  return out;
}

}  // namespace lethe::trust
