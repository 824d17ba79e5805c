// A target that must be found to fail: it proves that the runner notices, that the code is
// instrumented (nobody guesses six bytes) and, in a build with a sanitizer, that it watches.

#include <cstdlib>
#include <memory>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint8_t kSong[] = {'c', 'a', 'n', 'a', 'r', 'y'};
  for (size_t i = 0; i < sizeof kSong; ++i) {
    if (i >= size || data[i] != kSong[i]) return 0;
  }
  const auto one = std::make_unique<volatile uint8_t[]>(1);
  const volatile size_t beyond = 1;
  [[maybe_unused]] const uint8_t heard = one[beyond];
  std::abort();
}
