#include "trust/object_fixture.h"

#include "base/assert.h"

namespace lethe::trust {

Result<std::string> MemoryObjects::Read(const git::ObjectId& id, git::ObjectType type) {
  ++reads[id];
  const auto at = objects_.find(id);
  if (at == objects_.end()) return Error{ErrorCode::kNotFound, "no object " + id.Hex()};
  if (at->second.first != type)
    return Error{ErrorCode::kUntrusted, "object " + id.Hex() + " is of another type"};
  return at->second.second;
}

git::ObjectId MemoryObjects::Add(git::ObjectType type, std::string body) {
  git::ObjectId id = git::HashObject(format_, type, body);
  objects_[id] = {type, std::move(body)};
  return id;
}

git::ObjectId MemoryObjects::AddTree(const std::map<std::string, std::string>& files) {
  std::vector<git::TreeEntry> entries;
  std::map<std::string, std::map<std::string, std::string>> folders;
  for (const auto& [path, text] : files) {
    if (const size_t slash = path.find('/'); slash != std::string::npos) {
      folders[path.substr(0, slash)][path.substr(slash + 1)] = text;
    } else if (text.starts_with("40000 ")) {
      entries.push_back({path, git::EntryKind::kTree, Add(git::ObjectType::kTree, "")});
    } else if (text.starts_with("160000 ")) {
      const auto id = git::ObjectId::FromHex(text.substr(7));
      LETHE_ASSERT(id.has_value());
      entries.push_back({path, git::EntryKind::kSubmodule, *id});
    } else {
      const bool link = text.starts_with("120000 "), program = text.starts_with("100755 ");
      entries.push_back({path,
                         link      ? git::EntryKind::kSymlink
                         : program ? git::EntryKind::kExecutable
                                   : git::EntryKind::kFile,
                         Add(git::ObjectType::kBlob, link || program ? text.substr(7) : text)});
    }
  }
  for (const auto& [name, below] : folders)
    entries.push_back({name, git::EntryKind::kTree, AddTree(below)});
  git::SortTree(entries);
  return Add(git::ObjectType::kTree, git::WriteTree(entries));
}

}  // namespace lethe::trust
