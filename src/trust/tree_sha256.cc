#include "trust/tree_sha256.h"

#include <algorithm>

#include "base/strings.h"

namespace lethe::trust {
namespace {

constexpr size_t kSha256Bytes = git::IdBytes(git::ObjectFormat::kSha256);

}  // namespace

Result<git::ObjectId> TreeSha256::Entry(const git::TreeEntry& entry, const std::string& path,
                                        size_t depth) {
  if (entry.kind == git::EntryKind::kTree) return Tree(entry.id, path, depth + 1);
  if (entry.kind == git::EntryKind::kSubmodule) {
    git::ObjectId padded = entry.id;
    padded.bytes.resize(kSha256Bytes);
    return padded;
  }
  if (const auto known = blobs_.find(entry.id); known != blobs_.end()) return known->second;
  const std::string body = LETHE_TRY_IN(objects_.Read(entry.id, git::ObjectType::kBlob), path);
  git::ObjectId name = git::HashObject(git::ObjectFormat::kSha256, git::ObjectType::kBlob, body);
  blobs_.emplace(entry.id, name);
  return name;
}

Result<git::ObjectId> TreeSha256::Tree(const git::ObjectId& id, const std::string& path,
                                       size_t depth) {
  if (const auto known = trees_.find(id); known != trees_.end()) return known->second;
  const std::string where = path.empty() ? "the tree" : path;
  if (depth > kMaxTreeSha256Depth) {
    return Error{ErrorCode::kMalformed,
                 where + ": more than " + std::to_string(kMaxTreeSha256Depth) + " folders deep"};
  }
  const std::string body = LETHE_TRY_IN(objects_.Read(id, git::ObjectType::kTree), where);
  auto entries = LETHE_TRY_IN(git::ParseTree(body, objects_.format()), where);
  for (git::TreeEntry& entry : entries) {
    if (trees_.size() + blobs_.size() > kMaxTreeSha256Objects) {
      return Error{ErrorCode::kMalformed,
                   "more than " + std::to_string(kMaxTreeSha256Objects) + " objects in trees"};
    }
    entry.id =
        LETHE_TRY(Entry(entry, (path.empty() ? "" : path + "/") + Printable(entry.name), depth));
  }
  git::ObjectId name =
      git::HashObject(git::ObjectFormat::kSha256, git::ObjectType::kTree, git::WriteTree(entries));
  trees_.emplace(id, name);
  return name;
}

Result<crypto::Sha256Digest> TreeSha256::Of(const git::ObjectId& tree) {
  const git::ObjectId name = LETHE_TRY(Tree(tree, "", 0));
  crypto::Sha256Digest digest;
  std::copy(name.bytes.begin(), name.bytes.end(), digest.bytes.begin());
  return digest;
}

}  // namespace lethe::trust
