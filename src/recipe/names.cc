#include "recipe/names.h"

#include <algorithm>
#include <cstdint>

#include "base/strings.h"

namespace lethe::recipe {
namespace {

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kDigits = "0123456789";

bool Only(std::string_view text, std::string_view allowed_besides, bool upper = false) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kLower.find(c) != std::string_view::npos || kDigits.find(c) != std::string_view::npos ||
           (upper && c >= 'A' && c <= 'Z') || allowed_besides.find(c) != std::string_view::npos;
  });
}

bool StartsWithAny(std::string_view text, std::string_view first) {
  return !text.empty() && first.find(text[0]) != std::string_view::npos;
}

// Drivers of storage and what makes block devices: no image has them, so that a server cannot write
// to anything that outlives its power.
constexpr std::string_view kStorageModules[] = {
    "ahci",        "libahci",    "ata_piix",      "ata_generic", "brd",        "cdrom",
    "dm_mod",      "drbd",       "firewire_sbp2", "floppy",      "hpsa",       "hv_storvsc",
    "isofs",       "iscsi_tcp",  "libata",        "loop",        "md_mod",     "megaraid_sas",
    "mmc_block",   "mpt3sas",    "mptspi",        "mtd",         "mtdblock",   "nbd",
    "null_blk",    "nvme",       "nvme_core",     "nvme_tcp",    "pata_acpi",  "rbd",
    "scsi_mod",    "sd_mod",     "smartpqi",      "sr_mod",      "st",         "ub",
    "ubi",         "uas",        "ums_realtek",   "usb_storage", "virtio_blk", "virtio_pmem",
    "virtio_scsi", "vmw_pvscsi", "xen_blkfront",  "zram",
};

// Words that would take the promises of an image away, with the reason.
struct Refused {
  std::string_view prefix;
  std::string_view reason;
};
constexpr Refused kRefusedParameters[] = {
    {"page_poison=", "it switches init_on_free off"},
    {"slub_debug", "it switches init_on_free off"},
    {"slab_debug", "it switches init_on_free off"},
    {"lockdown=", "it forbids the kexec of an upgrade"},
    {"dis_ucode_ldr", "processors keep the faults that their vendors have mended"},
    {"init_on_alloc=", "it must be 1: memory is wiped"},
    {"init_on_free=", "it must be 1: memory is wiped"},
    {"rootfstype=", "it must be ramfs: the root image is mounted from a file there"},
    {"console=ttyS", "serial consoles end up in logs of other machines"},
    {"console=ttyUSB", "serial consoles end up in logs of other machines"},
    {"console=ttyAMA", "serial consoles end up in logs of other machines"},
    {"console=hvc", "serial consoles end up in logs of other machines"},
    {"console=uart", "serial consoles end up in logs of other machines"},
    {"earlycon", "the kernel stays silent"},
    {"init=", "the root is started by lethe-init alone"},
    {"rdinit=", "the root is started by lethe-init alone"},
    {"root=", "the root comes out of the initrd alone"},
    {"single", "a release image has no rescue shell"},
    {"systemd.debug", "a release image has no debug shell"},
    {"systemd.unit=", "the default target is the recipe's"},
    {"systemd.wants=", "units are enabled by the recipe"},
    {"systemd.run", "units are enabled by the recipe"},
    {"rd.", "there is no other initrd program"},
    {"crashkernel=", "a crash dump holds the memory of clients"},
    {"netconsole", "the kernel's messages stay on the server"},
    {"ramoops", "nothing outlives the power"},
    {"memmap=", "memory could be set aside from wiping"},
    {"log_buf_len", "the kernel's log buffer stays small"},
    {"ignore_loglevel", "the kernel stays silent"},
    {"earlyprintk", "the kernel stays silent"},
};

// Whole words that ask systemd for a rescue shell.
constexpr std::string_view kRefusedWords[] = {"1", "-b", "-s", "s", "S", "emergency", "rescue"};
constexpr std::string_view kRequiredParameters[] = {"init_on_alloc=1", "init_on_free=1",
                                                    "rootfstype=ramfs"};

// The kernel takes '-' and '_' in the name of a parameter for the same character.
std::string NormalParameter(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.begin() + static_cast<long>(std::min(out.find('='), out.size())),
               '-', '_');
  return out;
}

}  // namespace

Problem CheckImageId(std::string_view text) {
  if (StartsWithAny(text, kLower) && text.size() <= 64 && Only(text, "-.")) return {};
  return "allowed: lower-case letters, digits, '-' and '.', starting with a letter, at most 64";
}

Problem CheckPackageName(std::string_view text) {
  if (text.size() >= 2 && text.size() <= 128 && Only(text, "+-.") && !StartsWithAny(text, "+-."))
    return {};
  return "allowed: a Debian package name (lower-case letters, digits, '+', '-', '.')";
}

