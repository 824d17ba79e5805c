#include "client/name_query.h"

#include <arpa/inet.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"
#include "client/transfer.h"

namespace lethe::client {
namespace {

constexpr uint16_t kQueryId = 0x1e7e;
constexpr size_t kHeader = 12;
constexpr unsigned kPort = 53;

std::string Query(const std::string& name, bool ipv6) {
  std::string out("\x1e\x7e\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", kHeader);
  for (const auto label : Split(name, '.')) {
    out += static_cast<char>(label.size());
    out += label;
  }
  out += std::string("\0\0", 2) + static_cast<char>(ipv6 ? 28 : 1) + std::string("\0\1", 2);
  return out;
}

// The record is the last thing of a small answer to one question.
Result<std::string> LastAddress(const std::string& answer, bool ipv6) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(answer[i]); };
  const size_t size = ipv6 ? 16 : 4;
  if (answer.size() < kHeader + size || (byte(0) << 8 | byte(1)) != kQueryId)
    return Error{ErrorCode::kIo, "no answer to this question"};
  if ((byte(3) & 15) != 0 || (byte(6) << 8 | byte(7)) != 1)
    return Error{ErrorCode::kIo, "RCODE " + std::to_string(byte(3) & 15)};
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(ipv6 ? AF_INET6 : AF_INET, answer.data() + answer.size() - size, text, sizeof text);
  return std::string(text);
}

}  // namespace

std::vector<std::string> HostileQuestions() {
  const std::string good = Query("canary.lab.example", false);
  std::string update = good, chaos = Query("version.bind", false), loop = good.substr(0, kHeader);
  update[2] = 0x28;                            // opcode 5, RFC 2136
  chaos[chaos.size() - 1] = 3;                 // class CH
  loop += std::string("\xc0\x0c\0\1\0\1", 6);  // a name that points at itself
  return {std::string(3, 'x'),
          std::string(600, '\xff'),
          good.substr(0, good.size() - 5),
          update,
          Query(std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') +
                    "." + std::string(63, 'd') + "." + std::string(63, 'e'),
                false),
          Query("nobody.invalid", true),
          chaos,
          loop};
}

Status SendToNameServer(const std::string& server, const std::string& packet) {
  const SocketAddress to = LETHE_TRY(ParseSocketAddress(server, kPort));
  const Fd fd(::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::sendto(fd.get(), packet.data(), packet.size(), 0, to.get(), to.size) < 0)
    return IoError("sending to", server);
  return {};
}

Result<std::string> AskNameServer(const std::string& server, const std::string& name, bool ipv6,
                                  bool tcp) {
  const SocketAddress to = LETHE_TRY(ParseSocketAddress(server, kPort));
  const Fd fd(::socket(to.family(), (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  const timeval limit{3, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), to.get(), to.size) != 0)
    return Error{ErrorCode::kUnavailable, IoError("connecting to", server).message};
  const std::string query = Query(name, ipv6);
  const std::string length = {static_cast<char>(query.size() >> 8),
                              static_cast<char>(query.size())};
  LETHE_TRY(WriteAll(fd.get(), (tcp ? length : "") + query, server));
  std::string answer(4096, '\0');
  const ssize_t got = ::recv(fd.get(), answer.data(), answer.size(), 0);
  if (got <= 0) return Error{ErrorCode::kUnavailable, server + " does not answer"};
  answer.resize(static_cast<size_t>(got));
  return LastAddress(tcp && answer.size() > 2 ? answer.substr(2) : answer, ipv6);
}

}  // namespace lethe::client
