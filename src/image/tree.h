// A file tree as a value: paths with metadata and content, held apart from any file system. Owners,
// times, order and modes are what we say they are, so nothing of the host can leak into an image.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"
#include "image/manifest.h"

namespace lethe::image {

// Bytes with an owner that keeps them alive (a mapped file, a string).
class Content {
 public:
  Content() = default;
  // Keeps a copy.
  static Content FromString(std::string bytes);
  // `bytes` must stay valid as long as `owner` does.
  static Content FromOwner(std::shared_ptr<const void> owner, std::string_view bytes);
  std::string_view bytes() const { return bytes_; }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view bytes_;
};

struct TreeNode {
  NodeType type = NodeType::kFile;
  unsigned mode = 0644;  // 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string target;           // of a symlink
  Content content;              // of a file
  crypto::Sha256Digest sha256;  // of the content of a file
  std::string package;          // where it comes from; see ManifestNode
};

// Keys are absolute paths ("/usr/bin/x"); "/" is always there. Every node's parent
// is a folder of the tree.
class Tree {
 public:
  Tree();
  using Nodes = std::map<std::string, TreeNode, std::less<>>;  // byte order
  const Nodes& nodes() const { return nodes_; }

  const TreeNode* Find(std::string_view path) const;

  // Adds or replaces one node. Missing parent folders are made, root-owned, mode 0755. kConflict
  // where a parent is not a folder, or a folder would become something else.
  Status Put(std::string_view path, TreeNode node);
  Status PutFile(std::string_view path, std::string bytes, unsigned mode, std::string package);
  Status PutSymlink(std::string_view path, std::string target, std::string package);

  // Removes a node and everything below it; nothing happens where it does not exist.
  void Remove(std::string_view path);

  // Removes every node for which `predicate(path, node)` holds, with everything below it.
  template <typename Predicate>
  void RemoveIf(Predicate predicate) {
    std::vector<std::string> doomed;
    for (const auto& [path, node] : nodes_) {
      if (path != "/" && predicate(path, node)) doomed.push_back(path);
    }
    for (const std::string& path : doomed) Remove(path);
  }

  // The path with symlinks in its folders followed inside the tree ("/lib/x" to "/usr/lib/x").
  // kConflict after 40 links.
  Result<std::string> Resolve(std::string_view path) const;

 private:
  Nodes nodes_;
};

// Digest over paths, metadata and content digests: equal trees, equal digests.
crypto::Sha256Digest TreeDigest(const Tree& tree);

}  // namespace lethe::image
