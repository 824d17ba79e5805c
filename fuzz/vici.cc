// Answers of charon: what is taken is part of them, or the number of a list's items, and depends on
// nothing behind their end.

#include "base/assert.h"
#include "base/strings.h"
#include "fuzz.h"
#include "vici/message.h"

using namespace lethe;  // NOLINT: short as a script

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = fuzz::View(data, size);
  (void)vici::ReadLength(input.substr(0, vici::kLengthBytes));
  const auto values = vici::ReadResponse(input);
  if (!values) {
    LETHE_ASSERT(values.error().code == ErrorCode::kMalformed ||
                 values.error().code == ErrorCode::kUnavailable);
    return 0;
  }
  for (const auto& [name, value] : *values) {
    const bool is_part = value.empty() || input.find(value) != std::string_view::npos;
    LETHE_ASSERT(is_part || ParseUnsigned<size_t>(value).value_or(size) < size);
  }
  return 0;
}
