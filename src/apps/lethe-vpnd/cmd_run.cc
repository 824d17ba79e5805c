// lethe-vpnd run: the manager itself.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "apps/lethe-vpnd/commands.h"
#include "base/fd.h"
#include "supervise/manager.h"

namespace lethe {
namespace {

// sd_notify(3): READY=1, nothing else ever.
void TellSystemManager(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  constexpr std::string_view kReady = "READY=1";
  (void)::sendto(fd.get(), kReady.data(), kReady.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
}

}  // namespace

Status CmdRun(const Arguments& given) {
  Arguments arguments = given;
  supervise::ManagerOptions options;
  options.services = LETHE_TRY(TakeOption(arguments, "--services")).value_or(kServicesFolder);
  options.socket = LETHE_TRY(TakeOption(arguments, "--socket")).value_or(supervise::kDefaultSocket);
  // In an image: only who is root there can make the file, and it goes with the power.
  const auto meter_if = LETHE_TRY(TakeOption(arguments, "--discard-meter-if"));
  options.discard_meter = TakeFlag(arguments, "--discard-meter") ||
                          (meter_if && ::access(meter_if->c_str(), F_OK) == 0);
  LETHE_TRY(CheckWords(arguments, 0, 0));
  const char* notify = std::getenv("NOTIFY_SOCKET");
  options.on_settled = [path = std::string(notify == nullptr ? "" : notify)] {
    TellSystemManager(path);
  };
  return LETHE_TRY(supervise::Manager::Create(std::move(options)))->Run();
}

}  // namespace lethe
