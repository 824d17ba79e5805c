// What may differ between two builds of one commit and must not change a byte of the image. Axes
// are varied together in few builds; each axis belongs to one of them.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::reproduce {

enum class Axis {
  // The first build: as the caller's user, on a file system that shuffles its folders.
  kPath,
  kJobs,
  kTimeZone,
  kLocale,
  kUmask,
  kEnvironment,
  kGitSettings,
  kHostName,
  kFolderOrder,
  // The second: as another user, in memory.
  kUser,
  kFileSystem,
  kDefaultAcl,
  kProcessors,
  kNetwork,
  kAddresses,
  kLimits,
  // The third: in a virtual machine. It always has another kernel.
  kKernel,
  kClock,
  kCpuModel,
};
using AxisSet = std::set<Axis>;

enum class Place { kShuffled, kOtherUser, kGuest };

struct AxisInfo {
  Axis axis;
  std::string_view name;
  Place place;
};

// Every axis once, in the order of the enumeration.
const std::vector<AxisInfo>& AllAxes();
std::string_view NameOf(Axis axis);
std::optional<Axis> AxisNamed(std::string_view name);
// "path, jobs, time zone"
std::string NamesOf(const AxisSet& axes);

}  // namespace lethe::reproduce
