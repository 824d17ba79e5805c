// Answers of charon: what is taken is part of them, and depends on nothing behind their end.

#include "base/assert.h"
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
  for (const auto& [name, value] : *values)
    LETHE_ASSERT(value.empty() || input.find(value) != std::string_view::npos);
  return 0;
}
