#include "client/session.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "client/name_query.h"
#include "client/transfer.h"

namespace lethe::client {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMaxLog = 4 << 20;
constexpr size_t kLogInAnswer = 24 << 10;
constexpr milliseconds kGrace(8000);  // to say goodbye to the server
constexpr useconds_t kStep = 50'000;

Status Ip(const std::string& batch) {
  (void)LETHE_TRY(RunChecked({.argv = {"/usr/sbin/ip", "-batch", "-"}, .input = batch}));
  return {};
}

Status LoadRules(const std::string& rules) {
  (void)LETHE_TRY(RunChecked({.argv = {"/usr/sbin/nft", "-f", "-"}, .input = rules}));
  return {};
}

// Addresses of an interface but link-local ones, without their lengths.
Result<std::vector<std::string>> AddressesOf(const std::string& device, bool with_length) {
  const std::string shown = LETHE_TRY(RunChecked(
      {.argv = {"/usr/sbin/ip", "-o", "address", "show", "dev", device, "scope", "global"}}));
  std::vector<std::string> out;
  for (const auto line : Lines(shown)) {
    const auto words = Words(line);
    if (words.size() < 4) continue;
    out.emplace_back(with_length ? words[3] : words[3].substr(0, words[3].find('/')));
  }
  return out;
}

json::Array ToArray(const std::vector<std::string>& texts) {
  return json::Array(texts.begin(), texts.end());
}

std::string AnswerOf(std::optional<int64_t> id, json::Object answer) {
  if (id) answer.emplace("id", *id);
  return json::Write(answer);
}

// xl2tpd does not wait for its pppd, which would keep the interface from the next one.
void EndAllOf(const std::string& program) {
  const auto deadline = Clock::now() + kGrace;
  bool any = true;
  while (any) {
    any = false;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      const auto pid = ParseUnsigned<pid_t>(entry.path().filename().string());
      const auto name = pid ? ReadFile(entry.path() / "comm", 64) : Result<std::string>("");
      if (!name || Trim(*name) != program) continue;
      any = true;
      ::kill(*pid, Clock::now() < deadline ? SIGTERM : SIGKILL);
    }
    if (any) ::usleep(kStep);
  }
}

// JSON is UTF-8; what a client says is what it is.
std::string Plain(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' || (c >= ' ' && c < 0x7f) ? c : '?';
  return out;
}

}  // namespace

std::string Session::Answer(std::string_view line) {
  const auto request = ParseRequest(line);
  const auto refuse = [](const Refused& refused) {
    return AnswerOf(refused.id, {{"ok", false},
                                 {"refused", std::string(ToString(refused.reason))},
                                 {"detail", Plain(refused.detail)}});
  };
  if (!request) return refuse(request.error());
  const auto done = Do(*request);
  if (!done) return refuse(done.error());
  if (*done) return AnswerOf(request->id, {{"ok", true}, {"result", **done}});
  return AnswerOf(request->id, {{"ok", false},
                                {"failed", std::string(lethe::ToString(done->error().code))},
                                {"detail", Plain(done->error().message)}});
}

const char* Session::WhyNotNow(const Request& request) const {
  if (std::holds_alternative<ConnectRequest>(request.command)) {
    if (!uplink_) return "there is no uplink yet";
    if (connection_) return "there is a connection already";
  }
  if (std::holds_alternative<DisconnectRequest>(request.command) && !connection_)
    return "there is no connection";
  const auto* resolve = std::get_if<ResolveRequest>(&request.command);
  if (resolve != nullptr && resolve->server.empty() && !connection_)
    return "no name server came with a connection";
  return nullptr;
}

Result<Session::Reply, Refused> Session::Do(const Request& request) {
  if (const char* why = WhyNotNow(request)) return Refused{Refusal::kNotNow, why, request.id};
  return std::visit([this](const auto& command) { return Do(command); }, request.command);
}

