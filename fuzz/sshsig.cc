// SSH signatures, armoured or not: what is read is written back to the same bytes.

#include "trust/sshsig.h"
#include "base/assert.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lethe;  // NOLINT: short as a script
  const std::string_view input = fuzz::View(data, size);
  const auto armoured = trust::ParseSshSignature(input);
  const auto parsed = armoured ? armoured : trust::ParseSshSignatureBlob(input);
  if (!parsed) {
    LETHE_ASSERT(!parsed.error().message.empty());
    return 0;
  }
  const std::string blob = trust::SshSignatureBlob(*parsed);
  LETHE_ASSERT(armoured.has_value() || blob == input);
  const auto again = trust::ParseSshSignature(trust::ArmourSshSignature(blob));
  LETHE_ASSERT(again.has_value() && trust::SshSignatureBlob(*again) == blob);
  (void)trust::VerifySshSignature(*parsed, {"message", "git"});
  return 0;
}
