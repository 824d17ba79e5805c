// Prints what hardware an image covers: `image inspect --hardware`.
#pragma once

#include "image/hardware.h"
#include "json/json.h"

namespace lethe::cli {

void PrintHardware(const image::HardwareReport& report);
json::Value HardwareJson(const image::HardwareReport& report);

}  // namespace lethe::cli
