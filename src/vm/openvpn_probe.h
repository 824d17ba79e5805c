// Asks an OpenVPN server from outside whether it answers: the first packet of a handshake.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace lethe::vm {

// Sends P_CONTROL_HARD_RESET_CLIENT_V2 over UDP to 127.0.0.1 (OpenVPN wire protocol, section 3) and
// waits for the server's hard reset. True when it came; kIo where the socket fails.
Result<bool> OpenVpnAnswers(unsigned port, std::chrono::milliseconds timeout);

}  // namespace lethe::vm
