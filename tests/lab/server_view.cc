#include "server_view.h"

#include "base/strings.h"
#include "json/json.h"

namespace lethe::lab {
namespace {

constexpr const char* kGroups = "/sys/fs/cgroup/system.slice/lethe-vpnd.service/";

std::optional<int64_t> Number(const json::Value& object, const char* key) {
  const json::Value* value = object.Find(key);
  const auto* number = value == nullptr ? nullptr : value->AsInteger();
  return number == nullptr ? std::nullopt : std::optional<int64_t>(*number);
}

std::string Text(const json::Value& object, const char* key) {
  const json::Value* value = object.Find(key);
  const auto* text = value == nullptr ? nullptr : value->AsString();
  return text == nullptr ? "" : *text;
}

// "Slab:   123 kB" of /proc/meminfo, "VmRSS:" of /proc/PID/status: the sum of all such lines.
uint64_t SumOf(const std::string& text, std::string_view key) {
  uint64_t sum = 0;
  for (const auto line : Lines(text)) {
    const auto words = Words(line);
    if (words.size() >= 2 && words[0] == key) sum += ParseUnsigned<uint64_t>(words[1]).value_or(0);
  }
  return sum;
}

}  // namespace

Result<std::string> ServerView::Shell(const std::string& script) {
  return probe_.Run({"/bin/sh", "-c", script});
}

Result<std::vector<ServiceStatus>> ServerView::Services() {
  const auto said = probe_.Run({"/usr/sbin/lethe-vpnd", "ctl", "--json", "status"});
  if (!said) return Error{ErrorCode::kUnavailable, said.error().message};
  const auto answer = LETHE_TRY(json::Parse(*said));
  const json::Value* services = answer.Find("services");
  if (services == nullptr || services->AsArray() == nullptr)
    return Error{ErrorCode::kMalformed, "lethe-vpnd says " + Printable(*said)};
  std::vector<ServiceStatus> out;
  for (const json::Value& service : *services->AsArray()) {
    out.push_back({Text(service, "name"), Text(service, "state"), Text(service, "reason"),
                   Number(service, "restarts").value_or(-1),
                   Number(service, "unsealed").value_or(-1), Number(service, "clients"),
                   Number(service, "discarded_bytes")});
  }
  return out;
}

Result<ServiceStatus> ServerView::Service(const std::string& name) {
  for (const auto& service : LETHE_TRY(Services()))
    if (service.name == name) return service;
  return Error{ErrorCode::kNotFound, "no service " + name};
}

bool ServerView::AllReady() {
  const auto services = Services();
  size_t ready = 0;
  if (services)
    for (const auto& service : *services) ready += service.state == "ready" ? 1U : 0U;
  return ready == std::size(kServices);
}

Result<std::string> ServerView::GroupFile(const std::string& service, const std::string& file) {
  return probe_.Read(kGroups + service + "/" + file);
}

Result<std::vector<std::string>> ServerView::Pids(const std::string& service) {
  const std::string text = LETHE_TRY(GroupFile(service, "cgroup.procs"));
  std::vector<std::string> out;
  for (const auto line : Lines(text)) {
    const std::string pid(line);
    const auto name = probe_.Read("/proc/" + pid + "/comm");
    if (!name || Trim(*name) == "swanctl" || Trim(*name) == "ip") continue;
    out.push_back(pid);
  }
  return out;
}

Result<std::map<std::string, std::vector<std::string>>> ServerView::AllPids() {
  std::map<std::string, std::vector<std::string>> out;
  for (const char* service : kServices) out[service] = LETHE_TRY(Pids(service));
  return out;
}

Result<Holdings> ServerView::Count() {
  std::string folders;
  Holdings out;
  for (const char* service : kServices) {
    std::string files;
    for (const std::string& pid : LETHE_TRY(Pids(service))) {
      files += " /proc/" + pid + "/status";
      folders += " /proc/" + pid + "/fd/*";
    }
    // What goes during the look is no error, here and below.
    const std::string status = LETHE_TRY(Shell("cat" + files + " 2>/dev/null || true"));
    out.resident_kib[service] = SumOf(status, "VmRSS:");
  }
  const std::string descriptors = LETHE_TRY(Shell("printf '%s\\n'" + folders));
  out.descriptors = Lines(descriptors).size();
  out.slab_kib = SumOf(LETHE_TRY(probe_.Read("proc:meminfo")), "SUnreclaim:");
  out.processes = LETHE_TRY(probe_.Processes()).size();
  const std::string tracked = LETHE_TRY(probe_.Read("/proc/sys/net/netfilter/nf_conntrack_count"));
  out.tracked = ParseUnsigned<uint64_t>(Trim(tracked)).value_or(0);
  return out;
}

}  // namespace lethe::lab
