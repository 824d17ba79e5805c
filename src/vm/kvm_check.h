// Whether KVM can really run a guest here. /dev/kvm alone proves nothing inside another virtual
// machine: some hosts open it and then refuse a register of `-cpu host`, others run plain code but
// cannot carry out the vector-encoded instructions that a kernel's decompressor uses.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace lethe::vm {

// How QEMU is told to run the check's guest; the same words that real guests get.
struct CheckAccelerator {
  std::string name;  // "kvm" or "tcg"
  std::string cpu;   // "host", "max", …
};

// A ROM of 64 KiB that goes from the reset vector through protected mode to 64-bit code, executes a
// VEX-encoded instruction of BMI2 (where the processor says that it has it), and ends QEMU through
// the isa-debug-exit device. Pure.
std::string CheckRom();

// Runs CheckRom as a guest. kUnavailable with the reason where it does not end as it should in
// time, kIo or kNotFound where QEMU cannot be started.
Status RunCheckRom(const CheckAccelerator& accelerator, std::chrono::milliseconds timeout);

// RunCheckRom with KVM, once per process. Thread-safe.
const Status& CheckKvm();
inline bool KvmWorks() { return CheckKvm().has_value(); }

}  // namespace lethe::vm
