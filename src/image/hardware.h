// What hardware an image covers, told by the image itself: the drivers of network cards in its root
// with the devices that they know, the firmware that they ask for, and the microcode at the front
// of its initrd. Pure: bytes of an ISO in, a report out. Checks no digest: that is image/verify.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/microcode.h"

namespace lethe::image {

// A device that a driver knows. `bus` is "pci", "virtio", "vmbus", "xen", "usb" or "auxiliary" (a
// part of another driver's device).
struct DeviceId {
  std::string bus;
  std::string id;      // "8086:1533", "8086:*", "*:0001", a GUID, a name
  std::string vendor;  // of PCI and USB: four hexadecimal digits; else empty
  auto operator<=>(const DeviceId&) const = default;
};

// One alias of a module ("pci:v00008086d00001533sv*…"); nothing where it names no device.
std::optional<DeviceId> ParseModuleAlias(std::string_view alias);

// Name of a well-known maker of network cards; empty for others.
std::string_view VendorName(std::string_view pci_vendor);

struct DriverFirmware {
  std::string name;      // as the module asks for it
  bool present = false;  // in the root
  bool operator==(const DriverFirmware&) const = default;
};

struct NetworkDriver {
  std::string module;
  std::vector<DeviceId> devices;  // sorted, none twice
  std::vector<DriverFirmware> firmware;
};

struct HardwareReport {
  std::string image_version;
  std::string kernel_version;
  std::vector<NetworkDriver> drivers;  // sorted by module
  std::vector<MicrocodeUpdate> amd;    // sorted, none twice
  std::vector<MicrocodeUpdate> intel;
};

// kMalformed where the ISO, its initrd, the root image, a module or the microcode cannot be read.
Result<HardwareReport> ReadHardware(std::string_view iso);

}  // namespace lethe::image
