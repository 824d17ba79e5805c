// What a client's own words tell: whether it is connected, why not, and which name servers it was
// given. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/request.h"

namespace lethe::client {

enum class Outcome {
  kConnecting,
  kUp,
  kRefused,     // the server said that this client may not
  kNoProposal,  // nothing that both can do
  kUntrusted,   // the client does not believe that this is the server
  kNoAnswer,    // the server said nothing, or nothing that the client takes for its word
  kEnded,       // the client gave up for another reason
};
std::string_view ToString(Outcome outcome);

// The first word that decides. kConnecting where none has been said.
Outcome Judge(Protocol protocol, std::string_view log);

// Addresses of the name servers that came with the connection, in their order.
std::vector<std::string> NameServersIn(Protocol protocol, std::string_view log);

}  // namespace lethe::client
