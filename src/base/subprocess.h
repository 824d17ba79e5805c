// Runs other programs: no shell, closed descriptors, bounded output.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lethe {

struct Command {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH when it has no '/'
  std::vector<std::pair<std::string, std::string>> env;  // added to (or replacing) the caller's
  bool clear_env = false;                                // start from nothing but `env`
  std::string cwd;                                       // empty: the caller's
  std::string input;                                     // fed to stdin; else stdin is /dev/null
  std::string package;                                   // of Debian: has the program
  size_t max_output_bytes = 256U << 20;                  // of stdout and of stderr; more is kIo
  // Runs in the child after fork and before exec (async-signal-safe code only); non-zero stops it.
  std::function<int()> before_exec;
};

struct CommandResult {
  int exit_code = 0;  // 128 + signal where a signal ended it
  std::string out;
  std::string err;
};

// kUnavailable where the machine has no such program, kIo where it cannot be started (its name is
// in the message). A non-zero exit is not an error here.
Result<CommandResult> RunCommand(const Command& command);

// As RunCommand, but a non-zero exit is kIo with the last lines of stderr. Returns stdout.
Result<std::string> RunChecked(const Command& command);

// What both say where execve(2) or posix_spawn(3) failed with `errno_value`.
Error CannotStart(const std::string& program, const std::string& package, int errno_value);

}  // namespace lethe
