// The command line of lethe-prober.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::prober {

inline constexpr std::string_view kHelp =
    R"(lethe-prober: is a VPN server ready? A real handshake, and one request through the tunnel.

usage: lethe-prober [--json | --prometheus | --check] TARGET.toml…

  --json         one JSON object
  --prometheus   Prometheus' text format
  --check        reads the files, says what is wrong with them, probes nothing
  --help

Targets are probed side by side. Exit codes: 0 all are ready, 5 one is not, 4 a file is malformed
and nothing was probed, 2 usage. Files and answers: docs/formats/prober.md.
)";

enum class Form { kText, kJson, kPrometheus };

struct Arguments {
  Form form = Form::kText;
  bool check = false;
  std::vector<std::string> files;
};

// kUsage names the option.
Result<Arguments> ParseArguments(const std::vector<std::string>& words);

}  // namespace lethe::prober
