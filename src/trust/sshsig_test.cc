#include "trust/sshsig.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/strings.h"
#include "trust/software_key.h"
#include "trust/ssh_wire.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kMessage = "a message\n";
const SshSigned kExpected{kMessage, "git"};

std::string Vector(const std::string& name) {
  return ReadFile(std::string(LETHE_VECTORS) + "/sshsig/" + name).value();
}

std::string Unarmoured(const std::string& armoured) {
  std::string text;
  for (const std::string_view line : Lines(armoured)) {
    if (!line.starts_with("-----")) text += line;
  }
  return Base64Decode(text).value();
}

// A blob field by field, so that a test can break one.
struct Fields {
  KeyType type = KeyType::kSkEd25519;
  std::string magic = "SSHSIG";
  uint32_t version = 1;
  std::string key = SoftwareKey::ForTest("alice").public_key().Blob();
  std::string name_space = "git";
  std::string reserved;
  std::string hash = "sha512";
  std::string inner_type = std::string(ToString(KeyType::kSkEd25519));
  std::string raw = std::string(64, 'r');
  std::string tail = std::string("\x01") + SshU32(1);

  std::string Blob() const {
    return magic + SshU32(version) + SshString(key) + SshString(name_space) + SshString(reserved) +
           SshString(hash) + SshString(SshString(inner_type) + SshString(raw) + tail);
  }
};

void ExpectRefused(const Verdict<SshSignature>& signature, Reason reason, std::string_view words) {
  ASSERT_FALSE(signature) << words;
  EXPECT_EQ(ToString(signature.error().reason), ToString(reason)) << signature.error().message;
  EXPECT_NE(signature.error().message.find(words), std::string::npos) << signature.error().message;
}
void ExpectMalformed(const Fields& fields, std::string_view words) {
  ExpectRefused(ParseSshSignatureBlob(fields.Blob()), Reason::kMalformed, words);
}

TEST(SshSig, ReadsWhatItWrites) {
  for (const KeyType type : {KeyType::kSkEd25519, KeyType::kSkEcdsaP256}) {
    for (const SshHash hash : {SshHash::kSha256, SshHash::kSha512}) {
      const auto key = SoftwareKey::ForTest("alice", type);
      const auto parsed =
          ParseSshSignature(key.SignSsh(kExpected, {.flags = 0x05, .counter = 7, .hash = hash}));
      ASSERT_TRUE(parsed) << parsed.error().message;
      EXPECT_TRUE(VerifySshSignature(*parsed, kExpected));
      EXPECT_EQ(parsed->counter, 7U);
      EXPECT_EQ(parsed->hash, hash);
      EXPECT_TRUE(parsed->touched() && parsed->pin_verified());
    }
  }
}

TEST(SshSig, VerifiesWhatSshKeygenSigned) {
  for (const char* name : {"ed25519-sha256", "ed25519-sha512", "ecdsa-sha256", "ecdsa-sha512"}) {
    const std::string armoured = Vector(std::string(name) + ".sig");
    const auto signature = ParseSshSignature(armoured);
    ASSERT_TRUE(signature) << name << ": " << signature.error().message;
    const auto parts = Split(std::string_view(name), '-');
    EXPECT_EQ(signature->key, *ParseKeyLine(Vector(std::string(parts[0]) + ".pub"))) << name;
    EXPECT_EQ(signature->hash, parts[1] == "sha256" ? SshHash::kSha256 : SshHash::kSha512);
    EXPECT_TRUE(signature->touched());
    EXPECT_FALSE(signature->pin_verified());
    const auto good = VerifySshSignature(*signature, {Vector("message"), "git"});
    EXPECT_TRUE(good) << name << ": " << good.error().message;
    EXPECT_EQ(ArmourSshSignature(SshSignatureBlob(*signature)), armoured) << name;
  }
  const auto pin = ParseSshSignature(Vector("pin.sig"));
  ASSERT_TRUE(pin) << pin.error().message;
  EXPECT_TRUE(pin->pin_verified());
  EXPECT_TRUE(VerifySshSignature(*pin, kExpected));
}

