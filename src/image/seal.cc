#include "image/seal.h"

#include <fcntl.h>
#include <unistd.h>

#include <map>

#include "base/file.h"
#include "image/capture.h"
#include "image/iso_reader.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

// Overwrites one file of a finished ISO in place; shorter text is filled up with line ends.
Status Place(const fs::path& iso_file, const IsoListing& listing, std::string_view path,
             std::string bytes) {
  const IsoFile* file = FindIsoFile(listing, path);
  LETHE_ASSERT(file != nullptr && bytes.size() <= file->size);
  bytes.append(file->size - bytes.size(), '\n');
  const Fd fd = LETHE_TRY(OpenFile(iso_file, O_WRONLY));
  if (::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(file->offset)) !=
      static_cast<ssize_t>(bytes.size())) {
    return IoError("writing", iso_file);
  }
  return {};
}

}  // namespace

Placeholders MakePlaceholders(Manifest manifest) {
  Placeholders out;
  manifest.iso.clear();
  for (const std::string_view path :
       {std::string_view("/boot/boot.cat"), std::string_view("/boot/eltorito.img"), kIsoInitrdPath,
        kIsoKernelPath, kIsoSbomPath}) {
    manifest.iso.push_back({std::string(path), UINT32_MAX, {}});
    out.sums += crypto::Sha256Digest{}.Hex() + "  " + std::string(path.substr(1)) + "\n";
  }
  out.sums += crypto::Sha256Digest{}.Hex() + "  " + std::string(kIsoManifestPath.substr(1)) + "\n";
  out.manifest = WriteManifest(manifest);
  return out;
}

Status SealIso(const fs::path& iso_file, Manifest& manifest) {
  const MappedFile iso = LETHE_TRY(MapFile(iso_file));
  const IsoListing listing = LETHE_TRY(ReadIso(iso.bytes));
  std::map<std::string, crypto::Sha256Digest> digests;
  manifest.iso.clear();
  for (const IsoFile& file : listing.files) {
    if (file.path == kIsoManifestPath || file.path == kIsoSumsPath) continue;
    digests[file.path] = crypto::Sha256Of(iso.bytes.substr(file.offset, file.size));
    manifest.iso.push_back({file.path, file.size, digests[file.path]});
  }
  manifest.iso_structure = IsoStructureDigest(iso.bytes, listing);
  LETHE_TRY(Place(iso_file, listing, kIsoManifestPath, WriteManifest(manifest)));
  const IsoFile* placed = FindIsoFile(listing, kIsoManifestPath);
  digests[std::string(kIsoManifestPath)] =
      crypto::Sha256Of(iso.bytes.substr(placed->offset, placed->size));
  std::string sums;
  for (const auto& [path, digest] : digests) sums += digest.Hex() + "  " + path.substr(1) + "\n";
  return Place(iso_file, listing, kIsoSumsPath, sums);
}

}  // namespace lethe::image
