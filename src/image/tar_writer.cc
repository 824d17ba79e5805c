#include "image/tar_writer.h"

#include <fcntl.h>

#include <cstring>

#include "base/file.h"

namespace lethe::image {
namespace {

constexpr size_t kBlock = 512;
constexpr uint64_t kMaxFile = 077777777777ULL;  // the size field's eleven octal digits

// POSIX.1-2017 pax, "ustar Header Block".
struct Header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6];
  char version[2];
  char user[32];
  char group[32];
  char major[8];
  char minor[8];
  char prefix[155];
  char padding[12];
};
static_assert(sizeof(Header) == kBlock);

void Octal(uint64_t value, char* field, size_t size) {
  field[size - 1] = '\0';
  for (size_t i = size - 1; i-- > 0; value /= 8) field[i] = static_cast<char>('0' + value % 8);
}

class Writer {
 public:
  Writer(int fd, std::string name, uint64_t mtime)
      : fd_(fd), name_(std::move(name)), mtime_(mtime) {
    buffer_.reserve(kFlushAt + (1 << 20));
  }

  Status Add(const std::string& path, const TreeNode& node) {
    const std::string name =
        path == "/" ? "./" : path.substr(1) + (node.type == NodeType::kDirectory ? "/" : "");
    std::string pax;
    if (name.size() > sizeof(Header::name)) pax += PaxRecord("path", name);
    if (node.target.size() > sizeof(Header::link)) pax += PaxRecord("linkpath", node.target);
    if (!pax.empty()) {
      AddHeader("pax", 'x', TreeNode{.mode = 0644}, pax.size(), "");
      AddData(pax);
    }
    const std::string_view bytes = node.content.bytes();
    if (bytes.size() > kMaxFile) {
      return Error{ErrorCode::kMalformed, "writing a tar: " + path + " is larger than 8 GiB"};
    }
    const char type = node.type == NodeType::kDirectory ? '5'
                      : node.type == NodeType::kSymlink ? '2'
                                                        : '0';
    AddHeader(name, type, node, bytes.size(), node.target);
    AddData(bytes);
    return buffer_.size() >= kFlushAt ? Flush() : Status();
  }

  Status Finish() {
    buffer_.append(2 * kBlock, '\0');
    return Flush();
  }

 private:
  static constexpr size_t kFlushAt = 4 << 20;

  static std::string PaxRecord(std::string_view key, std::string_view value) {
    // "<length> key=value\n", where length counts its own digits.
    const size_t rest = key.size() + value.size() + 3;
    size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length) ++length;
    return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
  }

  void AddHeader(const std::string& name, char type, const TreeNode& node, uint64_t size,
                 const std::string& link) {
    Header h;
    std::memset(&h, 0, sizeof h);
    std::memcpy(h.name, name.data(), std::min(name.size(), sizeof h.name));
    Octal(node.mode, h.mode, sizeof h.mode);
    Octal(node.uid, h.uid, sizeof h.uid);
    Octal(node.gid, h.gid, sizeof h.gid);
    Octal(size, h.size, sizeof h.size);
    Octal(mtime_, h.mtime, sizeof h.mtime);
    h.type = type;
    std::memcpy(h.link, link.data(), std::min(link.size(), sizeof h.link));
    std::memcpy(h.magic, "ustar", 6);
    std::memcpy(h.version, "00", 2);
    std::memset(h.checksum, ' ', sizeof h.checksum);
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) sum += reinterpret_cast<const unsigned char*>(&h)[i];
    Octal(sum, h.checksum, 7);
    h.checksum[7] = ' ';
    buffer_.append(reinterpret_cast<const char*>(&h), kBlock);
  }

  void AddData(std::string_view bytes) {
    buffer_ += bytes;
    buffer_.append((kBlock - bytes.size() % kBlock) % kBlock, '\0');
  }

  Status Flush() {
    LETHE_TRY(WriteAll(fd_, buffer_, name_));
    buffer_.clear();
    return {};
  }

  int fd_;
  std::string name_;
  uint64_t mtime_;
  std::string buffer_;
};

}  // namespace

Status WriteTar(const Tree& tree, uint64_t mtime_unix_s, const std::filesystem::path& path) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_CREAT | O_WRONLY | O_TRUNC));
  Writer writer(fd.get(), path.string(), mtime_unix_s);
  for (const auto& [node_path, node] : tree.nodes()) LETHE_TRY(writer.Add(node_path, node));
  return writer.Finish();
}

}  // namespace lethe::image