Session::Reply Session::Do(const UplinkRequest& request) {
  if (!watch_) watch_ = LETHE_TRY(Watch::Start(kUplink));
  LETHE_TRY(LoadRules(request.guard ? GuardRules(connection_ ? &connection_->request : nullptr)
                                    : OpenRules()));
  std::vector<std::string> kept = request.addresses;
  // Those that the VPN put on the interface are its own affair.
  if (connection_ && connection_->plan.device == kUplink) {
    const auto before = uplink_ ? uplink_->addresses : std::vector<std::string>();
    for (const auto& address : LETHE_TRY(AddressesOf(kUplink, true)))
      if (std::find(before.begin(), before.end(), address) == before.end()) kept.push_back(address);
  }
  std::string batch =
      std::string("link set ") + kUplink + " up mtu " + std::to_string(request.mtu) + "\n";
  for (const auto& address : request.addresses) {
    batch += "address replace " + address + " dev " + kUplink +
             (address.find(':') == std::string::npos ? "\n" : " nodad\n");
  }
  for (const auto& address : LETHE_TRY(AddressesOf(kUplink, true))) {
    if (std::find(kept.begin(), kept.end(), address) == kept.end())
      batch += "address del " + address + " dev " + kUplink + "\n";
  }
  for (const auto& gateway : request.gateways)
    batch += (gateway.find(':') == std::string::npos ? "route replace 0.0.0.0/0 via "
                                                     : "route replace ::/0 via ") +
             gateway + " dev " + kUplink + "\n";
  const bool around = connection_ && connection_->plan.device != kUplink;
  if (around) batch += RoutesInto("", connection_->request.server, request.gateways);
  LETHE_TRY(Ip(batch));
  uplink_ = request;
  return json::Object{};
}

// ---- Connections ----

Session::Reply Session::Do(const ConnectRequest& request) {
  const auto begin = Clock::now();
  connection_.emplace(Connection{request, PlanOf(request), {}, {}, {}});
  auto reply = Connect();
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begin).count();
  if (reply) reply->emplace("took_ms", took);
  if (!reply || connection_->outcome != Outcome::kUp) Stop();
  return reply;
}

Session::Reply Session::Connect() {
  const ConnectRequest& request = connection_->request;
  connection_->outcome = LETHE_TRY(Start());
  json::Object out{{"outcome", std::string(ToString(connection_->outcome))}};
  if (connection_->outcome != Outcome::kUp) return out;
  if (connection_->plan.device == "ppp0" || connection_->plan.device == "wg0")
    LETHE_TRY(Ip(RoutesInto(connection_->plan.device, request.server, uplink_->gateways)));
  out.emplace("device", connection_->plan.device);
  out.emplace("addresses", ToArray(LETHE_TRY(InnerAddresses())));
  out.emplace("name_servers", ToArray(request.protocol == Protocol::kWireGuard
                                          ? request.name_servers
                                          : NameServersIn(request.protocol, Log())));
  return out;
}

Result<Outcome> Session::Start() {
  LETHE_TRY(RemoveTree(kFolder));
  for (const PlannedFile& file : connection_->plan.files) {
    LETHE_TRY(MakeDirectories(std::filesystem::path(file.path).parent_path()));
    LETHE_TRY(WriteFileAtomic(file.path, file.content, 0600));
  }
  if (uplink_->guard) LETHE_TRY(LoadRules(GuardRules(&connection_->request)));
  switch (connection_->request.protocol) {
    case Protocol::kWireGuard:
      return StartWireGuard();
    case Protocol::kIkev2:
    case Protocol::kL2tp:
      return StartIke();
    case Protocol::kOpenVpn:
      break;
  }
  const auto deadline = Clock::now() + connection_->request.timeout;
  connection_->daemon.emplace(
      LETHE_TRY(ChildProcess::Start(connection_->plan.daemon, connection_->plan.logs[0])));
  return AwaitWords(deadline);
}

