#include "boot/tables.h"

#include <algorithm>

#include "base/strings.h"

namespace lethe::boot {
namespace {

constexpr size_t kMaxLines = 256;

bool IsClean(std::string_view path) {
  if (path.empty() || path.size() > 255) return false;
  for (const std::string_view part : Split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

Error BadLine(std::string_view file, size_t line) {
  return Error{ErrorCode::kMalformed, std::string(file) + ": line " + std::to_string(line)};
}

}  // namespace

Result<std::vector<SumLine>> ParseSums(std::string_view text) {
  constexpr size_t kHex = 64;
  std::vector<SumLine> out;
  const auto lines = Lines(text);
  if (lines.size() > kMaxLines || !text.ends_with('\n')) return BadLine("SHA256SUMS", 0);
  for (const std::string_view line : lines) {
    const size_t number = out.size() + 1;
    if (line.size() < kHex + 3 || line.substr(kHex, 2) != "  ")
      return BadLine("SHA256SUMS", number);
    const auto digest = crypto::Sha256Digest::FromHex(line.substr(0, kHex));
    const std::string_view path = line.substr(kHex + 2);
    if (!digest || !IsClean(path)) return BadLine("SHA256SUMS", number);
    SumLine sum{*digest, "/" + std::string(path)};
    if (!out.empty() && out.back().path >= sum.path) return BadLine("SHA256SUMS", number);
    out.push_back(std::move(sum));
  }
  for (const std::string_view needed : {"/init", "/lethe/mounts", "/lethe/root.erofs"}) {
    if (std::none_of(out.begin(), out.end(), [&](const SumLine& s) { return s.path == needed; })) {
      return Error{ErrorCode::kMalformed, "SHA256SUMS does not list " + std::string(needed)};
    }
  }
  return out;
}

Result<std::vector<MountLine>> ParseMounts(std::string_view text) {
  std::vector<MountLine> out;
  const auto lines = Lines(text);
  if (lines.size() > kMaxLines) return BadLine("mounts", 0);
  for (const std::string_view line : lines) {
    const auto fields = Split(line, ' ');
    const size_t number = out.size() + 1;
    if (fields.size() != 4 || !fields[0].starts_with('/') || !IsClean(fields[0].substr(1)) ||
        fields[1].size() != 4 || fields[3] != "nosuid,nodev,noexec") {
      return BadLine("mounts", number);
    }
    const auto mode = ParseUnsigned<unsigned>(fields[1], 8);
    const auto size = ParseUnsigned<uint64_t>(fields[2]);
    if (!mode || !size || *size == 0) return BadLine("mounts", number);
    out.push_back({std::string(fields[0]), *mode, *size});
  }
  return out;
}

}  // namespace lethe::boot
