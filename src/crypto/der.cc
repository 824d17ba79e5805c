#include "crypto/der.h"

#include "base/hex.h"

namespace lethe::crypto {
namespace {

constexpr uint8_t kLongTag = 0x1f;
constexpr size_t kMaxLengthBytes = 4;

Error BadDer(std::string_view what) {
  return Error{ErrorCode::kMalformed, "DER: " + std::string(what)};
}

std::string TagName(uint8_t tag) { return "0x" + HexEncode({&tag, 1}); }

}  // namespace

std::string Der(uint8_t tag, std::initializer_list<std::string_view> parts) {
  size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string out(1, static_cast<char>(tag));
  if (size < 0x80) {
    out += static_cast<char>(size);
  } else {
    std::string length;
    for (size_t left = size; left != 0; left >>= 8) length.insert(0, 1, static_cast<char>(left));
    out += static_cast<char>(0x80 | length.size());
    out += length;
  }
  for (const std::string_view part : parts) out += part;
  return out;
}

Result<DerElement> DerReader::Next() {
  if (rest_.size() < 2) return BadDer("ends where an element should be");
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(rest_[i]); };
  const uint8_t tag = byte(0);
  if ((tag & kLongTag) == kLongTag) return BadDer("a tag of more than one byte");
  size_t header = 2;
  size_t length = byte(1);
  if (length >= 0x80) {
    const size_t count = length & 0x7f;
    if (count == 0 || count > kMaxLengthBytes || rest_.size() < header + count)
      return BadDer("a length that is indefinite or too long");
    length = 0;
    for (size_t i = 0; i < count; ++i) length = length << 8 | byte(header + i);
    header += count;
    if (length < 0x80 || length >> (8 * (count - 1)) == 0)
      return BadDer("a length that is not in its shortest form");
  }
  if (length > rest_.size() - header) return BadDer("an element that is longer than its container");
  const DerElement element{tag, rest_.substr(header, length), rest_.substr(0, header + length)};
  rest_.remove_prefix(header + length);
  return element;
}

Result<DerElement> DerReader::Expect(uint8_t tag) {
  const DerElement element = LETHE_TRY(Next());
  if (element.tag != tag)
    return BadDer("an element " + TagName(element.tag) + " instead of " + TagName(tag));
  return element;
}

}  // namespace lethe::crypto
