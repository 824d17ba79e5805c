// What a bad network does to packets, decided by a seeded generator so that a run can be repeated.
// Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace lethe::lab {

struct Impairment {
  double drop = 0;  // probabilities, 0 to 1
  double duplicate = 0;
  double reorder = 0;  // comes `late` behind those that were sent after it
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds jitter{0};  // at most, on top of the delay; keeps no order
  std::chrono::milliseconds late{40};
  size_t max_frame = 0;  // bytes with the Ethernet header; what is longer is lost. 0: no limit
};

class Impairer {
 public:
  Impairer(const Impairment& impairment, uint32_t seed)
      : impairment_(impairment), generator_(seed) {}

  // After how long each copy of the next frame arrives; none where it is lost.
  std::vector<std::chrono::milliseconds> Fate(size_t frame_bytes);

 private:
  bool Happens(double probability);
  std::chrono::milliseconds Delay();

  Impairment impairment_;
  std::mt19937 generator_;
};

}  // namespace lethe::lab
