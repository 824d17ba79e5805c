// A merge of files: base, ours and theirs, with NUL between them, line by line and as trees. A side
// that changed nothing gives the other one; sides may change places; and of the trees, a merge is
// nobody's own exactly where its file is what the lines gave.

#include "trust/merge.h"

#include <map>
#include <optional>
#include <string>

#include "base/assert.h"
#include "fuzz.h"
#include "trust/line_merge.h"

namespace {

using namespace lethe;  // NOLINT: short as a script

constexpr uint64_t kSteps = 5'000'000;

class Objects : public git::ObjectSource {
 public:
  git::ObjectFormat format() const override { return git::ObjectFormat::kSha256; }
  Result<std::string> Read(const git::ObjectId& id, git::ObjectType) override {
    const auto at = objects_.find(id);
    if (at == objects_.end()) return Error{ErrorCode::kNotFound, "missing"};
    return at->second;
  }
  git::ObjectId Add(git::ObjectType type, std::string_view body) {
    git::ObjectId id = git::HashObject(format(), type, body);
    objects_.emplace(id, body);
    return id;
  }
  git::ObjectId AddTree(std::string_view file) {
    return Add(git::ObjectType::kTree,
               git::WriteTree({{"f", git::EntryKind::kFile, Add(git::ObjectType::kBlob, file)}}));
  }

 private:
  std::map<git::ObjectId, std::string> objects_;
};

std::optional<std::string> Merge(const trust::MergeTexts& texts, trust::DiffAlgorithm algorithm) {
  uint64_t steps = kSteps;
  return trust::MergeLines(texts, algorithm, steps);
}

bool ByMerger(std::string_view base, std::string_view ours, std::string_view theirs,
              std::string_view result) {
  Objects objects;
  const auto paths =
      trust::PathsByMerger(objects, {objects.AddTree(ours),
                                     {{{objects.AddTree(base)}, objects.AddTree(theirs)}},
                                     objects.AddTree(result)});
  LETHE_ASSERT(paths.has_value());
  return !paths->empty();
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = fuzz::View(data, size);
  const size_t first = input.find('\0');
  if (first == std::string_view::npos) return 0;
  const size_t second = input.find('\0', first + 1);
  if (second == std::string_view::npos || input.find('\0', second + 1) < input.size()) return 0;
  const std::string_view base = input.substr(0, first);
  const std::string_view ours = input.substr(first + 1, second - first - 1);
  const std::string_view theirs = input.substr(second + 1);
  for (const auto algorithm : {trust::DiffAlgorithm::kHistogram, trust::DiffAlgorithm::kMyers}) {
    const auto merged = Merge({base, ours, theirs}, algorithm);
    LETHE_ASSERT(merged == Merge({base, theirs, ours}, algorithm));
    const auto only_theirs = Merge({base, base, theirs}, algorithm);
    LETHE_ASSERT(!only_theirs || *only_theirs == theirs);
    const auto both_theirs = Merge({base, theirs, theirs}, algorithm);
    LETHE_ASSERT(!both_theirs || *both_theirs == theirs);
    if (!merged) continue;
    LETHE_ASSERT(!ByMerger(base, ours, theirs, *merged));
    LETHE_ASSERT(ByMerger(base, ours, theirs, *merged + "x"));
  }
  LETHE_ASSERT(!ByMerger(base, base, theirs, theirs));
  LETHE_ASSERT(base == theirs || ByMerger(base, base, theirs, base));
  return 0;
}
