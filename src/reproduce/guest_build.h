// One build of a commit in a virtual machine: another kernel (Debian's of the lock), another clock,
// another CPU model. The host's root is its root, read-only, with memory on top.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "reproduce/surroundings.h"

namespace lethe::reproduce {

bool IsOfGuest(Axis axis);

// How the guest would vary its axes, with the reason where it cannot.
std::vector<Variation> VariationsInGuest();

// As BuildVaried, in a guest; the kernel is varied whatever `axes` says. Takes many times longer
// than on the machine where there is no KVM: it is given up after three hours (kUnavailable).
Status BuildInGuest(const BuildInputs& inputs, const AxisSet& axes,
                    const std::filesystem::path& result);

}  // namespace lethe::reproduce
