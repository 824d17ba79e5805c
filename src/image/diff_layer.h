// The layers of an ISO of ours, from the medium down to a file of the root, and the names of its
// pieces: the words in which a difference is told.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lethe::image {

enum class Layer {
  kRootFile,       // a file of the root image
  kKernel,         // /boot/vmlinuz
  kInitrdFile,     // a file of the initrd, but the root image
  kMicrocode,      // a file below kernel/ of the archive that stands first
  kEfiProgram,     // a program in the EFI partition
  kBiosLoader,     // /boot/eltorito.img
  kRootImage,      // the root image's own structure: superblock, inodes, indexes, padding
  kInitrd,         // the archive's own structure: headers, order, padding
  kEfiPartition,   // the FAT file system: boot sector, table, folders
  kBootCatalogue,  // El Torito
  kIsoStructure,   // volume descriptors, path tables, folders, padding
  kSystemArea,     // boot code, MBR and GPT, first and last copy
  kIsoFile,        // any other file
  kDescription,    // manifest, sums, bill of materials
};

// "root file", "kernel", "EFI partition": for people.
std::string_view LayerName(Layer layer);
// "root-file", "kernel", "efi-partition": for programs.
std::string_view LayerId(Layer layer);

// A range of the ISO with a meaning. Of two pieces that overlap, the later in a list is the more
// precise one.
struct Piece {
  Layer layer = Layer::kIsoStructure;
  std::string name;  // "GPT: disk GUID", "/usr/bin/x"
  uint64_t at = 0;   // in the ISO
  uint64_t size = 0;
  uint64_t layer_at = 0;  // where its layer starts in the ISO
  uint64_t file_at = 0;   // of uncompressed root files: what of the content is stored here
};

// Things whose order tells nothing, but shows when it differs: entries of a folder, sections.
struct Sequence {
  Layer layer = Layer::kIsoStructure;
  std::string name;  // "order of the entries"
  std::vector<std::string> items;
};

// A field of a structure: name, and place inside of it.
struct PieceField {
  std::string_view name;
  uint64_t at;
  uint64_t size;
};

struct PieceList {
  std::vector<Piece> pieces;
  std::vector<Sequence> sequences;
  std::vector<std::string> damage;  // what could not be read, and why

  void Add(Layer layer, std::string name, uint64_t at, uint64_t size, uint64_t layer_at) {
    pieces.push_back({layer, std::move(name), at, size, layer_at, 0});
  }
  // All fields of the structure at `at`.
  void AddFields(std::span<const PieceField> fields, Layer layer, const std::string& prefix,
                 uint64_t at, uint64_t layer_at) {
    for (const PieceField& field : fields)
      Add(layer, prefix + std::string(field.name), at + field.at, field.size, layer_at);
  }
};

// Little-endian number; zero for bytes that are not there.
uint64_t LittleEndian(std::string_view bytes, uint64_t at, size_t size);

}  // namespace lethe::image
