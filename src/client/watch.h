// Who talked to whom on an interface.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "client/flow.h"

namespace lethe::client {

inline constexpr size_t kMaxFlows = 64;

class Watch {
 public:
  // Counts packets in both directions on a thread of its own. kIo without the right to.
  static Result<std::unique_ptr<Watch>> Start(const std::string& interface);
  ~Watch();

  // Packets per flow since the last call. Flows after the first kMaxFlows are counted together, as
  // the flow without an address.
  std::map<Flow, uint64_t> Take();

 private:
  class Thread;
  explicit Watch(std::unique_ptr<Thread> thread);
  std::unique_ptr<Thread> thread_;
};

}  // namespace lethe::client
