#include "base/descriptor.h"

#include <fcntl.h>

#include <cstdlib>

#include "base/strings.h"

namespace lethe {

Result<Fd> TakeDescriptor(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return Fd();
  const auto number = ParseUnsigned<int>(text);
  if (!number || ::fcntl(*number, F_SETFD, FD_CLOEXEC) != 0)
    return Error{ErrorCode::kMalformed, std::string(variable) + " names no descriptor"};
  return Fd(*number);
}

}  // namespace lethe
