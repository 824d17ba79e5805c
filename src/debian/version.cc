#include "debian/version.h"

#include <cstddef>

namespace lethe::debian {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// '~' sorts before the end, the end before letters, letters before the rest.
int Order(char c) {
  if (c == '~') return -1;
  if (IsLetter(c)) return c;
  return c + 256;
}

// Compares alternating non-digit and digit parts.
int ComparePart(std::string_view a, std::string_view b) {
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    while ((i < a.size() && !IsDigit(a[i])) || (j < b.size() && !IsDigit(b[j]))) {
      const int x = i < a.size() && !IsDigit(a[i]) ? Order(a[i]) : 0;
      const int y = j < b.size() && !IsDigit(b[j]) ? Order(b[j]) : 0;
      if (x != y) return x - y;
      ++i;
      ++j;
    }
    while (i < a.size() && a[i] == '0') ++i;
    while (j < b.size() && b[j] == '0') ++j;
    int first_difference = 0;
    while (i < a.size() && j < b.size() && IsDigit(a[i]) && IsDigit(b[j])) {
      if (first_difference == 0) first_difference = a[i] - b[j];
      ++i;
      ++j;
    }
    if (i < a.size() && IsDigit(a[i])) return 1;
    if (j < b.size() && IsDigit(b[j])) return -1;
    if (first_difference != 0) return first_difference;
  }
  return 0;
}

struct Parts {
  std::string_view epoch;
  std::string_view upstream;
  std::string_view revision;
};

Parts SplitVersion(std::string_view version) {
  Parts parts;
  if (const size_t colon = version.find(':'); colon != std::string_view::npos) {
    parts.epoch = version.substr(0, colon);
    version.remove_prefix(colon + 1);
  }
  if (const size_t dash = version.rfind('-'); dash != std::string_view::npos) {
    parts.revision = version.substr(dash + 1);
    version = version.substr(0, dash);
  }
  parts.upstream = version;
  return parts;
}

}  // namespace

int CompareVersions(std::string_view a, std::string_view b) {
  const Parts x = SplitVersion(a);
  const Parts y = SplitVersion(b);
  if (const int epoch = ComparePart(x.epoch, y.epoch); epoch != 0) return epoch;
  if (const int upstream = ComparePart(x.upstream, y.upstream); upstream != 0) return upstream;
  return ComparePart(x.revision, y.revision);
}

}  // namespace lethe::debian
