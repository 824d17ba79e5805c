#include "image/diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "base/file.h"
#include "image/cpio_reader.h"
#include "image/diff_boot.h"
#include "image/diff_fixture.h"
#include "image/diff_map.h"
#include "image/diff_root.h"
#include "image/iso_reader.h"

namespace lethe::image {
namespace {

std::string RootImage(const std::string& name = "mixed") {
  return ReadFile(LETHE_SOURCE_DIR "/tests/vectors/erofs/" + name + ".erofs").value();
}

const std::string& Iso() {
  static const std::string iso = MakeFixtureIso({.root_image = RootImage()});
  return iso;
}

DiffReport Diff(std::string_view a, std::string_view b) {
  auto report = DiffImages(a, b, {.jobs = 2});
  EXPECT_TRUE(report) << report.error().message;
  return std::move(*report);
}

const Difference* Find(const DiffReport& report, std::string_view where, Aspect aspect) {
  for (const Difference& d : report.differences) {
    if (d.where == where && d.aspect == aspect) return &d;
  }
  return nullptr;
}

std::string_view CauseOf(const Difference& d) { return d.causes.empty() ? "" : d.causes[0]->id; }

// Where a named piece starts in the small ISO.
uint64_t At(const std::string& iso, Layer layer, std::string_view name) {
  const auto map = ImageMap::Make(iso).value();
  for (const Segment& segment : map.segments()) {
    if (map.PieceOf(segment).layer == layer && map.PieceOf(segment).name == name)
      return segment.begin;
  }
  ADD_FAILURE() << "no piece " << name;
  return 0;
}

void Flip(std::string& bytes, uint64_t at) { bytes[at] = static_cast<char>(bytes[at] ^ 5); }

uint32_t Crc32c(std::string_view bytes) {
  uint32_t crc = UINT32_MAX;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
  }
  return crc;
}

// A superblock that was changed gets its checksum anew.
std::string Resummed(std::string root) {
  PutNumber(root, 1028, 0, 4);
  PutNumber(root, 1028, Crc32c(std::string_view(root).substr(1024, 4096 - 1024)), 4);
  return root;
}

TEST(DiffImages, IdenticalImagesHaveNoDifference) {
  const DiffReport report = Diff(Iso(), std::string(Iso()));
  EXPECT_TRUE(report.identical);
  EXPECT_EQ(report.total, 0U);
  EXPECT_TRUE(report.a.damage.empty()) << report.a.damage[0];
}

// One changed byte per layer: found at its place, by its name, with its cause.
TEST(DiffImages, NamesLayerPieceAndCauseOfAPlantedByte) {
  struct Case {
    Layer layer;
    std::string name;
    std::string_view cause;
  };
  const Case cases[] = {
      {Layer::kSystemArea, "MBR: boot code", "boot-code-version"},
      {Layer::kSystemArea, "MBR: disk signature", "mbr-disk-id"},
      {Layer::kSystemArea, "GPT: disk GUID", "gpt-disk-id"},
      {Layer::kSystemArea, "GPT: partition 1: GUID", "gpt-partition-id"},
      {Layer::kSystemArea, "GPT copy: disk GUID", "gpt-disk-id"},
      {Layer::kIsoStructure, "volume: creation date", "iso-volume-date"},
      {Layer::kIsoStructure, "volume: modification date", "iso-volume-date"},
      {Layer::kIsoStructure, "volume: preparer id", "preparer-id"},
      {Layer::kIsoStructure, "record of /boot/vmlinuz: date", "rock-ridge-time"},
      {Layer::kIsoStructure, "record of /boot/vmlinuz: Rock Ridge TF", "rock-ridge-time"},
      {Layer::kIsoStructure, "record of /boot/vmlinuz: Rock Ridge PX", "rock-ridge-attributes"},
      {Layer::kBootCatalogue, "entry 0: id of the manufacturer", "boot-catalogue"},
      {Layer::kBiosLoader, "/boot/eltorito.img: code", "boot-code-version"},
      {Layer::kEfiPartition, "boot sector: volume serial", "fat-serial"},
      {Layer::kEfiPartition, "boot sector: name of the formatter", "formatter-version"},
      {Layer::kEfiPartition, "entry of /LETHE-EFI: label's times", "fat-label-time"},
      {Layer::kEfiPartition, "entry of /EFI/BOOT/BOOTX64.EFI: times", "fat-entry-time"},
      {Layer::kEfiProgram, "/EFI/BOOT/BOOTX64.EFI: TimeDateStamp", "pe-time"},
      {Layer::kEfiProgram, "/EFI/BOOT/BOOTX64.EFI: section .text", "changed-after-build"},
      {Layer::kKernel, "/boot/vmlinuz: TimeDateStamp", "pe-time"},
      {Layer::kKernel, "/boot/vmlinuz: version text", "changed-after-build"},
      {Layer::kInitrd, "padding after the name of /init", "cpio-padding"},
      {Layer::kInitrdFile, "/init", "changed-after-build"},
      {Layer::kMicrocode, "/kernel/x86/microcode/GenuineIntel.bin", "changed-after-build"},
      {Layer::kDescription, "/lethe/SHA256SUMS", ""},
  };
  for (const Case& c : cases) {
    std::string b = Iso();
    // Behind the signature of a Rock Ridge entry.
    const uint64_t inside = c.name.find("Rock Ridge") == std::string::npos ? 0 : 5;
    const uint64_t at = At(b, c.layer, c.name) + inside;
    Flip(b, at);
    const DiffReport report = Diff(Iso(), b);
    EXPECT_EQ(report.first.at, at) << c.name;
    ASSERT_TRUE(report.first.a && report.first.b) << c.name;
    EXPECT_EQ(report.first.a->name, c.name);
    EXPECT_EQ(report.first.a->layer, c.layer) << c.name;
    ASSERT_EQ(report.total, 1U) << c.name << " and " << report.differences.back().where;
    const Difference& d = report.differences[0];
    EXPECT_EQ(d.where, c.name);
    EXPECT_EQ(d.layer, c.layer) << c.name;
    EXPECT_EQ(d.iso_a, at) << c.name;
    EXPECT_EQ(d.iso_b, at) << c.name;
    EXPECT_EQ(CauseOf(d), c.cause) << c.name;
    EXPECT_NE(d.excerpt.a, d.excerpt.b) << c.name;
    EXPECT_TRUE(report.a.contradicts.empty());
    EXPECT_EQ(report.b.contradicts.empty(), c.layer == Layer::kDescription) << c.name;
  }
}

TEST(DiffImages, NamesFieldsOfACpioHeader) {
  const std::pair<const char*, const char*> cases[] = {
      {"inode number", "cpio-inode"}, {"device numbers", "cpio-inode"},  {"time", "cpio-time"},
      {"owner", "cpio-owner"},        {"number of links", "cpio-links"}, {"mode", "cpio-umask"}};
  for (const auto& [field, cause] : cases) {
    std::string b = Iso();
    const std::string name = std::string("header of /init: ") + field;
    char& digit = b[At(b, Layer::kInitrd, name) + 7];
    digit = digit == '0' ? '2' : '0';
    const DiffReport report = Diff(Iso(), b);
    ASSERT_EQ(report.total, 1U) << field;
    EXPECT_EQ(report.differences[0].where, name);
    EXPECT_EQ(CauseOf(report.differences[0]), cause);
    EXPECT_EQ(report.differences[0].offset, 7U);
  }
}

TEST(DiffImages, NamesFieldsOfTheRootImage) {
  const auto with = [](uint64_t at, uint64_t value, size_t size) {
    std::string root = RootImage();
    PutNumber(root, at, value, size);
    return MakeFixtureIso({.root_image = Resummed(root)});
  };
  const DiffReport uuid = Diff(Iso(), with(1024 + 48, 7, 8));
  ASSERT_NE(Find(uuid, "superblock: UUID", Aspect::kContent), nullptr);
  EXPECT_EQ(uuid.differences[0].where, "superblock: UUID");
  EXPECT_EQ(CauseOf(uuid.differences[0]), "erofs-uuid");
  // The checksum, and the manifest, only follow.
  EXPECT_EQ(uuid.total, uuid.consequences + 1);
  const DiffReport time = Diff(Iso(), with(1024 + 24, 1700000001, 8));
  EXPECT_EQ(time.differences[0].where, "superblock: build time");
  EXPECT_EQ(CauseOf(time.differences[0]), "erofs-build-time");
}

// What can be changed of an inode without moving anything.
TEST(DiffImages, NamesMetadataOfAFileOfTheRoot) {
  const std::string root = RootImage();
  const auto reader = ErofsReader::Open(root).value();
  const auto nodes = reader.List().value();
  const auto tiny = std::find_if(nodes.begin(), nodes.end(),
                                 [](const ErofsNode& n) { return n.path == "/tiny"; });
  ASSERT_NE(tiny, nodes.end());
  const uint64_t inode = reader.Place(tiny->nid)->inode.at;
  struct Case {
    uint64_t at;
    uint64_t value;
    Aspect aspect;
    std::string_view a, b, cause;
  };
  for (const Case& c : {Case{4, 0100644, Aspect::kMode, "0600", "0644", "umask"},
                        Case{4, 0100620, Aspect::kMode, "0600", "0620", "group-write"},
                        Case{24, 9, Aspect::kOwner, "7:8", "9:8", "uid-allocation"}}) {
    std::string changed = root;
    PutNumber(changed, inode + c.at, c.value, 2);
    const DiffReport report = Diff(Iso(), MakeFixtureIso({.root_image = Resummed(changed)}));
    const Difference* d = Find(report, "/tiny", c.aspect);
    ASSERT_NE(d, nullptr) << c.cause;
    EXPECT_EQ(d, &report.differences[0]);
    EXPECT_EQ(d->value_a, c.a);
    EXPECT_EQ(d->value_b, c.b);
    EXPECT_EQ(CauseOf(*d), c.cause);
    EXPECT_EQ(d->package, "openvpn 2.6.14-1");
  }
}

// A file of the root that is stored as it is.
TEST(DiffImages, NamesFileByteAndPackageOfTheRoot) {
  std::string root = RootImage();
  const size_t at = root.find("tiny\n");
  ASSERT_NE(at, std::string::npos);
  root[at + 2] = 'N';
  const DiffReport report = Diff(Iso(), MakeFixtureIso({.root_image = Resummed(root)}));
  ASSERT_FALSE(report.differences.empty());
  const Difference& d = report.differences[0];
  EXPECT_EQ(d.layer, Layer::kRootFile);
  EXPECT_EQ(d.package, d.where == "/tiny" ? "openvpn 2.6.14-1" : "");
  EXPECT_EQ(d.offset, 2U);
  EXPECT_EQ(d.excerpt.a, "tiny\n");
  EXPECT_EQ(d.excerpt.b, "tiNy\n");
  EXPECT_EQ(Iso()[*d.iso_a], 'n');
  EXPECT_EQ(report.first.a->name, "superblock: checksum");
}

TEST(DiffImages, TellsTheSameFilesStoredOtherwise) {
  const DiffReport report = Diff(Iso(), MakeFixtureIso({.root_image = RootImage("tails")}));
  const Difference* d = Find(report, "/compressible", Aspect::kStorage);
  ASSERT_NE(d, nullptr);
  EXPECT_EQ(CauseOf(*d), "compressor");
  EXPECT_EQ(Find(report, "/compressible", Aspect::kContent), nullptr);
}

// Made by mkfs.erofs: tests/vectors/erofs/make says what differs.
TEST(DiffImages, TellsAttributesLinksAndTimesOfFiles) {
  const DiffReport report = Diff(MakeFixtureIso({.root_image = RootImage("metadata-a")}),
                                 MakeFixtureIso({.root_image = RootImage("metadata-b")}));
  ASSERT_TRUE(report.a.damage.empty() && report.b.damage.empty());
  const Difference* attributes = Find(report, "/attributes", Aspect::kXattrs);
  ASSERT_NE(attributes, nullptr);
  EXPECT_EQ(attributes->value_a, "user.a=6f6e65\nsecurity.capability=74776f\n");
  EXPECT_EQ(attributes->value_b, "security.capability=74776f\nuser.a=6f6e65\n");
  EXPECT_EQ(CauseOf(*attributes), "xattr-order");
  const Difference* link = Find(report, "/second", Aspect::kHardLinks);
  ASSERT_NE(link, nullptr);
  EXPECT_EQ(CauseOf(*link), "hard-link");
  const Difference* time = Find(report, "/time", Aspect::kTime);
  ASSERT_NE(time, nullptr);
  EXPECT_EQ(time->value_b, "1600000000");
  EXPECT_EQ(CauseOf(*time), "time-below-epoch");
  EXPECT_EQ(report.total, report.consequences + 3);
}

TEST(DiffImages, TellsOtherInodeNumbers) {
  std::string root = RootImage("metadata-a");
  const auto reader = ErofsReader::Open(root).value();
  const auto nodes = reader.List().value();
  for (const ErofsNode& node : nodes) {
    if (node.path == "/time") PutNumber(root, reader.Place(node.nid)->inode.at + 20, 99, 4);
  }
  const DiffReport report = Diff(MakeFixtureIso({.root_image = RootImage("metadata-a")}),
                                 MakeFixtureIso({.root_image = Resummed(root)}));
  const Difference* number = Find(report, "/time", Aspect::kInodeNumber);
  ASSERT_NE(number, nullptr);
  EXPECT_EQ(number, &report.differences[0]);
  EXPECT_EQ(number->value_b, "99");
  EXPECT_EQ(CauseOf(*number), "inode-number");
}

TEST(DiffImages, TellsTheOrderOfEntries) {
  const std::string a = MakeFixtureIso({.root_image = RootImage()});
  // Two entries of the boot folder change places.
  std::string b = a;
  const auto record = [&](const char* name) {
    return At(a, Layer::kIsoStructure, std::string("record of /boot/") + name + ": name and flags");
  };
  const uint64_t first = record("initrd.img"), second = record("vmlinuz");
  const std::string one = a.substr(first, second - first);
  const std::string two = a.substr(second, static_cast<uint8_t>(a[second]));
  PutText(b, first, two + one);
  const DiffReport report = Diff(a, b);
  const Difference* order = Find(report, "order of folder /boot", Aspect::kOrder);
  ASSERT_NE(order, nullptr);
  EXPECT_EQ(order->value_a, "initrd.img");
  EXPECT_EQ(order->value_b, "vmlinuz");
  EXPECT_EQ(CauseOf(*order), "iso-folder-order");
}

TEST(DiffImages, TellsOtherInputsFirst) {
  std::string root = RootImage();
  root[root.find("tiny\n")] = 'T';
  const std::string b = MakeFixtureIso({.root_image = Resummed(root),
                                        .commit = std::string(40, 'd'),
                                        .openvpn_version = "2.6.15-1"});
  const DiffReport report = Diff(Iso(), b);
  EXPECT_FALSE(report.facts.same_commit);
  ASSERT_EQ(report.packages.size(), 1U);
  EXPECT_EQ(report.packages[0].name, "openvpn");
  EXPECT_EQ(report.packages[0].version_a, "2.6.14-1");
  EXPECT_EQ(report.packages[0].version_b, "2.6.15-1");
  const Difference& d = report.differences[0];
  EXPECT_EQ(d.where, "/tiny");
  EXPECT_EQ(d.aspect, Aspect::kContent);
  EXPECT_EQ(CauseOf(d), "other-package-version");
  EXPECT_TRUE(report.b.contradicts.empty());
}

TEST(DiffImages, TellsWhatALargerFileMoves) {
  const std::string b = MakeFixtureIso({.root_image = RootImage(), .init = std::string(9000, 'i')});
  const DiffReport report = Diff(Iso(), b);
  EXPECT_EQ(report.differences[0].where, "/init");
  EXPECT_EQ(report.differences[0].layer, Layer::kInitrdFile);
  EXPECT_EQ(report.differences[0].offset, 5000U);
  EXPECT_GT(report.consequences, 3U);
  const Difference* moved =
      Find(report, "record of /boot/vmlinuz: place and size", Aspect::kContent);
  ASSERT_NE(moved, nullptr);
  EXPECT_TRUE(moved->IsConsequence());
}

TEST(DiffImages, TellsOneFlippedBit) {
  std::string b = Iso();
  const uint64_t at = At(b, Layer::kInitrdFile, "/init") + 100;
  b[at] = static_cast<char>(b[at] ^ 4);
  const DiffReport report = Diff(Iso(), b);
  ASSERT_EQ(report.total, 1U);
  EXPECT_EQ(CauseOf(report.differences[0]), "one-bit");
}

TEST(DiffImages, ComparesADamagedRootImageByTheOthersNames) {
  std::string b = Iso();
  Flip(b, At(b, Layer::kRootImage, "superblock: UUID"));
  const DiffReport report = Diff(Iso(), b);
  ASSERT_EQ(report.b.damage.size(), 1U);
  EXPECT_NE(report.b.damage[0].find("checksum"), std::string::npos);
  ASSERT_EQ(report.total, 1U);
  EXPECT_EQ(report.differences[0].where, "superblock: UUID");

  Flip(b, At(b, Layer::kRootImage, "superblock: UUID"));
  const uint64_t data = At(b, Layer::kRootFile, "/compressible");
  std::fill(b.begin() + static_cast<std::ptrdiff_t>(data + 4000),
            b.begin() + static_cast<std::ptrdiff_t>(data + 4096), '\x55');
  const DiffReport second = Diff(Iso(), b);
  const Difference* d = Find(second, "/compressible", Aspect::kContent);
  ASSERT_NE(d, nullptr);
  EXPECT_TRUE(d->iso_a.has_value());
}

TEST(DiffImages, TellsTheTailOfAnOlderFile) {
  const DiffReport report = Diff(Iso(), Iso() + std::string(4096, 'o'));
  EXPECT_EQ(report.first.at, Iso().size());
  EXPECT_FALSE(report.first.a);
  ASSERT_TRUE(report.first.b);
  EXPECT_EQ(report.first.b->name, "behind the end of the volume");
  EXPECT_EQ(report.differences[0].where, "behind the end of the volume");
  EXPECT_EQ(CauseOf(report.differences[0]), "stale-tail");
  EXPECT_EQ(report.total, 1U);
}

TEST(DiffImages, SaysWhereATruncatedIsoEnds) {
  const std::string b = Iso().substr(0, Iso().size() / 2);
  const DiffReport report = Diff(Iso(), b);
  EXPECT_FALSE(report.identical);
  EXPECT_NE(report.b.unreadable.find("larger than the file"), std::string::npos);
  EXPECT_EQ(report.first.at, b.size());
  ASSERT_TRUE(report.first.a);
  EXPECT_FALSE(report.first.b);
  const auto neither = DiffImages("no ISO", "none either", {});
  ASSERT_FALSE(neither);
  EXPECT_EQ(neither.error().code, ErrorCode::kMalformed);
}

// Every byte of an ISO is told, wherever it lies.
TEST(DiffImages, TellsAnyFlippedByte) {
  std::mt19937 random(20260101);
  for (int i = 0; i < 100; ++i) {
    std::string b = Iso();
    const uint64_t at = random() % b.size();
    Flip(b, at);
    const auto report = DiffImages(Iso(), b, {.jobs = 1});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->first.at, at);
    if (report->b.unreadable.empty()) {
      EXPECT_GE(report->total, 1U) << at << " in " << report->first.a->name;
    }
  }
}

