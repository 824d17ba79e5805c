// The cable of a guest: its Ethernet frames come as datagrams from QEMU and go to a bridge of the
// laboratory through a tap interface, and back, through a network as bad as a test wants.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "impair.h"

namespace lethe::lab {

class Cable {
 public:
  // Makes the tap interface and puts it on the bridge. Ports of loopback carry the frames to QEMU.
  static Result<std::unique_ptr<Cable>> Lay(const std::string& tap, const std::string& bridge);
  ~Cable();

  const std::string& tap() const { return tap_; }
  unsigned guest_port() const { return guest_port_; }  // where QEMU listens
  unsigned port() const { return port_; }              // where it sends to

  // From now on, in both directions. Frames on their way still come.
  void Impair(const Impairment& impairment, uint32_t seed);
  void Mend() { Impair({}, 0); }

  // Keeps up to `most` of the frames that the guest sends from now on.
  void Record(size_t most);
  std::vector<std::string> Recorded();
  // As if the guest had sent it, past any impairment.
  void Inject(const std::string& frame);

 private:
  class Thread;
  Cable(std::string tap, unsigned guest_port, unsigned port, std::unique_ptr<Thread> thread);
  std::string tap_;
  unsigned guest_port_, port_;
  std::unique_ptr<Thread> thread_;
};

}  // namespace lethe::lab
