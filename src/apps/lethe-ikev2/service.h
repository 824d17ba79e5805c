// Runs charon with its connections as a service of lethe-vpnd (docs/formats/service.md): ready once
// they are loaded, it tells how many clients there are and nothing else.
#pragma once

#include <string>

#include "base/result.h"

namespace lethe::ikev2 {

struct Arguments {
  std::string charon;       // the program
  std::string socket;       // where charon's configuration puts its management socket
  std::string connections;  // for swanctl
  std::string redirect;     // the file that names where clients go when this server drains
};

// Runs until charon ends or TERM or INT comes. HUP loads connections and secrets again; USR1 sends
// clients that understand it (RFC 5685) to where the redirect file says. However charon ends, no
// security association and no policy stays in the kernel.
Status Serve(const Arguments& arguments);

}  // namespace lethe::ikev2
