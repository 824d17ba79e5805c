#include "image/store_set.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "image/set_layout.h"
#include "image/set_tar.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

std::string Name(const std::string& content) { return ObjectName(crypto::Sha256Of(content)); }
std::string Sum(const std::string& content, const std::string& name) {
  return crypto::Sha256Of(content).Hex() + "  " + name + "\n";
}

struct Member {
  std::string name;
  std::string content;
  char type = '0';
};

void FixChecksum(std::string& header) {
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  header.replace(148, 7, text, 7);
}

std::string Tar(const std::vector<Member>& members) {
  std::string out;
  for (const Member& member : members) {
    std::string header = SetTarHeader(member.name, member.content.size());
    header[156] = member.type;
    FixChecksum(header);
    out += header + member.content + std::string(TarPadding(member.content.size()), '\0');
  }
  return out + std::string(2 * kTarBlock, '\0');
}

class StoreSetTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& content : {std::string("one"), std::string(100'000, 'x')}) {
      Add(content);
      recipe::LockedPackage package;
      package.name = "package" + std::to_string(lock_.packages.size());
      package.version = "1";
      package.architecture = "amd64";
      package.archive = "debian";
      package.path = "pool/main/p/" + package.name + ".deb";
      package.source = package.name;
      package.source_version = "1";
      package.size = content.size();
      package.sha256 = crypto::Sha256Of(content);
      package.in = {lock_.packages.empty() ? recipe::PackageSet::kImage
                                           : recipe::PackageSet::kCompilers};
      lock_.packages.push_back(package);
    }
    text_ = recipe::WriteLock(lock_);
  }
  void Add(const std::string& content) {
    const fs::path path = store_.ObjectPath(crypto::Sha256Of(content));
    ASSERT_TRUE(MakeDirectories(path.parent_path()));
    ASSERT_TRUE(WriteFileAtomic(path, content));
  }
  Result<SetTotals> Export(const fs::path& target) {
    return ExportSet(store_, lock_, text_, target, {});
  }
  // Imports these bytes into an empty store, which stays empty but for whole objects.
  Result<SetTotals> Import(const std::string& bytes) {
    const fs::path file = scratch_.path() / "hostile.tar";
    EXPECT_TRUE(WriteFileAtomic(file, bytes));
    const Store empty = Store::Open(scratch_.path() / "hostile").value();
    auto result = ImportSet(empty, file, {});
    for (const auto& entry : fs::recursive_directory_iterator(empty.objects())) {
      if (entry.is_directory()) continue;
      EXPECT_EQ(crypto::Sha256OfFile(entry.path())->Hex(), entry.path().filename().string());
    }
    EXPECT_TRUE(fs::is_empty(empty.tmp()));
    return result;
  }
  void Refuses(const std::string& bytes, ErrorCode code, const std::string& words) {
    const auto result = Import(bytes);
    ASSERT_FALSE(result) << words;
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_NE(result.error().message.find(words), std::string::npos) << result.error().message;
  }

  ScratchDir scratch_ = ScratchDir::Create(testing::TempDir(), "set-").value();
  Store store_ = Store::Open(scratch_.path() / "store").value();
  recipe::Lock lock_;
  std::string text_;
};

TEST_F(StoreSetTest, NeedsToolsAndCompilersToo) {
  lock_.packages.push_back(lock_.packages[0]);  // the same bytes for a second purpose
  const auto needed = ObjectsOf(lock_);
  ASSERT_EQ(needed.size(), 2U);
  EXPECT_LT(needed[0].sha256, needed[1].sha256);
  EXPECT_TRUE(MissingObjects(store_, needed).empty());
  fs::resize_file(store_.ObjectPath(needed[0].sha256), 1);
  fs::remove(store_.ObjectPath(needed[1].sha256));
  EXPECT_EQ(MissingObjects(store_, needed).size(), 2U);
}

