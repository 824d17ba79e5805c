#include "recipe/lock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/file.h"

namespace lethe::recipe {
namespace {

// Line 11 is the first package, line 12 the second; the tables below count on it.
constexpr const char* kGood =
    R"(format = 1
request = "1111111111111111111111111111111111111111111111111111111111111111"

# A comment.
index = [
  { suite = "trixie", date = "Sat, 15 Nov 2025 09:00:00 UTC", in_release = ")"
    R"(2222222222222222222222222222222222222222222222222222222222222222", signed_by = )"
    R"("0123456789ABCDEF0123456789ABCDEF01234567" },
]


package = [
  { name = "libvpn2", version = "1:2.0~rc1-3+b1", arch = "amd64", )"
    R"(in = ["image", "tools"], source = "vpn", source_version = "2.0~rc1-3", size = 42, )"
    R"(sha256 = "3333333333333333333333333333333333333333333333333333333333333333", )"
    R"(archive = "debian", path = "pool/main/v/vpn/libvpn2_2.0~rc1-3+b1_amd64.deb" },
  { name = "vpn-data", version = "3", arch = "all", )"
    R"(in = ["kernel"], source = "vpn", source_version = "3", size = 1, sha256 = ")"
    R"(4444444444444444444444444444444444444444444444444444444444444444", )"
    R"(archive = "debian-security", path = "pool/main/v/vpn/vpn-data_3_all.deb" },
]
)";

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

Recipe MakeRecipe() {
  Recipe recipe;
  recipe.architecture = "amd64";
  recipe.suites = {"trixie"};
  recipe.components_of_archive = {"main"};
  recipe.packages = {"systemd", "udev"};
  recipe.tools = {"xorriso"};
  recipe.compilers = {"g++"};
  recipe.kernel.package = "linux-image-amd64";
  return recipe;
}

LockedPackage Package(const std::string& name, const std::string& version, char digest) {
  LockedPackage p;
  p.name = name;
  p.version = version;
  p.architecture = "all";
  p.archive = "debian";
  p.path = "pool/" + name + ".deb";
  p.size = 10;
  p.sha256 = *crypto::Sha256Digest::FromHex(std::string(64, digest));
  p.source = name;
  p.source_version = version;
  p.in = {PackageSet::kImage};
  return p;
}

TEST(ParseLock, ReadsAllFields) {
  const auto lock = ParseLock(kGood, "recipe.lock");
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_EQ(lock->request.Hex(), std::string(64, '1'));
  ASSERT_EQ(lock->indices.size(), 1U);
  EXPECT_EQ(lock->indices[0].suite, "trixie");
  EXPECT_EQ(lock->indices[0].date, "Sat, 15 Nov 2025 09:00:00 UTC");
  EXPECT_EQ(lock->indices[0].in_release.Hex(), std::string(64, '2'));
  EXPECT_EQ(lock->indices[0].signed_by, "0123456789ABCDEF0123456789ABCDEF01234567");
  ASSERT_EQ(lock->packages.size(), 2U);
  const LockedPackage& p = lock->packages[0];
  EXPECT_EQ(p.name, "libvpn2");
  EXPECT_EQ(p.version, "1:2.0~rc1-3+b1");
  EXPECT_EQ(p.architecture, "amd64");
  EXPECT_EQ(p.archive, "debian");
  EXPECT_EQ(p.path, "pool/main/v/vpn/libvpn2_2.0~rc1-3+b1_amd64.deb");
  EXPECT_EQ(p.size, 42U);
  EXPECT_EQ(p.sha256.Hex(), std::string(64, '3'));
  EXPECT_EQ(p.source, "vpn");
  EXPECT_EQ(p.source_version, "2.0~rc1-3");
  EXPECT_EQ(p.in, (std::set{PackageSet::kImage, PackageSet::kTools}));
}

