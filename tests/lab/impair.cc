#include "impair.h"

namespace lethe::lab {

// Not of <random>'s distributions, which differ between libraries.
bool Impairer::Happens(double probability) {
  constexpr double kRange = 4294967296.0;  // 2^32
  return static_cast<double>(generator_()) < probability * kRange;
}

std::chrono::milliseconds Impairer::Delay() {
  auto out = impairment_.delay;
  if (impairment_.jitter.count() > 0)
    out += std::chrono::milliseconds(generator_() % (impairment_.jitter.count() + 1));
  if (Happens(impairment_.reorder)) out += impairment_.late;
  return out;
}

std::vector<std::chrono::milliseconds> Impairer::Fate(size_t frame_bytes) {
  if (impairment_.max_frame != 0 && frame_bytes > impairment_.max_frame) return {};
  if (Happens(impairment_.drop)) return {};
  std::vector<std::chrono::milliseconds> out = {Delay()};
  if (Happens(impairment_.duplicate)) out.push_back(Delay());
  return out;
}

}  // namespace lethe::lab
