#include "apps/lethe/lock_changes.h"

#include <fmt/format.h>

#include <algorithm>

namespace lethe::cli {
namespace {

std::string Arrow(const recipe::LockChange& change) {
  if (change.old_version.empty()) return "added   " + change.new_version;
  if (change.new_version.empty()) return "removed " + change.old_version;
  return change.old_version + " -> " + change.new_version;
}

std::string Kib(int64_t bytes) { return fmt::format("{:+} KiB", bytes / 1024); }

}  // namespace

void PrintLockChanges(const std::vector<recipe::LockChange>& changes) {
  size_t width = 0;
  int64_t total = 0;
  for (const auto& change : changes) width = std::max(width, change.name.size());
  for (const auto& change : changes) {
    fmt::print("  {:<{}}  {}  ({})\n", change.name, width, Arrow(change), Kib(change.new_size - change.old_size));
    total += change.new_size - change.old_size;
  }
  fmt::print("{} packages changed, {}\n", changes.size(), Kib(total));
}

json::Value LockChangesJson(const std::vector<recipe::LockChange>& changes) {
  json::Array out;
  for (const auto& change : changes) {
    out.push_back(json::Object{{"name", change.name},
                               {"arch", change.architecture},
                               {"old_version", change.old_version},
                               {"new_version", change.new_version},
                               {"old_size", change.old_size},
                               {"new_size", change.new_size}});
  }
  return out;
}

}  // namespace lethe::cli
