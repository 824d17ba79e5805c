// For tests: objects in memory, as a repository would give them.
#pragma once

#include <map>
#include <string>

#include "git/object.h"

namespace lethe::trust {

class MemoryObjects : public git::ObjectSource {
 public:
  explicit MemoryObjects(git::ObjectFormat format = git::ObjectFormat::kSha1) : format_(format) {}
  git::ObjectFormat format() const override { return format_; }
  Result<std::string> Read(const git::ObjectId& id, git::ObjectType type) override;

  git::ObjectId Add(git::ObjectType type, std::string body);
  // Files by path. A content that begins with "120000 ", "100755 " or "40000 " (an empty folder)
  // says the mode; "160000 " is followed by the name of a commit.
  git::ObjectId AddTree(const std::map<std::string, std::string>& files);

  std::map<git::ObjectId, int> reads;

 private:
  git::ObjectFormat format_;
  std::map<git::ObjectId, std::pair<git::ObjectType, std::string>> objects_;
};

}  // namespace lethe::trust
