// A small ISO for tests, with every layer of a real one: MBR, GPT, ISO 9660 with Rock Ridge, boot
// catalogue, BIOS loader, EFI partition with a PE program, kernel, initrd with a root image,
// manifest. Built in memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lethe::image {

struct FixtureInputs {
  std::string root_image;  // an EROFS image
  std::string commit = std::string(40, 'c');
  std::string init = std::string(5000, 'i');
  std::string openvpn_version = "2.6.14-1";
};

// A FAT12 volume with a label and /EFI/BOOT/BOOTX64.EFI.
std::string MakeFatVolume(std::string_view program);
// A PE program with the sections .text and mods.
std::string MakePe();
std::string MakeFixtureIso(const FixtureInputs& inputs);

// Overwrites a little-endian number.
void PutNumber(std::string& bytes, uint64_t at, uint64_t value, size_t size);
void PutText(std::string& bytes, uint64_t at, std::string_view text);

}  // namespace lethe::image
