#include "image/hardware.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "base/strings.h"
#include "image/cpio_reader.h"
#include "image/erofs_reader.h"
#include "image/firmware.h"
#include "image/iso_reader.h"
#include "image/kernel.h"
#include "image/manifest.h"

namespace lethe::image {
namespace {

constexpr uint64_t kMaxModule = 64ULL << 20;
constexpr std::string_view kDrivers = "/usr/lib/modules/*/kernel/drivers/net/**.ko";

struct Vendor {
  std::string_view id;
  std::string_view name;
};
constexpr Vendor kVendors[] = {
    {"1011", "DEC"},        {"1014", "IBM"},     {"1022", "AMD"},      {"1028", "Dell"},
    {"103c", "HP"},         {"1050", "Winbond"}, {"106b", "Apple"},    {"1077", "QLogic"},
    {"10b7", "3Com"},       {"10de", "NVIDIA"},  {"10df", "Emulex"},   {"10ec", "Realtek"},
    {"1137", "Cisco"},      {"1186", "D-Link"},  {"1259", "Allied"},   {"1414", "Microsoft"},
    {"14e4", "Broadcom"},   {"1590", "HPE"},     {"15ad", "VMware"},   {"15b3", "Mellanox"},
    {"1924", "Solarflare"}, {"19a2", "Emulex"},  {"19e5", "Huawei"},   {"1ae0", "Google"},
    {"1af4", "virtio"},     {"1d0f", "Amazon"},  {"1d6a", "Aquantia"}, {"1dd8", "Pensando"},
    {"8086", "Intel"},
};

// "00008086" or "*", as "8086" or "*"; nothing for what is neither.
std::optional<std::string> ShortId(std::string_view digits) {
  if (digits == "*") return std::string("*");
  const auto value = ParseUnsigned<uint32_t>(digits, 16);
  if (!value || digits.size() < 4) return std::nullopt;
  std::string text(digits.substr(*value <= 0xffff ? digits.size() - 4 : 0));
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  return text;
}

// "v00008086d00001533sv*": vendor up to 'd', device up to `end` after it.
std::optional<DeviceId> VendorAndDevice(std::string_view bus, std::string_view rest, char first,
                                        char second, char end) {
  if (!rest.starts_with(first)) return std::nullopt;
  const size_t middle = rest.find(second, 1);
  if (middle == std::string_view::npos) return std::nullopt;
  // Digits of a device may be letters too: they are upper case, what follows is lower case.
  const size_t stop = rest.find(end, middle + 1);
  const auto vendor = ShortId(rest.substr(1, middle - 1));
  const auto device = ShortId(rest.substr(middle + 1, stop - middle - 1));
  if (!vendor || !device) return std::nullopt;
  return DeviceId{std::string(bus), *vendor + ":" + *device, *vendor};
}

template <typename T>
void SortUnique(std::vector<T>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

void SortUnique(std::vector<MicrocodeUpdate>& list) {
  const auto key = [](const MicrocodeUpdate& u) {
    return std::tuple(u.cpu, u.platforms, u.revision, u.date, u.size_bytes);
  };
  std::sort(list.begin(), list.end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

bool HasFirmware(const std::vector<ErofsNode>& nodes, const std::string& name) {
  const std::string path = std::string(kFirmwareFolder) + name;
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const ErofsNode& node) { return GlobMatch(path, node.path); });
}

Result<std::vector<NetworkDriver>> ReadDrivers(std::string_view root_image) {
  const ErofsReader reader = LETHE_TRY(ErofsReader::Open(root_image));
  const std::vector<ErofsNode> nodes = LETHE_TRY(reader.List());
  std::vector<ErofsNode> firmware;
  std::copy_if(nodes.begin(), nodes.end(), std::back_inserter(firmware),
               [](const ErofsNode& node) { return node.path.starts_with(kFirmwareFolder); });
  std::vector<NetworkDriver> drivers;
  for (const ErofsNode& node : nodes) {
    if (!GlobMatch(kDrivers, node.path)) continue;
    const std::string elf = LETHE_TRY_IN(reader.Read(node.nid, kMaxModule), node.path);
    const ModuleInfo info = LETHE_TRY_IN(ParseModuleInfo(elf), node.path);
    NetworkDriver driver;
    const std::string file = node.path.substr(node.path.rfind('/') + 1);
    driver.module = file.substr(0, file.size() - std::string_view(".ko").size());
    for (const std::string& alias : info.aliases) {
      if (auto device = ParseModuleAlias(alias)) driver.devices.push_back(std::move(*device));
    }
    if (driver.devices.empty()) continue;  // a tunnel, or a part of other drivers
    SortUnique(driver.devices);
    for (const std::string& name : info.firmware)
      driver.firmware.push_back({name, HasFirmware(firmware, name)});
    drivers.push_back(std::move(driver));
  }
  std::sort(drivers.begin(), drivers.end(),
            [](const auto& a, const auto& b) { return a.module < b.module; });
  return drivers;
}

Result<std::string_view> IsoText(std::string_view iso, const IsoListing& listing,
                                 std::string_view path) {
  const IsoFile* file = FindIsoFile(listing, path);
  if (file == nullptr) return Error{ErrorCode::kMalformed, "the ISO has no " + std::string(path)};
  return iso.substr(file->offset, file->size);
}

}  // namespace

std::optional<DeviceId> ParseModuleAlias(std::string_view alias) {
  const size_t colon = alias.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view bus = alias.substr(0, colon);
  const std::string_view rest = alias.substr(colon + 1);
  if (bus == "pci") return VendorAndDevice(bus, rest, 'v', 'd', 's');
  if (bus == "usb") return VendorAndDevice(bus, rest, 'v', 'p', 'd');
  if (bus == "virtio") {
    auto id = VendorAndDevice(bus, rest, 'd', 'v', ' ');
    if (!id) return std::nullopt;
    // The device stands first, and vendors mean nothing.
    return DeviceId{"virtio", "*:" + id->id.substr(0, id->id.find(':')), ""};
  }
  if ((bus == "vmbus" || bus == "xen" || bus == "auxiliary") && !rest.empty())
    return DeviceId{std::string(bus), std::string(rest), ""};
  return std::nullopt;
}

std::string_view VendorName(std::string_view pci_vendor) {
  for (const Vendor& vendor : kVendors) {
    if (vendor.id == pci_vendor) return vendor.name;
  }
  return "";
}

Result<HardwareReport> ReadHardware(std::string_view iso) {
  const IsoListing listing = LETHE_TRY(ReadIso(iso));
  const Manifest manifest =
      LETHE_TRY(ParseManifest(LETHE_TRY(IsoText(iso, listing, kIsoManifestPath))));
  HardwareReport report;
  report.image_version = manifest.image_version;
  report.kernel_version = manifest.kernel_version;
  const auto entries = LETHE_TRY_IN(ReadCpio(LETHE_TRY(IsoText(iso, listing, kIsoInitrdPath))),
                                    std::string(kIsoInitrdPath));
  for (const CpioEntry& entry : entries) {
    const std::string path = "/" + std::string(entry.name);
    if (path == kInitrdRootPath) report.drivers = LETHE_TRY_IN(ReadDrivers(entry.bytes), path);
    if (path == kAmdMicrocodePath) report.amd = LETHE_TRY_IN(ParseAmdMicrocode(entry.bytes), path);
    if (path == kIntelMicrocodePath)
      report.intel = LETHE_TRY_IN(ParseIntelMicrocode(entry.bytes), path);
  }
  SortUnique(report.amd);
  SortUnique(report.intel);
  return report;
}

}  // namespace lethe::image