Result<Outcome> Session::StartWireGuard() {
  const auto deadline = Clock::now() + connection_->request.timeout;
  LETHE_TRY(Ip("link add wg0 type wireguard\n"));
  (void)LETHE_TRY(
      RunChecked({.argv = {"/usr/bin/wg", "setconf", "wg0", std::string(kFolder) + "/profile"}}));
  LETHE_TRY(Ip(WireGuardBatch(connection_->request)));
  LETHE_TRY(Ip(RoutesInto("", connection_->request.server, uplink_->gateways)));
  // It says nothing; a handshake is made when there is something to send, which a keepalive is.
  while (Clock::now() < deadline) {
    const std::string shown =
        LETHE_TRY(RunChecked({.argv = {"/usr/bin/wg", "show", "wg0", "latest-handshakes"}}));
    const auto words = Words(Trim(shown));
    if (words.size() == 2 && words[1] != "0") return Outcome::kUp;
    ::usleep(kStep);
  }
  return Outcome::kNoAnswer;
}

Result<Outcome> Session::StartIke() {
  Connection& connection = *connection_;
  const auto deadline = Clock::now() + connection.request.timeout;
  connection.daemon.emplace(
      LETHE_TRY(ChildProcess::Start(connection.plan.daemon, std::string(kFolder) + "/daemon.log")));
  CommandResult loaded{.exit_code = 1};
  while (loaded.exit_code != 0 && Clock::now() < deadline && !connection.daemon->Poll()) {
    ::usleep(kStep);
    loaded = LETHE_TRY(RunCommand({.argv = connection.plan.load}));
  }
  connection.said = loaded.out + loaded.err;
  if (loaded.exit_code != 0) return Error{ErrorCode::kIo, "charon: " + connection.said + Log()};
  const auto initiated = LETHE_TRY(RunCommand({.argv = connection.plan.initiate}));
  if (initiated.exit_code != 0) {
    const Outcome said = Judge(connection.request.protocol, Log());
    if (said != Outcome::kConnecting) return said;
    return Clock::now() >= deadline ? Outcome::kNoAnswer : Outcome::kEnded;
  }
  if (connection.plan.second_daemon.empty()) return Outcome::kUp;
  connection.second_daemon.emplace(LETHE_TRY(
      ChildProcess::Start(connection.plan.second_daemon, std::string(kFolder) + "/second.log")));
  return AwaitWords(deadline);
}

Outcome Session::AwaitWords(Clock::time_point deadline) {
  Connection& connection = *connection_;
  while (true) {
    const bool late = Clock::now() >= deadline;
    const bool ended =
        connection.daemon->Poll() || (connection.second_daemon && connection.second_daemon->Poll());
    const Outcome said = Judge(connection.request.protocol, Log());
    if (said != Outcome::kConnecting) return said;
    if (ended) return Outcome::kEnded;
    if (late) return Outcome::kNoAnswer;
    ::usleep(kStep);
  }
}

std::string Session::Log() const {
  if (!connection_) return last_log_;
  std::string out = connection_->said;
  for (const std::string& log : connection_->plan.logs) {
    const auto text = ReadFile(log, kMaxLog);
    if (text) out += *text;
  }
  return out;
}

Result<std::vector<std::string>> Session::InnerAddresses() const {
  std::vector<std::string> out = LETHE_TRY(AddressesOf(connection_->plan.device, false));
  if (connection_->plan.device != kUplink) return out;
  std::erase_if(out, [&](const std::string& address) {
    return std::any_of(uplink_->addresses.begin(), uplink_->addresses.end(),
                       [&](const auto& own) { return own.substr(0, own.find('/')) == address; });
  });
  return out;
}

