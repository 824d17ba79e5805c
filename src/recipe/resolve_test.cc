#include "recipe/resolve.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/strings.h"
#include "recipe/in_release.h"

namespace lethe::recipe {
namespace {

namespace fs = std::filesystem;

const fs::path kArchive = fs::path(LETHE_VECTORS) / "debian-archive";
const fs::path kKeyring = kArchive / "keyring.gpg";
constexpr int64_t kBeforeExpiry = 1763700000;  // 2025-11-21
constexpr int64_t kAfterExpiry = 1763900000;   // 2025-11-23
constexpr const char* kIndex = "dists/trixie/main/binary-amd64/Packages.xz";

std::string Signed(const std::string& name) { return *ReadFile(kArchive / "signed" / name); }

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(VerifyInRelease, ReturnsTheSignedText) {
  const auto verified = VerifyInRelease(Signed("good"), kKeyring, "trixie");
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_TRUE(verified->text.starts_with("Origin: Test\nSuite: stable\nCodename: trixie\n"));
  EXPECT_EQ(verified->text.find("PGP"), std::string::npos);
  EXPECT_EQ(verified->signed_by.size(), 40U);
}

TEST(VerifyInRelease, NamesAllGoodKeys) {
  const auto two =
      VerifyInRelease(*ReadFile(kArchive / "dists/trixie/InRelease"), kKeyring, "trixie");
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(Words(two->signed_by).size(), 2U);
}

TEST(VerifyInRelease, CountsUnknownKeysAsAbsent) {
  const auto one = VerifyInRelease(Signed("good-and-unknown"), kKeyring, "trixie");
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(Words(one->signed_by).size(), 1U);
}

TEST(VerifyInRelease, RejectsWhatDoesNotVerify) {
  const std::string tampered = Replace(Signed("good"), "Codename: trixie", "Codename: forky!");
  const struct {
    std::string text;
    const char* reason;
  } kCases[] = {
      {tampered, " does not fit the text"},
      {Signed("good-and-wrong"), " does not fit the text"},
      {Signed("unknown"), " is not in the keyring"},
      {Signed("revoked"), " is revoked"},
      {Signed("expired-key"), " has expired"},
      {Signed("expired-signature"), "the signature by "},
      {Signed("sha1"), " uses a weak hash"},
      {Replace(Signed("good"), "=", "+"), "the signature of the InRelease file"},
  };
  for (const auto& c : kCases) {
    const auto verified = VerifyInRelease(c.text, kKeyring, "trixie");
    ASSERT_FALSE(verified) << c.reason;
    EXPECT_EQ(verified.error().code, ErrorCode::kUntrusted) << c.reason;
    EXPECT_NE(verified.error().message.find(c.reason), std::string::npos)
        << verified.error().message;
  }
}

TEST(VerifyInRelease, RejectsWhatIsNotOneMessage) {
  const std::string good = Signed("good");
  const std::string bad[] = {
      "",
      "<html>log in</html>\n",
      "Origin: Test\nCodename: trixie\n",
      "Codename: evil\n" + good,
      "\n" + good,
      good + "Codename: evil\n",
      good + good,
      good.substr(0, good.size() / 2),
      Replace(good, "Origin: Test\n", "Origin: Test\n-----BEGIN PGP SIGNED MESSAGE-----\n")};
  for (const std::string& text : bad) {
    const auto verified = VerifyInRelease(text, kKeyring, "trixie");
    ASSERT_FALSE(verified) << text;
    EXPECT_EQ(verified.error().code, ErrorCode::kMalformed) << text;
  }
}

TEST(VerifyInRelease, NamesAKeyringThatDoesNotExist) {
  const auto verified = VerifyInRelease(Signed("good"), "/nonexistent/keyring.gpg", "trixie");
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code, ErrorCode::kNotFound);
}

// A copy of the archive that each test may damage.
class ResolveRecipeTest : public testing::Test {
 protected:
  ResolveRecipeTest() {
    fs::copy(kArchive / "dists", scratch_.path() / "dists", fs::copy_options::recursive);
    recipe_.architecture = "amd64";
    recipe_.suites = {"trixie", "trixie-security"};
    recipe_.components_of_archive = {"main"};
    recipe_.packages = {"vpn"};
    recipe_.tools = {"xorriso"};
    recipe_.compilers = {"g++"};
    recipe_.kernel.package = "linux-image-amd64";
    const std::string base = "file://" + scratch_.path().string();
    options_ = {.mirrors = {{base}, {base}}, .keyring = kKeyring, .now_unix_s = kBeforeExpiry};
  }

  fs::path At(const std::string& path) const { return scratch_.path() / path; }
  void RemoveByHash() { ASSERT_TRUE(RemoveTree(At(kIndex).parent_path() / "by-hash")); }

  void ExpectError(ErrorCode code, const std::string& part) const {
    const auto lock = ResolveRecipe(recipe_, options_);
    ASSERT_FALSE(lock) << part;
    EXPECT_EQ(lock.error().code, code) << lock.error().message;
    EXPECT_NE(lock.error().message.find(part), std::string::npos) << lock.error().message;
  }

