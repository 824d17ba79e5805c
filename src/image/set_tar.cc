#include "image/set_tar.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/assert.h"
#include "base/file.h"
#include "base/strings.h"

namespace lethe::image {
namespace {

// POSIX.1-2017 pax, "ustar Header Block".
struct Field {
  size_t offset;
  size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kTime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kType{156, 1};
constexpr Field kMagic{257, 6};
constexpr Field kPrefix{345, 155};
constexpr size_t kEndBlocks = 2;

void PutOctal(std::string& block, Field field, uint64_t value) {
  for (size_t i = field.size - 1; i-- > 0; value /= 8)
    block[field.offset + i] = static_cast<char>('0' + value % 8);
}

std::string_view Get(std::string_view block, Field field) {
  const std::string_view text = block.substr(field.offset, field.size);
  return text.substr(0, text.find('\0'));
}

std::optional<uint64_t> GetOctal(std::string_view block, Field field) {
  return ParseUnsigned<uint64_t>(Trim(Get(block, field)), 8);
}

// The checksum counts its own field as spaces.
uint64_t Checksum(std::string_view block) {
  uint64_t sum = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    sum += own ? uint64_t{' '} : static_cast<unsigned char>(block[i]);
  }
  return sum;
}

std::string_view KindOf(char type) {
  switch (type) {
    case '1':
      return "a hard link";
    case '2':
      return "a symbolic link";
    case '3':
    case '4':
      return "a device";
    case '5':
      return "a folder";
    case '6':
      return "a pipe";
    default:
      return "no plain file";
  }
}

}  // namespace

std::string SetTarHeader(std::string_view name, uint64_t size) {
  LETHE_ASSERT(name.size() <= kName.size && size < uint64_t{1} << 33);
  std::string block(kTarBlock, '\0');
  block.replace(kName.offset, name.size(), name);
  PutOctal(block, kMode, 0644);
  PutOctal(block, kUid, 0);
  PutOctal(block, kGid, 0);
  PutOctal(block, kSize, size);
  PutOctal(block, kTime, 0);
  block[kType.offset] = '0';
  block.replace(kMagic.offset, 8, std::string_view("ustar\00000", 8));
  // Six digits, a zero byte, a space.
  PutOctal(block, {kChecksum.offset, 7}, Checksum(block));
  block[kChecksum.offset + 7] = ' ';
  return block;
}

Result<SetTarReader> SetTarReader::Open(const std::filesystem::path& path) {
  Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY));
  return SetTarReader(std::move(fd), path.string());
}

Error SetTarReader::Malformed(std::string_view what) const {
  return Error{ErrorCode::kMalformed, file_ + ": " + std::string(what)};
}

Result<size_t> SetTarReader::ReadSome(char* to, size_t size) {
  size_t got = 0;
  while (got < size) {
    const ssize_t n = ::read(fd_.get(), to + got, size - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("reading", file_);
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  return got;
}

Result<std::optional<SetMember>> SetTarReader::Next() {
  std::string block(kTarBlock, '\0');
  if (LETHE_TRY(ReadSome(block.data(), kTarBlock)) != kTarBlock) {
    return Malformed("ends before the end of the tar");
  }
  if (std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; })) {
    LETHE_TRY(ExpectEnd());
    return std::optional<SetMember>();
  }
  if (Get(block, kMagic) != "ustar" || GetOctal(block, kChecksum) != Checksum(block)) {
    return Malformed("not a tar, or a damaged header");
  }
  std::string name(Get(block, kName));
  if (const auto prefix = Get(block, kPrefix); !prefix.empty())
    name = std::string(prefix) + "/" + name;
  const char type = block[kType.offset];
  if (type != '0' && type != '\0') {
    return Malformed("member " + Printable(name) + " is " + std::string(KindOf(type)));
  }
  const auto size = GetOctal(block, kSize);
  if (!size) return Malformed("member " + Printable(name) + " has no size");
  return std::optional<SetMember>(SetMember{std::move(name), *size});
}

Status SetTarReader::Read(const SetMember& member,
                          const std::function<Status(std::string_view)>& sink) {
  std::vector<char> buffer(256 << 10);
  for (uint64_t left = member.size; left > 0;) {
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(left, buffer.size()));
    if (LETHE_TRY(ReadSome(buffer.data(), wanted)) != wanted) {
      return Malformed("ends inside of " + Printable(member.name));
    }
    LETHE_TRY(sink({buffer.data(), wanted}));
    left -= wanted;
  }
  const size_t padding = TarPadding(member.size);
  if (LETHE_TRY(ReadSome(buffer.data(), padding)) != padding) {
    return Malformed("ends after " + Printable(member.name));
  }
  return {};
}

// One zero block was read. Other writers of tar fill up to a record of 10 KiB.
Status SetTarReader::ExpectEnd() {
  constexpr size_t kMaxFill = 20 * kTarBlock;
  std::string rest(kMaxFill + 1, '\0');
  rest.resize(LETHE_TRY(ReadSome(rest.data(), rest.size())));
  const bool zero = std::all_of(rest.begin(), rest.end(), [](char c) { return c == '\0'; });
  if (rest.size() < (kEndBlocks - 1) * kTarBlock || rest.size() > kMaxFill || !zero) {
    return Malformed("something else than the end of the tar at its end");
  }
  return {};
}

}  // namespace lethe::image
