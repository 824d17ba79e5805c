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

struct Hostile {
  const char* what;
  const char* python;  // adds to the tar `t`; `e(name, type, target, size, data)` adds one entry
  ErrorCode code;
  const char* words;
};

constexpr ErrorCode kBad = ErrorCode::kMalformed;

constexpr Hostile kHostile[] = {
    {"newline", "e('usr/a\\nb')", kBad, "'usr/a\\x0ab' is not UTF-8 in one line"},
    {"escape", "e('a\\x1b[2J')", kBad, "is not UTF-8 in one line"},
    {"not UTF-8", "e('a\\udcff')", kBad, "'a\\xff' is not UTF-8"},
    {"long name", "e('a' * 256)", kBad, "has a name longer than 255"},
    {"long path", "e('/'.join(['abc'] * 300))", kBad, "is longer than 1024"},
    {"no folder at all", "e('.')", kBad, "'.' is not a folder"},
    {"absolute", "e('/tmp/lethe-evil')", kBad, "absolute path '/tmp/lethe-evil'"},
    {"climbing", "e('usr/../../x')", kBad, "'usr/../../x' leaves the package"},
    {"hard link outside", "e('a', '1', '../../etc/passwd')", kBad, "the hard link '/a'"},
    {"absolute hard link", "e('a', '1', '/etc/passwd')", kBad, "absolute path '/etc/passwd'"},
    {"hard link to nothing", "e('a', '1', 'etc/passwd')", kBad, "is no earlier file"},
    {"hard link to itself", "e('a', '1', 'a')", kBad, "is no earlier file"},
    {"hard link to a folder", "e('d', '5'); e('a', '1', 'd')", kBad, "is no earlier file"},
    {"character device", "e('a', '3')", kBad, "'/a' is a device, pipe or socket"},
    {"block device", "e('a', '4')", kBad, "'/a' is a device, pipe or socket"},
    {"pipe", "e('a', '6')", kBad, "'/a' is a device, pipe or socket"},
    {"file twice", "e('a'); e('./a')", kBad, "holds '/a' twice"},
    {"file and folder", "e('a'); e('a', '5')", kBad, "holds '/a' twice"},
    {"folder and file", "e('a', '5'); e('a')", kBad, "holds '/a' twice"},
    {"below a file", "e('a'); e('a/b')", kBad, "'/a' is used as a folder and is none"},
    {"below a dangling link", "e('a', '2', '/none'); e('a/b')", kBad, "'/a' is used as a folder"},
    {"below a circle", "e('a', '2', 'a'); e('a/b')", kBad, "'/a' is used as a folder"},
    {"empty link", "e('a', '2', '')", kBad, "symlink 'a' to ''"},
    {"newline in a target", "e('a', '2', 'x\\ny')", kBad, "to 'x\\x0ay'"},
    {"owner of nobody", "e('a', uid=65536)", kBad, "'a' has an owner above 65535"},
    {"owner that wraps to root", "e('a', uid=1 << 32)", kBad, "'a' has an owner above 65535"},
    {"4 GiB file, cut off", "e('big', size=4 << 30)", kBad, "'big' is larger than 1073741824"},
    {"4 GiB of nothing",
     "t.addfile(i('big', pax={'GNU.sparse.major': '1', 'GNU.sparse.minor': '0',"
     "'GNU.sparse.name': 'big', 'GNU.sparse.realsize': str(4 << 30)}, size=512),"
     "io.BytesIO(b'1\\n4294967295\\n1\\n'.ljust(512, b'\\0')))",
     kBad, "'big' is larger than 1073741824"},
};

// What a hostile archive holds that tar(1) would not write.
constexpr const char* kWriteTar = R"py(
import io, sys, tarfile
t = tarfile.open('data.tar', 'w', format=tarfile.PAX_FORMAT if 'pax' in sys.argv[1] else
                 tarfile.GNU_FORMAT, errors='surrogateescape')
def i(name, type='0', target='', size=0, uid=0, mode=0o644, pax=None):
    x = tarfile.TarInfo(name)
    x.type, x.linkname, x.size, x.uid, x.mode = type.encode(), target, size, uid, mode
    x.pax_headers = pax or {}
    return x
def e(name, type='0', target='', size=0, uid=0, mode=0o644):
    t.fileobj.write(i(name, type, target, size, uid, mode).tobuf(tarfile.GNU_FORMAT, 'utf-8',
                                                                 'surrogateescape'))
    t.offset = t.fileobj.tell()
exec(sys.argv[1])
t.close()
)py";

class HostileDebTest : public DebTest {
 protected:
  void SetUp() override { Make(":"); }

  // With this data.tar.
  fs::path MakeData(const std::string& python) {
    const auto made = RunChecked(
        {.argv = {"python3", "-c", kWriteTar, python}, .cwd = (dir_.path() / "w").string()});
    EXPECT_TRUE(made) << made.error().message;
    return Pack(":", "debian-binary control.tar.gz data.tar");
  }

  // Makes the package anew of what `script` left in its parts.
  fs::path Pack(const std::string& script,
                const std::string& members = "debian-binary control.tar.gz data.tar.gz") {
    const auto made =
        RunChecked({.argv = {"sh", "-ec", script + "; rm -f ../t.deb; ar qc ../t.deb " + members},
                    .cwd = (dir_.path() / "w").string()});
    EXPECT_TRUE(made) << made.error().message;
    return dir_.path() / "t.deb";
  }

