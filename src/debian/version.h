// Order of Debian package versions (Debian policy 5.6.12).
#pragma once

#include <string_view>

namespace lethe::debian {

// Negative, zero or positive as `a` is older than, equal to or newer than `b`.
int CompareVersions(std::string_view a, std::string_view b);

}  // namespace lethe::debian
