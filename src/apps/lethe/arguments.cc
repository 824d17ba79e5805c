#include "apps/lethe/arguments.h"

#include <fmt/format.h>

#include <cstdlib>

namespace lethe::cli {

void AddMirrorOptions(CLI::App& app, MirrorArguments& arguments) {
  app.add_option(
      "--mirror", arguments.mirrors,
      "address of a Debian mirror, tried in order (default: those of this machine's apt)");
  app.add_option("--security-mirror", arguments.security_mirrors,
                 "address of a debian-security mirror (default: derived from --mirror)");
}

Result<debian::Mirrors> MirrorsFrom(const MirrorArguments& arguments) {
  if (arguments.mirrors.empty() && arguments.security_mirrors.empty()) {
    return debian::DiscoverMirrors("/etc/apt");
  }
  debian::Mirrors mirrors{arguments.mirrors, arguments.security_mirrors};
  for (std::string& mirror : mirrors.debian) {
    while (mirror.ends_with('/')) mirror.pop_back();
    if (arguments.security_mirrors.empty() && mirror.ends_with("/debian")) {
      mirrors.security.push_back(mirror + "-security");
    }
  }
  return mirrors;
}

std::filesystem::path StoreDirectory(const std::string& named) {
  if (!named.empty()) return named;
  if (const char* store = std::getenv("LETHE_STORE"); store != nullptr && *store != '\0')
    return store;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return std::filesystem::path(cache) / "lethe";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home == nullptr ? "/tmp" : home) / ".cache" / "lethe";
}

std::string Mib(uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace lethe::cli