  ScratchDir scratch_ = *ScratchDir::Create(testing::TempDir(), "archive-");
  Recipe recipe_;
  LockOptions options_;
};

TEST_F(ResolveRecipeTest, LocksEverySet) {
  const auto lock = ResolveRecipe(recipe_, options_);
  ASSERT_TRUE(lock) << lock.error().message;
  std::string seen;
  for (const LockedPackage& p : lock->packages) {
    seen += p.name + " " + p.version + " " + p.archive;
    for (const PackageSet set : p.in) seen += " " + std::string(ToString(set));
    seen += "\n";
  }
  EXPECT_EQ(seen,
            "base 1.0 debian image tools compilers\n"
            "g++ 4:14 debian compilers\n"
            "libvpn 2.0+deb13u1 debian-security image tools\n"
            "linux-image-6.12.9-amd64 6.12.9-1 debian kernel\n"
            "vpn 2.6-1 debian image\n"
            "xorriso 1.5 debian tools\n");
  EXPECT_EQ(lock->packages[4].source, "openvpn");
  EXPECT_EQ(lock->packages[4].source_version, "2.6");
  EXPECT_EQ(lock->packages[4].sha256, crypto::Sha256Of("vpn 2.6-1"));
  EXPECT_EQ(lock->request, RequestDigest(recipe_));
  ASSERT_EQ(lock->indices.size(), 2U);
  EXPECT_EQ(lock->indices[0].suite, "trixie");
  EXPECT_EQ(lock->indices[0].in_release, *crypto::Sha256OfFile(At("dists/trixie/InRelease")));
  EXPECT_EQ(Words(lock->indices[0].signed_by).size(), 2U);
}

// Only looked into: nothing that they depend on is locked with them.
TEST_F(ResolveRecipeTest, LocksFirmwareAndMicrocodeAlone) {
  recipe_.kernel.firmware = {"needy", "libvpn"};
  recipe_.kernel.microcode = {"base"};
  const auto lock = ResolveRecipe(recipe_, options_);
  ASSERT_TRUE(lock) << lock.error().message;
  std::map<std::string, std::set<PackageSet>> sets;
  for (const LockedPackage& p : lock->packages) sets[p.name] = p.in;
  EXPECT_EQ(sets["needy"], std::set{PackageSet::kFirmware});
  EXPECT_TRUE(sets["libvpn"].contains(PackageSet::kFirmware));
  EXPECT_TRUE(sets["base"].contains(PackageSet::kMicrocode));
  EXPECT_EQ(sets.size(), 7U);
  recipe_.kernel.microcode = {"gone"};
  ExpectError(ErrorCode::kNotFound, "no package 'gone' (key 'microcode' in [kernel]");
  recipe_.kernel.firmware = {"away"};
  ExpectError(ErrorCode::kNotFound, "no package 'away' (key 'firmware' in [kernel]");
}

TEST_F(ResolveRecipeTest, IsTheSameFromACopyWithoutByHash) {
  const auto with = ResolveRecipe(recipe_, options_);
  RemoveByHash();
  const auto without = ResolveRecipe(recipe_, options_);
  ASSERT_TRUE(with && without);
  EXPECT_EQ(*with, *without);
}

TEST_F(ResolveRecipeTest, TriesTheNextMirror) {
  options_.mirrors.debian.insert(options_.mirrors.debian.begin(), "file:///nonexistent");
  const auto lock = ResolveRecipe(recipe_, options_);
  EXPECT_TRUE(lock) << lock.error().message;
}

TEST_F(ResolveRecipeTest, RefusesAnIndexWithOtherBytes) {
  RemoveByHash();
  std::string index = *ReadFile(At(kIndex));
  index[index.size() / 2] ^= 1;
  ASSERT_TRUE(WriteFileAtomic(At(kIndex), index));
  ExpectError(ErrorCode::kUntrusted, "its SHA-256 is");
  ASSERT_TRUE(WriteFileAtomic(At(kIndex), index + "x"));
  ExpectError(ErrorCode::kUntrusted, "larger than the expected");
  // A wrong answer of one mirror says more than a missing file on the next.
  options_.mirrors.debian.push_back("file:///nonexistent");
  ExpectError(ErrorCode::kUntrusted, "larger than the expected");
}

TEST_F(ResolveRecipeTest, RefusesTheIndexOfAnotherSuite) {
  fs::copy_file(At("dists/trixie/InRelease"), At("dists/trixie-security/InRelease"),
                fs::copy_options::overwrite_existing);
  ExpectError(ErrorCode::kUntrusted, "'trixie-security' with the index of 'trixie'");
}

TEST_F(ResolveRecipeTest, RefusesABadSignature) {
  fs::copy_file(kArchive / "signed/revoked", At("dists/trixie/InRelease"),
                fs::copy_options::overwrite_existing);
  ExpectError(ErrorCode::kUntrusted, "InRelease file of 'trixie' does not verify");
}

TEST_F(ResolveRecipeTest, RefusesAnExpiredIndexUnlessTold) {
  options_.now_unix_s = kAfterExpiry;
  ExpectError(ErrorCode::kExpired, "--allow-expired-index");
  options_.allow_expired_index = true;
  EXPECT_TRUE(ResolveRecipe(recipe_, options_));
}

TEST_F(ResolveRecipeTest, TellsWhatIsMissing) {
  recipe_.suites = {"forky"};
  ExpectError(ErrorCode::kUnavailable, "dists/forky/InRelease: not found");
  recipe_.suites = {"trixie"};
  recipe_.components_of_archive = {"contrib"};
  ExpectError(ErrorCode::kNotFound, "no component 'contrib'");
  recipe_.components_of_archive = {"main"};
  recipe_.packages = {"gone"};
  ExpectError(ErrorCode::kNotFound, "no package 'gone'");
  recipe_.packages = {"needy"};
  ExpectError(ErrorCode::kConflict, "resolving the image set: needy: needs 'gone'");
  recipe_.packages = {"vpn"};
  recipe_.kernel.package = "vpn";
  ExpectError(ErrorCode::kConflict, "no");
  recipe_.suites = {"trixie-security"};
  options_.mirrors.security.clear();
  ExpectError(ErrorCode::kUnavailable, "--security-mirror");
}

}  // namespace
}  // namespace lethe::recipe
