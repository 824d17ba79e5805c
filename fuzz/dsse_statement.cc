// DSSE envelopes, in-toto statements and releases: what is read is written to something that reads
// as the same.

#include "base/assert.h"
#include "fuzz.h"
#include "trust/dsse.h"
#include "trust/release.h"

namespace {

using namespace lethe;  // NOLINT: short as a script

void TryStatement(std::string_view text) {
  const auto statement = trust::ParseStatement(text);
  if (statement) {
    const std::string written = trust::WriteStatement(*statement);
    const auto again = trust::ParseStatement(written);
    LETHE_ASSERT(again.has_value() && trust::WriteStatement(*again) == written);
  } else {
    LETHE_ASSERT(statement.error().code == ErrorCode::kMalformed);
  }
  const auto release = trust::ParseReleaseStatement(text);
  LETHE_ASSERT(!release || statement.has_value());
  LETHE_ASSERT(!release || trust::WriteReleaseStatement(*release) == text);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = fuzz::View(data, size);
  TryStatement(input);
  const auto envelope = trust::ParseDsse(input);
  if (!envelope) {
    LETHE_ASSERT(envelope.error().code == ErrorCode::kMalformed);
    return 0;
  }
  TryStatement(envelope->payload);
  const std::string written = trust::WriteDsse(*envelope);
  const auto again = trust::ParseDsse(written);
  LETHE_ASSERT(again.has_value() && again->payload == envelope->payload &&
               trust::WriteDsse(*again) == written);
  (void)trust::DssePae(envelope->payload_type, envelope->payload);
  return 0;
}