  void ExpectRefused(const fs::path& deb, ErrorCode code, std::string_view words) {
    const auto contents = Unpack(deb);
    ASSERT_FALSE(contents) << words;
    EXPECT_EQ(contents.error().code, code) << contents.error().message;
    EXPECT_NE(contents.error().message.find(words), std::string::npos) << contents.error().message;
    EXPECT_EQ(contents.error().message.find('\n'), std::string::npos) << contents.error().message;
    EXPECT_LT(contents.error().message.size(), 1000U);
  }
};

TEST_F(HostileDebTest, IsRefusedWithMemberAndEntry) {
  for (const Hostile& hostile : kHostile) {
    SCOPED_TRACE(hostile.what);
    ExpectRefused(MakeData(hostile.python), hostile.code, hostile.words);
  }
  EXPECT_FALSE(fs::exists("/tmp/lethe-evil"));
}

TEST_F(HostileDebTest, OddButCleanEntriesAreHandledExactly) {
  const auto contents = Unpack(MakeData(
      "e('-rf', mode=0o4755); e('a b$(x)'); e('s', '2', '/outside'); e('h', '1', 's');"
      "e('d', '5', mode=0o1777); e('d', '5'); e('up', '2', '../../../d'); e('up/f', mode=0o600)"));
  ASSERT_TRUE(contents) << contents.error().message;
  EXPECT_EQ(contents->entries[0].mode, 04755U);
  EXPECT_EQ(fs::status(root_ / "-rf").permissions(), fs::perms(0755));  // no owners: no set-id
  EXPECT_TRUE(fs::exists(root_ / "a b$(x)"));
  EXPECT_EQ(fs::read_symlink(root_ / "h"), "/outside");  // the link itself, not what it names
  EXPECT_TRUE(fs::exists(root_ / "d/f"));                // ".." of the root is the root
}

TEST_F(HostileDebTest, BombsEndAtNamedLimits) {
  // Five files of just under the limit of one: 4 GiB and a bit, of which nothing is stored.
  ExpectRefused(MakeData("for n in 'abcde': t.addfile(i(n, pax={'GNU.sparse.major': '1',"
                         "'GNU.sparse.minor': '0', 'GNU.sparse.name': n,"
                         "'GNU.sparse.realsize': str(1 << 30)}, size=512),"
                         "io.BytesIO(b'0\\n'.ljust(512, b'\\0')))"),
                kBad, "with 'e' the package unpacks to more than 4294967296 bytes");
  for (const char* compress :
       {"gzip -1 >control.tar.gz", "xz -0 >control.tar.xz", "zstd -q -1 >control.tar.zst"}) {
    const std::string file(
        std::string_view(compress).substr(std::string(compress).find("control")));
    const std::string control =
        "rm -f control.tar*; truncate -s 20M control/postinst; tar -C control -c . | " +
        std::string(compress);
    ExpectRefused(Pack(control, "debian-binary " + file + " data.tar.gz"), kBad,
                  "reading control.tar: larger than");
  }
}

TEST_F(HostileDebTest, MembersAndControlFilesAreOnlyWhatTheyMustBe) {
  const std::string kAll = "debian-binary control.tar.gz data.tar.gz";
  const std::string tar = "tar -C control -czf control.tar.gz .";
  ExpectRefused(Pack(":", kAll + " data.tar.gz"), kBad, "has the member data.tar twice");
  ExpectRefused(Pack("cp control.tar.gz control.tar", kAll + " control.tar"), kBad,
                "has the member control.tar twice");
  ExpectRefused(Pack("ln -s /etc/passwd control/postinst; " + tar), kBad,
                "'./postinst' is no control file");
  ExpectRefused(Pack("rm control/postinst; touch control/list; " + tar), kBad, "'./list' is no");
  ExpectRefused(Pack("rm control/list; touch control/'x;y'; " + tar), kBad, "'./x;y' is no");
  ExpectRefused(Pack("rm control/x*; mkdir control/d; touch control/d/x; " + tar), kBad,
                "'./d/' is no");
}

TEST_F(HostileDebTest, SizesOfMembersAreChecked) {
  const fs::path deb = dir_.path() / "t.deb";
  const std::string bytes = ReadFile(deb).value();
  const size_t data_size = bytes.find("data.tar.gz") + 48;
  for (const std::string size : {"9999999999", "-1        ", "99999999  ", "x         "}) {
    std::string bad = bytes;
    bad.replace(data_size, 10, size);
    ASSERT_TRUE(WriteFileAtomic(deb, bad));
    const auto contents = Unpack(deb);
    ASSERT_FALSE(contents) << size;
    EXPECT_EQ(contents.error().code, kBad);
  }
}

TEST(CheckDebControl, IsOneStanzaOfTheLockedPackage) {
  const std::string good = "Package: t\nVersion: 1\nArchitecture: all\nDescription: x\n y\n .\n";
  EXPECT_TRUE(CheckDebControl(good, "t", "all"));
  EXPECT_EQ(CheckDebControl(good, "u", "all").error().code, ErrorCode::kConflict);
  EXPECT_EQ(CheckDebControl(good, "t", "amd64").error().code, ErrorCode::kConflict);
  EXPECT_EQ(CheckDebControl("Package: ../t\nArchitecture: all\n", "t", "all").error().message,
            "control: is of '../t' for 'all', not of 't' for 'all'");
  for (const std::string bad :
       {"\nPackage: evil\n", "package: t\n", "STATUS: install ok installed\n", "no field\n",
        "-x: y\n", "a b: c\n", "A: b\rc\n"}) {
    const Status status = CheckDebControl(good + bad, "t", "all");
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().code, kBad) << bad;
  }
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
