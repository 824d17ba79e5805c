// Trees that were read lately, kept: a history reads most of its trees several times. Pure.
#pragma once

#include <string>
#include <unordered_map>

#include "git/object.h"

namespace lethe::git {

inline constexpr size_t kTreeCacheBytes = 64 << 20;

class TreeCache : public ObjectSource {
 public:
  // Precondition: `source` outlives it.
  explicit TreeCache(ObjectSource& source, size_t max_bytes = kTreeCacheBytes)
      : source_(source), max_bytes_(max_bytes) {}

  ObjectFormat format() const override { return source_.format(); }
  Result<std::string> Read(const ObjectId& id, ObjectType type) override;

 private:
  using Bodies = std::unordered_map<std::string, std::string>;

  void Keep(const ObjectId& id, const std::string& body);

  ObjectSource& source_;
  size_t max_bytes_;
  Bodies young_;  // read since the last turn
  Bodies old_;    // read in the turn before
  size_t young_bytes_ = 0;
};

}  // namespace lethe::git
