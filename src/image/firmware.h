// Firmware: exactly the files that the selected modules ask for, taken out of Debian's packages,
// which are looked into and never installed. What no package has must be named by the recipe, so
// that no image lacks a file without somebody having said so.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/tree.h"
#include "image/unpack.h"

namespace lethe::image {

inline constexpr std::string_view kFirmwareFolder = "/usr/lib/firmware/";

// What one module asks for (`firmware=` in its .modinfo): a path below kFirmwareFolder, or a
// pattern of such paths.
struct FirmwareRequest {
  std::string module;
  std::string name;
  bool operator==(const FirmwareRequest&) const = default;
};

// One request per line: module, space, name.
std::string WriteFirmwareRequests(const std::vector<FirmwareRequest>& requests);
// kMalformed with the line; names are clean relative paths.
Result<std::vector<FirmwareRequest>> ParseFirmwareRequests(std::string_view text);

// What of `available` (nodes below kFirmwareFolder) the requests name, with what symlinks lead to.
// A request that `available` has nothing for must match a pattern of `missing_ok`, and each of
// these patterns must be needed: else kConflict that names every module with its file, or the
// pattern. kConflict for a symlink that leads nowhere, too. Pure.
Result<Tree> SelectFirmware(const std::vector<FirmwareRequest>& requests, const Tree& available,
                            const std::vector<std::string>& missing_ok);

// Files of a package that go into an image, and the terms under which they may.
struct PackageExtract {
  Tree files;
  std::string copyright;
};

// Reads the files and symlinks below `folder`, and usr/share/doc/<package>/copyright. kMalformed
// where the package is damaged or says nothing about its licence.
Result<PackageExtract> ReadPackageExtract(const PackageFile& package, std::string_view folder);

// Writes copyright files below `output`/<package>/usr/share/doc/<package>/. Each text is written
// once, for the first package in byte order; the others link to it.
Status WriteCopyrights(const std::map<std::string, std::string>& by_package,
                       const std::filesystem::path& output);

// Writes to the existing empty folder `output` one folder per package, <package>/usr/…: the files
// that SelectFirmware picks, and the copyright of each package that gives one. kConflict where two
// packages have different files at one path.
Status CollectFirmware(const std::vector<PackageFile>& packages,
                       const std::vector<FirmwareRequest>& requests,
                       const std::vector<std::string>& missing_ok,
                       const std::filesystem::path& output);

}  // namespace lethe::image
