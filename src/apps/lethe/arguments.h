// What several commands share: the machine's mirrors, the store's place, readable numbers.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "debian/mirrors.h"

namespace lethe::cli {

struct MirrorArguments {
  std::vector<std::string> mirrors;           // --mirror, may be given several times
  std::vector<std::string> security_mirrors;  // --security-mirror
};

// Declares --mirror and --security-mirror.
void AddMirrorOptions(CLI::App& app, MirrorArguments& arguments);

// The mirrors that were named, else those of the machine's apt. Where only --mirror is named, a
// trailing "/debian" becomes "/debian-security" for the security suites. kUsage for an address that
// is not of http, https or file; kNotFound where apt names no Debian mirror.
Result<debian::Mirrors> MirrorsFrom(const MirrorArguments& arguments);

// `named`, else $LETHE_STORE, else $XDG_CACHE_HOME/lethe, else ~/.cache/lethe.
std::filesystem::path StoreDirectory(const std::string& named);

// "12.3 MiB", "4.0 KiB"
std::string ReadableSize(uint64_t bytes);

}  // namespace lethe::cli
