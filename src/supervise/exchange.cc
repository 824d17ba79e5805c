#include "supervise/exchange.h"

#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <chrono>

#include "base/base64.h"
#include "base/file.h"
#include "base/strings.h"

namespace lethe::supervise {
namespace {

constexpr size_t kMaxKeysBytes = 256;

Result<crypto::X25519Key> ParseKey(std::string_view line) {
  const auto bytes = Base64Decode(line);
  crypto::X25519Key key;
  if (!bytes || bytes->size() != key.size())
    return Error{ErrorCode::kMalformed, "a key of the probe is not 32 bytes in base64"};
  std::copy(bytes->begin(), bytes->end(), key.begin());
  return key;
}

// In the service's file system, which its symlinks cannot leave.
Result<probe::WireGuardKeys> ReadKeys(const std::string& path, pid_t pid) {
  const Fd root = LETHE_TRY(OpenFile("/proc/" + std::to_string(pid) + "/root", O_PATH));
  const Fd file = LETHE_TRY(OpenInRoot(root.get(), path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  std::string text(kMaxKeysBytes, '\0');
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  if (got < 0) return IoError("reading", path);
  text.resize(static_cast<size_t>(got));
  const auto lines = Lines(text);
  if (lines.size() != 2) return Error{ErrorCode::kMalformed, "the probe's keys are not two lines"};
  return probe::WireGuardKeys{.secret = LETHE_TRY(ParseKey(lines[0])),
                              .server_public = LETHE_TRY(ParseKey(lines[1]))};
}

Result<probe::Exchange> WireGuard(const Probe& probe, pid_t pid, const probe::Random& random) {
  const auto keys = LETHE_TRY(ReadKeys(probe.keys, pid));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  const auto exchange =
      probe::WireGuard(keys, random, static_cast<uint64_t>(seconds.count()),
                       static_cast<uint32_t>(std::chrono::nanoseconds(now - seconds).count()));
  if (!exchange) return Error{ErrorCode::kMalformed, "the server's key is of low order"};
  return *exchange;
}

}  // namespace

Result<probe::Exchange> MakeExchange(const Probe& probe, pid_t pid) {
  probe::Random random;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    return IoError("reading", "random bytes");
  switch (probe.kind) {
    case ProbeKind::kOpenVpnUdp:
      return probe::OpenVpnUdp(random);
    case ProbeKind::kOpenVpnTcp:
      return probe::OpenVpnTcp(random);
    case ProbeKind::kDns:
      return probe::Dns(random);
    case ProbeKind::kIkev2:
      return probe::Ikev2(random);
    case ProbeKind::kWireGuard:
      return WireGuard(probe, pid, random);
  }
  return Error{ErrorCode::kUsage, "an unknown probe"};
}

}  // namespace lethe::supervise
