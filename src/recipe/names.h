// What names and paths in a recipe may look like. Each check returns what is allowed, for the
// message of the error, or nothing when the text is fine.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lethe::recipe {

using Problem = std::optional<std::string>;

Problem CheckImageId(std::string_view text);  // lower case, digits, '-', '.'; starts with a letter
Problem CheckPackageName(std::string_view text);  // Debian policy 5.6.1
Problem CheckUserName(std::string_view text);
Problem CheckModuleName(std::string_view text);  // and not a driver of storage
Problem CheckUnitName(std::string_view text);
Problem CheckSysctlKey(std::string_view text);
Problem CheckKernelParameter(std::string_view text);
Problem CheckPlainText(std::string_view text);  // one line without ':' or '"': passwd, os-release

// An absolute path inside the image: no ".", "..", "//", control characters or broken UTF-8.
Problem CheckImagePath(std::string_view text);
// The same, relative: for sources inside a repository.
Problem CheckRelativePath(std::string_view text);
// A symlink's target, seen from the link's own place: must not climb above the root.
Problem CheckLinkTarget(std::string_view link_path, std::string_view target);
// A place for a tmpfs: not "/", not /usr, /etc, /boot or what the kernel mounts itself.
Problem CheckWritablePath(std::string_view text);

}  // namespace lethe::recipe
