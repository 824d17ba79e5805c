// Lines on the channel of the laboratory's client guest.

#include "base/assert.h"
#include "client/session.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lethe;  // NOLINT: short as a script
  const auto request = client::ParseRequest(fuzz::View(data, size));
  if (request) {
    LETHE_ASSERT(request->id >= 0);
  } else {
    LETHE_ASSERT(client::ToString(request.error().reason) != "unknown");
    LETHE_ASSERT(request.error().detail.size() < 4 * size + 400);
    // A refusal is told in one line of JSON, and changes nothing.
    client::Session session;
    const std::string answer = session.Answer(fuzz::View(data, size));
    LETHE_ASSERT(json::Parse(answer).has_value() && answer.find('\n') == std::string::npos);
  }
  return 0;
}
