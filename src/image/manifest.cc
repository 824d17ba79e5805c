#include "image/manifest.h"

#include "json/json.h"

namespace lethe::image {
namespace {

constexpr const char* kFormat = "lethe-manifest-1";

std::string_view TypeName(NodeType type) {
  switch (type) {
    case NodeType::kFile:
      return "file";
    case NodeType::kDirectory:
      return "directory";
    case NodeType::kSymlink:
      return "symlink";
  }
  return "";
}

json::Value ToJson(const ManifestBlob& blob) {
  return json::Object{{"path", blob.path}, {"size", blob.size}, {"sha256", blob.sha256.Hex()}};
}

json::Value ToJson(const ManifestNode& node) {
  json::Object out{{"path", node.path}, {"type", TypeName(node.type)},
                   {"mode", node.mode}, {"uid", node.uid},
                   {"gid", node.gid},   {"package", node.package}};
  if (node.type == NodeType::kFile) {
    out["size"] = node.size;
    out["sha256"] = node.sha256.Hex();
  }
  if (node.type == NodeType::kSymlink) out["target"] = node.target;
  return out;
}

json::Value ToJson(const ManifestPackage& package) {
  return json::Object{{"name", package.name},
                      {"version", package.version},
                      {"architecture", package.architecture},
                      {"source", package.source},
                      {"source_version", package.source_version},
                      {"sha256", package.sha256.Hex()},
                      {"installed_bytes", package.installed_bytes},
                      {"patches", json::Array(package.patches.begin(), package.patches.end())}};
}

template <typename T>
void WriteList(std::string_view key, const std::vector<T>& list, std::string& out) {
  out += ",\n\"" + std::string(key) + "\":[";
  for (size_t i = 0; i < list.size(); ++i) {
    out += (i == 0 ? "\n" : ",\n") + json::Write(ToJson(list[i]));
  }
  out += "\n]";
}

Error BadManifest(std::string_view what) {
  return Error{ErrorCode::kMalformed, "manifest: " + std::string(what)};
}

// Reads one object; every key must be asked for.
class ObjectReader {
 public:
  static Result<ObjectReader> From(const json::Value& value, std::string where) {
    if (value.AsObject() == nullptr) return BadManifest(where + " is no object");
    return ObjectReader(*value.AsObject(), std::move(where));
  }

  Result<std::string> String(std::string_view key) {
    const json::Value* value = Take(key);
    if (value == nullptr || value->AsString() == nullptr) return Bad(key, "must be a string");
    return *value->AsString();
  }
  Result<uint64_t> Number(std::string_view key) {
    const json::Value* value = Take(key);
    if (value == nullptr || value->AsInteger() == nullptr || *value->AsInteger() < 0) {
      return Bad(key, "must be a non-negative integer");
    }
    return static_cast<uint64_t>(*value->AsInteger());
  }
  Result<bool> Bool(std::string_view key) {
    const json::Value* value = Take(key);
    if (value == nullptr || value->AsBool() == nullptr) return Bad(key, "must be true or false");
    return *value->AsBool();
  }
  Result<crypto::Sha256Digest> Digest(std::string_view key) {
    const auto digest = crypto::Sha256Digest::FromHex(LETHE_TRY(String(key)));
    if (!digest) return Bad(key, digest.error().message);
    return *digest;
  }
  Result<const json::Array*> List(std::string_view key) {
    const json::Value* value = Take(key);
    if (value == nullptr || value->AsArray() == nullptr) return Bad(key, "must be an array");
    return value->AsArray();
  }
  Status Finish() const {
    if (asked_ == object_->size()) return {};
    return BadManifest(where_ + " has keys that the format does not know");
  }

 private:
  ObjectReader(const json::Object& object, std::string where)
      : object_(&object), where_(std::move(where)) {}
  const json::Value* Take(std::string_view key) {
    const auto it = object_->find(key);
    if (it == object_->end()) return nullptr;
    ++asked_;
    return &it->second;
  }
  Error Bad(std::string_view key, std::string_view what) const {
    return BadManifest(where_ + ": key '" + std::string(key) + "': " + std::string(what));
  }

