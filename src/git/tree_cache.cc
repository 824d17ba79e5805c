#include "git/tree_cache.h"

#include <utility>

namespace lethe::git {

// Two halves take turns: when the young one is full, what nobody asked for since goes.
void TreeCache::Keep(const ObjectId& id, const std::string& body) {
  if (young_bytes_ + body.size() > max_bytes_ / 2) {
    old_ = std::exchange(young_, {});
    young_bytes_ = 0;
  }
  young_bytes_ += body.size();
  young_.emplace(id.bytes, body);
}

Result<std::string> TreeCache::Read(const ObjectId& id, ObjectType type) {
  if (type != ObjectType::kTree) return source_.Read(id, type);
  if (const auto found = young_.find(id.bytes); found != young_.end()) return found->second;
  std::string body;
  if (const auto found = old_.find(id.bytes); found != old_.end()) {
    body = found->second;
  } else {
    body = LETHE_TRY(source_.Read(id, type));
  }
  if (body.size() <= max_bytes_ / 2) Keep(id, body);
  return body;
}

}  // namespace lethe::git
