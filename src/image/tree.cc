#include "image/tree.h"

#include "base/strings.h"

namespace lethe::image {
namespace {

std::string_view ParentOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool IsCleanPath(std::string_view path) {
  if (path.size() < 2 || path[0] != '/' || path.size() > 4096 || !IsUtf8(path)) return false;
  for (const std::string_view part : Split(path.substr(1), '/')) {
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
  }
  return true;
}

}  // namespace

Content Content::FromString(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  const std::string_view view = *owner;
  return FromOwner(std::move(owner), view);
}

Content Content::FromOwner(std::shared_ptr<const void> owner, std::string_view bytes) {
  Content content;
  content.owner_ = std::move(owner);
  content.bytes_ = bytes;
  return content;
}

Tree::Tree() { nodes_["/"] = TreeNode{.type = NodeType::kDirectory, .mode = 0755}; }

const TreeNode* Tree::Find(std::string_view path) const {
  const auto it = nodes_.find(path);
  return it == nodes_.end() ? nullptr : &it->second;
}

Status Tree::Put(std::string_view path, TreeNode node) {
  if (path == "/" && node.type == NodeType::kDirectory) {
    nodes_["/"] = std::move(node);
    return {};
  }
  if (!IsCleanPath(path)) {
    return Error{ErrorCode::kMalformed,
                 "path '" + Printable(path) + "' is not clean, absolute and UTF-8"};
  }
  const std::string_view parent = ParentOf(path);
  const TreeNode* parent_node = Find(parent);
  if (parent_node == nullptr) {
    LETHE_TRY(Put(parent, TreeNode{.type = NodeType::kDirectory, .mode = 0755}));
  } else if (parent_node->type != NodeType::kDirectory) {
    return Error{ErrorCode::kConflict, "'" + Printable(path) + "' needs a folder at '" +
                                           Printable(parent) + "', which is none"};
  }
  const auto it = nodes_.find(path);
  if (it != nodes_.end() && it->second.type == NodeType::kDirectory &&
      node.type != NodeType::kDirectory) {
    return Error{ErrorCode::kConflict, "'" + Printable(path) + "' is a folder already"};
  }
  nodes_.insert_or_assign(std::string(path), std::move(node));
  return {};
}

Status Tree::PutFile(std::string_view path, std::string bytes, unsigned mode, std::string package) {
  TreeNode node{.type = NodeType::kFile, .mode = mode, .package = std::move(package)};
  node.sha256 = crypto::Sha256Of(bytes);
  node.content = Content::FromString(std::move(bytes));
  return Put(path, std::move(node));
}

Status Tree::PutSymlink(std::string_view path, std::string target, std::string package) {
  return Put(path, TreeNode{.type = NodeType::kSymlink,
                            .mode = 0777,
                            .target = std::move(target),
                            .package = std::move(package)});
}

void Tree::Remove(std::string_view path) {
  const auto it = nodes_.find(path);
  if (it == nodes_.end()) return;
  const std::string prefix = it->first + "/";
  nodes_.erase(it);
  auto below = nodes_.lower_bound(prefix);
  while (below != nodes_.end() && below->first.starts_with(prefix)) below = nodes_.erase(below);
}

Result<std::string> Tree::Resolve(std::string_view path) const {
  std::string current(path);
  for (int links = 0; links < 40; ++links) {
    bool followed = false;
    for (size_t end = current.find('/', 1);; end = current.find('/', end + 1)) {
      const std::string prefix = current.substr(0, end);
      const TreeNode* node = Find(prefix);
      if (node != nullptr && node->type == NodeType::kSymlink) {
        const std::string rest = end == std::string::npos ? "" : current.substr(end);
        const std::string base = node->target.starts_with('/')
                                     ? node->target
                                     : std::string(ParentOf(prefix)) + "/" + node->target;
        current = (std::filesystem::path(base).lexically_normal().string()) + rest;
        followed = true;
        break;
      }
      if (end == std::string::npos) break;
    }
    if (!followed) return std::filesystem::path(current).lexically_normal().string();
  }
  return Error{ErrorCode::kConflict, "too many symlinks in '" + Printable(path) + "'"};
}

crypto::Sha256Digest TreeDigest(const Tree& tree) {
  crypto::Sha256 hash;
  const auto add = [&](std::string_view field) {
    hash.Update(std::to_string(field.size()));
    hash.Update(":");
    hash.Update(field);
  };
  for (const auto& [path, node] : tree.nodes()) {
    add(path);
    add(std::to_string(static_cast<int>(node.type)));
    add(std::to_string(node.mode));
    add(std::to_string(node.uid));
    add(std::to_string(node.gid));
    add(node.target);
    if (node.type == NodeType::kFile) add(node.sha256.Hex());
  }
  return hash.Finish();
}

}  // namespace lethe::image
