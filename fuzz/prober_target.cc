// Credential files of the prober: read or refused, and an error says no secret.

#include "base/assert.h"
#include "fuzz.h"
#include "prober/target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto target = lethe::prober::ParseTarget("t", lethe::fuzz::View(data, size), "t.toml");
  if (!target) LETHE_ASSERT(target.error().code == lethe::ErrorCode::kMalformed);
  return 0;
}
