#include "image/diff_fixture.h"

#include "image/cpio_writer.h"
#include "image/iso_reader.h"
#include "image/manifest.h"

namespace lethe::image {
namespace {

constexpr uint64_t kSector = 2048;
constexpr uint64_t kBlock = 512;
constexpr uint64_t kFirstFile = 32;  // sector
constexpr std::string_view kDate("\x7e\x0b\x19\x01\x29\x28\x00", 7);

struct File {
  std::string path;
  std::string bytes;
  uint64_t sector = 0;
};

std::string Both(uint64_t value, size_t size) {  // little-endian, then big-endian
  std::string little(size, '\0');
  PutNumber(little, 0, value, size);
  return little + std::string(little.rbegin(), little.rend());
}

// A directory record with PX, TF and NM.
std::string Record(const std::string& name, uint64_t sector, uint64_t size, bool folder,
                   const std::string& rock_ridge_name) {
  std::string out(33, '\0');
  PutText(out, 2, Both(sector, 4) + Both(size, 4));
  PutText(out, 18, kDate);
  out[25] = folder ? 2 : 0;
  PutText(out, 28, Both(1, 2));
  out[32] = static_cast<char>(name.size());
  out += name;
  if (out.size() % 2 != 0) out += '\0';
  out += std::string("PX\x2c\x01", 4) + Both(folder ? 040755 : 0100644, 4) + Both(1, 4) +
         Both(0, 4) + Both(0, 4) + Both(sector, 4);
  out += std::string("TF\x0c\x01\x02", 5) + std::string(kDate);
  if (!rock_ridge_name.empty()) {
    out += std::string("NM") + static_cast<char>(5 + rock_ridge_name.size()) + '\x01' + '\0' +
           rock_ridge_name;
  }
  out[0] = static_cast<char>(out.size());
  return out;
}

std::string Folder(const std::vector<std::string>& records) {
  std::string out;
  for (const std::string& record : records) {
    if (out.size() / kSector != (out.size() + record.size()) / kSector)
      out.resize((out.size() / kSector + 1) * kSector);
    out += record;
  }
  out.resize((out.size() + kSector - 1) / kSector * kSector);
  return out;
}

std::string VolumeDescriptor(uint64_t sectors, uint64_t root) {
  std::string out(kSector, '\0');
  PutText(out, 0,
          std::string_view("\x01"
                           "CD001\x01",
                           7));
  PutText(out, 8, std::string(64, ' '));
  PutText(out, 40, "LETHE");
  PutText(out, 80, Both(sectors, 4));
  PutText(out, 132, Both(10, 4));
  PutNumber(out, 140, 19, 4);
  out[151] = 20;
  PutText(out, 156, Record(std::string(1, '\0'), root, kSector, true, "").substr(0, 34));
  PutText(out, 190, std::string(623, ' '));
  PutText(out, 446, "XORRISO-1.5.6 2023.06.07.180001");
  PutText(out, 813, std::string_view("2026112501414013\0", 17));
  PutText(out, 830, std::string_view("2026112501414013\0", 17));
  return out;
}

void WriteGpt(std::string& iso, uint64_t at, uint64_t entries) {
  PutText(iso, at, "EFI PART");
  PutNumber(iso, at + 32, iso.size() / kBlock - 1, 8);  // of the copy
  PutNumber(iso, at + 16, 0x11223344, 4);
  PutText(iso, at + 56, "0123456789abcdef");
  PutNumber(iso, at + 72, entries, 8);
  PutNumber(iso, at + 80, 4, 4);
  PutNumber(iso, at + 84, 128, 4);
  PutNumber(iso, at + 88, 0x55667788, 4);
  PutText(iso, entries * kBlock, "typetypetypetypefedcba9876543210");
}

std::string Kernel() {
  std::string out = MakePe();
  out.resize(8192, '\x90');
  PutText(out, 0x202, "HdrS");
  PutNumber(out, 0x20e, 0x1400, 2);
  PutText(out, 0x1600, std::string_view("6.12.48+deb13-amd64 (builder@host) #1\0", 38));
  return out;
}

std::string Initrd(const FixtureInputs& inputs) {
  CpioStringSink sink;
  CpioWriter cpio(sink);
  bool ok = cpio.AddDirectory("lethe", 0755).has_value();
  ok = ok && cpio.AddFile("kernel/x86/microcode/GenuineIntel.bin", 0644, "micro").has_value();
  ok = ok && cpio.AddFile("init", 0755, inputs.init).has_value();
  ok = ok && cpio.AddFile("lethe/mounts", 0644, "/tmp 1777").has_value();
  ok = ok && cpio.AddFile("lethe/root.erofs", 0644, inputs.root_image).has_value();
  LETHE_ASSERT(ok && cpio.Finish());
  return sink.Take();
}

Manifest MakeManifest(const FixtureInputs& inputs) {
  Manifest manifest;
  manifest.image_id = "small";
  manifest.image_version = "1";
  manifest.commit = inputs.commit;
  manifest.kernel_version = "6.12.48+deb13-amd64";
  manifest.root.push_back({.path = "/tiny", .package = "openvpn"});
  manifest.packages.push_back({.name = "openvpn", .version = inputs.openvpn_version});
  return manifest;
}

std::string BootCatalogue(uint64_t loader, uint64_t efi, uint64_t efi_blocks) {
  std::string out(kSector, '\0');
  out[0] = 1;
  PutNumber(out, 30, 0xaa55, 2);
  out[32] = '\x88';
  PutNumber(out, 38, 4, 2);
  PutNumber(out, 40, loader, 4);
  out[64] = '\x91';
  out[65] = '\xef';
  out[66] = 1;
  out[96] = '\x88';
  PutNumber(out, 102, efi_blocks, 2);
  PutNumber(out, 104, efi, 4);
  return out;
}

uint64_t Sectors(uint64_t bytes) { return (bytes + kSector - 1) / kSector; }

void Fill(std::string& iso, const std::string& path, std::string text) {
  const auto listing = ReadIso(iso).value();
  const IsoFile* file = FindIsoFile(listing, path);
  LETHE_ASSERT(text.size() <= file->size);
  text.append(file->size - text.size(), '\n');
  PutText(iso, file->offset, text);
}

// As the build does: the digests of the finished ISO go into the room that the manifest has.
void Seal(std::string& iso, Manifest manifest) {
  const auto listing = ReadIso(iso).value();
  for (const IsoFile& file : listing.files) {
    if (file.path.starts_with("/lethe/")) continue;
    const auto digest = crypto::Sha256Of(std::string_view(iso).substr(file.offset, file.size));
    manifest.iso.push_back({file.path, file.size, digest});
  }
  manifest.iso_structure = IsoStructureDigest(iso, listing);
  Fill(iso, std::string(kIsoManifestPath), WriteManifest(manifest));
}

}  // namespace

void PutNumber(std::string& bytes, uint64_t at, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

void PutText(std::string& bytes, uint64_t at, std::string_view text) {
  bytes.replace(at, text.size(), text);
}

std::string MakePe() {
  std::string out(0x600, '\0');
  PutText(out, 0, "MZ");
  PutNumber(out, 0x3c, 0x80, 4);
  PutText(out, 0x80, "PE");
  PutNumber(out, 0x86, 2, 2);           // sections
  PutNumber(out, 0x88, 1700000000, 4);  // TimeDateStamp
  PutNumber(out, 0x94, 0x70, 2);        // size of the optional header
  PutText(out, 0x108, ".text");
  PutNumber(out, 0x118, 0x200, 4);
  PutNumber(out, 0x11c, 0x200, 4);
  PutText(out, 0x130, "mods");
  PutNumber(out, 0x140, 0x200, 4);
  PutNumber(out, 0x144, 0x400, 4);
  for (size_t i = 0x200; i < out.size(); ++i) out[i] = static_cast<char>(i * 7);
  return out;
}

std::string MakeFatVolume(std::string_view program) {
  constexpr uint64_t kTable = kBlock, kRoot = 2 * kBlock, kData = 3 * kBlock;
  std::string out(64 * kBlock, '\0');
  PutText(out, 3, "mkfs.fat");
  PutNumber(out, 11, kBlock, 2);
  out[13] = 1;                // sectors in a cluster
  PutNumber(out, 14, 1, 2);   // reserved
  out[16] = 1;                // tables
  PutNumber(out, 17, 16, 2);  // entries of the root
  PutNumber(out, 19, 64, 2);
  PutNumber(out, 22, 1, 2);
  PutNumber(out, 39, 0xd5eecd29, 4);
  PutText(out, 43, "LETHE-EFI  FAT12   ");
  PutNumber(out, 510, 0xaa55, 2);
  // Two clusters of folders, then those of the program, one after another.
  const uint64_t clusters = (program.size() + kBlock - 1) / kBlock;
  const auto set = [&](uint64_t cluster, uint64_t next) {
    const uint64_t at = kTable + cluster + cluster / 2;
    const uint64_t old = static_cast<uint8_t>(out[at]) | uint64_t{static_cast<uint8_t>(out[at + 1])}
                                                             << 8;
    PutNumber(out, at, cluster % 2 != 0 ? (old & 0xf) | next << 4 : (old & 0xf000) | next, 2);
  };
  set(2, 0xfff);
  set(3, 0xfff);
  for (uint64_t i = 0; i < clusters; ++i) set(4 + i, i + 1 == clusters ? 0xfff : 5 + i);
  const auto entry = [&](uint64_t at, std::string_view name, uint64_t attributes, uint64_t cluster,
                         uint64_t size) {
    PutText(out, at, name);
    PutNumber(out, at + 11, attributes, 1);
    PutNumber(out, at + 22, 0x5b790d41, 4);
    PutNumber(out, at + 26, cluster, 2);
    PutNumber(out, at + 28, size, 4);
  };
  entry(kRoot, "LETHE-EFI  ", 0x08, 0, 0);
  entry(kRoot + 32, "EFI        ", 0x10, 2, 0);
  entry(kData, "BOOT       ", 0x10, 3, 0);
  entry(kData + kBlock, "BOOTX64 EFI", 0x20, 4, program.size());
  PutText(out, kData + 2 * kBlock, program);
  return out;
}

std::string MakeFixtureIso(const FixtureInputs& inputs) {
  const Manifest manifest = MakeManifest(inputs);
  std::vector<File> boot = {{"boot.cat", std::string(kSector, '\0')},
                            {"eltorito.img", std::string(4096, 'g')},
                            {"initrd.img", Initrd(inputs)},
                            {"vmlinuz", Kernel()}};
  std::vector<File> lethe = {{"SHA256SUMS", "sums\n"}, {"manifest.json", std::string(8192, '\n')}};
  uint64_t next = kFirstFile;
  for (auto* files : {&boot, &lethe}) {
    for (File& file : *files) {
      file.sector = next;
      next += Sectors(file.bytes.size());
    }
  }
  const std::string efi = MakeFatVolume(MakePe());
  const uint64_t efi_sector = next;
  const uint64_t sectors = efi_sector + Sectors(efi.size()) + 8;
  boot[0].bytes = BootCatalogue(boot[1].sector, efi_sector, efi.size() / kBlock);

  std::string iso(sectors * kSector, '\0');
  PutText(iso, 0, std::string(440, 'm'));
  PutNumber(iso, 440, 0x12345678, 4);
  PutNumber(iso, 510, 0xaa55, 2);
  WriteGpt(iso, kBlock, 2);
  WriteGpt(iso, iso.size() - kBlock, iso.size() / kBlock - 8);
  PutText(iso, 16 * kSector, VolumeDescriptor(sectors, 21));
  PutText(iso, 17 * kSector,
          std::string_view("\0CD001\x01"
                           "EL TORITO SPECIFICATION",
                           30));
  PutText(iso, 18 * kSector,
          std::string_view("\xff"
                           "CD001\x01",
                           7));
  PutText(iso, 19 * kSector, "path table");
  PutText(iso, 20 * kSector, "path table");
  const std::string self(1, '\0'), parent(1, '\1');
  const auto folder_of = [&](uint64_t sector, const std::vector<File>& files) {
    std::vector<std::string> records = {Record(self, sector, kSector, true, ""),
                                        Record(parent, 21, kSector, true, "")};
    for (const File& file : files) {
      records.push_back(Record("X.;1", file.sector, file.bytes.size(), false, file.path));
      PutText(iso, file.sector * kSector, file.bytes);
    }
    return Folder(records);
  };
  PutText(iso, 22 * kSector, folder_of(22, boot));
  PutText(iso, 23 * kSector, folder_of(23, lethe));
  PutText(iso, 21 * kSector,
          Folder({Record(self, 21, kSector, true, ""), Record(parent, 21, kSector, true, ""),
                  Record("BOOT", 22, kSector, true, "boot"),
                  Record("LETHE", 23, kSector, true, "lethe")}));
  PutText(iso, efi_sector * kSector, efi);
  Seal(iso, manifest);
  return iso;
}

}  // namespace lethe::image
