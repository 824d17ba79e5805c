// A netlink socket: questions, changes and dumps, one at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace lethe::wireguard {

class NetlinkSocket {
 public:
  // `protocol` as in netlink(7). kIo.
  static Result<NetlinkSocket> Open(int protocol);

  // A message with NLM_F_ACK, of which the kernel says whether it was done. What it refuses:
  // kNotFound (no such interface, address or family), kConflict (it is there already), kUnavailable
  // (the kernel has no such kind), else kIo, with errno's text after `doing`.
  Status Do(std::string& message, std::string_view doing);
  // The payload of the one answer to a question without NLM_F_ACK. Errors as above.
  Result<std::string> Ask(std::string message, std::string_view doing);
  // A message with NLM_F_DUMP: calls `each` with every payload; the view goes with the call. What
  // was received is zeroed. kConflict: what was dumped changed meanwhile.
  Status Dump(std::string message, std::string_view doing,
              const std::function<Status(std::string_view)>& each);

 private:
  explicit NetlinkSocket(Fd fd);
  Status Send(std::string& message, std::string_view doing);
  Result<std::string_view> Receive(std::string_view doing);

  Fd fd_;
  uint32_t sequence_ = 0;
  std::vector<char> buffer_;
};

}  // namespace lethe::wireguard