Problem CheckUserName(std::string_view text) {
  if (!text.empty() && text.size() <= 32 && Only(text, "_-") && !StartsWithAny(text, "-0123456789"))
    return {};
  return "allowed: lower-case letters, digits, '_' and '-', at most 32, not starting with a digit";
}

Problem CheckModuleName(std::string_view text) {
  if (text.empty() || text.size() > 64 || !Only(text, "_-", true)) {
    return "allowed: a kernel module's name (letters, digits, '_', '-')";
  }
  std::string normal(text);
  std::replace(normal.begin(), normal.end(), '-', '_');
  for (const std::string_view storage : kStorageModules) {
    if (normal == storage)
      return "a driver of storage: no image has one, so that nothing outlives its power";
  }
  return {};
}

Problem CheckUnitName(std::string_view text) {
  for (const std::string_view suffix :
       {".service", ".socket", ".target", ".timer", ".mount", ".automount", ".path", ".slice"}) {
    if (text.size() > suffix.size() && text.size() <= 255 && text.ends_with(suffix) &&
        Only(text, "-_.@:\\", true))
      return {};
  }
  return "allowed: a systemd unit's name with its suffix, such as x.service";
}

Problem CheckSysctlKey(std::string_view text) {
  if (!text.empty() && text.size() <= 256 && Only(text, "_./*-")) return {};
  return "allowed: a sysctl key (lower-case letters, digits, '_', '.', '/', '-', '*')";
}

Problem CheckKernelParameter(std::string_view text) {
  // One page for the reason of a failed boot (docs/formats/boot-reason.md); no other memory may be
  // kept away from wiping.
  if (text == "memmap=4K$0x3000") return {};
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '\\' && c != '$' && c != ';' &&
           c != '{' && c != '}' && c != '#' && c != '&' && c != '|' && c != '<' && c != '>';
  });
  if (text.empty() || text.size() > 256 || !printable) {
    return "allowed: one kernel parameter without spaces, quotes or shell characters";
  }
  if (text == "--") return "refused: it ends the kernel's own parameters";
  for (const std::string_view word : kRefusedWords) {
    if (text == word) return "refused: a release image has no rescue shell";
  }
  const std::string normal = NormalParameter(text);
  for (const std::string_view required : kRequiredParameters) {
    if (text == required) return {};
  }
  for (const Refused& refused : kRefusedParameters) {
    if (normal.starts_with(refused.prefix)) return "refused: " + std::string(refused.reason);
  }
  return {};
}

Problem CheckPlainText(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<uint8_t>(c) >= ' ' && c != 0x7f && c != ':' && c != '"' && c != '\\' &&
           c != '`' && c != '$';
  });
  if (plain && text.size() <= 200 && IsUtf8(text)) return {};
  return "allowed: one line without ':', '\"', '\\', '`' and '$', at most 200 bytes";
}

Problem CheckRelativePath(std::string_view text) {
  const std::string allowed =
      "allowed: a clean relative path (no '.', '..', empty parts or control characters; UTF-8)";
  if (text.empty() || text.size() > 1024 || !IsUtf8(text)) return allowed;
  for (const std::string_view part : Split(text, '/')) {
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return allowed;
    for (const char c : part) {
      if (static_cast<uint8_t>(c) < ' ' || c == 0x7f) return allowed;
    }
  }
  return {};
}

Problem CheckImagePath(std::string_view text) {
  if (text.size() > 1 && text[0] == '/' && !CheckRelativePath(text.substr(1))) return {};
  return "allowed: a clean absolute path (no '.', '..', '//' or control characters; UTF-8)";
}

Problem CheckLinkTarget(std::string_view link_path, std::string_view target) {
  const std::string allowed =
      "allowed: a target that stays inside the image (UTF-8, no control characters)";
  if (target.empty() || target.size() > 1024 || !IsUtf8(target)) return allowed;
  long depth = target[0] == '/' ? 0 : std::count(link_path.begin(), link_path.end(), '/') - 1;
  for (const std::string_view part : Split(target, '/')) {
    for (const char c : part) {
      if (static_cast<uint8_t>(c) < ' ' || c == 0x7f) return allowed;
    }
    if (part == "..") --depth;
    if (!part.empty() && part != "." && part != "..") ++depth;
    if (depth < 0) return allowed;
  }
  return {};
}

Problem CheckWritablePath(std::string_view text) {
  if (const Problem problem = CheckImagePath(text)) return problem;
  for (const std::string_view kept :
       {"/usr", "/etc", "/boot", "/dev", "/proc", "/sys", "/lib", "/bin", "/sbin"}) {
    if (text == kept || (text.starts_with(kept) && text[kept.size()] == '/')) {
      return "refused: " + std::string(kept) + " is read-only or the kernel's own";
    }
  }
  return {};
}

}  // namespace lethe::recipe
