#include "trust/ssh_wire.h"

namespace lethe::trust {
namespace {

constexpr size_t kU32Bytes = 4;
constexpr size_t kNumberBytes = 32;

uint8_t ByteAt(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

}  // namespace

Error SshReader::TooShort(std::string_view what) const {
  return {ErrorCode::kMalformed,
          std::string(what) + " at offset " + std::to_string(at_) + " is longer than what is left"};
}

Result<std::string_view> SshReader::Raw(size_t size, std::string_view what) {
  if (size > bytes_.size() - at_) return TooShort(what);
  const std::string_view out = bytes_.substr(at_, size);
  at_ += size;
  return out;
}

Result<uint8_t> SshReader::Byte(std::string_view what) {
  return ByteAt(LETHE_TRY(Raw(1, what)), 0);
}

Result<uint32_t> SshReader::U32(std::string_view what) {
  const std::string_view bytes = LETHE_TRY(Raw(kU32Bytes, what));
  uint32_t value = 0;
  for (size_t i = 0; i < kU32Bytes; ++i) value = value << 8 | ByteAt(bytes, i);
  return value;
}

Result<std::string_view> SshReader::String(std::string_view what) {
  const uint32_t size = LETHE_TRY(U32(what));
  return Raw(size, what);
}

Status SshReader::Finish() const {
  if (at_ == bytes_.size()) return {};
  return Error{ErrorCode::kMalformed, std::to_string(bytes_.size() - at_) +
                                          " bytes behind the last field, at offset " +
                                          std::to_string(at_)};
}

std::string SshU32(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}

std::string SshString(std::string_view bytes) {
  return SshU32(static_cast<uint32_t>(bytes.size())) + std::string(bytes);
}

Result<std::string> SshNumber32(std::string_view mpint) {
  const auto bad = [](std::string_view what) {
    return Error{ErrorCode::kMalformed, "a number that is " + std::string(what)};
  };
  if (!mpint.empty() && ByteAt(mpint, 0) >= 0x80) return bad("negative");
  if (!mpint.empty() && ByteAt(mpint, 0) == 0) {
    if (mpint.size() == 1 || ByteAt(mpint, 1) < 0x80) return bad("not in its shortest form");
    mpint.remove_prefix(1);
  }
  if (mpint.size() > kNumberBytes) return bad("longer than 32 bytes");
  return std::string(kNumberBytes - mpint.size(), '\0') + std::string(mpint);
}

std::string SshMpint(std::string_view bytes) {
  while (!bytes.empty() && bytes[0] == '\0') bytes.remove_prefix(1);
  const bool sign_byte = !bytes.empty() && ByteAt(bytes, 0) >= 0x80;
  return SshString((sign_byte ? std::string(1, '\0') : std::string()) + std::string(bytes));
}

}  // namespace lethe::trust
