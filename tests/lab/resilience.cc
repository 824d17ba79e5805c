#include "resilience.h"

#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "server_view.h"

namespace lethe::lab {
namespace {

using std::chrono::seconds;

constexpr seconds kTimeout(60);

Status Kill(ProbeClient& probe, const std::vector<std::string>& pids) {
  (void)LETHE_TRY(probe.Run({"/bin/sh", "-c", "kill -9 " + Join(pids, " ")}));
  return {};
}

// Whether everything is ready, and `service` runs without any process of before.
bool IsBack(ServerView& server, const std::string& service,
            const std::vector<std::string>& before) {
  const auto now = server.Pids(service);
  return now && !now->empty() &&
         std::find_first_of(now->begin(), now->end(), before.begin(), before.end()) == now->end() &&
         server.AllReady();
}

std::string Took(std::chrono::steady_clock::time_point start, const std::string& what) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  char text[80];
  std::snprintf(text, sizeof text, "%s after %.1f s", what.c_str(), took.count());
  return text;
}

}  // namespace

Status MeterServices(ProbeClient& probe) {
  (void)LETHE_TRY(probe.Run({"/bin/touch", "/run/lethe/discard-meter"}));
  return {};
}

Result<ServiceCounts> CountServices(ProbeClient& probe) {
  ServiceCounts counts;
  for (const auto& service : LETHE_TRY(ServerView(probe).Services())) {
    if (!service.discarded_bytes)
      return Error{ErrorCode::kMalformed, "nothing is metered of " + service.name};
    ++counts.services;
    counts.discarded_bytes += *service.discarded_bytes;
    counts.unsealed += service.unsealed;
  }
  return counts;
}

Result<std::string> KillManager(ProbeClient& probe) {
  ServerView server(probe);
  const auto manager = LETHE_TRY(server.Pids("manager"));
  const auto before = LETHE_TRY(server.AllPids());
  const auto start = std::chrono::steady_clock::now();
  LETHE_TRY(Kill(probe, manager));
  if (!Eventually(kTimeout, [&] { return IsBack(server, "manager", manager); }))
    return Error{ErrorCode::kUnavailable, "lethe-vpnd and its services do not come back"};
  for (const auto& [service, pids] : before) {
    for (const std::string& pid : pids) {
      if (probe.Run({"/bin/sh", "-c", "test ! -e /proc/" + pid})) continue;
      return Error{ErrorCode::kUntrusted,
                   "a process of before still runs: " + service + ", " + pid};
    }
  }
  return Took(start, "all services are back, none of before is left,");
}

Result<std::string> KillService(ProbeClient& probe, const std::string& service) {
  ServerView server(probe);
  const auto before = LETHE_TRY(server.Pids(service));
  if (before.empty()) return Error{ErrorCode::kNotFound, service + " does not run"};
  const auto start = std::chrono::steady_clock::now();
  LETHE_TRY(Kill(probe, before));
  if (!Eventually(kTimeout, [&] { return IsBack(server, service, before); }))
    return Error{ErrorCode::kUnavailable, service + " does not come back"};
  return Took(start, "ready again");
}

}  // namespace lethe::lab
