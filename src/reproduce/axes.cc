#include "reproduce/axes.h"

namespace lethe::reproduce {

const std::vector<AxisInfo>& AllAxes() {
  static const std::vector<AxisInfo> kAxes = {
      {Axis::kPath, "path", Place::kShuffled},
      {Axis::kJobs, "jobs", Place::kShuffled},
      {Axis::kTimeZone, "time zone", Place::kShuffled},
      {Axis::kLocale, "locale", Place::kShuffled},
      {Axis::kUmask, "umask", Place::kShuffled},
      {Axis::kEnvironment, "environment", Place::kShuffled},
      {Axis::kGitSettings, "git settings", Place::kShuffled},
      {Axis::kHostName, "host name", Place::kShuffled},
      {Axis::kFolderOrder, "folder order", Place::kShuffled},
      {Axis::kUser, "user", Place::kOtherUser},
      {Axis::kFileSystem, "file system", Place::kOtherUser},
      {Axis::kDefaultAcl, "default ACL", Place::kOtherUser},
      {Axis::kProcessors, "processors", Place::kOtherUser},
      {Axis::kNetwork, "network", Place::kOtherUser},
      {Axis::kAddresses, "addresses", Place::kOtherUser},
      {Axis::kLimits, "limits", Place::kOtherUser},
      {Axis::kKernel, "kernel", Place::kGuest},
      {Axis::kClock, "clock", Place::kGuest},
      {Axis::kCpuModel, "CPU model", Place::kGuest},
  };
  return kAxes;
}

std::string_view NameOf(Axis axis) { return AllAxes()[static_cast<size_t>(axis)].name; }

std::optional<Axis> AxisNamed(std::string_view name) {
  for (const AxisInfo& info : AllAxes()) {
    if (info.name == name) return info.axis;
  }
  return std::nullopt;
}

std::string NamesOf(const AxisSet& axes) {
  std::string out;
  for (const Axis axis : axes) out += (out.empty() ? "" : ", ") + std::string(NameOf(axis));
  return out;
}

}  // namespace lethe::reproduce
