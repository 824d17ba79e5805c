#include "image/kernel.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <set>

#include "archive/archive.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/strings.h"
#include "image/deb.h"
#include "image/firmware.h"
#include "recipe/names.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxModule = 64ULL << 20;

// Folders below kernel/drivers whose modules make storage: whatever its name is, none is shipped.
constexpr std::string_view kStorageFolders[] = {
    "ata", "block", "cdrom",  "infiniband/ulp", "md",   "memstick", "message/fusion",
    "mmc", "mtd",   "nvdimm", "nvme",           "scsi", "target",   "usb/storage",
    "ufs",
};

bool LiesInStorageFolder(std::string_view path) {
  return std::any_of(
      std::begin(kStorageFolders), std::end(kStorageFolders), [&](std::string_view folder) {
        return path.find("/kernel/drivers/" + std::string(folder) + "/") != std::string_view::npos;
      });
}

std::string NormalName(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

// "…/foo-bar.ko.xz" to "foo_bar"; empty for other files.
std::string ModuleName(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  const size_t dot = file.find(".ko");
  return dot == std::string_view::npos ? "" : NormalName(file.substr(0, dot));
}

template <typename T>
Result<T> ReadStruct(std::string_view bytes, uint64_t offset) {
  T out;
  if (offset > bytes.size() || bytes.size() - offset < sizeof out) {
    return Error{ErrorCode::kMalformed, "truncated ELF file"};
  }
  std::memcpy(&out, bytes.data() + offset, sizeof out);
  return out;
}

Result<std::string_view> Section(std::string_view elf, std::string_view wanted) {
  const auto header = LETHE_TRY(ReadStruct<Elf64_Ehdr>(elf, 0));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_shentsize != sizeof(Elf64_Shdr)) {
    return Error{ErrorCode::kMalformed, "not an ELF64 file"};
  }
  const auto section = [&](uint64_t i) {
    return ReadStruct<Elf64_Shdr>(elf, header.e_shoff + i * sizeof(Elf64_Shdr));
  };
  const auto names = LETHE_TRY(section(header.e_shstrndx));
  for (uint64_t i = 0; i < header.e_shnum; ++i) {
    const auto s = LETHE_TRY(section(i));
    const uint64_t name_at = names.sh_offset + s.sh_name;
    if (name_at >= elf.size())
      return Error{ErrorCode::kMalformed, "section name outside of the file"};
    const std::string_view rest = elf.substr(name_at);
    if (rest.substr(0, rest.find('\0')) != wanted) continue;
    if (s.sh_offset > elf.size() || s.sh_size > elf.size() - s.sh_offset) {
      return Error{ErrorCode::kMalformed, "section outside of the file"};
    }
    return elf.substr(s.sh_offset, s.sh_size);
  }
  return Error{ErrorCode::kMalformed, "no section " + std::string(wanted)};
}

// All files of the kernel package, modules still compressed.
struct KernelFiles {
  std::string version;
  std::string vmlinuz;
  std::map<std::string, std::pair<std::string, std::string>> modules;  // name: path, bytes
  std::map<std::string, std::string> lists;  // modules.builtin, …: bytes
};

// It becomes the name of a folder and an argument of depmod.
bool IsKernelVersion(std::string_view text) {
  return text.size() <= 64 && text[0] >= '0' && text[0] <= '9' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '.' || c == '+' || c == '-' || c == '_' || c == '~';
         });
}

Result<KernelFiles> ReadKernelFiles(const fs::path& deb) {
  KernelFiles files;
  constexpr std::string_view kModules = "/usr/lib/modules/";
  const auto wanted = [&](std::string_view path) {
    return path.starts_with("/boot/vmlinuz-") || path.starts_with(kModules);
  };
  LETHE_TRY(ReadDebFiles(deb, wanted, [&](const DebEntry& entry, std::string bytes) -> Status {
    if (entry.type != archive::EntryType::kFile) return {};
    if (entry.path.starts_with("/boot/vmlinuz-")) {
      files.version = entry.path.substr(std::strlen("/boot/vmlinuz-"));
      files.vmlinuz = std::move(bytes);
    } else if (const std::string name = ModuleName(entry.path); !name.empty()) {
      files.modules[name] = {entry.path, std::move(bytes)};
    } else if (entry.path.find("/modules.") != std::string::npos) {
      files.lists[entry.path] = std::move(bytes);
    }
    return {};
  }));
  if (files.version.empty() || files.modules.empty()) {
    return Error{ErrorCode::kMalformed, "data.tar: holds no /boot/vmlinuz-* or no modules"};
  }
  if (!IsKernelVersion(files.version)) {
    return Error{ErrorCode::kMalformed,
                 "data.tar: '" + Printable(files.version) + "' is no version of a kernel"};
  }
  return files;
}

