// What strangers leave in folders that this program then reads and writes: symlinks out of them.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/subprocess.h"
#include "image/capture.h"
#include "image/component.h"
#include "image/unpack.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

#ifdef __SANITIZE_THREAD__
constexpr bool kSandboxRuns = false;  // its own thread keeps a process in its user namespace
#else
constexpr bool kSandboxRuns = true;
#endif

class HostileRootTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirectories(root_));
    ASSERT_TRUE(MakeDirectories(outside_ / "sub"));
    ASSERT_TRUE(WriteFileAtomic(outside_ / "secret", "of the host"));
    fs::permissions(outside_ / "sub", fs::perms(0700));
  }

  // A package `name` of what `script` makes.
  PackageFile Make(const std::string& name, const std::string& script,
                   const std::string& control_name = "") {
    const std::string control =
        "Package: " + (control_name.empty() ? name : control_name) + "\nArchitecture: all\n";
    const auto made = RunChecked(
        {.argv = {"sh", "-ec",
                  "rm -rf w; mkdir -p w/data w/control; cd w/data; " + script +
                      "; cd ..; cat >control/control; echo 2.0 >debian-binary;"
                      "tar -C control -czf control.tar.gz .; tar -C data -czf data.tar.gz .;"
                      "ar rc ../" +
                      name + ".deb debian-binary control.tar.gz data.tar.gz"},
         .cwd = dir_.path().string(),
         .input = control});
    EXPECT_TRUE(made) << made.error().message;
    return {name, "all", dir_.path() / (name + ".deb")};
  }

  ScratchDir dir_ = ScratchDir::Create(fs::temp_directory_path(), "lethe-hostile-").value();
  fs::path root_ = dir_.path() / "root";
  fs::path outside_ = dir_.path() / "outside";
};

TEST_F(HostileRootTest, ModesOfFoldersStayInsideTheRoot) {
  const PackageFile link = Make("aa", "ln -s " + outside_.string() + " evil");
  const PackageFile folder = Make("bb", "mkdir -p evil/sub; chmod 777 evil/sub");
  // The root has no folder of that name, so the packages do not fit; the host's stays as it is.
  const Status status = UnpackBuildRoot({link, folder}, root_, {.jobs = 1, .progress = {}});
  ASSERT_FALSE(status);
  EXPECT_EQ(fs::status(outside_ / "sub").permissions(), fs::perms(0700));
  // With that folder inside of the root, it is the one that changes.
  fs::remove_all(root_);
  ASSERT_TRUE(MakeDirectories(root_ / outside_.relative_path()));
  const Status inside = UnpackBuildRoot({link, folder}, root_, {.jobs = 1, .progress = {}});
  ASSERT_TRUE(inside) << inside.error().message;
  EXPECT_EQ(fs::status(outside_ / "sub").permissions(), fs::perms(0700));
  EXPECT_EQ(fs::status(root_ / outside_.relative_path() / "sub").permissions(), fs::perms(0777));
}

TEST_F(HostileRootTest, NamesThePackageThatIsNotTheLocked) {
  const Status status =
      UnpackBuildRoot({Make("aa", ":", "bb")}, root_, {.jobs = 1, .progress = {}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kConflict);
  EXPECT_EQ(status.error().message,
            "package aa: control: is of 'bb' for 'all', not of 'aa' for 'all'");
}

TEST_F(HostileRootTest, DatabaseOfDpkgIsNotWrittenThroughASymlink) {
  if (!kSandboxRuns) GTEST_SKIP() << "no sandbox under the thread sanitizer";
  const PackageFile package = Make("aa", "ln -s " + outside_.string() + " var");
  const Status status = InstallPackages({package}, root_, 0, {.jobs = 1, .progress = {}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kMalformed) << status.error().message;
  EXPECT_FALSE(fs::exists(outside_ / "lib"));
  EXPECT_FALSE(fs::exists(root_));
}

TEST_F(HostileRootTest, MountPointsOfABuildRootAreFolders) {
  const Status status = UnpackBuildRoot({Make("aa", "ln -s " + outside_.string() + " work")}, root_,
                                        {.jobs = 1, .progress = {}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kMalformed);
}

TEST_F(HostileRootTest, CaptureReadsNoListBehindASymlink) {
  const fs::path info = root_ / "var/lib/dpkg/info";
  ASSERT_TRUE(MakeDirectories(info));
  ASSERT_TRUE(MakeDirectories(dir_.path() / "out"));
  ASSERT_TRUE(WriteCapture(root_, dir_.path() / "out"));
  fs::create_symlink(outside_ / "secret", info / "x.list");
  const Status linked = WriteCapture(root_, dir_.path() / "out");
  ASSERT_FALSE(linked);
  EXPECT_EQ(linked.error().code, ErrorCode::kMalformed);
  fs::remove_all(root_ / "var");
  fs::create_symlink(outside_, root_ / "var");
  const Status moved = WriteCapture(root_, dir_.path() / "out");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kMalformed);
}

TEST_F(HostileRootTest, CaptureEndsAtAHugeFile) {
  ASSERT_TRUE(MakeDirectories(root_ / "var/lib/dpkg/info"));
  ASSERT_TRUE(MakeDirectories(dir_.path() / "out"));
  ASSERT_TRUE(WriteFileAtomic(root_ / "huge", ""));
  fs::resize_file(root_ / "huge", 4ULL << 30);
  const Status status = WriteCapture(root_, dir_.path() / "out");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(status.error().message, "/huge makes the root larger than an image may be");
}

// What a component's command leaves in place of its output is not followed on the host.
TEST_F(HostileRootTest, ComponentInstallsNoSymlink) {
  if (!kSandboxRuns) GTEST_SKIP() << "no sandbox under the thread sanitizer";
  const auto made = RunChecked(
      {.argv = {"sh", "-ec",
                "mkdir -p bin dev proc sys tmp src build; for f in $(command -v ln) $(ldd "
                "$(command -v ln) | grep -o '/[^ ]*'); do cp --parents -L $f .; done"},
       .cwd = root_.string()});
  ASSERT_TRUE(made) << made.error().message;
  recipe::Component component{.name = "evil"};
  component.install.push_back({.from = "x", .to = "/usr/bin/x", .mode = 0755});
  const fs::path secret = outside_ / "secret";
  component.commands = {{"ln", "-s", secret.string(), "x"}};
  const fs::path output = dir_.path() / "output";
  ASSERT_TRUE(MakeDirectories(output));
  const Status status = BuildComponent({component, root_, dir_.path(), {}}, output);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(status.error().message, "installing /usr/bin/x: x is not a regular file");
  EXPECT_FALSE(fs::exists(output / "root/usr/bin/x"));
}

}  // namespace
}  // namespace lethe::image
