// The few string operations that the standard library lacks.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lethe {

// "a,,b" by ',' is {"a", "", "b"}; the empty string is {""}.
std::vector<std::string_view> Split(std::string_view text, char separator);

// Lines without their '\n'; a last line without '\n' counts, an empty tail does not.
std::vector<std::string_view> Lines(std::string_view text);

// Words separated by runs of spaces and tabs.
std::vector<std::string_view> Words(std::string_view text);

// Without leading and trailing spaces, tabs, CR and LF.
std::string_view Trim(std::string_view text);

// An address as it stands before a port and in URLs: that of IPv6 in brackets (RFC 3986, 3.2.2).
std::string BracketIpv6(const std::string& address);

std::string Join(const std::vector<std::string>& parts, std::string_view separator);

// "1 path", "2 paths".
std::string Counted(int64_t count, std::string_view noun);

// RFC 3629: no overlong forms, no surrogates.
bool IsUtf8(std::string_view text);
// UTF-8 that a terminal or an editor shows as it stands: no control characters, line separators,
// invisible characters or marks that turn the direction of what follows.
bool IsPlainText(std::string_view text);

// Control characters, quotes and bytes outside ASCII as \xNN, so that hostile names stay on their
// line in a message.
std::string Printable(std::string_view text);

// Decimal digits (or base 8, 16) only: no sign, no spaces, no overflow.
template <typename T>
std::optional<T> ParseUnsigned(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || text[0] == '-' || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// The pieces point into the text: a temporary would be gone before they are used.
template <std::same_as<std::string> T>
std::vector<std::string_view> Split(T&& text, char separator) = delete;
template <std::same_as<std::string> T>
std::vector<std::string_view> Lines(T&& text) = delete;
template <std::same_as<std::string> T>
std::vector<std::string_view> Words(T&& text) = delete;

// Shell-style match of `*` (any run without '/'), `**` (any run) and `?` (one character but '/').
bool GlobMatch(std::string_view pattern, std::string_view text);

}  // namespace lethe
