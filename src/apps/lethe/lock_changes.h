// Prints what changed between two locks; shared by `recipe lock` and `recipe diff`.
#pragma once

#include <vector>

#include "json/json.h"
#include "recipe/lock.h"

namespace lethe::cli {

void PrintLockChanges(const std::vector<recipe::LockChange>& changes);
json::Value LockChangesJson(const std::vector<recipe::LockChange>& changes);

}  // namespace lethe::cli
