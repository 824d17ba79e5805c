#include "image/diff_boot.h"

#include <algorithm>

#include "base/strings.h"
#include "image/cpio_reader.h"
#include "image/fat_reader.h"
#include "image/manifest.h"

namespace lethe::image {
namespace {

constexpr uint64_t kMaxSections = 96;  // PE/COFF: what the Windows loader allows

constexpr PieceField kFatEntry[] = {{"name", 0, 11},  {"attributes", 11, 2},
                                    {"times", 13, 7}, {"place and size", 20, 2},
                                    {"times", 22, 4}, {"place and size", 26, 6}};
// Digits of a newc header.
constexpr PieceField kCpioHeader[] = {
    {"magic", 0, 6},     {"inode number", 6, 8},     {"mode", 14, 8},
    {"owner", 22, 16},   {"number of links", 38, 8}, {"time", 46, 8},
    {"size", 54, 8},     {"device numbers", 62, 32}, {"size of the name", 94, 8},
    {"checksum", 102, 8}};

// The kernel takes microcode from files with fixed names, below this folder.
Layer InitrdLayer(std::string_view name) {
  return name.starts_with("kernel/") ? Layer::kMicrocode : Layer::kInitrdFile;
}

void DescribeFatEntry(std::string_view iso, const FatEntry& entry, const Extent& partition,
                      PieceList& out) {
  const std::string name = Printable(entry.path);
  for (const PieceField& field : kFatEntry) {
    const bool label_time = entry.label && field.name == "times";
    out.Add(Layer::kEfiPartition,
            "entry of " + name + ": " + std::string(label_time ? "label's times" : field.name),
            partition.at + entry.entry_at + field.at, field.size, partition.at);
  }
  size_t part = 0;
  for (const FatRun& run : entry.content) {
    ++part;
    const std::string suffix =
        entry.content.size() == 1 ? "" : " (part " + std::to_string(part) + ")";
    const uint64_t at = partition.at + run.at;
    if (entry.folder) {
      out.Add(Layer::kEfiPartition, "folder " + name + suffix, at, run.size, partition.at);
    } else {
      out.Add(Layer::kEfiProgram, name + suffix, at, run.size, partition.at);
      if (entry.content.size() == 1)
        DescribePe(iso, {at, run.size}, {Layer::kEfiProgram, name + ": ", partition.at}, out);
    }
  }
}

}  // namespace

void DescribeBiosLoader(const Extent& file, PieceList& out) {
  constexpr uint64_t kInfo = 8, kInfoBytes = 56, kGrubInfo = 2548, kGrubInfoBytes = 8;
  const auto add = [&](std::string name, uint64_t at, uint64_t size) {
    if (at < file.size)
      out.Add(Layer::kBiosLoader, std::move(name), file.at + at, std::min(size, file.size - at),
              file.at);
  };
  add("/boot/eltorito.img: code", 0, file.size);
  add("/boot/eltorito.img: boot information table", kInfo, kInfoBytes);
  add("/boot/eltorito.img: place of the image", kGrubInfo, kGrubInfoBytes);
}

void DescribeEfiPartition(std::string_view iso, const Extent& partition, PieceList& out) {
  if (partition.size == 0) return;
  const auto add = [&](std::string name, uint64_t at, uint64_t size) {
    out.Add(Layer::kEfiPartition, std::move(name), partition.at + at, size, partition.at);
  };
  add("unused clusters", 0, partition.size);
  const auto volume = ReadFat(iso.substr(partition.at, partition.size));
  if (!volume) {
    out.damage.push_back("EFI partition: " + volume.error().message);
    add("boot sector", 0, std::min<uint64_t>(512, partition.size));
    return;
  }
  add("reserved sectors", 0, volume->tables.at);
  add("boot sector: code", 0, 512);
  add("boot sector: name of the formatter", 3, 8);
  add("boot sector: geometry", 11, volume->extended_at - 11);
  add("boot sector: volume serial", volume->extended_at + 3, 4);
  add("boot sector: label", volume->extended_at + 7, 11);
  add("boot sector: type", volume->extended_at + 18, 8);
  add("allocation table", volume->tables.at, volume->tables.size);
  add("root folder", volume->root.at, volume->root.size);
  Sequence order{Layer::kEfiPartition, "order of the entries", {}};
  for (const FatEntry& entry : volume->entries) {
    DescribeFatEntry(iso, entry, partition, out);
    order.items.push_back(Printable(entry.path));
  }
  out.sequences.push_back(std::move(order));
}

void DescribePe(std::string_view iso, const Extent& file, const PeContext& context,
                PieceList& out) {
  const std::string_view bytes = iso.substr(file.at, file.size);
  const uint64_t header = LittleEndian(bytes, 0x3c, 4);
  if (bytes.substr(0, 2) != "MZ" || header > bytes.size() || bytes.size() - header < 24 ||
      bytes.substr(header, 4) != std::string_view("PE\0\0", 4)) {
    return;
  }
  const auto add = [&](const std::string& name, uint64_t at, uint64_t size) {
    if (at < bytes.size())
      out.Add(context.layer, context.prefix + name, file.at + at, std::min(size, bytes.size() - at),
              context.layer_at);
  };
  const uint64_t optional = header + 24;
  const uint64_t optional_size = LittleEndian(bytes, header + 20, 2);
  const uint64_t sections = LittleEndian(bytes, header + 6, 2);
  add("DOS header", 0, header);
  add("COFF header", header, 24);
  add("TimeDateStamp", header + 8, 4);
  add("optional header", optional, optional_size);
  add("checksum", optional + 64, 4);
  Sequence order{context.layer, context.prefix + "order of the sections", {}};
  for (uint64_t i = 0; i < std::min(sections, kMaxSections); ++i) {
    const uint64_t at = optional + optional_size + i * 40;
    if (at + 40 > bytes.size()) break;
    std::string name(bytes.substr(at, 8));
    name = Printable(name.substr(0, name.find('\0')));
    order.items.push_back(name);
    add("header of section " + name, at, 40);
    add("section " + name, LittleEndian(bytes, at + 20, 4), LittleEndian(bytes, at + 16, 4));
  }
  out.sequences.push_back(std::move(order));
}

// Linux, Documentation/arch/x86/boot.rst: the header names the place of the version's text.
void DescribeKernel(std::string_view iso, const Extent& file, PieceList& out) {
  out.Add(Layer::kKernel, "/boot/vmlinuz", file.at, file.size, file.at);
  DescribePe(iso, file, {Layer::kKernel, "/boot/vmlinuz: ", file.at}, out);
  const std::string_view bytes = iso.substr(file.at, file.size);
  const uint64_t version = LittleEndian(bytes, 0x20e, 2) + 0x200;
  if (bytes.size() < 0x206 || bytes.substr(0x202, 4) != "HdrS" || version >= bytes.size()) return;
  const size_t end = bytes.find('\0', version);
  if (end == std::string_view::npos || end - version > 512) return;
  out.Add(Layer::kKernel, "/boot/vmlinuz: version text", file.at + version, end - version, file.at);
}

Extent DescribeInitrd(std::string_view iso, const Extent& file, PieceList& out) {
  constexpr uint64_t kHeader = 110;
  const std::string_view archive = iso.substr(file.at, file.size);
  out.Add(Layer::kInitrd, "padding", file.at, file.size, file.at);
  const auto entries = ReadCpio(archive);
  if (!entries) {
    out.damage.push_back("initrd: " + entries.error().message);
    return {};
  }
  Extent root;
  Sequence order{Layer::kInitrd, "order of the entries", {}};
  for (const CpioEntry& entry : *entries) {
    const std::string name = Printable("/" + std::string(entry.name));
    const auto name_at = static_cast<uint64_t>(entry.name.data() - archive.data());
    const auto data_at = static_cast<uint64_t>(entry.bytes.data() - archive.data());
    const uint64_t header = file.at + name_at - kHeader;
    order.items.push_back(name);
    out.AddFields(kCpioHeader, Layer::kInitrd, "header of " + name + ": ", header, file.at);
    const uint64_t name_end = name_at + entry.name.size() + 1;  // with the zero that ends it
    out.Add(Layer::kInitrd, "header of " + name + ": name", file.at + name_at, name_end - name_at,
            file.at);
    out.Add(Layer::kInitrd, "padding after the name of " + name, file.at + name_end,
            data_at - name_end, file.at);
    if (name == kInitrdRootPath) {
      root = {file.at + data_at, entry.bytes.size()};
      out.Add(Layer::kRootImage, "metadata and padding", root.at, root.size, root.at);
    } else if (!entry.bytes.empty()) {
      out.Add(InitrdLayer(entry.name), name, file.at + data_at, entry.bytes.size(), file.at);
    }
  }
  out.sequences.push_back(std::move(order));
  return root;
}

}  // namespace lethe::image