TEST(ParseLock, RejectsWithLine) {
  const struct {
    const char* from;
    const char* to;
    int line;  // 0: any
  } kCases[] = {
      {"format = 1", "format = 2", 1},
      {"format = 1", "", 0},
      {"format = 1", "format = 1\nextra = 1", 2},
      {"request = \"1", "request = \"g", 2},
      {"request = \"1", "request = \"", 2},
      {"request = ", "requested = ", 0},
      {"index = [", "index = 3 #", 0},
      {"suite = \"trixie\"", "suite = \"\"", 6},
      {"suite = \"trixie\"", "suite = \"../trixie\"", 6},
      {"suite = \"trixie\"", "suite = \"Trixie\"", 6},
      {"date = \"Sat, ", "date = \"on ", 6},
      {"in_release = \"2", "in_release = \"A", 6},
      {"signed_by = \"0", "signed_by = \"", 6},
      {"signed_by = \"0123456789A", "signed_by = \"0123456789a", 6},
      {"signed_by = ", "extra = 1, signed_by = ", 6},
      {"name = \"libvpn2\"", "name = \"Lib\"", 11},
      {"name = \"libvpn2\"", "name = \"-x\"", 11},
      {"name = \"libvpn2\"", "name = 7", 11},
      {"name = \"libvpn2\", ", "", 11},
      {"version = \"1:", "version = \"1 ", 11},
      {"version = \"1:2.0~rc1-3+b1\"", "version = \"\"", 11},
      {"arch = \"amd64\"", "arch = \"i386\"", 11},
      {"in = [\"image\", \"tools\"]", "in = []", 11},
      {"in = [\"image\", \"tools\"]", "in = [\"image\", \"tool\"]", 11},
      {"in = [\"image\", \"tools\"]", "in = [\"image\", \"image\"]", 11},
      {"in = [\"image\", \"tools\"]", "in = [\"tools\", \"image\"]", 11},
      {"in = [\"image\", \"tools\"]", "in = \"image\"", 11},
      {"source = \"vpn\"", "source = \"a/b\"", 11},
      {"source_version = \"2", "source_version = \"/", 11},
      {"size = 42", "size = 0", 11},
      {"size = 42", "size = -1", 11},
      {"size = 42", "size = 99999999999999", 11},
      {"size = 42", "size = \"42\"", 11},
      {"sha256 = \"3", "sha256 = \"", 11},
      {"sha256 = \"3", "sha256 = \"33", 11},
      {"sha256 = \"3", "sha256 = \"F", 11},
      {"archive = \"debian\"", "archive = \"ubuntu\"", 11},
      {"path = \"pool/", "path = \"/pool/", 11},
      {"path = \"pool/", "path = \"dists/", 11},
      {"path = \"pool/main", "path = \"pool/..", 11},
      {"path = \"pool/main", "path = \"pool//main", 11},
      {"path = \"pool/main", "path = \"http://h/pool", 11},
      {"_amd64.deb\"", "_amd64.tar\"", 11},
      {"archive = \"debian\", ", "archive = \"debian\", url = \"x\", ", 11},
      {"name = \"libvpn2\"", "name = \"zzz\"", 12},
      {"name = \"vpn-data\"", "name = \"aaa\"", 12},
      {"package = [", "package = [ 3,", 0},
  };
  for (const auto& c : kCases) {
    const auto lock = ParseLock(Replace(kGood, c.from, c.to), "recipe.lock");
    ASSERT_FALSE(lock) << c.to;
    EXPECT_EQ(lock.error().code, ErrorCode::kMalformed) << c.to;
    const std::string place =
        c.line == 0 ? "recipe.lock:" : "recipe.lock:" + std::to_string(c.line) + ":";
    EXPECT_TRUE(lock.error().message.starts_with(place)) << c.to << ": " << lock.error().message;
  }
}

constexpr const char* kSource =
    R"(
[[source]]
name = "vpn"
version = "2.0~rc1-3"
archive = "debian"
files = [
  { path = "pool/main/v/vpn/vpn_2.0.dsc", size = 3, sha256 = ")"
    R"(5555555555555555555555555555555555555555555555555555555555555555" },
]
build_depends = ["debhelper", "make"]
)";

TEST(ParseLock, ReadsSources) {
  const auto lock = ParseLock(std::string(kGood) + kSource, "recipe.lock");
  ASSERT_TRUE(lock) << lock.error().message;
  ASSERT_EQ(lock->sources.size(), 1U);
  EXPECT_EQ(lock->sources[0].version, "2.0~rc1-3");
  EXPECT_EQ(lock->sources[0].build_depends, (std::vector<std::string>{"debhelper", "make"}));
  const auto files = FilesOf(*lock);
  ASSERT_EQ(files.size(), 3U);
  EXPECT_EQ(files[2].name, "vpn_2.0.dsc");
  EXPECT_EQ(files[2].file.sha256.Hex(), std::string(64, '5'));
  EXPECT_EQ(ParseLock(WriteLock(*lock), "again").value(), *lock);
}

