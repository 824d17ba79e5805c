#include "base/base64.h"

#include <cstdint>

namespace lethe {
namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Error Bad(std::string_view what) {
  return Error{ErrorCode::kMalformed, "base64: " + std::string(what)};
}

int Value(char c, bool url) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == (url ? '-' : '+')) return 62;
  if (c == (url ? '_' : '/')) return 63;
  return -1;
}

}  // namespace

std::string Base64Encode(std::string_view bytes, const Base64Form& form) {
  const std::string_view alphabet = form.url ? kUrl : kStandard;
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  uint32_t bits = 0;
  unsigned count = 0;  // of the bits that are not written yet, in the low end of `bits`
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(c);
    for (count += 8; count >= 6; count -= 6) out += alphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) out += alphabet[bits << (6 - count) & 63];
  while (form.padding && out.size() % 4 != 0) out += '=';
  return out;
}

Result<std::string> Base64Decode(std::string_view text, const Base64Form& form) {
  if (form.padding) {
    if (text.size() % 4 != 0) return Bad("the length is not a multiple of four");
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return Bad("the last character stands for no byte");
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  unsigned count = 0;  // of the bits that are not written yet, in the low end of `bits`
  for (size_t i = 0; i < text.size(); ++i) {
    const int value = Value(text[i], form.url);
    if (value < 0) return Bad("no character of its alphabet at offset " + std::to_string(i));
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count);
  }
  if ((bits & ((1U << count) - 1)) != 0) return Bad("bits behind the last byte are not zero");
  return out;
}

Result<std::string> Base64DecodeAnyForm(std::string_view text) {
  return Base64Decode(text, {.url = text.find_first_of("-_") != std::string_view::npos,
                             .padding = text.ends_with('=') || text.size() % 4 == 0});
}

}  // namespace lethe
