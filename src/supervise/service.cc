#include "supervise/service.h"

#include <csignal>
#include <set>

#include "base/strings.h"
#include "toml/toml.h"

namespace lethe::supervise {
namespace {

using toml::Located;
using toml::TableReader;

constexpr size_t kMaxArguments = 256;
constexpr size_t kMaxListed = 128;
constexpr size_t kMaxArgumentBytes = 4096;
constexpr int64_t kMaxMib = 1 << 20;

template <typename T>
struct Named {
  std::string_view name;
  T value;
};

constexpr Named<int> kSignals[] = {{"TERM", SIGTERM}, {"INT", SIGINT},   {"QUIT", SIGQUIT},
                                   {"HUP", SIGHUP},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};
constexpr Named<ProbeKind> kProbes[] = {{"openvpn-udp", ProbeKind::kOpenVpnUdp},
                                        {"openvpn-tcp", ProbeKind::kOpenVpnTcp},
                                        {"wireguard", ProbeKind::kWireGuard},
                                        {"ikev2", ProbeKind::kIkev2},
                                        {"dns", ProbeKind::kDns}};
constexpr Named<Network> kNetworks[] = {{"host", Network::kHost}, {"none", Network::kNone}};
constexpr Named<ProcView> kProcViews[] = {
    {"own", ProcView::kOwn}, {"all", ProcView::kAll}, {"none", ProcView::kNone}};
constexpr Named<SocketKind> kSockets[] = {{"inet", SocketKind::kInet},
                                          {"inet6", SocketKind::kInet6},
                                          {"unix", SocketKind::kUnix},
                                          {"packet", SocketKind::kPacket},
                                          {"netlink-route", SocketKind::kNetlinkRoute},
                                          {"netlink-generic", SocketKind::kNetlinkGeneric},
                                          {"netlink-netfilter", SocketKind::kNetlinkNetfilter},
                                          {"netlink-xfrm", SocketKind::kNetlinkXfrm},
                                          {"key", SocketKind::kKey},
                                          {"alg", SocketKind::kAlg},
                                          {"pppox", SocketKind::kPppox}};

Error Bad(const TableReader& reader, const Located& value, std::string_view key,
          std::string_view allowed) {
  return reader.ErrorAt(value.line, "key '" + std::string(key) + "': '" + Printable(value.value) +
                                        "': " + std::string(allowed));
}

template <typename T, size_t N>
Result<T> OneOf(const TableReader& reader, const Located& value, std::string_view key,
                const Named<T> (&names)[N]) {
  std::string allowed = "allowed: ";
  for (const auto& named : names) {
    if (named.name == value.value) return named.value;
    allowed += (&named == names ? "" : ", ") + std::string(named.name);
  }
  return Bad(reader, value, key, allowed);
}

template <typename T, size_t N>
Result<T> OneOfOr(TableReader& reader, std::string_view key, const Named<T> (&names)[N],
                  T fallback) {
  const auto value = LETHE_TRY(reader.OptionalString(key));
  if (!value) return fallback;
  return OneOf(reader, *value, key, names);
}

Result<int64_t> IntegerOr(TableReader& reader, std::string_view key, toml::IntegerRange range,
                          int64_t fallback) {
  return LETHE_TRY(reader.OptionalInteger(key, range)).value_or(fallback);
}

Result<Milliseconds> DurationOr(TableReader& reader, std::string_view key, toml::IntegerRange range,
                                Milliseconds fallback) {
  return Milliseconds(LETHE_TRY(IntegerOr(reader, key, range, fallback.count())));
}

// What execve(2) can take.
bool IsArgument(std::string_view text) {
  return text.size() <= kMaxArgumentBytes && text.find('\0') == std::string_view::npos;
}

bool IsName(std::string_view text) {
  if (text.empty() || text.size() > 32 || text[0] < 'a' || text[0] > 'z') return false;
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

// Absolute, without empty parts, "." or "..".
bool IsPath(std::string_view text) {
  if (text.size() < 2 || text[0] != '/' || !IsArgument(text)) return false;
  for (const auto part : Split(text.substr(1), '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

bool IsDevice(std::string_view text) { return IsPath(text) && text.starts_with("/dev/"); }

// A system call or a capability: whether it exists is known where the sandbox is made.
bool IsWord(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

bool IsLoopback(std::string_view text) {
  if (text == "::1") return true;
  const auto parts = Split(text, '.');
  if (parts.size() != 4 || parts[0] != "127") return false;
  for (const auto part : parts)
    if (part.size() > 3 || !ParseUnsigned<uint8_t>(part)) return false;
  return true;
}

Result<std::vector<std::string>> List(TableReader& reader, std::string_view key,
                                      bool (*good)(std::string_view), std::string_view allowed) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const Located& value : LETHE_TRY(reader.Strings(key))) {
    if (!good(value.value)) return Bad(reader, value, key, allowed);
    if (!seen.insert(value.value).second) return Bad(reader, value, key, "listed twice");
    if (seen.size() > kMaxListed)
      return Bad(reader, value, key, "more than " + std::to_string(kMaxListed));
    out.push_back(value.value);
  }
  return out;
}

Status CheckCommand(const TableReader& reader, std::string_view key, const CommandLine& command,
                    int line) {
  const auto bad = [&](const std::string& why) {
    return reader.ErrorAt(line, "key '" + std::string(key) + "': " + why);
  };
  if (command.empty()) return bad("is missing, must be a program and its arguments");
  if (!IsPath(command[0]))
    return bad("'" + Printable(command[0]) + "': the program's absolute path is wanted");
  if (command.size() > kMaxArguments)
    return bad("more than " + std::to_string(kMaxArguments) + " arguments");
  for (const std::string& word : command) {
    if (!IsArgument(word)) return bad("an argument has a NUL byte or more than 4096 bytes");
  }
  return {};
}

Result<CommandLine> Command(TableReader& reader) {
  CommandLine command;
  int line = 0;
  for (const Located& word : LETHE_TRY(reader.Strings("command"))) {
    if (line == 0) line = word.line;
    command.push_back(word.value);
  }
  LETHE_TRY(CheckCommand(reader, "command", command, line));
  return command;
}

Result<std::vector<CommandLine>> Commands(TableReader& reader, std::string_view key) {
  auto commands = LETHE_TRY(reader.StringLists(key));
  if (commands.size() > kMaxListed) return reader.ErrorAt(0, "too many command lines");
  for (const CommandLine& command : commands)
    LETHE_TRY(CheckCommand(reader, key, command, reader.line()));
  return commands;
}

Result<std::map<std::string, std::string>> Environment(TableReader& reader) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : LETHE_TRY(reader.FreeStrings("environment"))) {
    const bool good =
        !name.value.empty() && name.value.size() <= 128 &&
        name.value.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
    if (!good) return Bad(reader, name, "environment", "a variable is [A-Z0-9_]+");
    if (name.value.starts_with("LETHE_"))
      return Bad(reader, name, "environment", "LETHE_ is the manager's");
    if (!IsArgument(value.value))
      return Bad(reader, name, "environment", "its value has a NUL byte or more than 4096 bytes");
    out.emplace(name.value, value.value);
  }
  return out;
}

Result<Ready> ReadReady(TableReader& root) {
  Ready ready;
  auto reader = LETHE_TRY(root.OptionalTable("ready"));
  if (!reader) return ready;
  ready.notify = LETHE_TRY(reader->BoolOr("notify", ready.notify));
  ready.timeout = LETHE_TRY(DurationOr(*reader, "timeout_ms", {10, 600'000}, ready.timeout));
  const auto probe = LETHE_TRY(reader->OptionalString("probe"));
  const auto address = LETHE_TRY(reader->OptionalString("address"));
  const auto port = LETHE_TRY(reader->OptionalInteger("port", {1, 65535}));
  const auto interval = LETHE_TRY(reader->OptionalInteger("interval_ms", {0, 600'000}));
  const auto keys = LETHE_TRY(reader->OptionalString("keys"));
  LETHE_TRY(reader->Finish());
  if (!probe) {
    if (address || port || interval || keys)
      return reader->ErrorAt(
          0, "address, port, interval_ms and keys belong to a probe, and there is none");
    return ready;
  }
  const ProbeKind kind = LETHE_TRY(OneOf(*reader, *probe, "probe", kProbes));
  if (!port) return reader->ErrorAt(probe->line, "key 'port' in [ready]: is missing");
  if (address && !IsLoopback(address->value))
    return Bad(*reader, *address, "address", "allowed: an address of 127.0.0.0/8, ::1");
  if (interval && *interval != 0 && *interval < 1000)
    return reader->ErrorAt(0, "key 'interval_ms' in [ready]: must be 0, or 1000 to 600000");
  if (keys.has_value() != (kind == ProbeKind::kWireGuard))
    return reader->ErrorAt(probe->line, "key 'keys' in [ready]: goes with the probe 'wireguard'");
  if (keys && !IsPath(keys->value)) return Bad(*reader, *keys, "keys", "allowed: an absolute path");
  ready.probe = Probe{.kind = kind,
                      .address = address ? address->value : "127.0.0.1",
                      .port = static_cast<uint16_t>(*port),
                      .interval = Milliseconds(interval.value_or(0)),
                      .keys = keys ? keys->value : ""};
  return ready;
}

Result<Restart> ReadRestart(TableReader& root) {
  Restart restart;
  auto reader = LETHE_TRY(root.OptionalTable("restart"));
  if (!reader) return restart;
  restart.first = LETHE_TRY(DurationOr(*reader, "first_ms", {1, 60'000}, restart.first));
  restart.max = LETHE_TRY(DurationOr(*reader, "max_ms", {1, 600'000}, restart.max));
  restart.crash_limit = static_cast<unsigned>(
      LETHE_TRY(IntegerOr(*reader, "crash_limit", {0, 1000}, restart.crash_limit)));
  restart.crash_window = std::chrono::seconds(
      LETHE_TRY(IntegerOr(*reader, "crash_window_s", {1, 86'400}, restart.crash_window.count())));
  LETHE_TRY(reader->Finish());
  if (restart.first > restart.max)
    return reader->ErrorAt(0, "key 'first_ms' in [restart]: is more than max_ms");
  return restart;
}

Result<Stop> ReadStop(TableReader& root) {
  Stop stop{.signal = SIGTERM};
  auto reader = LETHE_TRY(root.OptionalTable("stop"));
  if (!reader) return stop;
  stop.signal = LETHE_TRY(OneOfOr(*reader, "signal", kSignals, stop.signal));
  stop.timeout = LETHE_TRY(DurationOr(*reader, "timeout_ms", {0, 600'000}, stop.timeout));
  LETHE_TRY(reader->Finish());
  return stop;
}

Result<Limits> ReadLimits(TableReader& root) {
  Limits limits;
  auto reader = LETHE_TRY(root.OptionalTable("limits"));
  if (!reader) return limits;
  if (const auto mib = LETHE_TRY(reader->OptionalInteger("memory_mib", {1, kMaxMib})))
    limits.memory_bytes = static_cast<uint64_t>(*mib) << 20;
  if (const auto tasks = LETHE_TRY(reader->OptionalInteger("tasks", {1, 100'000}))) {
    limits.tasks = static_cast<unsigned>(*tasks);
    limits.tasks_written = true;
  }
  if (const auto percent = LETHE_TRY(reader->OptionalInteger("cpu_percent", {1, 100'000})))
    limits.cpu_percent = static_cast<unsigned>(*percent);
  limits.open_files =
      static_cast<uint64_t>(LETHE_TRY(IntegerOr(*reader, "open_files", {8, 1'000'000}, 1024)));
  limits.locked_bytes =
      static_cast<uint64_t>(LETHE_TRY(IntegerOr(*reader, "locked_mib", {0, kMaxMib}, 0))) << 20;
  LETHE_TRY(reader->Finish());
  return limits;
}

Result<SandboxRules> ReadSandbox(TableReader& root) {
  constexpr const char* kPath = "allowed: an absolute path without '.', '..' and empty parts";
  SandboxRules rules;
  auto reader = LETHE_TRY(root.OptionalTable("sandbox"));
  if (!reader) return rules;
  rules.capabilities =
      LETHE_TRY(List(*reader, "capabilities", IsWord, "allowed: a name such as net_admin"));
  rules.devices = LETHE_TRY(List(*reader, "devices", IsDevice, "allowed: a path below /dev"));
  rules.read = LETHE_TRY(List(*reader, "read", IsPath, kPath));
  rules.scratch = LETHE_TRY(List(*reader, "scratch", IsPath, kPath));
  rules.scratch_bytes =
      static_cast<uint64_t>(LETHE_TRY(IntegerOr(*reader, "scratch_mib", {1, 4096}, 1))) << 20;
  for (const Located& value : LETHE_TRY(reader->Strings("sockets")))
    rules.sockets.push_back(LETHE_TRY(OneOf(*reader, value, "sockets", kSockets)));
  if (std::set(rules.sockets.begin(), rules.sockets.end()).size() != rules.sockets.size())
    return reader->ErrorAt(0, "key 'sockets' in [sandbox]: one is listed twice");
  rules.network = LETHE_TRY(OneOfOr(*reader, "network", kNetworks, rules.network));
  rules.proc = LETHE_TRY(OneOfOr(*reader, "proc", kProcViews, rules.proc));
  constexpr const char* kCall = "allowed: the name of a system call";
  rules.allow = LETHE_TRY(List(*reader, "allow", IsWord, kCall));
  rules.deny = LETHE_TRY(List(*reader, "deny", IsWord, kCall));
  LETHE_TRY(reader->Finish());
  return rules;
}

Result<Drain> ReadDrain(TableReader& root) {
  Drain drain;
  auto reader = LETHE_TRY(root.OptionalTable("drain"));
  if (!reader) return drain;
  drain.close = LETHE_TRY(Commands(*reader, "close"));
  drain.open = LETHE_TRY(Commands(*reader, "open"));
  drain.deadline = std::chrono::seconds(
      LETHE_TRY(IntegerOr(*reader, "deadline_s", {0, 86'400}, drain.deadline.count())));
  drain.signal = LETHE_TRY(OneOfOr(*reader, "signal", kSignals, 0));
  drain.resume_signal = LETHE_TRY(OneOfOr(*reader, "resume_signal", kSignals, 0));
  LETHE_TRY(reader->Finish());
  return drain;
}

Result<int> ReadReload(TableReader& root) {
  auto reader = LETHE_TRY(root.OptionalTable("reload"));
  if (!reader) return 0;
  const int signal = LETHE_TRY(OneOfOr(*reader, "signal", kSignals, 0));
  LETHE_TRY(reader->Finish());
  return signal;
}

}  // namespace

Result<Service> ParseService(std::string_view name, std::string_view text, std::string file) {
  constexpr const char* kNameRule = "a service's name is [a-z][a-z0-9-]{0,31}";
  if (!IsName(name)) return Error{ErrorCode::kMalformed, file + ": " + kNameRule};
  if (text.size() > kMaxServiceFileBytes)
    return Error{ErrorCode::kMalformed, file + ": larger than 64 KiB"};
  TableReader reader = LETHE_TRY(TableReader::Parse(text, std::move(file)));
  Service service;
  service.name = name;
  service.command = LETHE_TRY(Command(reader));
  const Located user = LETHE_TRY(reader.String("user"));
  if (user.value.empty() || user.value.find_first_of(":\n/") != std::string::npos)
    return Bad(reader, user, "user", "allowed: a name of /etc/passwd");
  service.user = user.value;
  service.environment = LETHE_TRY(Environment(reader));
  service.after = LETHE_TRY(List(reader, "after", IsName, kNameRule));
  service.task = LETHE_TRY(reader.BoolOr("task", false));
  service.counter = LETHE_TRY(reader.BoolOr("counter", false));
  service.peers = LETHE_TRY(reader.BoolOr("peers", false));
  service.ready = LETHE_TRY(ReadReady(reader));
  service.restart = LETHE_TRY(ReadRestart(reader));
  service.stop = LETHE_TRY(ReadStop(reader));
  service.limits = LETHE_TRY(ReadLimits(reader));
  service.sandbox = LETHE_TRY(ReadSandbox(reader));
  service.drain = LETHE_TRY(ReadDrain(reader));
  service.reload_signal = LETHE_TRY(ReadReload(reader));
  LETHE_TRY(reader.Finish());
  if (service.task && (service.ready.notify || service.ready.probe || service.counter ||
                       service.peers || service.reload_signal != 0)) {
    return reader.ErrorAt(0,
                          "a task is ready when it ended: [ready], [reload], counter and peers "
                          "are for services that go on");
  }
  return service;
}

}  // namespace lethe::supervise