TEST(ParseLock, RejectsBadSources) {
  const std::pair<const char*, const char*> kCases[] = {
      {"vpn_2.0.dsc", "vpn_2.0.tar"},
      {"pool/main/v/vpn/vpn_2.0.dsc", "../vpn_2.0.dsc"},
      {R"("debhelper", "make")", R"("make", "debhelper")"},
      {R"("debhelper", "make")", R"("make", "make")"},
      {R"(name = "vpn")", R"(name = "-rf")"},
      {"size = 3", "size = 0"},
      {"archive = \"debian\"", "archive = \"elsewhere\""},
  };
  for (const auto& [from, to] : kCases) {
    const auto lock = ParseLock(kGood + Replace(kSource, from, to), "recipe.lock");
    ASSERT_FALSE(lock) << to;
    EXPECT_EQ(lock.error().code, ErrorCode::kMalformed);
    EXPECT_TRUE(lock.error().message.starts_with("recipe.lock:")) << lock.error().message;
  }
  EXPECT_FALSE(ParseLock(std::string(kGood) + kSource + kSource, "recipe.lock"));
}

TEST(ParseLock, RejectsTheSamePackageTwice) {
  std::string twice = Replace(kGood, "name = \"vpn-data\"", "name = \"libvpn2\"");
  EXPECT_TRUE(ParseLock(Replace(kGood, "name = \"libvpn2\"", "name = \"aa\""), "f"));
  twice = Replace(twice, "arch = \"all\"", "arch = \"amd64\"");
  const auto lock = ParseLock(twice, "f");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().message, "f:12: package 'libvpn2': not in order, or there twice");
}

// Random valid locks, a fixed seed: a failure names its round.
TEST(WriteLock, IsReadBackAsItWas) {
  std::mt19937 random(20251124);
  const auto pick = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  const auto text = [&](std::string_view alphabet, size_t least) {
    std::string out;
    for (size_t n = least + pick(12); n > 0; --n) out += alphabet[pick(alphabet.size())];
    return out;
  };
  const auto digest = [&] { return crypto::Sha256Of(text("abc", 9)); };
  constexpr std::string_view kName = "abcxyz019+-.";
  constexpr std::string_view kVersion = "019abzAZ.+~:-";
  for (int round = 0; round < 300; ++round) {
    Lock lock{.request = digest()};
    for (size_t n = pick(3); n > 0; --n) {
      lock.indices.push_back({"a" + text("abc-", 0), "Sat, 15 Nov 2025 09:00:00 UTC", digest(),
                              std::string(40, 'A') + " " + std::string(40, '7')});
    }
    std::set<std::pair<std::string, std::string>> keys;
    for (size_t n = pick(20); n > 0; --n)
      keys.emplace("a" + text(kName, 1), pick(2) == 0 ? "all" : "amd64");
    for (const auto& [name, architecture] : keys) {
      LockedPackage p = Package(name, "0" + text(kVersion, 0), '0');
      p.architecture = architecture;
      p.archive = pick(2) == 0 ? "debian" : "debian-security";
      p.path = "pool/m/" + text(kName, 3) + "x_1.deb";
      p.size = 1 + pick(1000000);
      p.sha256 = digest();
      p.source = "b" + text(kName, 1);
      p.in.clear();
      for (size_t m = 1 + pick(4); m > 0; --m) p.in.insert(static_cast<PackageSet>(pick(4)));
      lock.packages.push_back(std::move(p));
    }
    const std::string written = WriteLock(lock);
    const auto read = ParseLock(written, "f");
    ASSERT_TRUE(read) << "round " << round << ": " << read.error().message;
    ASSERT_EQ(*read, lock) << "round " << round;
    ASSERT_EQ(WriteLock(*read), written) << "round " << round;
    const auto lines = std::count(written.begin(), written.end(), '\n');
    ASSERT_EQ(lines, 9 + static_cast<long>(lock.indices.size() + lock.packages.size()));
  }
}

