#include "trust/ssh_key.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/strings.h"
#include "trust/software_key.h"
#include "trust/ssh_wire.h"

namespace lethe::trust {
namespace {

std::string Vector(const std::string& name) {
  return ReadFile(std::string(LETHE_VECTORS) + "/sshsig/" + name).value();
}

std::string BlobOf(const std::string& file) {
  const std::string line = Vector(file);
  return Base64Decode(Words(line)[1]).value();
}

SshPublicKey Key(KeyType type = KeyType::kSkEd25519) {
  return SoftwareKey::ForTest("alice", type).public_key();
}

std::string Refused(const Result<SshPublicKey>& key, ErrorCode code) {
  EXPECT_FALSE(key);
  if (key) return {};
  EXPECT_EQ(ToString(key.error().code), ToString(code)) << key.error().message;
  return key.error().message;
}
std::string Malformed(std::string_view blob) {
  return Refused(ParseKeyBlob(blob), ErrorCode::kMalformed);
}

TEST(SshKey, ReadsAndWritesWhatSshKeygenWrites) {
  const struct {
    const char* file;
    KeyType type;
    const char* fingerprint;  // by ssh-keygen -l
  } keys[] = {
      {"ed25519.pub", KeyType::kSkEd25519, "SHA256:ip0OHR/qcQF1QRDwfF1kSpuOPqCA2CvdlPbz45OO770"},
      {"ecdsa.pub", KeyType::kSkEcdsaP256, "SHA256:c24d+Qd5GenQ2cznyy0Ly8QEMOIii/8sB8r01+UFxIw"},
  };
  for (const auto& expected : keys) {
    const std::string line = Vector(expected.file);
    const auto key = ParseKeyLine(line);
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_EQ(key->type, expected.type);
    EXPECT_EQ(key->application, "ssh:lethe-test");
    EXPECT_EQ(key->Fingerprint(), expected.fingerprint);
    EXPECT_EQ(key->Line() + " vector\n", line);
    EXPECT_EQ(key->Blob(), BlobOf(expected.file));
    EXPECT_TRUE(key->IsTestKey());
    EXPECT_EQ(*ParseKeyBlob(key->Blob()), *key);
  }
}

TEST(SshKey, NamesTheTypesThatItDoesNotTake) {
  const struct {
    const char* file;
    const char* type;
  } others[] = {{"rsa.pub", "ssh-rsa"},
                {"software.pub", "ssh-ed25519"},
                {"nistp256.pub", "ecdsa-sha2-nistp256"},
                {"nistp384.pub", "ecdsa-sha2-nistp384"},
                {"software-cert.pub", "ssh-ed25519-cert-v01@openssh.com"}};
  for (const auto& other : others) {
    const std::string message = Refused(ParseKeyLine(Vector(other.file)), ErrorCode::kUntrusted);
    EXPECT_NE(message.find("of type " + std::string(other.type) + ":"), std::string::npos)
        << message;
  }
  // The same, cut off or with a byte more: not a key at all.
  for (const char* file : {"rsa.pub", "software.pub", "nistp256.pub"}) {
    const std::string blob = BlobOf(file);
    Malformed(blob.substr(0, blob.size() - 1));
    EXPECT_NE(Malformed(blob + "x").find("behind the last field"), std::string::npos);
  }
  EXPECT_NE(Malformed(SshString("ssh-new")).find("'ssh-new' is no type of SSH key"),
            std::string::npos);
}

TEST(SshKey, EveryPartOfABlobIsMalformed) {
  for (const KeyType type : {KeyType::kSkEd25519, KeyType::kSkEcdsaP256}) {
    const std::string blob = Key(type).Blob();
    for (size_t size = 0; size < blob.size(); ++size) Malformed(blob.substr(0, size));
    EXPECT_NE(Malformed(blob + '\0').find("behind the last field"), std::string::npos);
  }
}

TEST(SshKey, RefusesFieldsOutOfTheirRange) {
  const std::string type(ToString(KeyType::kSkEd25519));
  const SshPublicKey key = Key();
  const auto blob = [&](std::string_view point, std::string_view application) {
    return SshString(type) + SshString(point) + SshString(application);
  };
  ASSERT_TRUE(ParseKeyBlob(blob(key.point, "ssh:")));
  Malformed(blob(key.point.substr(1), "ssh:"));
  Malformed(blob(key.point + "x", "ssh:"));
  Malformed(blob(key.point, ""));
  Malformed(blob(key.point, "ssh:\n"));
  Malformed(blob(key.point, "ssh:\xc3\xa4"));
  EXPECT_TRUE(ParseKeyBlob(blob(key.point, "ssh:" + std::string(kMaxApplicationBytes - 4, 'a'))));
  Malformed(blob(key.point, "ssh:" + std::string(kMaxApplicationBytes - 3, 'a')));
  Malformed(blob(key.point, "ssh:" + std::string(kMaxKeyBlobBytes, 'a')));
  EXPECT_NE(Refused(ParseKeyBlob(blob(key.point, "https://vpn.example")), ErrorCode::kUntrusted)
                .find("'https://vpn.example': only those that begin with 'ssh:'"),
            std::string::npos);
  const SshPublicKey ecdsa = Key(KeyType::kSkEcdsaP256);
  EXPECT_NE(Malformed(SshString(ToString(ecdsa.type)) + SshString("nistp384") +
                      SshString(ecdsa.point) + SshString("ssh:"))
                .find("curve 'nistp384' is not nistp256"),
            std::string::npos);
}

TEST(SshKey, TakesNoKeyOutsideItsGroup) {
  const std::string text = ReadFile(std::string(LETHE_VECTORS) + "/ed25519/points").value();
  int refused = 0;
  for (const std::string_view line : Lines(text)) {
    const auto words = Words(line);
    std::string point;
    for (size_t at = 0; at < words[2].size(); at += 2)
      point += static_cast<char>(*ParseUnsigned<uint8_t>(words[2].substr(at, 2), 16));
    const std::string blob =
        SshString(ToString(KeyType::kSkEd25519)) + SshString(point) + SshString("ssh:");
    if (words[1] == "yes") {
      EXPECT_TRUE(ParseKeyBlob(blob)) << line;
      continue;
    }
    ++refused;
    EXPECT_NE(Malformed(blob).find("its point is not one of the curve's group"), std::string::npos)
        << line;
  }
  EXPECT_GT(refused, 90);
  SshPublicKey off = Key(KeyType::kSkEcdsaP256);
  off.point[64] = static_cast<char>(off.point[64] ^ 1);
  Malformed(off.Blob());
}

TEST(SshKey, TakesOnlyLinesOfOneKey) {
  const SshPublicKey key = Key();
  const std::string line = key.Line();
  const auto malformed = [](const std::string& text) {
    Refused(ParseKeyLine(text), ErrorCode::kMalformed);
  };
  EXPECT_EQ(*ParseKeyLine(line), key);
  EXPECT_EQ(*ParseKeyLine(line + "\n"), key);
  EXPECT_EQ(*ParseKeyLine(line + " a comment of words"), key);
  malformed("");
  malformed("\n");
  malformed(line.substr(0, line.find(' ')));
  malformed(line.substr(line.find(' ') + 1));
  malformed(line + "\n" + line);
  malformed(line + "\n\n");
  malformed(line + "\r\n");
  malformed(line + std::string(1, '\0'));
  malformed(line + "=");
  malformed(line + " " + std::string(4 * kMaxKeyBlobBytes, 'c'));
  malformed("restrict " + line);
  // The type of the line is the key's.
  malformed(std::string(ToString(KeyType::kSkEcdsaP256)) + line.substr(line.find(' ')));
}

TEST(SshNumber, HasOneSpelling) {
  const auto read = [](std::string_view bytes) { return SshNumber32(bytes); };
  const std::string zero(1, '\0');
  EXPECT_EQ(read("")->size(), 32U);
  EXPECT_EQ(*read("\x01"), std::string(31, '\0') + "\x01");
  EXPECT_EQ(*read(zero + "\x80"), std::string(31, '\0') + "\x80");
  EXPECT_EQ(*read(zero + std::string(32, '\xff')), std::string(32, '\xff'));
  EXPECT_FALSE(read("\x80"));                          // negative
  EXPECT_FALSE(read(zero));                            // a zero more
  EXPECT_FALSE(read(zero + "\x01"));                   // the same
  EXPECT_FALSE(read(std::string(33, '\x01')));         // too long
  EXPECT_FALSE(read(zero + std::string(33, '\xff')));  // too long
  for (const std::string& number :
       {std::string(32, '\xff'), std::string(31, '\0') + "\x01", std::string(32, '\0')}) {
    const std::string mpint = SshMpint(number);
    SshReader written(mpint);
    EXPECT_EQ(*SshNumber32(*written.String("number")), number);
  }
}

TEST(SoftwareKey, MakesTestKeysOnly) {
  const auto create = [](const std::string& application, const std::string& secret,
                         KeyType type = KeyType::kSkEd25519) {
    return SoftwareKey::Create({.type = type, .application = application, .secret = secret});
  };
  const std::string secret(kSoftwareSecretBytes, 's');
  ASSERT_TRUE(create("ssh:lethe-test", secret));
  EXPECT_TRUE(create("ssh:lethe-test-2", secret)->public_key().IsTestKey());
  for (const char* application : {"ssh:", "ssh:lethe", "lethe-test", "", "SSH:lethe-test"}) {
    const auto key = create(application, secret);
    ASSERT_FALSE(key) << application;
    EXPECT_EQ(key.error().code, ErrorCode::kUsage);
  }
  EXPECT_FALSE(create("ssh:lethe-test", "short"));
  EXPECT_FALSE(create("ssh:lethe-test", std::string(32, '\xff'), KeyType::kSkEcdsaP256));
}

}  // namespace
}  // namespace lethe::trust
