// lethe-vpnd check: whether service files are right, without starting anything.

#include <cstdio>

#include "apps/lethe-vpnd/commands.h"
#include "supervise/service_set.h"

namespace lethe {

Status CmdCheck(const Arguments& arguments) {
  LETHE_TRY(CheckWords(arguments, 0, 1));
  const std::string folder = arguments.empty() ? kServicesFolder : arguments[0];
  const auto services = LETHE_TRY(supervise::ReadServices(folder));
  for (const auto& service : services) std::printf("ok: %s\n", service.name.c_str());
  if (services.empty())
    return Error{ErrorCode::kNotFound, folder + ": there is no service file (*.toml)"};
  return {};
}

}  // namespace lethe
