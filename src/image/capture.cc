#include "image/capture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "json/json.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndexFile = "index.json";
constexpr const char* kDataFile = "data";
constexpr uint64_t kMaxFile = 1ULL << 30;
constexpr uint64_t kMaxData = 8ULL << 30;  // of all files

using Owners = std::map<std::string, std::string, std::less<>>;  // path to package

// From dpkg's file lists; paths through the links of the merged /usr are told by their real place.
Result<Owners> ReadOwners(const fs::path& root) {
  // The packages' scripts may have left anything in the root.
  LETHE_TRY(RefuseSymlinks(root, "var/lib/dpkg/info"));
  std::vector<fs::path> lists;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root / "var/lib/dpkg/info", error)) {
    if (entry.path().extension() == ".list") lists.push_back(entry.path());
  }
  if (error) return Error{ErrorCode::kIo, "reading dpkg's file lists: " + error.message()};
  std::sort(lists.begin(), lists.end());
  Owners owners;
  for (const fs::path& list : lists) {
    const std::string stem = list.stem().string();
    const std::string package = stem.substr(0, stem.find(':'));
    const std::string text = LETHE_TRY(ReadFileBelow(list.parent_path(), list.filename().string()));
    for (const std::string_view path : Lines(text)) {
      owners.emplace(path, package);
      for (const std::string_view alias : {"/bin/", "/sbin/", "/lib/", "/lib64/"}) {
        if (path.starts_with(alias)) owners.emplace("/usr" + std::string(path), package);
      }
    }
  }
  return owners;
}

struct Walker {
  const fs::path& root;
  const Owners& owners;
  int data_fd;
  uint64_t data_size = 0;
  json::Array index;

  Status Walk(const std::string& path) {
    static const std::set<std::string_view> kLeftOut = {"/dev", "/proc", "/run", "/sys", "/tmp"};
    LETHE_TRY(Add(path.empty() ? "/" : path));
    if (kLeftOut.contains(path)) return {};
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry :
         fs::directory_iterator(root / path.substr(path.empty() ? 0 : 1), error)) {
      names.push_back(entry.path().filename().string());
    }
    if (error) return Error{ErrorCode::kIo, "reading folder " + path + ": " + error.message()};
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      const std::string child = path + "/" + name;
      struct stat info {};
      if (::lstat((root.string() + child).c_str(), &info) != 0) return IoError("reading", child);
      if (!IsUtf8(name)) {
        return Error{ErrorCode::kMalformed, Printable(child) + ": names in an image are UTF-8"};
      }
      LETHE_TRY(S_ISDIR(info.st_mode) ? Walk(child) : Add(child));
    }
    return {};
  }

  Status Add(const std::string& path) {
    const std::string host = root.string() + path;
    struct stat info {};
    if (::lstat(host.c_str(), &info) != 0) return IoError("reading", path);
    json::Object node{
        {"path", path}, {"mode", info.st_mode & 07777}, {"uid", info.st_uid}, {"gid", info.st_gid}};
    if (const auto owner = owners.find(path); owner != owners.end())
      node["package"] = owner->second;
    if (S_ISDIR(info.st_mode)) {
      node["type"] = "directory";
    } else if (S_ISLNK(info.st_mode)) {
      std::error_code error;
      node["type"] = "symlink";
      const std::string target = fs::read_symlink(host, error).string();
      if (error)
        return Error{ErrorCode::kIo, "reading link " + Printable(path) + ": " + error.message()};
      if (!IsUtf8(target))
        return Error{ErrorCode::kMalformed,
                     Printable(path) + ": targets of links in an image are UTF-8"};
      node["target"] = target;
    } else if (S_ISREG(info.st_mode)) {
      if (info.st_size > static_cast<off_t>(kMaxFile) ||
          data_size + static_cast<uint64_t>(info.st_size) > kMaxData) {
        return Error{ErrorCode::kMalformed,
                     Printable(path) + " makes the root larger than an image may be"};
      }
      const std::string bytes = LETHE_TRY(ReadFile(host, kMaxFile));
      LETHE_TRY(WriteAll(data_fd, bytes, "data"));
      node["type"] = "file";
      node["offset"] = data_size;
      node["size"] = bytes.size();
      node["sha256"] = crypto::Sha256Of(bytes).Hex();
      data_size += bytes.size();
    } else {
      return Error{ErrorCode::kMalformed, Printable(path) + " is a device, pipe or socket"};
    }
    index.push_back(std::move(node));
    return {};
  }
};