  const json::Object* object_;
  std::string where_;
  size_t asked_ = 0;
};

Status Read(ObjectReader& o, ManifestBlob& blob) {
  blob.path = LETHE_TRY(o.String("path"));
  blob.size = LETHE_TRY(o.Number("size"));
  blob.sha256 = LETHE_TRY(o.Digest("sha256"));
  return {};
}

Status Read(ObjectReader& o, ManifestNode& node) {
  node.path = LETHE_TRY(o.String("path"));
  const std::string type = LETHE_TRY(o.String("type"));
  node.mode = static_cast<unsigned>(LETHE_TRY(o.Number("mode")));
  node.uid = static_cast<uint32_t>(LETHE_TRY(o.Number("uid")));
  node.gid = static_cast<uint32_t>(LETHE_TRY(o.Number("gid")));
  node.package = LETHE_TRY(o.String("package"));
  if (type == "file") {
    node.type = NodeType::kFile;
    node.size = LETHE_TRY(o.Number("size"));
    node.sha256 = LETHE_TRY(o.Digest("sha256"));
  } else if (type == "symlink") {
    node.type = NodeType::kSymlink;
    node.target = LETHE_TRY(o.String("target"));
  } else if (type == "directory") {
    node.type = NodeType::kDirectory;
  } else {
    return BadManifest("'" + node.path + "': key 'type': allowed: file, directory, symlink");
  }
  return {};
}

Status Read(ObjectReader& o, ManifestPackage& package) {
  package.name = LETHE_TRY(o.String("name"));
  package.version = LETHE_TRY(o.String("version"));
  package.architecture = LETHE_TRY(o.String("architecture"));
  package.source = LETHE_TRY(o.String("source"));
  package.source_version = LETHE_TRY(o.String("source_version"));
  package.sha256 = LETHE_TRY(o.Digest("sha256"));
  package.installed_bytes = LETHE_TRY(o.Number("installed_bytes"));
  for (const json::Value& patch : *LETHE_TRY(o.List("patches"))) {
    if (patch.AsString() == nullptr)
      return BadManifest("package " + package.name + ": key 'patches': must hold strings");
    package.patches.push_back(*patch.AsString());
  }
  return {};
}

const std::string& KeyOf(const ManifestBlob& blob) { return blob.path; }
const std::string& KeyOf(const ManifestNode& node) { return node.path; }
const std::string& KeyOf(const ManifestPackage& package) { return package.name; }

template <typename T>
Status ReadList(ObjectReader& root, std::string_view key, std::vector<T>& out) {
  constexpr size_t kMaxEntries = 1000000;
  const json::Array* array = LETHE_TRY(root.List(key));
  if (array->size() > kMaxEntries) return BadManifest("more than a million entries");
  for (const json::Value& value : *array) {
    auto object = LETHE_TRY(
        ObjectReader::From(value, std::string(key) + "[" + std::to_string(out.size()) + "]"));
    T entry;
    LETHE_TRY(Read(object, entry));
    LETHE_TRY(object.Finish());
    if (!out.empty() && !(KeyOf(out.back()) < KeyOf(entry))) {
      return BadManifest(std::string(key) + ": '" + KeyOf(entry) +
                         "' is not in order, or there twice");
    }
    out.push_back(std::move(entry));
  }
  return {};
}

}  // namespace

std::string WriteManifest(const Manifest& m) {
  const json::Object head{
      {"format", kFormat},
      {"image_id", m.image_id},
      {"image_version", m.image_version},
      {"commit", m.commit},
      {"dirty", m.dirty},
      {"recipe", m.recipe},
      {"builder", m.builder},
      {"kernel_version", m.kernel_version},
      {"command_line", m.command_line},
      {"lock", m.lock.Hex()},
      {"iso_structure", m.iso_structure.Hex()},
      {"uki_sha256", m.uki.sha256.Hex()},
      {"uki_authenticode", m.uki.authenticode.Hex()},
  };
  std::string out = json::Write(head);
  out.pop_back();
  WriteList("iso", m.iso, out);
  WriteList("initrd", m.initrd, out);
  WriteList("packages", m.packages, out);
  WriteList("root", m.root, out);
  WriteList("uki", m.uki.sections, out);
  return out + "}\n";
}

Result<Manifest> ParseManifest(std::string_view text) {
  const json::Value value = LETHE_TRY_IN(json::Parse(text), "manifest");
  auto root = LETHE_TRY(ObjectReader::From(value, "top"));
  Manifest m;
  if (LETHE_TRY(root.String("format")) != kFormat)
    return BadManifest("key 'format': allowed: lethe-manifest-1");
  m.image_id = LETHE_TRY(root.String("image_id"));
  m.image_version = LETHE_TRY(root.String("image_version"));
  m.commit = LETHE_TRY(root.String("commit"));
  m.dirty = LETHE_TRY(root.Bool("dirty"));
  m.recipe = LETHE_TRY(root.String("recipe"));
  m.builder = LETHE_TRY(root.String("builder"));
  m.kernel_version = LETHE_TRY(root.String("kernel_version"));
  m.command_line = LETHE_TRY(root.String("command_line"));
  m.lock = LETHE_TRY(root.Digest("lock"));
  m.iso_structure = LETHE_TRY(root.Digest("iso_structure"));
  m.uki.sha256 = LETHE_TRY(root.Digest("uki_sha256"));
  m.uki.authenticode = LETHE_TRY(root.Digest("uki_authenticode"));
  LETHE_TRY(ReadList(root, "iso", m.iso));
  LETHE_TRY(ReadList(root, "initrd", m.initrd));
  LETHE_TRY(ReadList(root, "packages", m.packages));
  LETHE_TRY(ReadList(root, "root", m.root));
  LETHE_TRY(ReadList(root, "uki", m.uki.sections));
  LETHE_TRY(root.Finish());
  return m;
}

Result<ManifestHead> ParseManifestHead(std::string_view text) {
  constexpr size_t kMaxHeadBytes = 64 << 10;
  const std::string_view line = text.substr(0, text.find('\n'));
  if (!line.ends_with(',') || line.size() > kMaxHeadBytes) return BadManifest("has no first line");
  const std::string head = std::string(line.substr(0, line.size() - 1)) + "}";
  const json::Value value = LETHE_TRY_IN(json::Parse(head), "manifest");
  auto root = LETHE_TRY(ObjectReader::From(value, "top"));
  if (LETHE_TRY(root.String("format")) != kFormat)
    return BadManifest("key 'format': allowed: lethe-manifest-1");
  ManifestHead out;
  out.image_id = LETHE_TRY(root.String("image_id"));
  out.image_version = LETHE_TRY(root.String("image_version"));
  out.commit = LETHE_TRY(root.String("commit"));
  out.dirty = LETHE_TRY(root.Bool("dirty"));
  return out;
}

}  // namespace lethe::image