TEST(RequestDigest, ChangesWithEverythingThatIsAsked) {
  const Recipe base = MakeRecipe();
  std::set<crypto::Sha256Digest> digests = {RequestDigest(base)};
  const std::vector<std::function<void(Recipe&)>> changes = {
      [](Recipe& r) { r.architecture = "arm64"; },
      [](Recipe& r) { r.suites.push_back("trixie-updates"); },
      [](Recipe& r) { r.components_of_archive.push_back("contrib"); },
      [](Recipe& r) { r.packages.pop_back(); },
      [](Recipe& r) { r.packages = {"systemd udev"}; },
      [](Recipe& r) {
        r.tools = {"udev", "xorriso"};
      },
      [](Recipe& r) { r.compilers.clear(); },
      [](Recipe& r) {
        r.packages = {"systemd"}, r.tools = {"udev", "xorriso"};
      },
      [](Recipe& r) { r.kernel.package = "linux-image-cloud-amd64"; },
      [](Recipe& r) { r.kernel.firmware = {"x"}; },
      [](Recipe& r) { r.kernel.microcode = {"x"}; },
  };
  for (const auto& change : changes) {
    Recipe recipe = base;
    change(recipe);
    digests.insert(RequestDigest(recipe));
  }
  EXPECT_EQ(digests.size(), changes.size() + 1);
  Recipe unrelated = base;
  unrelated.name = "another name";
  unrelated.kernel.modules = {"tun"};
  unrelated.kernel.firmware_missing_ok = {"x/*"};
  EXPECT_EQ(RequestDigest(unrelated), RequestDigest(base));
}

TEST(LoadLock, HoldsTheLockAgainstTheRecipe) {
  const ScratchDir scratch = *ScratchDir::Create(testing::TempDir(), "lock-");
  const auto file = scratch.path() / "recipe.lock";
  const Recipe recipe = MakeRecipe();
  auto loaded = LoadLock(file, recipe);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kNotFound);
  EXPECT_NE(loaded.error().message.find("lethe recipe lock"), std::string::npos);

  ASSERT_TRUE(WriteFileAtomic(file, WriteLock({.request = RequestDigest(recipe)})));
  EXPECT_TRUE(LoadLock(file, recipe));

  Recipe changed = recipe;
  changed.packages.push_back("openvpn");
  loaded = LoadLock(file, changed);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kConflict);
  EXPECT_NE(loaded.error().message.find("lethe recipe lock"), std::string::npos);

  ASSERT_TRUE(WriteFileAtomic(file, "nonsense"));
  loaded = LoadLock(file, recipe);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kMalformed);
}

TEST(DiffLocks, TellsEveryKindOfChange) {
  Lock from;
  from.packages = {Package("aa", "1", '1'), Package("bb", "1", '1'), Package("cc", "1", '1'),
                   Package("dd", "1", '1'), Package("ee", "1", '1')};
  Lock to;
  to.packages = {Package("bb", "2", '2'), Package("cc", "1", '1'), Package("dd", "1", '9'),
                 Package("ee", "1", '1'), Package("ff", "3", '1')};
  to.packages[0].size = 7;
  to.packages[3].in = {PackageSet::kTools};
  const auto changes = DiffLocks(from, to);
  ASSERT_EQ(changes.size(), 5U);
  EXPECT_EQ(changes[0].name, "aa");
  EXPECT_EQ(changes[0].new_version, "");
  EXPECT_TRUE(changes[0].new_in.empty());
  EXPECT_EQ(changes[1].name, "bb");
  EXPECT_EQ(changes[1].old_version, "1");
  EXPECT_EQ(changes[1].new_version, "2");
  EXPECT_EQ(changes[1].old_size, 10);
  EXPECT_EQ(changes[1].new_size, 7);
  EXPECT_FALSE(changes[1].other_bytes);
  EXPECT_EQ(changes[2].name, "dd");
  EXPECT_TRUE(changes[2].other_bytes);
  EXPECT_EQ(changes[3].name, "ee");
  EXPECT_EQ(changes[3].old_in, std::set{PackageSet::kImage});
  EXPECT_EQ(changes[3].new_in, std::set{PackageSet::kTools});
  EXPECT_EQ(changes[4].name, "ff");
  EXPECT_EQ(changes[4].old_version, "");
  EXPECT_TRUE(DiffLocks(from, from).empty());
}

}  // namespace
}  // namespace lethe::recipe