Error Damaged() { return Error{ErrorCode::kMalformed, "damaged capture of a root"}; }

Result<std::string> StringOf(const json::Value& node, std::string_view key) {
  const json::Value* value = node.Find(key);
  if (value == nullptr) return std::string();
  if (value->AsString() == nullptr) return Damaged();
  return *value->AsString();
}

Result<uint64_t> NumberOf(const json::Value& node, std::string_view key) {
  const json::Value* value = node.Find(key);
  if (value == nullptr || value->AsInteger() == nullptr || *value->AsInteger() < 0)
    return Damaged();
  return static_cast<uint64_t>(*value->AsInteger());
}

Result<TreeNode> ParseNode(const json::Value& value, const MappedFile& data) {
  TreeNode node;
  node.mode = static_cast<unsigned>(LETHE_TRY(NumberOf(value, "mode")));
  node.uid = static_cast<uint32_t>(LETHE_TRY(NumberOf(value, "uid")));
  node.gid = static_cast<uint32_t>(LETHE_TRY(NumberOf(value, "gid")));
  node.package = LETHE_TRY(StringOf(value, "package"));
  const std::string type = LETHE_TRY(StringOf(value, "type"));
  if (type == "directory") {
    node.type = NodeType::kDirectory;
  } else if (type == "symlink") {
    node.type = NodeType::kSymlink;
    node.target = LETHE_TRY(StringOf(value, "target"));
  } else if (type == "file") {
    const uint64_t offset = LETHE_TRY(NumberOf(value, "offset"));
    const uint64_t size = LETHE_TRY(NumberOf(value, "size"));
    if (offset > data.bytes.size() || size > data.bytes.size() - offset) return Damaged();
    node.content = Content::FromOwner(data.owner, data.bytes.substr(offset, size));
    node.sha256 = LETHE_TRY(crypto::Sha256Digest::FromHex(LETHE_TRY(StringOf(value, "sha256"))));
  } else {
    return Damaged();
  }
  return node;
}

}  // namespace

Status WriteCapture(const fs::path& root, const fs::path& output) {
  const Owners owners = LETHE_TRY(ReadOwners(root));
  const Fd data = LETHE_TRY(OpenFile(output / kDataFile, O_CREAT | O_WRONLY | O_TRUNC));
  Walker walker{.root = root, .owners = owners, .data_fd = data.get()};
  LETHE_TRY(walker.Walk(""));
  return WriteFileAtomic(output / kIndexFile, json::Write(std::move(walker.index)));
}

Result<MappedFile> MapFile(const fs::path& path) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return IoError("reading", path);
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return MappedFile{};
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) return IoError("mapping", path);
  std::shared_ptr<const void> owner(
      address, [size](const void* p) { ::munmap(const_cast<void*>(p), size); });
  return MappedFile{std::move(owner), {static_cast<const char*>(address), size}};
}

Result<Tree> ReadCapture(const fs::path& output) {
  const MappedFile data = LETHE_TRY(MapFile(output / kDataFile));
  const std::string text = LETHE_TRY(ReadFile(output / kIndexFile));
  const json::Value index = LETHE_TRY_IN(json::Parse(text), "reading a captured root");
  if (index.AsArray() == nullptr) return Damaged();
  Tree tree;
  for (const json::Value& value : *index.AsArray()) {
    LETHE_TRY(tree.Put(LETHE_TRY(StringOf(value, "path")), LETHE_TRY(ParseNode(value, data))));
  }
  return tree;
}

}  // namespace lethe::image
