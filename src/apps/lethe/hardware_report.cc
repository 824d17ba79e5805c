#include "apps/lethe/hardware_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/strings.h"

namespace lethe::cli {
namespace {

constexpr size_t kColumns = 100;
constexpr const char* kIndent = "      ";

// Well-known makers of a driver's devices, else the buses that they are on.
std::string Makers(const image::NetworkDriver& driver) {
  std::set<std::string> names;
  std::set<std::string> buses;
  for (const auto& device : driver.devices) {
    buses.insert(device.bus);
    if (const auto name = image::VendorName(device.vendor); !name.empty()) names.emplace(name);
  }
  const auto& shown = names.empty() ? buses : names;
  return Join({shown.begin(), shown.end()}, ", ");
}

size_t Present(const image::NetworkDriver& driver) {
  return static_cast<size_t>(std::count_if(driver.firmware.begin(), driver.firmware.end(),
                                           [](const auto& f) { return f.present; }));
}

void PrintDevices(const image::NetworkDriver& driver) {
  std::string line = kIndent;
  std::string bus;
  for (const auto& device : driver.devices) {
    std::string word = device.bus == bus ? " " : (bus.empty() ? "" : " ") + device.bus + " ";
    bus = device.bus;
    word += Printable(device.id);
    if (line.size() + word.size() > kColumns) {
      fmt::print("{}\n", line);
      line = kIndent + std::string(Trim(word));
    } else {
      line += word;
    }
  }
  fmt::print("{}\n", line);
}

void PrintDriver(const image::NetworkDriver& driver) {
  fmt::print("  {:<12} {:>4} devices  {}", Printable(driver.module), driver.devices.size(),
             Makers(driver));
  if (!driver.firmware.empty())
    fmt::print(", firmware {} of {}", Present(driver), driver.firmware.size());
  fmt::print("\n");
  PrintDevices(driver);
  for (const auto& file : driver.firmware) {
    if (!file.present) fmt::print("{}lacks {}\n", kIndent, Printable(file.name));
  }
}

void PrintMicrocode(const char* vendor, const std::vector<image::MicrocodeUpdate>& updates) {
  if (updates.empty()) {
    fmt::print("\n  microcode {}: none\n", vendor);
    return;
  }
  const auto newest = std::max_element(
      updates.begin(), updates.end(), [](const auto& a, const auto& b) { return a.date < b.date; });
  fmt::print("\n  microcode {}: {} updates, the newest of {}\n", vendor, updates.size(),
             newest->date);
  for (const auto& u : updates) {
    fmt::print("    {:08x}  family {:2x}h model {:02x}h stepping {:x}h  revision {:08x}  {}",
               u.cpu.eax, u.cpu.Family(), u.cpu.Model(), u.cpu.Stepping(), u.revision, u.date);
    if (u.platforms != 0) fmt::print("  platforms {:02x}", u.platforms);
    fmt::print("\n");
  }
}

json::Value MicrocodeJson(const std::vector<image::MicrocodeUpdate>& updates) {
  json::Array out;
  for (const auto& u : updates) {
    out.push_back(json::Object{{"signature", fmt::format("{:08x}", u.cpu.eax)},
                               {"family", u.cpu.Family()},
                               {"model", u.cpu.Model()},
                               {"stepping", u.cpu.Stepping()},
                               {"platforms", u.platforms},
                               {"revision", fmt::format("{:08x}", u.revision)},
                               {"date", u.date},
                               {"bytes", u.size_bytes}});
  }
  return out;
}

json::Value DriverJson(const image::NetworkDriver& driver) {
  json::Array devices;
  for (const auto& device : driver.devices) {
    json::Object entry{{"bus", device.bus}, {"id", device.id}};
    if (const auto name = image::VendorName(device.vendor); !name.empty()) entry["vendor"] = name;
    devices.push_back(std::move(entry));
  }
  json::Array firmware;
  for (const auto& file : driver.firmware)
    firmware.push_back(json::Object{{"name", file.name}, {"present", file.present}});
  return json::Object{{"module", driver.module},
                      {"devices", std::move(devices)},
                      {"firmware", std::move(firmware)}};
}

}  // namespace

void PrintHardware(const image::HardwareReport& report) {
  size_t devices = 0;
  for (const auto& driver : report.drivers) devices += driver.devices.size();
  fmt::print("{}, kernel {}\n\n  {} drivers of network cards, {} devices\n", report.image_version,
             report.kernel_version, report.drivers.size(), devices);
  for (const auto& driver : report.drivers) PrintDriver(driver);
  PrintMicrocode("AMD", report.amd);
  PrintMicrocode("Intel", report.intel);
}

json::Value HardwareJson(const image::HardwareReport& report) {
  json::Array drivers;
  for (const auto& driver : report.drivers) drivers.push_back(DriverJson(driver));
  return json::Object{{"image_version", report.image_version},
                      {"kernel_version", report.kernel_version},
                      {"drivers", std::move(drivers)},
                      {"microcode", json::Object{{"amd", MicrocodeJson(report.amd)},
                                                 {"intel", MicrocodeJson(report.intel)}}}};
}

}  // namespace lethe::cli
