#include "image/firmware.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/subprocess.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

Tree Available() {
  Tree tree;
  const std::string folder(kFirmwareFolder);
  for (const char* name : {"tigon/tg3.bin", "tigon/tg3_tso.bin", "tigon/sub/other.bin",
                           "intel/ice/ddp/ice-1.3.pkg", "never/asked.bin"}) {
    EXPECT_TRUE(tree.PutFile(folder + name, name, 0644, "nonfree"));
  }
  for (const auto& [name, target] : {std::pair("intel/ice/ddp/ice.pkg", "ice-1.3.pkg"),
                                     {"short", "intel/ice"},
                                     {"two", "short/ddp/ice.pkg"},
                                     {"out", "../../../etc/passwd"},
                                     {"nowhere", "no"},
                                     {"round", "round"},
                                     {"folder", "tigon"}}) {
    EXPECT_TRUE(tree.PutSymlink(folder + name, target, "links"));
  }
  return tree;
}

std::vector<std::string> Names(const Tree& tree) {
  std::vector<std::string> out;
  for (const auto& [path, node] : tree.nodes()) {
    if (node.type != NodeType::kDirectory) out.push_back(path.substr(kFirmwareFolder.size()));
  }
  return out;
}

using Strings = std::vector<std::string>;

TEST(SelectFirmware, TakesExactlyWhatIsAskedFor) {
  const Tree available = Available();
  const struct {
    const char* name;
    Strings files;
  } kCases[] = {
      {"tigon/tg3.bin", {"tigon/tg3.bin"}},
      {"tigon/*.bin", {"tigon/tg3.bin", "tigon/tg3_tso.bin"}},
      {"intel/ice/ddp/ice.pkg", {"intel/ice/ddp/ice-1.3.pkg", "intel/ice/ddp/ice.pkg"}},
      // Through a link to a folder, and a link to a link.
      {"short/ddp/ice-1.3.pkg", {"intel/ice/ddp/ice-1.3.pkg", "short"}},
      {"two", {"intel/ice/ddp/ice-1.3.pkg", "intel/ice/ddp/ice.pkg", "short", "two"}},
  };
  for (const auto& c : kCases) {
    const auto selected = SelectFirmware({{"m", c.name}}, available, {});
    ASSERT_TRUE(selected) << c.name << ": " << selected.error().message;
    EXPECT_EQ(Names(*selected), c.files) << c.name;
  }
}