// Picks modules depth first, so that `order` lists each after what it needs.
class Selector {
 public:
  Selector(const KernelFiles& files, unsigned jobs) : files_(files), jobs_(jobs) {
    for (const auto& [path, bytes] : files.lists) {
      if (!path.ends_with("/modules.builtin")) continue;
      for (const std::string_view line : Lines(bytes)) builtin_.insert(ModuleName(line));
    }
  }

  // `wanted_by` is for messages: the chain that led here. Soft dependencies that nothing provides
  // are left out.
  Status Select(std::string_view raw_name, const std::string& wanted_by, bool soft,
                std::vector<std::string>& order, int depth = 0) {
    constexpr int kMaxDepth = 64;
    if (depth > kMaxDepth)
      return Error{ErrorCode::kMalformed, "modules depend on each other in a circle"};
    const std::string name = NormalName(raw_name);
    if (std::find(order.begin(), order.end(), name) != order.end() || builtin_.contains(name))
      return {};
    if (!files_.modules.contains(name)) {
      const auto providers = LETHE_TRY(Providers(std::string(raw_name)));
      for (const std::string& provider : providers) {
        if (builtin_.contains(provider)) continue;
        LETHE_TRY(Select(provider, wanted_by, soft, order, depth + 1));
      }
      if (!providers.empty() || soft) return {};
      return Error{ErrorCode::kNotFound, "kernel " + files_.version + " has no module '" +
                                             Printable(raw_name) + "' (wanted by " + wanted_by +
                                             ")"};
    }
    const std::string chain = wanted_by + " → " + name;
    LETHE_TRY(RefuseStorage(name, chain));
    const ModuleInfo info = LETHE_TRY(Info(name));
    for (const auto& need : info.depends) LETHE_TRY(Select(need, chain, false, order, depth + 1));
    for (const auto& need : info.soft_depends)
      LETHE_TRY(Select(need, chain, true, order, depth + 1));
    if (std::find(order.begin(), order.end(), name) == order.end()) order.push_back(name);
    return {};
  }

  Result<std::string> Bytes(const std::string& name) const {
    const auto& [path, bytes] = files_.modules.at(name);
    return archive::Decompress(bytes, path, kMaxModule);
  }

  Result<ModuleInfo> Info(const std::string& name) {
    const auto known = infos_.find(name);
    if (known != infos_.end()) return known->second;
    const std::string elf = LETHE_TRY(Bytes(name));
    const ModuleInfo info = LETHE_TRY_IN(ParseModuleInfo(elf), "module " + name);
    infos_[name] = info;
    return info;
  }

 private:
  Status RefuseStorage(const std::string& name, const std::string& chain) const {
    const auto problem = recipe::CheckModuleName(name);
    const std::string& path = files_.modules.at(name).first;
    if (!problem && !LiesInStorageFolder(path)) return {};
    return Error{ErrorCode::kConflict,
                 "module '" + Printable(name) + "' (" + chain + "): " +
                     problem.value_or("lies among the drivers of storage, " + Printable(path))};
  }

  // Modules with exactly this alias ("crc32c" is an alias of several). Costs a look into every
  // module of the package, so it is done only when a name is not a module's.
  Result<std::vector<std::string>> Providers(const std::string& alias) {
    if (!aliases_) LETHE_TRY(IndexAliases());
    const auto it = aliases_->find(alias);
    return it == aliases_->end() ? std::vector<std::string>() : it->second;
  }

