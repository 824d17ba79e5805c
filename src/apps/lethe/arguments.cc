#include "apps/lethe/arguments.h"

#include <fmt/format.h>

#include <cstdlib>

#include "fetch/fetch.h"

namespace lethe::cli {

void AddMirrorOptions(CLI::App& app, MirrorArguments& arguments) {
  app.add_option(
      "--mirror", arguments.mirrors,
      "address of a Debian mirror, tried in order (default: those of this machine's apt)");
  app.add_option("--security-mirror", arguments.security_mirrors,
                 "address of a debian-security mirror (default: derived from --mirror)");
}

Result<debian::Mirrors> MirrorsFrom(const MirrorArguments& arguments) {
  debian::Mirrors mirrors{arguments.mirrors, arguments.security_mirrors};
  for (auto* list : {&mirrors.debian, &mirrors.security}) {
    for (std::string& mirror : *list) {
      if (!fetch::IsAddress(mirror)) {
        return Error{ErrorCode::kUsage, "mirror '" + mirror + "': allowed: http, https, file"};
      }
      while (mirror.ends_with('/')) mirror.pop_back();
    }
  }
  if (mirrors.debian.empty()) {
    auto found = LETHE_TRY(debian::DiscoverMirrors("/etc/apt"));
    mirrors.debian = std::move(found.debian);
    if (mirrors.security.empty()) mirrors.security = std::move(found.security);
  }
  if (!mirrors.security.empty()) return mirrors;
  for (const std::string& mirror : mirrors.debian) {
    std::string beside = debian::SecurityMirrorBeside(mirror);
    if (!beside.empty()) mirrors.security.push_back(std::move(beside));
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

std::string ReadableSize(uint64_t bytes) {
  if (bytes < (1 << 20)) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / (1 << 10));
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace lethe::cli
