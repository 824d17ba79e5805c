// Descriptors that whoever started this program left open for it.
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace lethe {

// The one whose number stands in that environment variable; closed on exec from now on. Empty where
// the variable is not set. kMalformed where it names no open descriptor.
Result<Fd> TakeDescriptor(const char* variable);

}  // namespace lethe
