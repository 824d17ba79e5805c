#include "image/iso.h"

#include <ctime>

#include "base/file.h"
#include "base/strings.h"
#include "image/sandbox.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

std::string FormatUtc(uint64_t epoch_unix_s, const char* format) {
  const auto time = static_cast<time_t>(epoch_unix_s);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[64];
  std::strftime(text, sizeof text, format, &utc);
  return text;
}

// GRUB finds the medium by the ISO's modification date; two hundredths from the identity tell
// images of one second apart.
struct VolumeDate {
  std::string xorriso;  // YYYYMMDDhhmmsscc
  std::string grub;     // YYYY-MM-DD-hh-mm-ss-cc
};

VolumeDate MakeVolumeDate(const IsoInputs& inputs) {
  const unsigned hundredths = inputs.identity.bytes[0] % 100;
  const std::string cc = (hundredths < 10 ? "0" : "") + std::to_string(hundredths);
  return {FormatUtc(inputs.epoch_unix_s, "%Y%m%d%H%M%S") + cc,
          FormatUtc(inputs.epoch_unix_s, "%Y-%m-%d-%H-%M-%S-") + cc};
}

// Each parameter in single quotes: GRUB would expand '$'. The recipe allows no quotes in them.
// `protocol` is empty or "16": by BIOS, GRUB's 32-bit protocol first moves as much memory as the
// unpacked kernel may need, byte by byte; the 16-bit one lays the kernel where it starts.
std::string GrubScript(const IsoInputs& inputs, const VolumeDate& date, std::string_view protocol) {
  std::string parameters;
  for (const std::string_view word : Words(inputs.command_line)) {
    parameters += " '" + std::string(word) + "'";
  }
  const std::string suffix(protocol);
  return "search.fs_uuid " + date.grub + " root\nlinux" + suffix + " /boot/vmlinuz" + parameters +
         "\ninitrd" + suffix + " /boot/initrd.img\nboot\nreboot\n";
}

// Runs in the tools root; /work is the scratch folder, /src the content of the ISO.
constexpr const char* kMakeBootImages = R"(set -eu
cd /work
common="iso9660 search_fs_uuid reboot"
grub-mkimage -O i386-pc-eltorito -p /boot/grub -c bios.cfg -o eltorito.img biosdisk linux16 $common
grub-mkimage -O x86_64-efi -p /boot/grub -c efi.cfg -o bootx64.efi linux $common
kib=$(( ($(stat -c %s bootx64.efi) + 1023) / 1024 + 96 ))
kib=$(( (kib + 63) / 64 * 64 ))
mkfs.fat --invariant -i "$FAT_ID" -n LETHE-EFI -C efi.img $kib >/dev/null
mmd -i efi.img ::/EFI ::/EFI/BOOT
touch -d "@$SOURCE_DATE_EPOCH" bootx64.efi
mcopy -m -i efi.img bootx64.efi ::/EFI/BOOT/BOOTX64.EFI
)";

constexpr const char* kWriteIso = R"(set -eu
cd /work
xorriso -as mkisofs -quiet -iso-level 3 -r -V "$VOLUME_ID" -sysid LINUX \
  --modification-date="$DATE" --set_all_file_dates "$DATE" --gpt_disk_guid "$GUID" \
  --grub2-mbr /usr/lib/grub/i386-pc/boot_hybrid.img -partition_offset 16 \
  -append_partition 2 C12A7328-F81F-11D2-BA4B-00A0C93EC93B efi.img -appended_part_as_gpt \
  -c /boot/boot.cat -b /boot/eltorito.img -no-emul-boot -boot-load-size 4 -boot-info-table \
  --grub2-boot-info \
  -eltorito-alt-boot -e --interval:appended_partition_2:all:: -no-emul-boot \
  -graft-points -o out.iso /=/src /boot/eltorito.img=eltorito.img
)";

Status RunScript(const IsoInputs& inputs, const char* script, std::vector<Bind> binds) {
  const std::string hex = inputs.identity.Hex();
  RootCommand command{.root = inputs.tools_root,
                      .binds = std::move(binds),
                      .argv = {"/bin/sh", "-c", script},
                      .env = {{"SOURCE_DATE_EPOCH", std::to_string(inputs.epoch_unix_s)},
                              {"FAT_ID", hex.substr(0, 8)},
                              {"VOLUME_ID", inputs.volume_id},
                              {"DATE", MakeVolumeDate(inputs).xorriso},
                              {"GUID", hex.substr(8, 32)}}};
  LETHE_TRY(RunInRoot(command));
  return {};
}

}  // namespace

Status MakeBootImages(const IsoInputs& inputs) {
  const VolumeDate date = MakeVolumeDate(inputs);
  LETHE_TRY(WriteFileAtomic(inputs.scratch / "bios.cfg", GrubScript(inputs, date, "16")));
  LETHE_TRY(WriteFileAtomic(inputs.scratch / "efi.cfg", GrubScript(inputs, date, "")));
  LETHE_TRY_IN(RunScript(inputs, kMakeBootImages, {{inputs.scratch, "/work", true}}),
               "making the boot images");
  return {};
}

Status WriteIso(const IsoInputs& inputs, const fs::path& output) {
  LETHE_TRY_IN(RunScript(inputs, kWriteIso,
                         {{inputs.scratch, "/work", true}, {inputs.files, "/src", false}}),
               "writing the ISO");
  std::error_code error;
  fs::rename(inputs.scratch / "out.iso", output, error);
  if (error)
    return Error{ErrorCode::kIo, "moving the ISO to " + output.string() + ": " + error.message()};
  return {};
}

}  // namespace lethe::image
