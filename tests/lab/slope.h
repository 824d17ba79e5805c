// Whether a server holds more after many clients have come and gone than after a few.
#pragma once

#include <functional>
#include <vector>

#include "server_view.h"

namespace lethe::lab {

class Slope {
 public:
  void Add(unsigned cycles, const Holdings& now);
  // A failure of the test where in the second half, with all that is made once behind it, memory of
  // a service or of the kernel grows by more than this per cycle, or from the first half to the
  // last quarter there is one more descriptor or process.
  void ExpectNone(double allowed_kib) const;

 private:
  struct Seen {
    unsigned cycles;
    Holdings holdings;
  };
  std::vector<Seen> seen_;
};

struct Cycles {
  unsigned cycles;     // in all
  unsigned batch = 1;  // in each call
};
// `batch` connects and disconnects as many clients. The longer it runs, the less noise there is in
// it, and the less is allowed.
void ExpectNoSlope(ServerView& server, const Cycles& cycles, const std::function<void()>& batch);

}  // namespace lethe::lab
