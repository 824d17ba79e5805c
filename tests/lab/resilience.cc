#include "resilience.h"

#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "json/json.h"

namespace lethe::lab {
namespace {

using std::chrono::seconds;

constexpr seconds kTimeout(60);
constexpr const char* kGroup = "/sys/fs/cgroup/system.slice/lethe-vpnd.service/";

// The processes of a group, "" where there are none.
Result<std::string> ProcessesOf(ProbeClient& probe, const std::string& group) {
  const auto text = probe.Run({"/bin/cat", kGroup + group + "/cgroup.procs"});
  return text ? std::string(Trim(*text)) : std::string();
}

int64_t Number(const json::Value& service, const char* key) {
  const json::Value* value = service.Find(key);
  return value == nullptr || value->AsInteger() == nullptr ? 0 : *value->AsInteger();
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
  const std::string text =
      LETHE_TRY(probe.Run({"/usr/sbin/lethe-vpnd", "ctl", "--json", "status"}));
  const auto answer = LETHE_TRY(json::Parse(text));
  const json::Value* services = answer.Find("services");
  if (services == nullptr || services->AsArray() == nullptr)
    return Error{ErrorCode::kMalformed, "ctl status: " + text};
  ServiceCounts counts;
  for (const json::Value& service : *services->AsArray()) {
    ++counts.services;
    const json::Value* state = service.Find("state");
    if (state != nullptr && *state == json::Value("ready")) ++counts.ready;
    counts.restarts += Number(service, "restarts");
    counts.unsealed += Number(service, "unsealed");
    if (service.Find("discarded_bytes") == nullptr)
      return Error{ErrorCode::kMalformed, "nothing is metered: " + text};
    counts.discarded_bytes += Number(service, "discarded_bytes");
  }
  return counts;
}

Result<std::string> KillManager(ProbeClient& probe) {
  const std::string manager = LETHE_TRY(ProcessesOf(probe, "manager"));
  std::string before;
  for (const char* service : {"openvpn-udp", "openvpn-tcp", "wireguard", "resolver"})
    before += LETHE_TRY(ProcessesOf(probe, service)) + " ";
  const auto start = std::chrono::steady_clock::now();
  (void)LETHE_TRY(probe.Run({"/bin/sh", "-c", "kill -9 " + manager}));
  const bool back = Eventually(kTimeout, [&] {
    const auto now = ProcessesOf(probe, "manager");
    const auto counts = CountServices(probe);
    return now && !now->empty() && *now != manager && counts && counts->ready == counts->services;
  });
  if (!back) return Error{ErrorCode::kUnavailable, "lethe-vpnd and its services do not come back"};
  for (const auto pid : Words(before)) {
    if (probe.Run({"/bin/sh", "-c", "test ! -e /proc/" + std::string(pid)})) continue;
    return Error{ErrorCode::kUntrusted, "a process of before still runs: " + std::string(pid)};
  }
  return Took(start, "all services are back, none of before is left,");
}

Result<std::string> KillService(ProbeClient& probe, const std::string& service) {
  const std::string before = LETHE_TRY(ProcessesOf(probe, service));
  if (before.empty()) return Error{ErrorCode::kNotFound, service + " does not run"};
  const auto start = std::chrono::steady_clock::now();
  (void)LETHE_TRY(probe.Run({"/bin/sh", "-c", "kill -9 " + before}));
  const bool back = Eventually(kTimeout, [&] {
    const auto now = ProcessesOf(probe, service);
    const auto counts = CountServices(probe);
    return now && !now->empty() && *now != before && counts && counts->ready == counts->services;
  });
  if (!back) return Error{ErrorCode::kUnavailable, service + " does not come back"};
  return Took(start, "ready again");
}

}  // namespace lethe::lab
