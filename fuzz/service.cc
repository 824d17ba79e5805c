// Service files of lethe-vpnd.

#include "supervise/service.h"
#include "base/assert.h"
#include "fuzz.h"
#include "supervise/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lethe;  // NOLINT: short as a script
  const auto service = supervise::ParseService("x", fuzz::View(data, size), "input");
  if (!service) {
    LETHE_ASSERT(service.error().code == ErrorCode::kMalformed);
    LETHE_ASSERT(service.error().message.starts_with("input"));
    return 0;
  }
  LETHE_ASSERT(!service->command.empty() && service->command[0][0] == '/');
  LETHE_ASSERT(service->restart.first <= service->restart.max);
  LETHE_ASSERT(supervise::Compare(*service, *service) == supervise::Change::kNothing);
  return 0;
}
