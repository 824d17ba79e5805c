// One row of the table of causes. Private to diff_cause.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "image/diff_cause.h"

namespace lethe::image {

constexpr unsigned Bit(Aspect aspect) { return 1U << static_cast<unsigned>(aspect); }
constexpr unsigned Bit(Layer layer) { return 1U << static_cast<unsigned>(layer); }

constexpr unsigned kAnyLayer = ~0U;
constexpr unsigned kFileLayers =
    Bit(Layer::kRootFile) | Bit(Layer::kInitrdFile) | Bit(Layer::kMicrocode) |
    Bit(Layer::kIsoFile) | Bit(Layer::kKernel) | Bit(Layer::kEfiProgram) | Bit(Layer::kBiosLoader);
constexpr unsigned kContentOrPresence = Bit(Aspect::kContent) | Bit(Aspect::kPresence);
constexpr unsigned kAnyAspect = ~0U;

struct Rule {
  Cause cause;
  unsigned layers = kAnyLayer;
  unsigned aspects = kContentOrPresence;
  std::array<std::string_view, 10> where = {};  // patterns of GlobMatch; none: any place
  bool (*fits)(const Evidence&, const PairFacts&) = nullptr;  // null: the place says it all
};

// In the order of their rank: each table before the next, each row before the next.
std::span<const Rule> RulesOfInputs();
std::span<const Rule> RulesOfPlaces();
std::span<const Rule> RulesOfLayers();
std::span<const Rule> RulesOfBytes();

}  // namespace lethe::image
