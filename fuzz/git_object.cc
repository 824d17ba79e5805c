// Bodies of commits and trees, in both formats. A tree is written back to the same bytes; a
// commit's payload is its body without signatures, and reads as the same commit.

#include "base/assert.h"
#include "fuzz.h"
#include "git/object.h"

namespace {

using namespace lethe;  // NOLINT: short as a script

void Commit(std::string_view body, git::ObjectFormat format) {
  const auto commit = git::ParseCommit(body, format);
  if (!commit) {
    LETHE_ASSERT(commit.error().code == ErrorCode::kMalformed);
    return;
  }
  LETHE_ASSERT(commit->tree.bytes.size() == git::IdBytes(format));
  LETHE_ASSERT(commit->parents.size() <= git::kMaxParents);
  LETHE_ASSERT(commit->payload.size() <= body.size() && commit->payload.ends_with(commit->message));
  LETHE_ASSERT(commit->signature.empty() || commit->payload != body);
  const auto payload = git::ParseCommit(commit->payload, format);
  LETHE_ASSERT(payload && payload->payload == commit->payload && payload->signature.empty());
  LETHE_ASSERT(payload->tree == commit->tree && payload->parents == commit->parents);
  LETHE_ASSERT(payload->author == commit->author && payload->message == commit->message);
}

void Tree(std::string_view body, git::ObjectFormat format) {
  auto entries = git::ParseTree(body, format);
  if (!entries) {
    LETHE_ASSERT(entries.error().code == ErrorCode::kMalformed);
    return;
  }
  LETHE_ASSERT(git::WriteTree(*entries) == body);
  const auto before = *entries;
  git::SortTree(*entries);
  LETHE_ASSERT(*entries == before);
  for (const git::TreeEntry& entry : before) {
    LETHE_ASSERT(!entry.name.empty() && entry.name.find('/') == std::string::npos);
    LETHE_ASSERT(entry.name != ".." && entry.name != ".git" && entry.name != ".GIT");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body = fuzz::View(data, size);
  for (const git::ObjectFormat format : {git::ObjectFormat::kSha1, git::ObjectFormat::kSha256}) {
    Commit(body, format);
    Tree(body, format);
  }
  return 0;
}
