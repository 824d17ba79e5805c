// Varies axes until each is known to change the image or not: all axes of a place in one build,
// and only where that differs, fewer and fewer at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "reproduce/axes.h"
#include "reproduce/compare.h"

namespace lethe::reproduce {

// How an axis would be varied on this machine.
struct Variation {
  Axis axis;
  std::string from;
  std::string to;
  std::string not_possible;  // the reason; empty where it is possible
};

enum class AxisState {
  kSame,         // varied, and no byte differs
  kDiffers,      // varied, and this alone makes bytes differ
  kFails,        // varied, and this alone makes the build fail
  kNotPossible,  // not varied: never counts as same
  kNotTold,      // the image differs, and not because of this machine's axes alone
};
std::string_view ToString(AxisState state);

struct AxisResult {
  Variation variation;
  AxisState state = AxisState::kNotTold;
  std::string note;    // where it differs, or why it is not possible
  double seconds = 0;  // of the build that decided it
};

struct Build {
  std::optional<Difference> difference;
  double seconds = 0;
  std::string failure;  // set by Vary where the build ended with kIo while something was varied

  bool same() const { return !difference && failure.empty(); }
};
// Builds with these axes varied, all of one place, and compares with the image; with none, builds
// as the caller would.
using Builder = std::function<Result<Build>(const AxisSet& axes)>;

struct VaryResult {
  std::vector<AxisResult> axes;  // in the order of the variations
  bool plain_differs = false;    // with nothing varied: then no axis is to blame
  unsigned builds = 0;
};

// `each`: every axis in a build of its own. A build that fails while something is varied counts as
// one that differs, until it is known which axis makes it fail. Other errors, and those of a build
// with nothing varied, are returned, with the axes that were varied.
Result<VaryResult> Vary(const std::vector<Variation>& variations, bool each, const Builder& build);

}  // namespace lethe::reproduce
