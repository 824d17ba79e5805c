// Shell completion scripts, generated from the declared commands so that they cannot lag behind.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace lethe::cli {

// `shell` is "bash" or "zsh" (which reads the same script through bashcompinit).
std::string CompletionScript(const CLI::App& app, const std::string& shell);

}  // namespace lethe::cli
