// charon as a child, and its management socket. No other program inherits a descriptor of ours.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "vici/message.h"

namespace lethe::ikev2 {

// Starts a program with our outputs and environment, and no signal blocked. kIo.
Result<pid_t> StartProgram(const std::vector<std::string>& argv);
// Runs one to its end; what it tells of its success (swanctl names every connection) is not taken.
// kUnavailable where it does not exit with 0.
Status RunProgram(const std::vector<std::string>& argv);

// Asks charon one thing over its socket; it answers within some seconds or not at all.
// kUnavailable.
Result<std::map<std::string, std::string>> Ask(const std::string& socket, std::string_view command,
                                               const vici::Arguments& arguments = {});

}  // namespace lethe::ikev2
