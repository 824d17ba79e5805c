// What a lock needs from the store, as one set that can be carried elsewhere: a deterministic tar
// or a folder with the lock, its objects, and their SHA-256 sums. Format: docs/formats/store.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/store.h"
#include "recipe/lock.h"

namespace lethe::image {

inline constexpr uint64_t kMaxObjectBytes = 4ULL << 30;
inline constexpr size_t kMaxSetObjects = 100'000;

struct NeededObject {
  crypto::Sha256Digest sha256;
  uint64_t size = 0;
  std::string name;  // for messages: "openvpn 2.6.14-1"
};

// Everything that a build from this lock takes from the store, sorted by digest, none twice: what
// goes into the image, and what the tools and compilers are made of.
std::vector<NeededObject> ObjectsOf(const recipe::Lock& lock);

// Those that are not there with the right size (their bytes are not read).
std::vector<NeededObject> MissingObjects(const Store& store,
                                         const std::vector<NeededObject>& needed);

using SetProgress = std::function<void(size_t done, size_t total)>;

struct SetTotals {
  size_t objects = 0;
  uint64_t bytes = 0;  // of the objects
  size_t present = 0;  // import: objects that were there before
};

// Writes the set of a lock, whose text is `lock_text`, to `target`: a tar where the name ends in
// ".tar", else a folder that must not exist or be empty. Equal sets have equal bytes. `target`
// appears only when it is complete. kUnavailable, with their names, where the store lacks objects;
// kUntrusted where one is damaged; kConflict where the folder is in use.
Result<SetTotals> ExportSet(const Store& store, const recipe::Lock& lock,
                            const std::string& lock_text, const std::filesystem::path& target,
                            const SetProgress& progress);

// Takes a tar or folder of ExportSet into the store. Each object appears there only after its bytes
// were held against its digest; what was there and is whole stays. kMalformed, naming the member,
// for anything but such a set; kUntrusted for an object with other bytes.
Result<SetTotals> ImportSet(const Store& store, const std::filesystem::path& source,
                            const SetProgress& progress);

}  // namespace lethe::image
