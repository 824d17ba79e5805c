// Looking after a store: what lies in it, which of it is damaged, and what may go.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/store.h"

namespace lethe::image {

struct StoredObject {
  crypto::Sha256Digest sha256;
  uint64_t bytes = 0;
  int64_t used_unix_s = 0;  // last use
};

struct StoredStep {
  std::string name;  // "<step>-<key>"
  uint64_t bytes = 0;
  int64_t used_unix_s = 0;
  bool sealed = false;  // has a readable seal
};

struct StoreInventory {
  std::vector<StoredObject> objects;  // by digest
  std::vector<StoredStep> steps;      // by name
  // What does not belong where it lies: objects under a name that is no digest.
  std::vector<std::filesystem::path> foreign;
  std::vector<std::filesystem::path> leftovers;  // scratch folders of dead builds
};

// Reads names, sizes, times and seals; no contents.
Result<StoreInventory> TakeInventory(const Store& store);

struct GcRules {
  // Objects that stay in any case. Nothing: all objects stay.
  std::optional<std::set<crypto::Sha256Digest>> needed;
  int64_t keep_objects_s = 0;                 // used since: stays
  int64_t keep_steps_s = 0;                   // used since: stays, as far as there is room
  std::optional<uint64_t> max_steps_bytes{};  // the least recently used go first
  int64_t now_unix_s = 0;
};

enum class GcKind { kObject, kStep, kLeftover };

struct GcItem {
  GcKind kind = GcKind::kObject;
  std::filesystem::path path;
  uint64_t bytes = 0;
  std::string why;
};

// What the rules let go. Pure but for the sizes of leftovers. Results without a readable seal and
// leftovers always go.
std::vector<GcItem> PlanGc(const Store& store, const StoreInventory& inventory,
                           const GcRules& rules);

// Removes one item: a folder vanishes from its place in one move. Precondition: the store is used
// exclusively.
Status RemoveItem(const Store& store, const GcItem& item);

struct StoreDamage {
  std::filesystem::path path;  // what has to go
  std::string what;            // "object <digest>: other bytes"
};

struct StoreCheck {
  size_t objects = 0;
  size_t steps = 0;
  std::vector<StoreDamage> damaged;  // by path
};

// Reads every object and every result of a step, and holds them against their digests and seals.
Result<StoreCheck> CheckStore(const Store& store, unsigned jobs,
                              const std::function<void(size_t done, size_t total)>& progress);

}  // namespace lethe::image
