// Why two builds of one image differ: what is known to differ between builds and must not, as a
// table of rules over the place and the bytes of a difference. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image/diff_layer.h"

namespace lethe::image {

// Which property of a thing differs.
enum class Aspect {
  kContent,
  kPresence,  // only one of the two has it
  kType,
  kMode,
  kOwner,
  kTime,
  kTarget,
  kXattrs,
  kHardLinks,
  kInodeNumber,
  kOrder,
  kSharing,  // which files share their stored bytes
  kStorage,  // the same content, stored otherwise
};

// "content", "mode", "inode number".
std::string_view AspectName(Aspect aspect);

// What is true of the two images as a whole.
struct PairFacts {
  bool same_commit = true;
  bool same_lock = true;
  bool same_kernel = true;      // its version
  bool same_layout = true;      // files of the ISO have the same places and sizes
  bool same_root = true;        // files of the root image are the same
  bool one_bit = false;         // no more than one bit of the whole ISO differs
  bool contradicts = false;     // one of them does not fit its own manifest
  uint64_t epoch_a_unix_s = 0;  // build time of the root image; 0: not known
  uint64_t epoch_b_unix_s = 0;

  bool same_inputs() const { return same_commit && same_lock; }
};

// One difference, as the rules see it. The views need only outlive the call.
struct Evidence {
  Layer layer = Layer::kRootFile;
  std::string_view where;  // the path of a file, the name of a piece
  Aspect aspect = Aspect::kContent;
  // Content: all of it. Mode: octal digits. Owner: "uid:gid". Time: seconds. Attributes:
  // "name=hex" per line. Storage: the content, twice. Otherwise text for people.
  std::string_view a;
  std::string_view b;
  bool in_a = true;
  bool in_b = true;
  uint64_t at = 0;  // of contents: the first byte that differs
  bool folder = false;
  std::string_view package;  // of the manifest
  bool same_package_version = true;

  bool in_both() const { return in_a && in_b; }
};

struct Cause {
  std::string_view id;       // stable: "gzip-time"
  std::string_view because;  // one sentence
  std::string_view remedy;   // one sentence: what to do about it
  bool consequence = false;  // follows from another difference, and will go with it
};

// The rules that fit, the most likely first; empty where no known cause does.
std::vector<const Cause*> LikelyCauses(const Evidence& evidence, const PairFacts& facts);

// All causes in the order of their rank: for documents and tests.
std::vector<const Cause*> AllCauses();

// The content may be large; rules over streams decompress at most this much.
inline constexpr uint64_t kMaxStreamBytes = 64U << 20;

}  // namespace lethe::image