TEST_F(StoreSetTest, TravelsAsATarAndAsAFolder) {
  for (const char* name : {"set.tar", "folder"}) {
    const fs::path target = scratch_.path() / name;
    ASSERT_TRUE(Export(target));
    const Store other = Store::Open(scratch_.path() / ("other-" + std::string(name))).value();
    auto totals = ImportSet(other, target, {});
    ASSERT_TRUE(totals) << totals.error().message;
    EXPECT_EQ(totals->objects, 2U);
    EXPECT_EQ(totals->bytes, 100'003U);
    EXPECT_EQ(totals->present, 0U);
    EXPECT_TRUE(MissingObjects(other, ObjectsOf(lock_)).empty());
    totals = ImportSet(other, target, {});  // once more changes nothing
    ASSERT_TRUE(totals);
    EXPECT_EQ(totals->present, 2U);
    // A damaged object of the store is replaced.
    ASSERT_TRUE(WriteFileAtomic(other.ObjectPath(lock_.packages[0].sha256), "onE"));
    totals = ImportSet(other, target, {});
    ASSERT_TRUE(totals);
    EXPECT_EQ(totals->present, 1U);
    EXPECT_EQ(ReadFile(other.ObjectPath(lock_.packages[0].sha256)).value(), "one");
  }
}

TEST_F(StoreSetTest, HasTheSameBytesEachTime) {
  ASSERT_TRUE(Export(scratch_.path() / "a.tar"));
  fs::last_write_time(store_.ObjectPath(lock_.packages[0].sha256), fs::file_time_type{});
  ASSERT_TRUE(Export(scratch_.path() / "b.tar"));
  const std::string bytes = ReadFile(scratch_.path() / "a.tar").value();
  EXPECT_EQ(bytes, ReadFile(scratch_.path() / "b.tar").value());
  std::vector<Member> members = {{"SHA256SUMS", "", '0'}};
  for (const auto& object : ObjectsOf(lock_)) {
    const std::string content = ReadFile(store_.ObjectPath(object.sha256)).value();
    members.push_back({Name(content), content, '0'});
    members[0].content += Sum(content, Name(content));
  }
  members[0].content += Sum(text_, "recipe.lock");
  members.push_back({"recipe.lock", text_, '0'});
  EXPECT_EQ(bytes, Tar(members));
}

TEST_F(StoreSetTest, WritesNothingThatIsNotWhole) {
  const fs::path target = scratch_.path() / "set.tar";
  const fs::path object = store_.ObjectPath(lock_.packages[0].sha256);
  ASSERT_TRUE(WriteFileAtomic(object, "onE"));
  EXPECT_EQ(Export(target).error().code, ErrorCode::kUntrusted);
  fs::remove(object);
  const auto lacking = Export(target);
  EXPECT_EQ(lacking.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(lacking.error().message.find("lacks 1 of 2"), std::string::npos);
  EXPECT_NE(lacking.error().message.find("package0 1"), std::string::npos);
  EXPECT_FALSE(fs::exists(target));
  Add("one");
  const fs::path folder = scratch_.path() / "full";
  ASSERT_TRUE(MakeDirectories(folder / "sub"));
  EXPECT_EQ(Export(folder).error().code, ErrorCode::kConflict);
  size_t entries = 0;  // the store and the folder
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(scratch_.path())) ++entries;
  EXPECT_EQ(entries, 2U);
}

TEST_F(StoreSetTest, RefusesHostileMembersByName) {
  const std::string lock_sum = Sum(text_, "recipe.lock");
  for (const char* name : {"/etc/passwd", "../up", "objects/../../up", "objects/aa/../../../up",
                           "objects/ab/short", "objects/ab/", "recipe.toml", "OBJECTS/x", ""}) {
    Refuses(Tar({{"SHA256SUMS", lock_sum}, {name, "x"}}), ErrorCode::kMalformed,
            "member " + std::string(name) + " is not one of SHA256SUMS");
    Refuses(Tar({{"SHA256SUMS", Sum("x", name) + lock_sum}}), ErrorCode::kMalformed, "SHA256SUMS");
  }
  const std::string upper = "objects/AB/" + std::string(64, 'A');
  Refuses(Tar({{"SHA256SUMS", Sum("x", upper) + lock_sum}}), ErrorCode::kMalformed, "not that of");
  // Right digits in a wrong folder, and another object's name.
  const std::string hex = crypto::Sha256Of("x").Hex();
  Refuses(Tar({{"SHA256SUMS", Sum("x", "objects/00/" + hex) + lock_sum}}), ErrorCode::kMalformed,
          "not that of");
  Refuses(Tar({{"SHA256SUMS", Sum("x", Name("y")) + lock_sum}}), ErrorCode::kMalformed,
          "not that of");
  for (const auto& [type, what] :
       std::vector<std::pair<char, std::string>>{{'1', "a hard link"},
                                                 {'2', "a symbolic link"},
                                                 {'3', "a device"},
                                                 {'4', "a device"},
                                                 {'5', "a folder"},
                                                 {'6', "a pipe"},
                                                 {'x', "no plain file"},
                                                 {'L', "no plain file"}}) {
    Refuses(Tar({{"SHA256SUMS", lock_sum}, {Name("x"), "", type}}), ErrorCode::kMalformed,
            "member " + Name("x") + " is " + what);
  }
}

TEST_F(StoreSetTest, RefusesAnotherLayout) {
  lock_.packages.clear();
  text_ = recipe::WriteLock(lock_);
  const std::string lock_sum = Sum(text_, "recipe.lock");
  const Member lock{"recipe.lock", text_};
  const Member object{Name("x"), "x"};
  const std::string sums = Sum("x", Name("x")) + lock_sum;
  ASSERT_TRUE(Import(Tar({{"SHA256SUMS", sums}, object, lock})));
  Refuses(Tar({object, {"SHA256SUMS", sums}, lock}), ErrorCode::kMalformed, "comes first");
  Refuses(Tar({{"SHA256SUMS", sums}, object, object, lock}), ErrorCode::kMalformed,
          "is there twice");
  Refuses(Tar({{"SHA256SUMS", sums}, lock}), ErrorCode::kMalformed, Name("x") + " is missing");
  Refuses(Tar({{"SHA256SUMS", sums}, object}), ErrorCode::kMalformed, "recipe.lock is missing");
  Refuses(Tar({{"SHA256SUMS", Sum("x", Name("x"))}, object}), ErrorCode::kMalformed,
          "does not name the lock");
  Refuses(Tar({{"SHA256SUMS", Sum("x", Name("x")) + sums}}), ErrorCode::kMalformed, "there twice");
  Refuses(Tar({{"SHA256SUMS", "no sum\n" + lock_sum}}), ErrorCode::kMalformed, "is no sum");
  Refuses(Tar({{"SHA256SUMS", Sum("no lock", "recipe.lock")}, {"recipe.lock", "no lock"}}),
          ErrorCode::kMalformed, "recipe.lock");
  Refuses(Tar({}), ErrorCode::kMalformed, "no SHA256SUMS");
}

TEST_F(StoreSetTest, RefusesASetThatLacksWhatItsLockNeeds) {
  Refuses(Tar({{"SHA256SUMS", Sum("one", Name("one")) + Sum(text_, "recipe.lock")},
               {Name("one"), "one"},
               {"recipe.lock", text_}}),
          ErrorCode::kMalformed, "needs package1 1");
}

TEST_F(StoreSetTest, RefusesOtherBytesAsUntrusted) {
  ASSERT_TRUE(Export(scratch_.path() / "set.tar"));
  const std::string good = ReadFile(scratch_.path() / "set.tar").value();
  std::string bad = good;
  bad[good.find("xxxxx") + 70'000] ^= 1;
  Refuses(bad, ErrorCode::kUntrusted, "member " + Name(std::string(100'000, 'x')));
  bad = good;
  bad[good.find(text_) + 12] ^= 1;
  Refuses(bad, ErrorCode::kUntrusted, "recipe.lock");
}

TEST_F(StoreSetTest, RefusesATruncatedOrDamagedTar) {
  ASSERT_TRUE(Export(scratch_.path() / "set.tar"));
  const std::string good = ReadFile(scratch_.path() / "set.tar").value();
  for (const size_t size : {size_t{0}, size_t{511}, size_t{512}, size_t{700}, size_t{1024},
                            size_t{50'000}, good.size() - 1024, good.size() - 1}) {
    Refuses(good.substr(0, size), ErrorCode::kMalformed, "hostile.tar");
  }
  for (const size_t place : {size_t{0}, size_t{100}, size_t{124}, size_t{257}}) {
    std::string bad = good;
    bad[place] ^= 1;
    Refuses(bad, ErrorCode::kMalformed, "damaged header");
  }
  Refuses(good + "x", ErrorCode::kMalformed, "at its end");
  Refuses(good + good, ErrorCode::kMalformed, "at its end");
  Refuses("not a tar at all" + std::string(2000, 'x'), ErrorCode::kMalformed, "not a tar");
}

TEST_F(StoreSetTest, RefusesLinksInAFolder) {
  const fs::path folder = scratch_.path() / "folder";
  ASSERT_TRUE(Export(folder));
  const fs::path object = folder / Name("one");
  fs::remove(object);
  fs::create_symlink("/etc/passwd", object);
  const Store other = Store::Open(scratch_.path() / "other").value();
  const auto refused = ImportSet(other, folder, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kMalformed);
  EXPECT_NE(refused.error().message.find(Name("one") + " is no plain file"), std::string::npos);
  fs::remove(object);
  ASSERT_EQ(::mkfifo(object.c_str(), 0600), 0);
  EXPECT_EQ(ImportSet(other, folder, {}).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace lethe::image
