#include "image/deb.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/subprocess.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

class DebTest : public ::testing::Test {
 protected:
  // Packs what `script` makes in its folder; `tar_options` may rename entries to hostile ones.
  fs::path Make(const std::string& script, const std::string& tar_options = "") {
    const fs::path deb = dir_.path() / "t.deb";
    const auto made =
        RunChecked({.argv = {"sh", "-ec",
                             "rm -rf w t.deb; mkdir -p w/data w/control; cd w/data; " + script +
                                 "; cd ..; printf 'Package: t\\nVersion: 1\\nArchitecture: all\\n' "
                                 ">control/control;"
                                 "echo 2.0 >debian-binary; tar -C control -czf control.tar.gz .;"
                                 "tar -P -C data -czf data.tar.gz " +
                                 tar_options +
                                 " .;"
                                 "ar rc ../t.deb debian-binary control.tar.gz data.tar.gz"},
                    .cwd = dir_.path().string()});
    EXPECT_TRUE(made) << made.error().message;
    return deb;
  }

  Result<DebContents> Unpack(const fs::path& deb) {
    fs::remove_all(root_);
    fs::create_directories(root_);
    const Fd fd = OpenFile(root_, O_PATH | O_DIRECTORY).value();
    return UnpackDeb(deb, fd.get(), {});
  }

  ScratchDir dir_ = ScratchDir::Create(fs::temp_directory_path(), "lethe-deb-").value();
  fs::path root_ = dir_.path() / "root";
};

TEST_F(DebTest, UnpacksFilesLinksAndControl) {
  const auto contents =
      Unpack(Make("mkdir -p usr/bin; echo hi >usr/bin/x; chmod 755 usr/bin/x;"
                  "ln -s x usr/bin/l; ln usr/bin/x usr/bin/h"));
  ASSERT_TRUE(contents) << contents.error().message;
  EXPECT_EQ(*ReadFile(root_ / "usr/bin/x"), "hi\n");
  EXPECT_EQ(fs::read_symlink(root_ / "usr/bin/l"), "x");
  EXPECT_TRUE(fs::equivalent(root_ / "usr/bin/h", root_ / "usr/bin/x"));
  EXPECT_TRUE(contents->control.contains("control"));
}

TEST_F(DebTest, NeverWritesOutsideOfItsRoot) {
  const fs::path outside = dir_.path() / "outside";
  // A link that points out of the root stays inside: it is resolved against the root.
  ASSERT_TRUE(Unpack(Make("mkdir a; echo x >a/f; ln -s " + outside.string() +
                              " evil; mkdir sub;"
                              "echo x >sub/f",
                          "--transform 's,^./sub,./evil/sub,'")) ||
              true);
  EXPECT_FALSE(fs::exists(outside));
  // Entries that climb, absolute ones, devices.
  const auto climbing = Unpack(Make("echo x >f", "--transform 's,^./f,../../f,'"));
  ASSERT_FALSE(climbing);
  EXPECT_EQ(climbing.error().code, ErrorCode::kMalformed);
  const auto absolute = Unpack(Make("echo x >f", "--transform 's,^./f,/tmp/lethe-evil-f,'"));
  ASSERT_FALSE(absolute);
  EXPECT_EQ(absolute.error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(fs::exists("/tmp/lethe-evil-f"));
  const auto pipe = Unpack(Make("mkfifo p"));
  ASSERT_FALSE(pipe);
  EXPECT_EQ(pipe.error().code, ErrorCode::kMalformed);
}

// Flipped bits inside of compressed data are the store's to find: it checks the SHA-256 of the
// package before anything is unpacked.
TEST_F(DebTest, RefusesBrokenStructure) {
  const fs::path deb = Make("head -c 100000 /dev/urandom >f");
  const std::string bytes = ReadFile(deb).value();
  std::string no_archive = bytes;
  no_archive[0] = 'x';
  std::string no_version = bytes;
  no_version.replace(no_version.find("debian-binary"), 13, "nothing-at-al");
  for (const std::string& bad : {std::string(), no_archive, no_version,
                                 bytes.substr(0, bytes.size() / 2), bytes.substr(0, 100)}) {
    ASSERT_TRUE(WriteFileAtomic(deb, bad));
    const auto contents = Unpack(deb);
    ASSERT_FALSE(contents) << bad.size();
    EXPECT_EQ(contents.error().code, ErrorCode::kMalformed);
  }
}

}  // namespace
}  // namespace lethe::image