// Trap: ssh-keygen -Y verify takes it.
TEST(SshSig, RefusesASignatureThatNobodyTouched) {
  const auto signature = ParseSshSignature(Vector("untouched.sig"));
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_FALSE(signature->touched());
  const auto verdict = VerifySshSignature(*signature, kExpected);
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().reason, Reason::kNoTouch);
  // The flag is signed: it cannot be put in later.
  SshSignature touched = *signature;
  touched.flags |= kFlagUserPresent;
  EXPECT_EQ(VerifySshSignature(touched, kExpected).error().reason, Reason::kBadSignature);
}

TEST(SshSig, IsForOneMessageAndOneNamespace) {
  const auto signature = ParseSshSignature(Vector("ed25519-sha512.sig"));
  ASSERT_TRUE(signature);
  EXPECT_EQ(VerifySshSignature(*signature, {"another message\n", "git"}).error().reason,
            Reason::kBadSignature);
  const auto other = VerifySshSignature(*signature, {kMessage, "release@vpn.example"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, Reason::kWrongNamespace);
  EXPECT_NE(other.error().message.find("made for 'git', not for 'release@vpn.example'"),
            std::string::npos);
  SshSignature renamed = *signature;
  renamed.name_space = "release@vpn.example";
  EXPECT_EQ(VerifySshSignature(renamed, {kMessage, "release@vpn.example"}).error().reason,
            Reason::kBadSignature);
  SshSignature counted = *signature;
  ++counted.counter;
  EXPECT_EQ(VerifySshSignature(counted, kExpected).error().reason, Reason::kBadSignature);
}

TEST(SshSig, NamesTheKeysThatItDoesNotTake) {
  const std::pair<const char*, const char*> others[] = {{"rsa.sig", "of type ssh-rsa"},
                                                        {"software.sig", "of type ssh-ed25519"},
                                                        {"nistp256.sig", "ecdsa-sha2-nistp256"},
                                                        {"nistp384.sig", "ecdsa-sha2-nistp384"}};
  for (const auto& [file, words] : others)
    ExpectRefused(ParseSshSignature(Vector(file)), Reason::kUnknownKey, words);
}

// Signatures of browsers are well-formed and not taken yet.
TEST(SshSig, NamesSignaturesOfBrowsers) {
  const auto key = SoftwareKey::ForTest("alice", KeyType::kSkEcdsaP256).public_key();
  Fields fields;
  fields.key = key.Blob();
  fields.inner_type = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";
  ExpectRefused(ParseSshSignatureBlob(fields.Blob()), Reason::kUnknownKey, "made in a browser");
  // Not by a key that browsers do not have in SSH.
  fields.key = Fields().key;
  ExpectMalformed(fields, "is not the key's, sk-ssh-ed25519@openssh.com");
}

TEST(SshSig, RefusesFieldsThatAreNotOfTheFormat) {
  ASSERT_TRUE(ParseSshSignatureBlob(Fields().Blob()));
  ExpectMalformed({.magic = "SSHSIX"}, "does not begin with SSHSIG");
  ExpectMalformed({.version = 0}, "version 0, must be 1");
  ExpectMalformed({.version = 2}, "version 2, must be 1");
  ExpectMalformed({.key = ""}, "key: ");
  ExpectMalformed({.name_space = ""}, "an empty namespace");
  ExpectMalformed({.reserved = "x"}, "the reserved field is not empty");
  for (const char* hash : {"", "sha1", "SHA512", "sha384", "md5"})
    ExpectMalformed({.hash = hash}, "is neither sha256 nor sha512");
  for (const char* type :
       {"", "ssh-ed25519", "rsa-sha2-512", "ssh-rsa", "sk-ecdsa-sha2-nistp256@openssh.com"}) {
    ExpectMalformed({.inner_type = type}, "is not the key's");
  }
  ExpectMalformed({.raw = std::string(63, 'r')}, "63 bytes of Ed25519, must be 64");
  ExpectMalformed({.raw = std::string(65, 'r')}, "65 bytes of Ed25519, must be 64");
  ExpectMalformed({.tail = ""}, "the flags");
  ExpectMalformed({.tail = "\x01"}, "the counter");
  ExpectMalformed({.tail = "\x01" + SshU32(1) + "x"}, "behind the last field");
  ExpectRefused(ParseSshSignatureBlob(Fields().Blob() + "x"), Reason::kMalformed,
                "behind the last field");
}

TEST(SshSig, RefusesNumbersOfEcdsaInOtherSpellings) {
  const auto key = SoftwareKey::ForTest("alice", KeyType::kSkEcdsaP256).public_key();
  const auto with = [&](const std::string& raw) {
    Fields fields;
    fields.key = key.Blob();
    fields.inner_type = ToString(key.type);
    fields.raw = raw;
    return ParseSshSignatureBlob(fields.Blob());
  };
  const std::string one = SshString("\x01");
  const std::string zero(1, '\0');
  ASSERT_TRUE(with(one + one));
  ExpectRefused(with(one), Reason::kMalformed, "s at offset");
  ExpectRefused(with(one + one + "x"), Reason::kMalformed, "behind the last field");
  ExpectRefused(with(SshString("\x81") + one), Reason::kMalformed, "negative");
  ExpectRefused(with(one + SshString(zero + "\x01")), Reason::kMalformed, "shortest form");
  ExpectRefused(with(one + SshString(std::string(33, '\x01'))), Reason::kMalformed, "32 bytes");
  // Zero is well-formed, and no signature.
  const auto nothing = with(SshString("") + SshString(""));
  ASSERT_TRUE(nothing);
  EXPECT_EQ(VerifySshSignature(*nothing, kExpected).error().reason, Reason::kBadSignature);
}

TEST(SshSig, NeverVerifiesAPartOrAFlippedByte) {
  for (const char* name : {"ed25519-sha512.sig", "ecdsa-sha256.sig"}) {
    const std::string blob = Unarmoured(Vector(name));
    for (size_t size = 0; size < blob.size(); ++size)
      ExpectRefused(ParseSshSignatureBlob(blob.substr(0, size)), Reason::kMalformed, "");
    for (size_t at = 0; at < blob.size(); ++at) {
      for (const int bit : {0x01, 0x04, 0x80}) {
        std::string flipped = blob;
        flipped[at] = static_cast<char>(flipped[at] ^ bit);
        const auto signature = ParseSshSignatureBlob(flipped);
        EXPECT_FALSE(signature && VerifySshSignature(*signature, kExpected)) << name << " " << at;
      }
    }
  }
}

TEST(SshSig, HasOneArmour) {
  const std::string good = Vector("ed25519-sha512.sig");
  const std::string blob = Unarmoured(good);
  ASSERT_EQ(ArmourSshSignature(blob), good);
  const std::string begin = "-----BEGIN SSH SIGNATURE-----\n";
  const std::string end = "-----END SSH SIGNATURE-----\n";
  const std::string body = good.substr(begin.size(), good.size() - begin.size() - end.size());
  const auto malformed = [](const std::string& text, std::string_view words) {
    ExpectRefused(ParseSshSignature(text), Reason::kMalformed, words);
  };
  EXPECT_TRUE(ParseSshSignature(good.substr(0, good.size() - 1)));
  malformed("", "does not begin with the line");
  malformed(" " + good, "does not begin with the line");
  malformed("\n" + good, "does not begin with the line");
  malformed("-----BEGIN PGP SIGNATURE-----\n" + body + end, "does not begin with the line");
  malformed(begin + body, "does not end with the line");
  malformed(begin + body + "-----END SSH SIGNATURE----", "does not end with the line");
  malformed(begin + end, "does not end with the line");
  malformed(good + "\n", "does not end with the line");
  malformed(good + good, "");
  malformed(begin + "\n" + body + end, "line 2 is empty");
  malformed(begin + "Version: 1\n" + body + end, "");
  malformed(begin + " " + body + end, "");
  malformed(begin + body + "=\n" + end, "");
  std::string crlf;
  for (const char c : good) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  malformed(crlf, "does not begin with the line");
  malformed(begin + std::string(kMaxSshSignatureBytes, 'A') + "\n" + end, "at most 16384");
}

}  // namespace
}  // namespace lethe::trust