TEST(DiffImages, DamagedImagesNeverCrash) {
  std::mt19937 random(7);
  for (int i = 0; i < 100; ++i) {
    std::string b = Iso();
    for (int flips = 0; flips < 20; ++flips) {
      // Most of the structure is in front; the rest is hit too.
      const uint64_t at = random() % (flips % 2 == 0 ? b.size() : 80U * 1024);
      b[at] = static_cast<char>(random());
    }
    if (i % 5 == 0) b.resize(random() % b.size());
    const auto report = DiffImages(i % 2 == 0 ? std::string_view(Iso()) : b,
                                   i % 2 == 0 ? std::string_view(b) : Iso(), {.jobs = 1});
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->identical);
  }
}

// Bytes of streams, programs and words, damaged: every rule looks at them.
TEST(LikelyCauses, HostileBytesNeverCrash) {
  const std::string xz(
      "\xfd"
      "7zXZ\0"
      "abcdefghijklmnopqrstuvwxyz0123456789YZ",
      44);
  const std::string gzip = std::string("\x1f\x8b\x08\x0c", 4) + std::string(40, 'x');
  const std::string elf = std::string(
                              "\x7f"
                              "ELF\x02\x01",
                              6) +
                          std::string(200, '\1');
  const std::string words =
      "root@host 2026-11-25 10:00:00 +0200 /build/x uname 6.1.0-18-amd64 -march=x";
  std::mt19937 random(11);
  for (const std::string& good : {xz, gzip, elf, words, MakePe()}) {
    for (int i = 0; i < 3000; ++i) {
      std::string a = good, b = good;
      for (int flips = 0; flips < 3; ++flips) {
        a[random() % a.size()] = static_cast<char>(random());
        b[random() % b.size()] = static_cast<char>(random());
      }
      if (i % 4 == 0) b.resize(random() % b.size());
      Difference out;
      DescribeContents(a, b, out);
      for (const Cause* cause :
           LikelyCauses({.where = "/x", .a = a, .b = b, .at = out.offset}, {})) {
        EXPECT_FALSE(cause->id.empty());
      }
    }
  }
}

