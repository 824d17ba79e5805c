#include "trust/sshsig.h"

#include <gtest/gtest.h>

#include "trust/software_key.h"

namespace lethe::trust {
namespace {

TEST(SshSig, ReadsWhatItWrites) {
  for (const KeyType type : {KeyType::kSkEd25519, KeyType::kSkEcdsaP256}) {
    const auto key = SoftwareKey::ForTest("alice", type);
    const auto parsed = ParseSshSignature(key.SignSsh({"message", "git"}));
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_TRUE(VerifySshSignature(*parsed, {"message", "git"}));
  }
}

}  // namespace
}  // namespace lethe::trust
