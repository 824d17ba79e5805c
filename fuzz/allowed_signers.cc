// allowed_signers: what is read is written to something that reads as the same.

#include "trust/allowed_signers.h"
#include "base/assert.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lethe;  // NOLINT: short as a script
  const auto parsed = trust::ParseAllowedSigners(fuzz::View(data, size), "input");
  if (!parsed) {
    LETHE_ASSERT(parsed.error().message.starts_with("input:"));
    return 0;
  }
  const auto again = trust::ParseAllowedSigners(trust::WriteAllowedSigners(*parsed), "output");
  LETHE_ASSERT(again.has_value() && *again == *parsed);
  return 0;
}
