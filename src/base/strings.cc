#include "base/strings.h"

#include "base/hex.h"

namespace lethe {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || text[i] == separator) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  return parts;
}

std::vector<std::string_view> Lines(std::string_view text) {
  if (text.empty()) return {};
  if (text.back() == '\n') text.remove_suffix(1);
  return Split(text, '\n');
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  size_t i = 0;
  while (i < text.size()) {
    while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
    const size_t begin = i;
    while (i < text.size() && text[i] != ' ' && text[i] != '\t') ++i;
    if (i > begin) words.push_back(text.substr(begin, i - begin));
  }
  return words;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string BracketIpv6(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::string Counted(int64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

bool IsUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const size_t length = byte < 0x80                   ? 1
                          : byte >= 0xc2 && byte < 0xe0 ? 2
                          : byte >= 0xe0 && byte < 0xf0 ? 3
                          : byte >= 0xf0 && byte < 0xf5 ? 4
                                                        : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<uint8_t>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    const auto second = length > 1 ? static_cast<uint8_t>(text[i + 1]) : 0;
    // Overlong forms, surrogates, beyond U+10FFFF.
    if ((byte == 0xe0 && second < 0xa0) || (byte == 0xed && second > 0x9f) ||
        (byte == 0xf0 && second < 0x90) || (byte == 0xf4 && second > 0x8f)) {
      return false;
    }
    i += length;
  }
  return true;
}

bool IsPlainText(std::string_view text) {
  if (!IsUtf8(text)) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    const std::string_view rest = text.substr(i);
    if (byte == 0xc2 && static_cast<uint8_t>(rest[1]) < 0xa0) return false;  // U+0080 to U+009F
    for (const std::string_view hidden :
         {"\u00ad", "\u061c", "\u180e", "\ufeff", "\u2028", "\u2029"}) {
      if (rest.starts_with(hidden)) return false;
    }
    // U+200B to U+200F, U+202A to U+202E, U+2060 to U+206F
    if (byte != 0xe2) continue;
    const auto second = static_cast<uint8_t>(rest[1]);
    const auto third = static_cast<uint8_t>(rest[2]);
    if (second == 0x80 && ((third >= 0x8b && third <= 0x8f) || (third >= 0xaa && third <= 0xae)))
      return false;
    if (second == 0x81 && third >= 0xa0 && third <= 0xaf) return false;
  }
  return true;
}

std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '\'' || c == '\\') {
      out += "\\x" + HexEncode({&byte, 1});
    } else {
      out += c;
    }
  }
  return out;
}

bool GlobMatch(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    const bool any_depth = pattern.size() > 1 && pattern[1] == '*';
    const std::string_view rest = pattern.substr(any_depth ? 2 : 1);
    if (any_depth && rest.empty()) return true;
    for (size_t i = 0; i <= text.size(); ++i) {
      if (GlobMatch(rest, text.substr(i))) return true;
      if (i < text.size() && text[i] == '/' && !any_depth) return false;
    }
    return false;
  }
  if (text.empty()) return false;
  if (pattern[0] == '?' ? text[0] == '/' : pattern[0] != text[0]) return false;
  return GlobMatch(pattern.substr(1), text.substr(1));
}

}  // namespace lethe
