// One planted difference per cause: what must not differ between two builds, item by item.
#include "image/diff_cause.h"

#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "base/subprocess.h"
#include "image/diff_bytes.h"
#include "image/diff_fixture.h"

namespace lethe::image {
namespace {

struct Planted {
  const char* cause;
  Evidence evidence;
  PairFacts facts = {};
};

Evidence File(std::string_view path, std::string_view a, std::string_view b) {
  return {.where = path, .a = a, .b = b, .at = FirstDifference(a, b)};
}

Evidence Meta(Aspect aspect, std::string_view a, std::string_view b, std::string_view path = "/x") {
  return {.where = path, .aspect = aspect, .a = a, .b = b};
}

Evidence Piece(Layer layer, std::string_view name, std::string_view a = "1234",
               std::string_view b = "5678") {
  return {.layer = layer, .where = name, .a = a, .b = b, .at = FirstDifference(a, b)};
}

Evidence Only(std::string_view path) {
  return {.where = path, .aspect = Aspect::kPresence, .in_b = false};
}

Evidence Order(Layer layer, std::string_view name) {
  return {.layer = layer, .where = name, .aspect = Aspect::kOrder};
}

// A 64-bit ELF file of one section with that name, whose bytes are `content`.
std::string Elf(const std::string& section, const std::string& content) {
  const std::string names = std::string(1, '\0') + section + std::string(1, '\0') + "names";
  std::string out(64, '\0');
  PutText(out, 0,
          "\x7f"
          "ELF\x02\x01\x01");
  out += content;
  const uint64_t names_at = out.size();
  out += names + std::string(1, '\0');
  out.resize((out.size() + 7) / 8 * 8);
  PutNumber(out, 40, out.size(), 8);  // e_shoff
  PutNumber(out, 60, 3, 2);           // e_shnum
  PutNumber(out, 62, 2, 2);           // e_shstrndx
  const auto header = [&](uint64_t name, uint64_t type, uint64_t at, uint64_t size) {
    std::string bytes(64, '\0');
    PutNumber(bytes, 0, name, 4);
    PutNumber(bytes, 4, type, 4);
    PutNumber(bytes, 24, at, 8);
    PutNumber(bytes, 32, size, 8);
    return bytes;
  };
  out += header(0, 0, 0, 0) + header(1, 1, 64, content.size()) +
         header(2 + section.size(), 3, names_at, names.size() + 1);
  return out;
}

std::string Compressed(std::vector<std::string> argv, const std::string& content) {
  const ScratchDir scratch = ScratchDir::Create(testing::TempDir(), "stream-").value();
  const auto file = scratch.path() / "file";
  EXPECT_TRUE(WriteFileAtomic(file, content));
  argv.push_back(file.string());
  const auto run = RunCommand({.argv = argv, .max_output_bytes = 1U << 24});
  EXPECT_TRUE(run && run->exit_code == 0);
  return run->out;
}

// Long enough for several blocks of xz, and not all the same.
std::string Content() {
  std::string out;
  for (int i = 0; i < 20000; ++i) out += "line " + std::to_string(i * 7919) + "\n";
  return out;
}

// Strings that a case points into.
struct Streams {
  std::string gzip = Compressed({"gzip", "-c"}, Content());
  std::string gzip_other_time = gzip;
  std::string gzip_unnamed = Compressed({"gzip", "-nc"}, Content());
  std::string gzip_best = Compressed({"gzip", "-nc9"}, Content());
  std::string gzip_fast = Compressed({"gzip", "-nc1"}, Content());
  std::string xz_one = Compressed({"xz", "-c", "-T1"}, Content());
  std::string xz_blocks = Compressed({"xz", "-c", "--block-size=65536"}, Content());
  std::string xz_fast = Compressed({"xz", "-c", "-T1", "-0"}, Content());
  std::string squashfs_a = "hsqs1234AAAA" + std::string(80, '\1');
  std::string squashfs_b = "hsqs1234BBBB" + std::string(80, '\1');
  std::string build_id_a = Elf(".note.gnu.build-id", "GNU-aaaaaaaaaaaaaaaa");
  std::string build_id_b = Elf(".note.gnu.build-id", "GNU-bbbbbbbbbbbbbbbb");
  std::string comment_a = Elf(".comment", "GCC: (Debian 12.2.0-14) 12.2.0");
  std::string comment_b = Elf(".comment", "GCC: (Debian 14.2.0-19) 14.2.0");
  std::string isa_a = Elf(".note.gnu.property", "x86 isa 1");
  std::string isa_b = Elf(".note.gnu.property", "x86 isa 7");
  std::string text_a = Elf(".text", std::string("\xc3\x90\x01\x02", 4));
  std::string text_b = Elf(".text", std::string("\xc3\x90\x05\x02", 4));
  std::string path_a = Elf(".rodata", "/build/one/src/main.cc");
  std::string path_b = Elf(".rodata", "/build/two/src/main.cc");
  std::string binary = std::string("\x01\x02\x03\0", 4);
  std::string binary_longer = binary + std::string("\x09old tail", 9);
  std::string zeros = std::string(8192, '\0');
  std::string pyc_a = std::string("\xa7\r\r\n\0\0\0\0TIM1size", 16) + "code";
  std::string pyc_b = std::string("\xa7\r\r\n\0\0\0\0TIM2size", 16) + "code";

