// lethe-wireguard as a service: its interface, its peers, its signals.
#pragma once

#include "apps/lethe-wireguard/arguments.h"

namespace lethe::wireguard {

// Exit codes of a service, which says nothing.
enum class Exit {
  kDone = 0,          // SIGTERM; the interface is removed
  kPrivateKey = 64,   // its file cannot be read, or holds no key
  kNoWireGuard = 65,  // the kernel has none
  kNameTaken = 66,    // an interface of that name is of another kind
  kRefused = 67,      // the kernel refused the interface: its address, its port, a capability
  kLost = 68,         // the interface went away while it ran
  kProbeKeys = 69,    // their file cannot be written
  kManagerGone = 70,  // the channel for peers was closed; the interface stays for the next run
  kChannels = 71,     // the environment names descriptors that are none
};

// Returns when it is told to end, or cannot go on.
Exit Serve(const Arguments& arguments);

}  // namespace lethe::wireguard
