// Enables systemd units in a tree, as `systemctl enable` would (systemd.unit(5), section
// [Install]).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "image/tree.h"

namespace lethe::image {

// Makes the links that WantedBy=, RequiredBy=, UpheldBy= and Alias= ask for, and follows Also=.
// `unit` may be an instance ("x@y.service"). kNotFound where the unit does not exist, kConflict
// where it has no [Install] section.
Status EnableUnit(Tree& tree, std::string_view unit);

}  // namespace lethe::image
