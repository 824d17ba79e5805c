// git's objects from their raw bytes: names, commits, trees. Nothing is taken from git's word: a
// name is the hash that we computed. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::git {

inline constexpr size_t kMaxCommitBytes = 1 << 20;
inline constexpr size_t kMaxTreeBytes = 32 << 20;
inline constexpr size_t kMaxBlobBytes = 100 << 20;
inline constexpr size_t kMaxParents = 64;
inline constexpr size_t kMaxCommitHeaders = 1000;

enum class ObjectFormat { kSha1, kSha256 };
enum class ObjectType { kCommit, kTree, kBlob, kTag };
std::string_view ToString(ObjectType type);  // "commit", as in the object
size_t MaxBytes(ObjectType type);
constexpr size_t IdBytes(ObjectFormat format) { return format == ObjectFormat::kSha1 ? 20 : 32; }

struct ObjectId {
  std::string bytes;  // 20 or 32

  std::string Hex() const;
  // kMalformed for anything but 40 or 64 lower-case hexadecimal digits.
  static Result<ObjectId> FromHex(std::string_view hex);
  auto operator<=>(const ObjectId&) const = default;
};

ObjectId HashObject(ObjectFormat format, ObjectType type, std::string_view body);

struct Commit {
  ObjectId tree;
  std::vector<ObjectId> parents;
  std::string author;     // raw: "name <mail> seconds zone"; claims, never judged
  std::string committer;  // raw
  std::string message;
  std::string signature;  // armoured, without the header's indent; empty where there is none
  std::string payload;    // the bytes that are signed: the object without its signature headers
};
// kMalformed: an order of headers that git does not write, a header twice, a name of another
// format, NUL in a header, more than the limits.
Result<Commit> ParseCommit(std::string_view body, ObjectFormat format);

enum class EntryKind { kFile, kExecutable, kSymlink, kTree, kSubmodule };
struct TreeEntry {
  std::string name;  // bytes; no '/', no NUL, not ".", "..", ".git" or what some
                     // file system takes for it (".GIT", "git~1", ".git.", …)
  EntryKind kind;
  ObjectId id;
  auto operator<=>(const TreeEntry&) const = default;
};
// Sorted as git sorts. kMalformed: other modes, bad names, a name twice, a wrong order.
Result<std::vector<TreeEntry>> ParseTree(std::string_view body, ObjectFormat format);
// The reverse. Precondition: sorted.
std::string WriteTree(const std::vector<TreeEntry>& entries);
void SortTree(std::vector<TreeEntry>& entries);

// Where objects come from: a repository, or the objects of a bundle. What is returned has the hash
// that was asked for; kNotFound where it is missing, kUntrusted where it is something else.
class ObjectSource {
 public:
  virtual ~ObjectSource() = default;
  virtual ObjectFormat format() const = 0;
  virtual Result<std::string> Read(const ObjectId& id, ObjectType type) = 0;
};

}  // namespace lethe::git