  Streams() { gzip_other_time[4] = static_cast<char>(gzip_other_time[4] + 1); }
};

const PairFacts kOtherCommit{.same_commit = false, .epoch_a_unix_s = 100, .epoch_b_unix_s = 200};
const PairFacts kEpoch{.epoch_a_unix_s = 1000, .epoch_b_unix_s = 1000};
const PairFacts kMoved{.same_layout = false};

std::vector<Planted> Identities() {
  return {
      {"ssh-host-key", File("/etc/ssh/ssh_host_ed25519_key", "a", "b")},
      {"ssh-host-key", Only("/etc/ssh/ssh_host_rsa_key.pub")},
      {"machine-id", File("/etc/machine-id", "0aa\n", "0bb\n")},
      {"machine-id", File("/var/lib/dbus/machine-id", "0aa\n", "0bb\n")},
      {"random-seed", File("/var/lib/systemd/random-seed", "a", "b")},
      {"credential-secret", File("/var/lib/systemd/credential.secret", "a", "b")},
      {"shadow-lastchg", File("/etc/shadow", "root:*:20000:0:99999:7:::\nx:*:1::::::\n",
                              "root:*:20001:0:99999:7:::\nx:*:1::::::\n")},
      {"account-backup", Only("/etc/passwd-")},
      {"account-backup", File("/etc/subuid-", "a", "b")},
      {"snakeoil", File("/etc/ssl/certs/ssl-cert-snakeoil.pem", "a", "b")},
      {"snakeoil", File("/etc/ssl/private/ssl-cert-snakeoil.key", "a", "b")},
      {"generated-key", File("/etc/openvpn/key.pem", "-----BEGIN PRIVATE KEY-----\nMIIa",
                             "-----BEGIN PRIVATE KEY-----\nMIIb")},
      {"uid-allocation", File("/etc/passwd", "a:x:100:100::/:/x\n", "a:x:101:100::/:/x\n")},
      {"uid-allocation", File("/etc/group", "a:x:1:\nb:x:2:\n", "b:x:2:\na:x:1:\n")},
      {"uid-allocation", Meta(Aspect::kOwner, "100:100", "101:101")},
      {"random-uuid", File("/etc/x.conf", "id=6a8a7a2e-1111-4222-8333-444455556666",
                           "id=6a8a7a2e-2222-4222-8333-444455556666")},
  };
}

std::vector<Planted> LogsAndCaches(const Streams& s) {
  return {
      {"ldconfig-aux-cache", File("/var/cache/ldconfig/aux-cache", "a", "b")},
      {"ld-so-cache", File("/etc/ld.so.cache", "a", "b")},
      {"install-log", Only("/var/log/dpkg.log")},
      {"install-log", File("/var/log/apt/history.log", "a", "b")},
      {"install-log", File("/var/log/alternatives.log", "a", "b")},
      {"log", File("/var/log/lastlog", "a", "b")},
      {"man-cache", File("/var/cache/man/index.db", "a", "b")},
      {"fontconfig-cache", File("/var/cache/fontconfig/x.cache-7", "a", "b")},
      {"fontconfig-cache", Only("/usr/share/fonts/truetype/.uuid")},
      {"icon-cache", File("/usr/share/icons/hicolor/icon-theme.cache", "a", "b")},
      {"gio-cache", File("/usr/lib/x86_64-linux-gnu/gio/modules/giomodule.cache", "a", "b")},
      {"pyc-time", File("/usr/lib/python3/x.pyc", s.pyc_a, s.pyc_b)},
      {"pyc", Only("/usr/lib/python3/__pycache__/x.cpython-313.pyc")},
      {"package-tool-backup", File("/var/cache/debconf/config.dat-old", "a", "b")},
      {"package-tool-backup", File("/var/lib/dpkg/status-old", "a", "b")},
      {"package-tool-state", File("/var/cache/apt/pkgcache.bin", "a", "b")},
      {"ucf", File("/var/lib/ucf/hashfile", "a", "b")},
      {"autoremove-kernels", File("/etc/apt/apt.conf.d/01autoremove-kernels", "a", "b")},
  };
}

std::vector<Planted> HostLeaks() {
  return {
      {"resolv-conf", File("/etc/resolv.conf", "nameserver 10.0.0.1", "nameserver 10.0.0.2")},
      {"host-name", File("/etc/hostname", "one\n", "two\n")},
      {"host-name-in-content", File("/etc/x", "built by root@one\n", "built by root@two\n")},
      {"host-name-in-content", File("/etc/x", "hostname = one\n", "hostname = two\n")},
      {"kernel-release", File("/etc/x", "uname: 6.1.0-18-amd64\n", "uname: 6.1.0-21-amd64\n")},
      {"cpu-flags", File("/etc/x", "CFLAGS=-march=znver3", "CFLAGS=-march=haswell")},
      {"locale-order", File("/etc/x", "B\na\n", "a\nB\n")},
      {"time-zone", File("/etc/timezone", "Etc/UTC\n", "Europe/Berlin\n")},
      {"time-zone", Meta(Aspect::kTarget, "/usr/share/zoneinfo/UTC",
                         "/usr/share/zoneinfo/Asia/Tokyo", "/etc/localtime")},
      {"time-zone-in-content",
       File("/etc/x", "2026-11-25 10:00:00 UTC", "2026-11-25 11:00:00 UTC")},
      {"time-zone-in-content", File("/etc/x", "10:00:00 +0000", "10:00:00 +0200")},
      {"umask", Meta(Aspect::kMode, "0755", "0700")},
      {"umask", Meta(Aspect::kMode, "0640", "0644")},
      {"group-write", Meta(Aspect::kMode, "0644", "0664")},
      {"setgid", Meta(Aspect::kMode, "0755", "2755")},
      {"default-acl",
       Meta(Aspect::kXattrs, "user.x=01\n", "system.posix_acl_default=0200\nuser.x=01\n")},
      {"readdir-order", File("/etc/x", "c\na\nb\n", "b\nc\na\n")},
      {"modules-index", File("/usr/lib/modules/6.12/modules.dep", "c:\na:\nb:\n", "b:\nc:\na:\n")},
  };
}

std::vector<Planted> Metadata(const Streams& s) {
  Evidence folder = Meta(Aspect::kTime, "1000", "1500");
  folder.folder = true;
  return {
      {"time-above-epoch", Meta(Aspect::kTime, "1000", "1500"), kEpoch},
      {"time-below-epoch", Meta(Aspect::kTime, "1000", "900"), kEpoch},
      {"folder-time", folder, kEpoch},
      {"derived-time", Meta(Aspect::kTime, "100", "200"), kOtherCommit},
      {"hard-link", Meta(Aspect::kHardLinks, "the same file as /a", "the same file as /b")},
      {"xattr-order", Meta(Aspect::kXattrs, "user.a=01\nuser.b=02\n", "user.b=02\nuser.a=01\n")},
      {"sparse", {.where = "/x", .aspect = Aspect::kStorage, .a = s.zeros, .b = s.zeros}},
      {"compressor", {.where = "/x", .aspect = Aspect::kStorage, .a = "text", .b = "text"}},
      {"duplicates", Meta(Aspect::kSharing, "the data of /a", "the data of /x")},
      {"inode-number", Meta(Aspect::kInodeNumber, "7", "8"), {.same_root = true}},
      {"file-order", Order(Layer::kRootImage, "order of the files' data")},
  };
}

std::vector<Planted> StreamsAndPrograms(const Streams& s) {
  return {
      {"gzip-time", File("/x.gz", s.gzip, s.gzip_other_time)},
      {"gzip-name", File("/x.gz", s.gzip, s.gzip_unnamed)},
      {"gzip-level", File("/x.gz", s.gzip_best, s.gzip_fast)},
      {"xz-threads", File("/x.xz", s.xz_one, s.xz_blocks)},
      {"stream-library", File("/x.xz", s.xz_one, s.xz_fast)},
      {"squashfs-time", File("/x.squashfs", s.squashfs_a, s.squashfs_b)},
      {"build-id", File("/usr/bin/x", s.build_id_a, s.build_id_b)},
      {"compiler-version", File("/usr/bin/x", s.comment_a, s.comment_b)},
      {"cpu-flags", File("/usr/bin/x", s.isa_a, s.isa_b)},
      {"code-differs", File("/usr/bin/x", s.text_a, s.text_b)},
      {"build-path", File("/usr/bin/x", s.path_a, s.path_b)},
      {"build-path", File("/etc/x", "dir=/tmp/tmp.a1/x", "dir=/tmp/tmp.b2/x")},
      {"time-in-content", File("/etc/x", "built 2026-11-25", "built 2026-11-26")},
      {"time-in-content", File("/etc/x", "Nov 25 2026", "Nov 26 2026")},
      {"time-in-content", File("/etc/x", "t=1764000000;", "t=1764000009;")},
      {"tool-version", File("/etc/x", "made by cmake 3.25.1", "made by cmake 3.31.6")},
      {"stale-tail", File("/x.bin", s.binary, s.binary_longer)},
  };
}

std::vector<Planted> Media() {
  const Layer iso = Layer::kIsoStructure, area = Layer::kSystemArea, fat = Layer::kEfiPartition,
              cpio = Layer::kInitrd, erofs = Layer::kRootImage;
  return {
      {"iso-volume-date", Piece(iso, "volume: creation date")},
      {"iso-volume-date", Piece(iso, "partition: volume: modification date")},
      {"time-zone-of-dates",
       Piece(iso, "volume: creation date", "2026112501414013A", "2026112501414013B")},
      {"time-zone-of-dates", Piece(iso, "record of /boot: date", "123456A", "123456B")},
      {"rock-ridge-time", Piece(iso, "record of /boot/vmlinuz: Rock Ridge TF")},
      {"rock-ridge-time", Piece(iso, "record of /boot/vmlinuz: date")},
      {"rock-ridge-attributes", Piece(iso, "record of /boot/vmlinuz: Rock Ridge PX")},
      {"preparer-id", Piece(iso, "volume: preparer id")},
      {"iso-folder-order", Order(iso, "order of folder /boot")},
      {"boot-catalogue", Piece(Layer::kBootCatalogue, "entry 0: id of the manufacturer")},
      {"gpt-disk-id", Piece(area, "GPT: disk GUID")},
      {"gpt-disk-id", Piece(area, "GPT copy: disk GUID")},
      {"gpt-partition-id", Piece(area, "GPT: partition 2: GUID")},
      {"mbr-disk-id", Piece(area, "MBR: disk signature")},
      {"boot-code-version", Piece(area, "MBR: boot code")},
      {"fat-serial", Piece(fat, "boot sector: volume serial")},
      {"fat-label-time", Piece(fat, "entry of /LETHE-EFI: label's times")},
      {"fat-entry-time", Piece(fat, "entry of /EFI/BOOT: times")},
      {"fat-order", Order(fat, "order of the entries")},
      {"formatter-version", Piece(fat, "boot sector: name of the formatter")},
      {"pe-time", Piece(Layer::kEfiProgram, "/EFI/BOOT/BOOTX64.EFI: TimeDateStamp")},
      {"pe-section-order",
       Order(Layer::kEfiProgram, "/EFI/BOOT/BOOTX64.EFI: order of the sections")},
      {"cpio-inode", Piece(cpio, "header of /init: inode number")},
      {"cpio-inode", Piece(cpio, "header of /init: device numbers")},
      {"cpio-time", Piece(cpio, "header of /init: time")},
      {"cpio-owner", Piece(cpio, "header of /init: owner")},
      {"cpio-links", Piece(cpio, "header of /init: number of links")},
      {"cpio-umask", Piece(cpio, "header of /init: mode")},
      {"cpio-order", Order(cpio, "order of the entries")},
      {"cpio-padding", Piece(cpio, "padding after the name of /init")},
      {"erofs-build-time", Piece(erofs, "superblock: build time")},
      {"erofs-uuid", Piece(erofs, "superblock: UUID")},
      {"mkfs-version", Piece(erofs, "superblock: features")},
      {"stale-tail", Piece(erofs, "behind the end of the file system")},
      {"stale-tail", Piece(iso, "behind the end of the volume")},
      {"table-padding", Piece(erofs, "metadata and padding")},
  };
}

std::vector<Planted> InputsAndConsequences() {
  Evidence other_version = File("/usr/sbin/openvpn", "a", "b");
  other_version.same_package_version = false;
  return {
      {"other-package-version", other_version},
      {"other-kernel",
       Piece(Layer::kKernel, "/boot/vmlinuz: version text"),
       {.same_kernel = false}},
      {"names-its-commit", File("/usr/lib/os-release", "a", "b"), kOtherCommit},
      {"derived-from-commit", Piece(Layer::kSystemArea, "GPT: disk GUID"), kOtherCommit},
      {"other-commit", File("/etc/openvpn/server.conf", "a", "b"), kOtherCommit},
      {"describes-the-rest", Piece(Layer::kDescription, "/lethe/manifest.json")},
      {"checksum-of-the-rest", Piece(Layer::kSystemArea, "GPT: header checksum")},
      {"layout-of-the-rest", Piece(Layer::kSystemArea, "GPT: place and size"), kMoved},
      {"nodes-of-the-rest",
       Piece(Layer::kRootImage, "superblock: number of nodes"),
       {.same_root = false}},
      {"size-of-the-rest", Piece(Layer::kInitrd, "header of /init: size"), kMoved},
      {"one-bit", File("/usr/bin/x", "a", "c"), {.one_bit = true}},
      {"changed-after-build", File("/usr/bin/x", "a", "b"), {.contradicts = true}},
  };
}

std::vector<Planted> All(const Streams& streams) {
  std::vector<Planted> out;
  for (auto list : {Identities(), LogsAndCaches(streams), HostLeaks(), Metadata(streams),
                    StreamsAndPrograms(streams), Media(), InputsAndConsequences()}) {
    out.insert(out.end(), list.begin(), list.end());
  }
  return out;
}

TEST(LikelyCauses, NamesEachPlantedCauseFirst) {
  const Streams streams;
  for (const Planted& planted : All(streams)) {
    const auto causes = LikelyCauses(planted.evidence, planted.facts);
    ASSERT_FALSE(causes.empty()) << planted.cause << " of " << planted.evidence.where;
    EXPECT_EQ(causes[0]->id, planted.cause) << planted.evidence.where;
  }
}

TEST(LikelyCauses, EveryRuleIsShownByAPlantedDifference) {
  const Streams streams;
  std::set<std::string_view> shown;
  for (const Planted& planted : All(streams)) shown.insert(planted.cause);
  for (const Cause* cause : AllCauses()) {
    EXPECT_TRUE(shown.contains(cause->id)) << cause->id;
    EXPECT_FALSE(cause->because.empty());
    EXPECT_FALSE(cause->remedy.empty());
  }
}

TEST(LikelyCauses, SaysNothingWhereNothingIsKnown) {
  const Evidence unknown[] = {
      File("/etc/openvpn/server.conf", "port 1194\n", "port 1195\n"),
      File("/usr/share/x", std::string_view("\x01\x02\x03", 3),
           std::string_view("\x01\x07\x03", 3)),
      File("/etc/shadow", "root:!:1::::::\n", "root:*:1::::::\n"),
      File("/etc/x", "12345678901", "12345678902"),
      File("/etc/x", "99:99:01", "99:99:02"),
      File("/etc/x", "colour = red\n", "colour = blue\n"),
      File("/etc/x", "path=/etc/a", "path=/etc/b"),
      Only("/usr/bin/new"),
      Meta(Aspect::kMode, "0755", "4755"),
      Meta(Aspect::kTarget, "a", "b"),
      Meta(Aspect::kType, "file", "directory"),
      Meta(Aspect::kXattrs, "security.capability=01\n", "security.capability=02\n"),
      Piece(Layer::kIsoStructure, "volume: volume set"),
  };
  for (const Evidence& evidence : unknown) {
    const auto causes = LikelyCauses(evidence, {});
    EXPECT_TRUE(causes.empty()) << evidence.where << ": " << causes[0]->id;
  }
}

}  // namespace
}  // namespace lethe::image