  Status IndexAliases() {
    std::vector<const std::string*> names;
    for (const auto& [name, file] : files_.modules) names.push_back(&name);
    std::vector<ModuleInfo> infos(names.size());
    LETHE_TRY(ParallelFor(names.size(), jobs_, [&](size_t i) -> Status {
      const std::string elf = LETHE_TRY(Bytes(*names[i]));
      infos[i] = LETHE_TRY_IN(ParseModuleInfo(elf), "module " + *names[i]);
      return {};
    }));
    aliases_.emplace();
    for (size_t i = 0; i < names.size(); ++i) {
      for (const std::string& alias : infos[i].aliases) (*aliases_)[alias].push_back(*names[i]);
      infos_[*names[i]] = std::move(infos[i]);
    }
    return {};
  }

  const KernelFiles& files_;
  unsigned jobs_;
  std::set<std::string> builtin_;
  std::map<std::string, ModuleInfo> infos_;
  std::optional<std::map<std::string, std::vector<std::string>>> aliases_;
};

std::string WithoutCompression(const std::string& path) {
  return path.substr(0, path.find(".ko") + 3);
}

Status WriteBelow(const fs::path& root, const std::string& path, std::string_view bytes) {
  const fs::path target = root / path.substr(1);
  LETHE_TRY(MakeDirectories(target.parent_path()));
  return WriteFileAtomic(target, bytes);
}

}  // namespace

Result<ModuleInfo> ParseModuleInfo(std::string_view elf) {
  const std::string_view section = LETHE_TRY(Section(elf, ".modinfo"));
  ModuleInfo info;
  for (const std::string_view entry : Split(section, '\0')) {
    const size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = entry.substr(0, equals);
    const std::string_view value = entry.substr(equals + 1);
    if (key == "depends") {
      for (const auto name : Split(value, ',')) {
        if (!name.empty()) info.depends.emplace_back(name);
      }
    } else if (key == "softdep") {
      for (const auto word : Words(value)) {
        if (word != "pre:" && word != "post:") info.soft_depends.emplace_back(word);
      }
    } else if (key == "alias") {
      info.aliases.emplace_back(value);
    } else if (key == "firmware") {
      info.firmware.emplace_back(value);
    }
  }
  return info;
}

Status ExtractKernel(const fs::path& deb, const KernelSelection& selection,
                     const fs::path& output) {
  const KernelFiles files = LETHE_TRY(ReadKernelFiles(deb));
  Selector selector(files, selection.jobs);
  std::vector<std::string> initrd;
  for (const auto& name : selection.initrd_modules) {
    LETHE_TRY(selector.Select(name, "kernel.initrd_modules", false, initrd));
  }
  std::vector<std::string> all = initrd;
  for (const auto& name : selection.modules) {
    LETHE_TRY(selector.Select(name, "kernel.modules", false, all));
  }
  const fs::path root = output / "root";
  std::vector<FirmwareRequest> firmware;
  for (const std::string& name : all) {
    const std::string bytes = LETHE_TRY(selector.Bytes(name));
    LETHE_TRY(WriteBelow(root, WithoutCompression(files.modules.at(name).first), bytes));
    for (const auto& file : LETHE_TRY(selector.Info(name)).firmware)
      firmware.push_back({name, file});
  }
  LETHE_TRY(WriteFileAtomic(output / "firmware", WriteFirmwareRequests(firmware)));
  for (const auto& [path, bytes] : files.lists) LETHE_TRY(WriteBelow(root, path, bytes));
  std::error_code error;
  fs::create_directory_symlink("usr/lib", root / "lib", error);
  if (error) return Error{ErrorCode::kIo, "linking lib: " + error.message()};
  std::string order;
  for (const std::string& name : initrd) {
    order += WithoutCompression(files.modules.at(name).first) + "\n";
  }
  LETHE_TRY(WriteFileAtomic(output / "initrd-modules", order));
  LETHE_TRY(WriteFileAtomic(output / "version", files.version));
  return WriteFileAtomic(output / "vmlinuz", files.vmlinuz);
}

}  // namespace lethe::image
