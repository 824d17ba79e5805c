// Where packages come from: the base addresses that the machine's own apt uses (sources.list(5)).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::debian {

// Base addresses without a trailing slash, in order of preference.
struct Mirrors {
  std::vector<std::string> debian;    // hold "debian" paths
  std::vector<std::string> security;  // hold "debian-security" paths

  const std::vector<std::string>& Of(std::string_view archive) const {
    return archive == "debian-security" ? security : debian;
  }
};

// One source of apt: an address and what is asked of it.
struct AptSource {
  std::string uri;
  std::vector<std::string> suites;
  std::vector<std::string> components;
  std::string signed_by;  // path of a keyring; empty: apt's own
};

// Both formats; disabled entries and deb-src lines are left out. Lines that are no entry are
// skipped: apt itself complains about them.
std::vector<AptSource> ParseOneLineSources(std::string_view text);
std::vector<AptSource> ParseDeb822Sources(std::string_view text);

// Keeps sources of Debian's own suites with http, https or file addresses: those with a Debian
// release's name, component "main" and no other keyring than Debian's. Sources for which this guess
// is wrong do no harm: every index is signed. Where no source is a security mirror, each Debian
// mirror's neighbour (SecurityMirrorBeside) is taken for one.
Mirrors ClassifySources(const std::vector<AptSource>& sources);

// The usual place of debian-security beside a mirror: ".../debian" is ".../debian-security"; empty
// for addresses that end otherwise.
std::string SecurityMirrorBeside(std::string_view mirror);

// Reads <apt_dir>/sources.list and <apt_dir>/sources.list.d (normally /etc/apt). kNotFound where
// they name no Debian mirror.
Result<Mirrors> DiscoverMirrors(const std::filesystem::path& apt_dir);

// "debian" or "debian-security": the archive that publishes a suite.
std::string ArchiveOfSuite(std::string_view suite);

}  // namespace lethe::debian
