#include "http/range.h"

#include <algorithm>

#include "base/strings.h"

namespace lethe::http {

RangeResult ParseRange(std::string_view header, uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return {};
  header.remove_prefix(kUnit.size());
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view first_text = header.substr(0, dash);
  const std::string_view last_text = header.substr(dash + 1);
  const auto first = ParseUnsigned<uint64_t>(first_text);
  const auto last = ParseUnsigned<uint64_t>(last_text);
  if (first_text.empty()) {  // the last n bytes
    if (!last) return {};
    if (*last == 0 || size == 0) return {RangeAnswer::kUnsatisfiable, {}};
    const uint64_t count = std::min(*last, size);
    return {RangeAnswer::kPart, {size - count, count}};
  }
  if (!first || (!last_text.empty() && (!last || *last < *first))) return {};
  if (*first >= size) return {RangeAnswer::kUnsatisfiable, {}};
  const uint64_t end = last_text.empty() ? size - 1 : std::min(*last, size - 1);
  return {RangeAnswer::kPart, {*first, end - *first + 1}};
}

}  // namespace lethe::http
