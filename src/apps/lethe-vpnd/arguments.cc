#include <algorithm>

#include "apps/lethe-vpnd/commands.h"
#include "base/strings.h"

namespace lethe {

Result<std::optional<std::string>> TakeOption(Arguments& arguments, std::string_view name) {
  const auto at = std::find(arguments.begin(), arguments.end(), name);
  if (at == arguments.end()) return std::optional<std::string>();
  if (at + 1 == arguments.end())
    return Error{ErrorCode::kUsage, std::string(name) + " wants a value"};
  std::optional<std::string> value = *(at + 1);
  arguments.erase(at, at + 2);
  return value;
}

bool TakeFlag(Arguments& arguments, std::string_view name) {
  const auto at = std::find(arguments.begin(), arguments.end(), name);
  if (at == arguments.end()) return false;
  arguments.erase(at);
  return true;
}

Status CheckWords(const Arguments& arguments, size_t min, size_t max) {
  for (const std::string& word : arguments) {
    if (word.starts_with("-"))
      return Error{ErrorCode::kUsage, "unknown option '" + Printable(word) + "'"};
  }
  if (arguments.size() < min) return Error{ErrorCode::kUsage, "an argument is missing (--help)"};
  if (arguments.size() > max)
    return Error{ErrorCode::kUsage, "one argument too many: '" + Printable(arguments[max]) + "'"};
  return {};
}

}  // namespace lethe
