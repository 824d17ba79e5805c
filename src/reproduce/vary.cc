#include "reproduce/vary.h"

#include <algorithm>
#include <map>

namespace lethe::reproduce {
namespace {

class Search {
 public:
  Search(const std::vector<Variation>& variations, const Builder& build) : build_(build) {
    for (const Variation& variation : variations) {
      index_[variation.axis] = result_.axes.size();
      const bool possible = variation.not_possible.empty();
      result_.axes.push_back({.variation = variation,
                              .state = possible ? AxisState::kNotTold : AxisState::kNotPossible,
                              .note = variation.not_possible});
    }
  }

  AxisSet PossibleAt(Place place) const {
    AxisSet out;
    for (const AxisResult& row : result_.axes) {
      const Axis axis = row.variation.axis;
      const bool here = AllAxes()[static_cast<size_t>(axis)].place == place;
      if (here && row.variation.not_possible.empty()) out.insert(axis);
    }
    return out;
  }

  // Decides all of `axes`, or finds that they are not to blame.
  Status Decide(AxisSet axes) {
    while (!axes.empty()) {
      Build build = LETHE_TRY(Run(axes));
      if (build.same()) {
        Mark(axes, AxisState::kSame, build);
        return {};
      }
      if (LETHE_TRY(PlainDiffers())) return {};
      const AxisSet guilty = LETHE_TRY(Narrow(axes, build));
      Mark(guilty, build.difference ? AxisState::kDiffers : AxisState::kFails, build);
      for (const Axis axis : guilty) axes.erase(axis);
    }
    return {};
  }

  bool done() const { return result_.plain_differs; }
  VaryResult Take() { return std::move(result_); }

 private:
  // What was the same with more axes is the same with fewer: that is not built again.
  Result<Build> Run(const AxisSet& axes) {
    for (const auto& [known, build] : same_) {
      if (std::includes(known.begin(), known.end(), axes.begin(), axes.end())) return build;
    }
    ++result_.builds;
    auto built = build_(axes);
    if (!built && (axes.empty() || built.error().code != ErrorCode::kIo)) {
      return built.error().In(axes.empty() ? std::string("the build with nothing varied")
                                           : "the build with " + NamesOf(axes) + " varied");
    }
    if (!built) return Build{.difference = {}, .seconds = 0, .failure = built.error().message};
    if (built->same()) same_.emplace_back(axes, *built);
    return built;
  }

  Result<bool> PlainDiffers() {
    if (!plain_) {
      plain_ = LETHE_TRY(Run({})).difference.has_value();
      result_.plain_differs = *plain_;
    }
    return *plain_;
  }

  // The smallest part of `axes` found that differs, by halving; `build` becomes the build that
  // shows it. More than one axis only where they differ together and no half does alone.
  Result<AxisSet> Narrow(AxisSet axes, Build& build) {
    while (axes.size() > 1) {
      const auto middle = std::next(axes.begin(), static_cast<ptrdiff_t>(axes.size() / 2));
      const AxisSet halves[] = {{axes.begin(), middle}, {middle, axes.end()}};
      bool narrowed = false;
      for (const AxisSet& half : halves) {
        Build tried = LETHE_TRY(Run(half));
        if (tried.same()) continue;
        axes = half;
        build = std::move(tried);
        narrowed = true;
        break;
      }
      if (!narrowed) break;
    }
    return axes;
  }

  void Mark(const AxisSet& axes, AxisState state, const Build& build) {
    for (const Axis axis : axes) {
      AxisResult& row = result_.axes[index_.at(axis)];
      row.state = state;
      row.seconds = build.seconds;
      if (build.same()) continue;
      row.note = build.difference ? Describe(*build.difference) : build.failure;
      if (axes.size() > 1) row.note += ", only where varied together: " + NamesOf(axes);
    }
  }

  const Builder& build_;
  VaryResult result_;
  std::map<Axis, size_t> index_;
  std::vector<std::pair<AxisSet, Build>> same_;
  std::optional<bool> plain_;
};

}  // namespace

std::string_view ToString(AxisState state) {
  switch (state) {
    case AxisState::kSame:
      return "same";
    case AxisState::kDiffers:
      return "differs";
    case AxisState::kFails:
      return "the build fails";
    case AxisState::kNotPossible:
      return "not possible here";
    case AxisState::kNotTold:
      return "not told";
  }
  return "";
}

Result<VaryResult> Vary(const std::vector<Variation>& variations, bool each, const Builder& build) {
  Search search(variations, build);
  for (const Place place : {Place::kShuffled, Place::kOtherUser, Place::kGuest}) {
    const AxisSet axes = search.PossibleAt(place);
    if (!each) {
      LETHE_TRY(search.Decide(axes));
      if (search.done()) break;
      continue;
    }
    for (const Axis axis : axes) {
      LETHE_TRY(search.Decide({axis}));
      if (search.done()) break;
    }
  }
  return search.Take();
}

}  // namespace lethe::reproduce
