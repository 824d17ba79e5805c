#include "trust/cbor.h"

#include <limits>
#include <string>

namespace lethe::trust {
namespace {

// Major types of RFC 8949, 3.1.
constexpr uint8_t kUnsigned = 0;
constexpr uint8_t kNegative = 1;
constexpr uint8_t kBytes = 2;
constexpr uint8_t kText = 3;
constexpr uint8_t kArray = 4;
constexpr uint8_t kMap = 5;
constexpr uint8_t kSimple = 7;

constexpr uint64_t kFalse = 20;
constexpr uint64_t kNull = 22;

}  // namespace

Error CborReader::Bad(std::string_view what) const {
  return {ErrorCode::kMalformed,
          "CBOR at offset " + std::to_string(at_) + ": " + std::string(what)};
}

Result<CborReader::Head> CborReader::NextHead() {
  if (at_ == bytes_.size()) return Bad("ends where an item should be");
  const auto first = static_cast<uint8_t>(bytes_[at_]);
  Head head{static_cast<uint8_t>(first >> 5), static_cast<uint64_t>(first & 0x1f)};
  if (head.value < 24) {
    ++at_;
    return head;
  }
  if (head.value > 27) return Bad("a length that is indefinite or reserved");
  const size_t count = size_t{1} << (head.value - 24);
  if (bytes_.size() - at_ - 1 < count) return Bad("a length that is cut off");
  head.value = 0;
  for (size_t i = 1; i <= count; ++i)
    head.value = head.value << 8 | static_cast<uint8_t>(bytes_[at_ + i]);
  if (head.value < 24 || (count > 1 && head.value >> (4 * count) == 0))
    return Bad("a length that is not in its shortest form");
  at_ += 1 + count;
  return head;
}

Result<CborReader::Head> CborReader::Expect(uint8_t type, std::string_view what) {
  const size_t begin = at_;
  const Head head = LETHE_TRY(NextHead());
  if (head.type == type) return head;
  at_ = begin;
  return Bad("not " + std::string(what));
}

Result<std::string_view> CborReader::Take(uint64_t size) {
  if (size > bytes_.size() - at_) return Bad("a string that is longer than what is left");
  const std::string_view out = bytes_.substr(at_, size);
  at_ += size;
  return out;
}

Result<std::string_view> CborReader::ByteString() {
  return Take(LETHE_TRY(Expect(kBytes, "a byte string")).value);
}

bool CborReader::AtInteger() const {
  return at_ < bytes_.size() && static_cast<uint8_t>(bytes_[at_]) >> 5 <= kNegative;
}

Result<int64_t> CborReader::Integer() {
  if (!AtInteger()) return Bad("not an integer");
  const Head head = LETHE_TRY(NextHead());
  if (head.value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return Bad("an integer outside 64 bits");
  const auto value = static_cast<int64_t>(head.value);
  return head.type == kUnsigned ? value : -1 - value;
}

Result<uint64_t> CborReader::MapSize() {
  const uint64_t pairs = LETHE_TRY(Expect(kMap, "a map")).value;
  if (pairs > kMaxCborItems) return Bad("a map of more than 64 pairs");
  return pairs;
}

Status CborReader::SkipItem(int depth) {
  const Head head = LETHE_TRY(NextHead());
  switch (head.type) {
    case kUnsigned:
    case kNegative:
      return {};
    case kBytes:
    case kText:
      (void)LETHE_TRY(Take(head.value));
      return {};
    case kArray:
    case kMap: {
      if (depth == 0) return Bad("nested deeper than 4");
      if (head.value > kMaxCborItems) return Bad("a list of more than 64 items");
      const uint64_t items = head.type == kMap ? 2 * head.value : head.value;
      for (uint64_t i = 0; i < items; ++i) LETHE_TRY(SkipItem(depth - 1));
      return {};
    }
    case kSimple:
      if (head.value >= kFalse && head.value <= kNull) return {};
      return Bad("a simple value that is no boolean and not null");
    default:
      return Bad("a tag");
  }
}

Status CborReader::Finish() const {
  if (at_ == bytes_.size()) return {};
  return Bad(std::to_string(bytes_.size() - at_) + " bytes behind the last item");
}

}  // namespace lethe::trust
