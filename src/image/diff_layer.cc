#include "image/diff_layer.h"

namespace lethe::image {
namespace {

struct Names {
  Layer layer;
  std::string_view name;
  std::string_view id;
};

constexpr Names kNames[] = {
    {Layer::kRootFile, "root file", "root-file"},
    {Layer::kKernel, "kernel", "kernel"},
    {Layer::kInitrdFile, "initrd file", "initrd-file"},
    {Layer::kMicrocode, "microcode", "microcode"},
    {Layer::kEfiProgram, "EFI program", "efi-program"},
    {Layer::kBiosLoader, "BIOS loader", "bios-loader"},
    {Layer::kRootImage, "root image", "root-image"},
    {Layer::kInitrd, "initrd", "initrd"},
    {Layer::kEfiPartition, "EFI partition", "efi-partition"},
    {Layer::kBootCatalogue, "boot catalogue", "boot-catalogue"},
    {Layer::kIsoStructure, "ISO structure", "iso-structure"},
    {Layer::kSystemArea, "system area", "system-area"},
    {Layer::kIsoFile, "ISO file", "iso-file"},
    {Layer::kDescription, "description", "description"},
};

const Names& NamesOf(Layer layer) {
  for (const Names& names : kNames) {
    if (names.layer == layer) return names;
  }
  return kNames[0];
}

}  // namespace

std::string_view LayerName(Layer layer) { return NamesOf(layer).name; }
std::string_view LayerId(Layer layer) { return NamesOf(layer).id; }

uint64_t LittleEndian(std::string_view bytes, uint64_t at, size_t size) {
  if (at > bytes.size() || size > bytes.size() - at) return 0;
  uint64_t out = 0;
  for (size_t i = 0; i < size; ++i) out |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return out;
}

}  // namespace lethe::image
