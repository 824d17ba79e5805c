// The commands of lethe-vpnd.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe {

using Arguments = std::vector<std::string>;

inline constexpr const char* kServicesFolder = "/etc/lethe/services";

Status CmdRun(const Arguments& arguments);
Status CmdCheck(const Arguments& arguments);
Status CmdCtl(const Arguments& arguments);

// Takes `--name VALUE` out of the arguments; kUsage where the value is missing.
Result<std::optional<std::string>> TakeOption(Arguments& arguments, std::string_view name);
// Takes `--name` out of the arguments.
bool TakeFlag(Arguments& arguments, std::string_view name);
// kUsage where an option is left, or there are not `count` words.
Status CheckWords(const Arguments& arguments, size_t min, size_t max);

}  // namespace lethe
