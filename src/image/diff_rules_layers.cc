// Causes in the structures of the layers: ISO 9660, partition tables, FAT, PE, cpio, EROFS, and the
// metadata of files.
#include <algorithm>

#include "base/strings.h"
#include "image/diff_bytes.h"
#include "image/diff_rule.h"

namespace lethe::image {
namespace {

constexpr unsigned kIso = Bit(Layer::kIsoStructure);
constexpr unsigned kTables = Bit(Layer::kSystemArea);
constexpr unsigned kFat = Bit(Layer::kEfiPartition);
constexpr unsigned kCpio = Bit(Layer::kInitrd);
constexpr unsigned kErofs = Bit(Layer::kRootImage);
constexpr unsigned kPrograms = Bit(Layer::kEfiProgram) | Bit(Layer::kKernel);

unsigned ModeOf(std::string_view text) { return ParseUnsigned<unsigned>(text, 8).value_or(0); }

// ECMA-119 8.4.26.1: the last byte of a date is the offset of the zone, in quarters of an hour.
bool OnlyZoneOfVolumeDate(const Evidence& e, const PairFacts&) {
  return e.at == 16 && e.a.size() == 17 && e.b.size() == 17;
}

// A directory record's date (9.1.5), or one in Rock Ridge's TF, has the zone as its seventh byte.
bool OnlyZoneOfRecordDate(const Evidence& e, const PairFacts&) {
  return e.at == 6 && e.a.size() == 7 && e.b.size() == 7;
}

uint64_t TimeOf(std::string_view text) { return ParseUnsigned<uint64_t>(text).value_or(0); }

bool AboveEpoch(const Evidence& e, const PairFacts& f) {
  return TimeOf(e.a) > f.epoch_a_unix_s || TimeOf(e.b) > f.epoch_b_unix_s;
}

bool OnlyAclsDiffer(const Evidence& e, const PairFacts&) {
  const auto without = [](std::string_view attributes) {
    std::vector<std::string_view> lines;
    for (const std::string_view line : Lines(attributes)) {
      if (!line.starts_with("system.posix_acl_")) lines.push_back(line);
    }
    return lines;
  };
  return without(e.a) == without(e.b);
}

bool UsesZeros(const Evidence& e, const PairFacts&) {
  return e.a.find(std::string(4096, '\0')) != std::string_view::npos;
}

constexpr std::string_view kWillGo = "nothing: look at what is above";

constexpr Rule kRules[] = {
    // What follows from other differences.
    {.cause = {"describes-the-rest", "this file describes the rest of the image", kWillGo, true},
     .where = {"/lethe/manifest.json", "/lethe/SHA256SUMS", "/lethe/sbom.spdx.json"}},
    {.cause = {"checksum-of-the-rest", "a checksum over other bytes", kWillGo, true},
     .where = {"**checksum", "**boot information table"}},
    {.cause = {"layout-of-the-rest", "another size or place of a file moves what stands behind it",
               kWillGo, true},
     .where = {"**place and size**", "**place of **", "**places of **", "MBR: partition *",
               "**path table**", "**Rock Ridge CE", "**number of blocks", "allocation table",
               "boot sector: geometry"},
     .fits = [](const Evidence&, const PairFacts& f) { return !f.same_layout; }},
    {.cause = {"nodes-of-the-rest", "other files in the root image give other inodes", kWillGo,
               true},
     .layers = kErofs,
     .aspects = kContentOrPresence | Bit(Aspect::kInodeNumber) | Bit(Aspect::kOrder),
     .where = {"superblock: number of *", "superblock: places of *", "inode of **", "/**",
               "metadata and padding", "order of **", "behind the end **"},
     .fits = [](const Evidence& e,
                const PairFacts& f) { return !f.same_root || e.aspect == Aspect::kInodeNumber; }},
    {.cause = {"size-of-the-rest", "the size of a file that differs", kWillGo, true},
     .layers = kCpio,
     .where = {"header of **: size"},
     .fits = [](const Evidence&, const PairFacts& f) { return !f.same_layout; }},
    // ISO 9660.
    {.cause = {"time-zone-of-dates", "dates were written in the build machine's time zone",
               "build with TZ=UTC, and set the dates explicitly"},
     .layers = kIso,
     .where = {"**: * date"},
     .fits = OnlyZoneOfVolumeDate},
    {.cause = {"time-zone-of-dates", "dates were written in the build machine's time zone",
               "build with TZ=UTC, and set the dates explicitly"},
     .layers = kIso,
     .where = {"**: date"},
     .fits = OnlyZoneOfRecordDate},
    {.cause = {"iso-volume-date", "a date of the volume is that of the build",
               "give xorriso --modification-date and --set_all_file_dates from the commit's time"},
     .layers = kIso,
     .where = {"**volume: * date"}},
    {.cause = {"rock-ridge-time", "the time of a file in the ISO is that of the build",
               "give xorriso --set_all_file_dates from the commit's time"},
     .layers = kIso,
     .where = {"**Rock Ridge TF", "**: date"}},
    {.cause = {"rock-ridge-attributes",
               "mode, owner or inode of a file came from the build machine",
               "let xorriso write fixed ones: -r, and files from a tree as a value"},
     .layers = kIso,
     .where = {"**Rock Ridge PX"}},
    {.cause = {"preparer-id", "the ISO names the tool that wrote it, with its version",
               "take xorriso from the locked build root, never from the machine"},
     .layers = kIso,
     .where = {"**preparer id", "**application id", "**publisher id", "**system id"}},
    {.cause = {"iso-folder-order", "entries stand in the order in which a folder was read",
               "sort by bytes before writing"},
     .layers = kIso,
     .aspects = Bit(Aspect::kOrder)},
    {.cause = {"boot-catalogue", "the boot catalogue was written otherwise",
               "take xorriso from the locked build root, and give it the same options"},
     .layers = Bit(Layer::kBootCatalogue)},
    // Partition tables.
    {.cause = {"gpt-disk-id", "the GPT's disk id is random",
               "give xorriso --gpt_disk_guid, derived from the lock's digest"},
     .layers = kTables,
     .where = {"GPT: disk GUID", "GPT copy: disk GUID"}},
    {.cause = {"gpt-partition-id", "a partition's id is random",
               "derive it from the lock's digest: xorriso does so from --gpt_disk_guid"},
     .layers = kTables,
     .where = {"GPT**partition *: GUID"}},
    {.cause = {"mbr-disk-id", "the MBR's disk signature is random",
               "derive it from the lock's digest, or leave it zero"},
     .layers = kTables,
     .where = {"MBR: disk signature"}},
    {.cause = {"boot-code-version", "the boot code is of another version",
               "take GRUB from the locked build root, never from the machine"},
     .layers = kTables | Bit(Layer::kBiosLoader) | kFat,
     .where = {"MBR: boot code", "/boot/eltorito.img: code", "boot sector: code"}},
    // FAT.
    {.cause = {"fat-serial", "the volume's serial number is random or the time of formatting",
               "give mkfs.fat --invariant and -i, derived from the lock's digest"},
     .layers = kFat,
     .where = {"boot sector: volume serial"}},
    {.cause = {"fat-label-time", "the volume's label holds the time of formatting",
               "give mkfs.fat --invariant"},
     .layers = kFat,
     .where = {"entry of **: label's times"}},
    {.cause = {"fat-entry-time", "an entry of a folder holds the time of its copying",
               "copy with SOURCE_DATE_EPOCH set and `mcopy -m` from files with the commit's time"},
     .layers = kFat,
     .where = {"entry of **: times"}},
    {.cause = {"fat-order", "entries stand in the order in which they were copied",
               "copy in byte order, one after another"},
     .layers = kFat,
     .aspects = Bit(Aspect::kOrder)},
    {.cause = {"formatter-version", "the volume names the tool that formatted it",
               "take mkfs.fat from the locked build root, never from the machine"},
     .layers = kFat,
     .where = {"boot sector: name of the formatter"}},
    // PE.
    {.cause = {"pe-time", "a PE program holds the time of its linking (TimeDateStamp)",
               "link with --no-insert-timestamp, or from SOURCE_DATE_EPOCH"},
     .layers = kPrograms,
     .where = {"**: TimeDateStamp"}},
    {.cause = {"pe-section-order", "the sections of a PE program stand in another order",
               "add sections one by one, in a fixed order, at fixed addresses"},
     .layers = kPrograms,
     .aspects = Bit(Aspect::kOrder)},
    // cpio.
    {.cause = {"cpio-inode", "the archive holds inode or device numbers of the build machine",
               "number the entries in the order of the archive"},
     .layers = kCpio,
     .where = {"header of **: inode number", "header of **: device numbers"}},
    {.cause = {"cpio-time", "the archive holds times of the build", "write time 0"},
     .layers = kCpio,
     .where = {"header of **: time"}},
    {.cause = {"cpio-owner", "the archive holds the owner of the files at the build machine",
               "write owner 0:0"},
     .layers = kCpio,
     .where = {"header of **: owner"}},
    {.cause = {"cpio-links", "a hard link became a copy, or the other way round",
               "write each file as one entry with one link"},
     .layers = kCpio,
     .where = {"header of **: number of links"}},
    {.cause = {"cpio-umask", "modes in the archive follow the umask of the build",
               "write modes that the code names, not those of files at the build machine"},
     .layers = kCpio,
     .where = {"header of **: mode"}},
    {.cause = {"cpio-order", "entries stand in the order in which a folder was read",
               "sort by bytes before writing"},
     .layers = kCpio,
     .aspects = Bit(Aspect::kOrder)},
    {.cause = {"cpio-padding", "the bytes between entries, or behind the last, are not fixed",
               "write zeros, and pad to a fixed block"},
     .layers = kCpio,
     .where = {"padding**"}},
    // EROFS.
    {.cause = {"erofs-build-time", "the root image holds the time of its making",
               "give mkfs.erofs -T from the commit's time"},
     .layers = kErofs,
     .where = {"superblock: build time"}},
    {.cause = {"erofs-uuid", "the root image's UUID is random",
               "give mkfs.erofs -U, derived from the lock's digest"},
     .layers = kErofs,
     .where = {"superblock: UUID"}},
    {.cause = {"mkfs-version", "mkfs.erofs of another version, or with other options",
               "take it from the locked build root; its options belong to the step's key"},
     .layers = kErofs,
     .where = {"superblock: features", "superblock: magic", "superblock: volume name"}},
    {.cause = {"stale-tail", "the tail of an older, larger file stands behind the end",
               "write to a new file, or open with O_TRUNC"},
     .layers = kErofs | kIso,
     .where = {"behind the end of the file system", "behind the end of the volume"}},
    {.cause = {"inode-number", "inodes were numbered in another order",
               "give mkfs.erofs a sorted tar stream, not a folder"},
     .layers = Bit(Layer::kRootFile) | kErofs,
     .aspects = Bit(Aspect::kInodeNumber)},
    {.cause = {"file-order", "the files' data stands in the order in which they were read",
               "give mkfs.erofs a sorted tar stream, not a folder"},
     .layers = kErofs,
     .aspects = Bit(Aspect::kOrder)},
    {.cause = {"table-padding", "bytes between the tables of the file system are not fixed",
               "take mkfs.erofs from the locked build root; report it as a fault of the tool"},
     .layers = kErofs,
     .where = {"metadata and padding"}},
    {.cause = {"duplicates", "equal files share their data in one image only",
               "switch deduplication on in both, or off; keep the order of the files"},
     .aspects = Bit(Aspect::kSharing)},
    {.cause = {"sparse", "holes of a sparse file were kept in one image only",
               "write files without holes: a tar stream made by code has none"},
     .aspects = Bit(Aspect::kStorage),
     .fits = UsesZeros},
    {.cause = {"compressor", "the same content was compressed otherwise",
               "take mkfs.erofs and its libraries from the locked build root; fix level and sizes"},
     .aspects = Bit(Aspect::kStorage)},
    // Metadata of files.
    {.cause = {"setgid", "the set-group-id bit was inherited from a folder of the build machine",
               "take modes from the code, not from files at the build machine"},
     .aspects = Bit(Aspect::kMode),
     .fits = [](const Evidence& e,
                const PairFacts&) { return (ModeOf(e.a) ^ ModeOf(e.b)) == 02000; }},
    {.cause = {"group-write", "git wrote files for the group too: umask 002 or a shared repository",
               "take only the executable bit from git, and name modes in the recipe"},
     .aspects = Bit(Aspect::kMode),
     .fits = [](const Evidence& e,
                const PairFacts&) { return (ModeOf(e.a) ^ ModeOf(e.b)) == 020; }},
    {.cause = {"umask", "modes follow the umask of the build",
               "take modes from the code, or build with a fixed umask"},
     .aspects = Bit(Aspect::kMode),
     .fits =
         [](const Evidence& e, const PairFacts&) {
           const unsigned a = ModeOf(e.a), b = ModeOf(e.b);
           return ((a ^ b) & ~077U) == 0 && ((a & b) == a || (a & b) == b);
         }},
    {.cause = {"uid-allocation", "ids of accounts were given in another order",
               "name each account with a fixed id in the recipe, before packages make theirs"},
     .aspects = Bit(Aspect::kOwner)},
    {.cause = {"default-acl", "an access list was inherited from a folder of the build machine",
               "take metadata from the code; build in a folder without a default ACL"},
     .aspects = Bit(Aspect::kXattrs),
     .fits = OnlyAclsDiffer},
    {.cause = {"xattr-order", "the same extended attributes stand in another order",
               "sort them by name before writing"},
     .aspects = Bit(Aspect::kXattrs),
     .fits = [](const Evidence& e, const PairFacts&) { return SameLinesReordered(e.a, e.b); }},
    {.cause = {"folder-time", "the time of a folder is that of the last change in it",
               "give every node the commit's time"},
     .aspects = Bit(Aspect::kTime),
     .fits = [](const Evidence& e, const PairFacts&) { return e.folder; }},
    {.cause = {"time-above-epoch", "a file keeps a time later than the commit's",
               "give every node the commit's time"},
     .aspects = Bit(Aspect::kTime),
     .fits = AboveEpoch},
    {.cause = {"time-below-epoch",
               "a file keeps its own older time: clamping moves only later ones",
               "give every node the commit's time, also where its own is older"},
     .aspects = Bit(Aspect::kTime)},
    {.cause = {"hard-link", "a hard link became a copy, or the other way round",
               "write each path as a file of its own, or link in a fixed order"},
     .aspects = Bit(Aspect::kHardLinks)},
};

}  // namespace

std::span<const Rule> RulesOfLayers() { return kRules; }

}  // namespace lethe::image
