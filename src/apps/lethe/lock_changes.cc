#include "apps/lethe/lock_changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace lethe::cli {
namespace {

std::string Sets(const std::set<recipe::PackageSet>& sets) {
  std::vector<std::string> names;
  for (const auto set : sets) names.emplace_back(recipe::ToString(set));
  return Join(names, "+");
}

// "image", or "tools -> image+tools" for a package that changes its sets.
std::string WhereOf(const recipe::LockChange& change) {
  if (change.old_in.empty() || change.old_in == change.new_in) return Sets(change.new_in);
  if (change.new_in.empty()) return Sets(change.old_in);
  return Sets(change.old_in) + " -> " + Sets(change.new_in);
}

std::string Arrow(const recipe::LockChange& change) {
  if (change.old_version.empty()) return "added   " + change.new_version;
  if (change.new_version.empty()) return "removed " + change.old_version;
  if (change.other_bytes) return change.new_version + " with OTHER BYTES under the same version";
  if (change.old_version == change.new_version) return change.new_version;
  return change.old_version + " -> " + change.new_version;
}

std::string Kib(int64_t bytes) { return fmt::format("{:+} KiB", bytes / 1024); }

json::Array SetsJson(const std::set<recipe::PackageSet>& sets) {
  json::Array out;
  for (const auto set : sets) out.push_back(recipe::ToString(set));
  return out;
}

}  // namespace

void PrintLockChanges(const std::vector<recipe::LockChange>& changes) {
  size_t width = 0;
  int64_t total = 0;
  for (const auto& change : changes) width = std::max(width, change.name.size());
  for (const auto& change : changes) {
    fmt::print("  {:<{}}  {}  ({}, {})\n", change.name, width, Arrow(change),
               Kib(change.new_size - change.old_size), WhereOf(change));
    total += change.new_size - change.old_size;
  }
  if (changes.empty()) {
    fmt::print("no package changed\n");
  } else {
    fmt::print("{} package{} changed, {}\n", changes.size(), changes.size() == 1 ? "" : "s",
               Kib(total));
  }
}

json::Value LockChangesJson(const std::vector<recipe::LockChange>& changes) {
  json::Array out;
  for (const auto& change : changes) {
    out.push_back(json::Object{{"name", change.name},
                               {"arch", change.architecture},
                               {"old_version", change.old_version},
                               {"new_version", change.new_version},
                               {"old_size", change.old_size},
                               {"new_size", change.new_size},
                               {"old_in", SetsJson(change.old_in)},
                               {"new_in", SetsJson(change.new_in)},
                               {"other_bytes", change.other_bytes}});
  }
  return out;
}

}  // namespace lethe::cli
