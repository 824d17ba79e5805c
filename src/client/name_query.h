// One question to a name server (RFC 1035), for the laboratory.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace lethe::client {

// The A or AAAA record of a name, as text. kUnavailable without an answer within three seconds, kIo
// where the answer holds none.
Result<std::string> AskNameServer(const std::string& server, const std::string& name, bool ipv6,
                                  bool tcp);

// Packets that a name server answers with an error, or not at all: nonsense, a question without an
// end, an update, a name of 300 bytes, one that nobody has, one in another class.
std::vector<std::string> HostileQuestions();
// Over UDP; waits for no answer.
Status SendToNameServer(const std::string& server, const std::string& packet);

}  // namespace lethe::client
