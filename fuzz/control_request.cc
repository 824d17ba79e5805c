// Requests on the control socket of lethe-vpnd, and answers of services.

#include "base/assert.h"
#include "fuzz.h"
#include "supervise/control.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lethe;  // NOLINT: short as a script
  const auto text = fuzz::View(data, size);
  const auto request = supervise::ParseRequest(text);
  if (request) {
    const std::string again = supervise::WriteRequest(*request);
    const auto same = supervise::ParseRequest(again);
    LETHE_ASSERT(same && supervise::WriteRequest(*same) == again);
  } else {
    LETHE_ASSERT(request.error().code == ErrorCode::kMalformed);
    LETHE_ASSERT(json::Parse(supervise::ErrorAnswer(request.error())).has_value());
  }
  LETHE_ASSERT(json::Parse(supervise::CheckedPeersAnswer(text)).has_value());
  return 0;
}
