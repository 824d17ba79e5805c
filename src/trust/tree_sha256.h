// SHA-256 over everything that a tree of a SHA-1 repository holds: what a statement binds, so that
// nothing rests on SHA-1 alone. It is the name that git gives to the same tree in a SHA-256
// repository; a submodule's commit, which has no such name, stands in it as its 20 bytes and 12
// zeros (docs/formats/review.md). Pure.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "crypto/sha256.h"
#include "git/object.h"

namespace lethe::trust {

inline constexpr size_t kMaxTreeSha256Depth = 256;
inline constexpr size_t kMaxTreeSha256Objects = 4'000'000;

// Reads each object once, however many trees hold it. Precondition: `objects` outlives it.
class TreeSha256 {
 public:
  explicit TreeSha256(git::ObjectSource& objects) : objects_(objects) {}

  // Errors as ObjectSource::Read, with the path; kMalformed for a tree that is none, deeper than
  // kMaxTreeSha256Depth, or with more objects than kMaxTreeSha256Objects.
  Result<crypto::Sha256Digest> Of(const git::ObjectId& tree);

 private:
  Result<git::ObjectId> Tree(const git::ObjectId& id, const std::string& path, size_t depth);
  Result<git::ObjectId> Entry(const git::TreeEntry& entry, const std::string& path, size_t depth);

  git::ObjectSource& objects_;
  std::map<git::ObjectId, git::ObjectId> trees_;
  std::map<git::ObjectId, git::ObjectId> blobs_;
};

}  // namespace lethe::trust