void Session::Stop() {
  last_log_ = Log();
  if (connection_->second_daemon) {
    connection_->second_daemon->Stop(kGrace);
    EndAllOf("pppd");
  }
  if (connection_->daemon) connection_->daemon->Stop(kGrace);
  if (connection_->request.protocol == Protocol::kWireGuard)
    (void)RunCommand({.argv = {"/usr/sbin/ip", "link", "del", "wg0"}});
  // The kernel would go on sending the end of a stream that nobody answers.
  if (connection_->request.tcp)
    (void)RunCommand(
        {.argv = {"/usr/bin/ss", "-K", "dst", BracketIpv6(connection_->request.server)}});
  (void)RunCommand({.argv = {"/usr/sbin/ip", "route", "del", connection_->request.server}});
  (void)RunCommand({.argv = {"/usr/sbin/ip", "-6", "route", "del", connection_->request.server}});
  if (uplink_->guard) (void)LoadRules(GuardRules(nullptr));
  (void)RemoveTree(kFolder);
  connection_.reset();
}

Session::Reply Session::Do(const DisconnectRequest&) {
  Stop();
  return json::Object{};
}

Session::Reply Session::Do(const StatusRequest&) {
  const std::string log = Log();
  json::Object out{{"log", Plain(log.substr(log.size() - std::min(log.size(), kLogInAnswer)))}};
  if (connection_) {
    const bool ended = (connection_->daemon && connection_->daemon->Poll()) ||
                       (connection_->second_daemon && connection_->second_daemon->Poll());
    out.emplace("protocol", std::string(ToString(connection_->request.protocol)));
    out.emplace("running", !ended);
    const auto inner = InnerAddresses();
    out.emplace("addresses", ToArray(inner ? *inner : std::vector<std::string>()));
  }
  const auto held =
      RunCommand({.argv = {"/usr/sbin/nft", "list", "counter", "inet", "guard", "held"}});
  const auto words = held ? Words(held->out) : std::vector<std::string_view>();
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const auto packets =
        words[i] == "packets" ? ParseUnsigned<int64_t>(words[i + 1]) : std::nullopt;
    if (packets) out.emplace("held_packets", *packets);
  }
  return out;
}

// ---- Traffic ----

Session::Reply Session::Do(const ResolveRequest& request) {
  std::string server = request.server;
  if (server.empty()) {
    const auto given = connection_->request.protocol == Protocol::kWireGuard
                           ? connection_->request.name_servers
                           : NameServersIn(connection_->request.protocol, Log());
    if (given.empty()) return Error{ErrorCode::kNotFound, "no name server came with it"};
    server = given.front();
  }
  return json::Object{
      {"address", LETHE_TRY(AskNameServer(server, request.name, request.ipv6, request.tcp))}};
}

Session::Reply Session::Do(const PingRequest& request) {
  const auto ping = LETHE_TRY(
      RunCommand({.argv = {"/usr/bin/ping", "-n", "-c", std::to_string(request.count), "-i", "0.2",
                           "-W", "2", "-s", std::to_string(request.size), request.address}}));
  // "3 packets transmitted, 2 received, …"
  const auto words = Words(ping.out);
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const auto received = ParseUnsigned<int64_t>(words[i]);
    if (received && words[i + 1].starts_with("received"))
      return json::Object{{"sent", request.count}, {"received", *received}};
  }
  return Error{ErrorCode::kIo, "ping: " + ping.out + ping.err};
}

Session::Reply Session::Do(const FetchRequest& request) {
  const auto begin = Clock::now();
  const size_t bytes = LETHE_TRY(Fetch(request.address, request.port, request.timeout));
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begin).count();
  return json::Object{{"bytes", bytes}, {"took_ms", took}};
}

Session::Reply Session::Do(const CapturesRequest&) {
  json::Array flows;
  if (watch_) {
    for (const auto& [flow, packets] : watch_->Take())
      flows.emplace_back(json::Object{{"flow", ToString(flow)}, {"packets", packets}});
  }
  return json::Object{{"flows", std::move(flows)}};
}

}  // namespace lethe::client