TEST(SelectFirmware, NamesEveryModuleWithTheFileThatNoPackageHas) {
  const auto refused = SelectFirmware({{"tg3", "tigon/tg3.bin"},
                                       {"nfp", "netronome/a.nffw"},
                                       {"qed", "qed/*.bin"},
                                       {"rdy", "ok/known.bin"}},
                                      Available(), {"ok/*"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  const std::string& message = refused.error().message;
  EXPECT_NE(message.find("module nfp: netronome/a.nffw"), std::string::npos) << message;
  EXPECT_NE(message.find("module qed: qed/*.bin"), std::string::npos) << message;
  EXPECT_EQ(message.find("tg3"), std::string::npos) << message;
  EXPECT_EQ(message.find("known.bin"), std::string::npos) << message;
  EXPECT_TRUE(SelectFirmware({{"nfp", "netronome/a.nffw"}}, Available(), {"netronome/*"}));
}

TEST(SelectFirmware, RefusesAPatternThatNothingNeeds) {
  const auto refused = SelectFirmware({{"tg3", "tigon/tg3.bin"}}, Available(), {"tigon/tg3.bin"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_NE(refused.error().message.find("'tigon/tg3.bin'"), std::string::npos);
}

TEST(SelectFirmware, RefusesLinksThatLeadToNoFileOfAPackage) {
  for (const char* name : {"out", "nowhere", "round", "folder", "tigon"}) {
    const auto refused = SelectFirmware({{"m", name}}, Available(), {});
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, ErrorCode::kConflict) << name;
    EXPECT_NE(refused.error().message.find(name), std::string::npos) << refused.error().message;
  }
}

TEST(FirmwareRequests, SurviveTheirFile) {
  const std::vector<FirmwareRequest> requests = {{"tg3", "tigon/tg3.bin"}, {"x", "a b/*"}};
  EXPECT_EQ(ParseFirmwareRequests(WriteFirmwareRequests(requests)).value(), requests);
  for (const char* bad : {"tg3\n", "tg3 \n", "tg3 /etc/x\n", "tg3 ../x\n", "tg3 a/../b\n", "\n"}) {
    const auto refused = ParseFirmwareRequests(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::kMalformed);
    EXPECT_NE(refused.error().message.find("line 1"), std::string::npos);
  }
}

class CollectFirmwareTest : public ::testing::Test {
 protected:
  // A package with what `script` makes in its folder.
  PackageFile Make(const std::string& name, const std::string& script) {
    const fs::path deb = dir_.path() / (name + ".deb");
    const auto made = RunChecked(
        {.argv = {"sh", "-ec",
                  "rm -rf w; mkdir -p w/data/usr/lib/firmware w/data/usr/share/doc/" + name +
                      "; cd w/data/usr/lib/firmware; DOC=../../share/doc/" + name + "; " + script +
                      "; cd ../../../..; echo 2.0 >debian-binary; : >control; "
                      "tar -czf control.tar.gz control; tar -C data -czf data.tar.gz .; "
                      "ar rc ../" +
                      name + ".deb debian-binary control.tar.gz data.tar.gz"},
         .cwd = dir_.path().string()});
    EXPECT_TRUE(made) << made.error().message;
    return {name, "all", deb};
  }

  Status Collect(const std::vector<PackageFile>& packages, const Strings& names) {
    std::vector<FirmwareRequest> requests;
    for (const auto& name : names) requests.push_back({"m", name});
    fs::remove_all(out_);
    fs::create_directories(out_);
    return CollectFirmware(packages, requests, {}, out_);
  }

  ScratchDir dir_ = ScratchDir::Create(fs::temp_directory_path(), "lethe-firmware-").value();
  fs::path out_ = dir_.path() / "out";
};

TEST_F(CollectFirmwareTest, WritesFilesLinksAndTermsByPackage) {
  const PackageFile a = Make("aa", "echo terms >$DOC/copyright; echo 1 >one; ln -s one link");
  const PackageFile b = Make("bb", "echo terms >$DOC/copyright; echo 2 >two");
  const PackageFile c = Make("cc", "echo others >$DOC/copyright; echo 3 >three");
  const auto done = Collect({a, b, c}, {"link", "two"});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(ReadFile(out_ / "aa/usr/lib/firmware/one").value(), "1\n");
  EXPECT_EQ(fs::read_symlink(out_ / "aa/usr/lib/firmware/link"), "one");
  EXPECT_EQ(ReadFile(out_ / "bb/usr/lib/firmware/two").value(), "2\n");
  EXPECT_EQ(ReadFile(out_ / "aa/usr/share/doc/aa/copyright").value(), "terms\n");
  // The same text twice is one file in the image.
  EXPECT_EQ(fs::read_symlink(out_ / "bb/usr/share/doc/bb/copyright"), "../aa/copyright");
  // A package that gives nothing leaves nothing.
  EXPECT_FALSE(fs::exists(out_ / "cc"));
}

TEST_F(CollectFirmwareTest, RefusesPackagesThatDisagreeOrSayNothingAboutTheirLicence) {
  const PackageFile a = Make("aa", "echo terms >$DOC/copyright; echo 1 >one");
  const PackageFile b = Make("bb", "echo terms >$DOC/copyright; echo 2 >one");
  const auto differ = Collect({a, b}, {"one"});
  ASSERT_FALSE(differ);
  EXPECT_EQ(differ.error().code, ErrorCode::kConflict);
  EXPECT_NE(differ.error().message.find("'aa' and 'bb'"), std::string::npos);
  const PackageFile c = Make("cc", "echo 1 >one");
  const auto silent = Collect({c}, {"one"});
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::kMalformed);
  EXPECT_NE(silent.error().message.find("cc"), std::string::npos);
}

}  // namespace
}  // namespace lethe::image