TEST(ImageMap, CoversEveryByteOnce) {
  const auto map = ImageMap::Make(Iso()).value();
  uint64_t at = 0;
  for (const Segment& segment : map.segments()) {
    EXPECT_EQ(segment.begin, at);
    EXPECT_GT(segment.end, segment.begin);
    at = segment.end;
  }
  EXPECT_EQ(at, Iso().size());
}

// Files in memory, with what no image of ours has.
TEST(CompareFile, TellsEachProperty) {
  FileSide a{.mode = 040755, .mtime_unix_s = 500, .first_link = "/x", .package = "p"};
  FileSide b = a;
  b.mode = 042755;
  b.mtime_unix_s = 700;
  b.xattrs = {{"system.posix_acl_default", "\x02"}};
  const PairFacts facts{.epoch_a_unix_s = 500, .epoch_b_unix_s = 500};
  const auto found = CompareFile("/x", &a, &b, facts);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(CauseOf(found[0]), "setgid");
  EXPECT_EQ(CauseOf(found[1]), "default-acl");
  EXPECT_EQ(CauseOf(found[2]), "folder-time");
  EXPECT_TRUE(CompareFile("/x", &a, &a, facts).empty());
  const auto only = CompareFile("/x", &a, nullptr, facts);
  ASSERT_EQ(only.size(), 1U);
  EXPECT_EQ(only[0].aspect, Aspect::kPresence);
  EXPECT_FALSE(only[0].in_b);
  b.mode = 0120777;
  EXPECT_EQ(CompareFile("/x", &a, &b, facts)[0].aspect, Aspect::kType);
}

TEST(CompareFile, TellsContentAndLinks) {
  FileSide a{.first_link = "/x", .content = "built 2026-11-25\n"};
  FileSide b{.first_link = "/a", .content = "built 2026-11-26\n"};
  const auto found = CompareFile("/x", &a, &b, {});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(CauseOf(found[0]), "time-in-content");
  EXPECT_EQ(found[0].offset, 15U);
  EXPECT_EQ(CauseOf(found[1]), "hard-link");
}

}  // namespace
}  // namespace lethe::image
