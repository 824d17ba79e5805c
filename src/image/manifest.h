// The manifest: every file of an image with its digest, inside the ISO as /lethe/manifest.json.
// Format: docs/formats/manifest.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"

namespace lethe::image {

// Paths inside the ISO. The manifest and the sums cannot hold their own digests: the sums
// (sha256sum format) list every other file of the ISO, the manifest among them.
inline constexpr std::string_view kIsoManifestPath = "/lethe/manifest.json";
inline constexpr std::string_view kIsoSumsPath = "/lethe/SHA256SUMS";
inline constexpr std::string_view kIsoSbomPath = "/lethe/sbom.spdx.json";
inline constexpr std::string_view kIsoKernelPath = "/boot/vmlinuz";
inline constexpr std::string_view kIsoInitrdPath = "/boot/initrd.img";
inline constexpr std::string_view kInitrdRootPath = "/lethe/root.erofs";

struct ManifestBlob {  // a file of the ISO or of the initrd
  std::string path;    // absolute inside its container
  uint64_t size = 0;
  crypto::Sha256Digest sha256;
};

enum class NodeType { kFile, kDirectory, kSymlink };

struct ManifestNode {  // a node of the root image
  std::string path;    // absolute, "/" for the root itself
  NodeType type = NodeType::kFile;
  unsigned mode = 0;  // 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;            // of files
  crypto::Sha256Digest sha256;  // of files
  std::string target;           // of symlinks
  std::string package;  // Debian package, "recipe", a component's name; empty: made by the build
};

struct ManifestPackage {
  std::string name;
  std::string version;
  std::string architecture;
  std::string source;
  std::string source_version;
  crypto::Sha256Digest sha256;   // of the .deb
  uint64_t installed_bytes = 0;  // of its files in the root image, uncompressed
  std::vector<std::string>
      patches;  // of the recipe, where it was rebuilt with some; in their order
};

struct ManifestUki {            // the unified kernel image beside the ISO, without a signature
  crypto::Sha256Digest sha256;  // of the file
  crypto::Sha256Digest authenticode;   // what a Secure Boot signature covers
  std::vector<ManifestBlob> sections;  // sorted by name (as path), without padding
};

struct Manifest {
  std::string image_id;
  std::string image_version;
  std::string commit;   // full hash
  bool dirty = false;   // built from a tree that is not exactly that commit: never releasable
  std::string recipe;   // folder of the recipe inside the repository, "." for its top
  std::string builder;  // the steps that built it with their numbers: BuilderSteps() of build.h
  std::string kernel_version;
  std::string command_line;
  crypto::Sha256Digest lock;              // of the lock file
  crypto::Sha256Digest iso_structure;     // of all bytes of the ISO outside of file extents
  std::vector<ManifestBlob> iso;          // sorted by path; without the manifest and the sums
  std::vector<ManifestBlob> initrd;       // sorted by path
  std::vector<ManifestNode> root;         // sorted by path (byte order)
  std::vector<ManifestPackage> packages;  // sorted by name
  ManifestUki uki;
};

// Canonical JSON, one line per entry of a list, so that line-wise tools can compare two.
std::string WriteManifest(const Manifest& manifest);
// kMalformed with the key for anything that WriteManifest would not have written.
Result<Manifest> ParseManifest(std::string_view text);

// What an image says it is.
struct ManifestHead {
  std::string image_id;
  std::string image_version;
  std::string commit;
  bool dirty = false;
};
// Of the first line alone; the rest is not looked at. kMalformed.
Result<ManifestHead> ParseManifestHead(std::string_view text);

}  // namespace lethe::image
