#include "client_guest.h"

#include <poll.h>
#include <unistd.h>

#include <cstdlib>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/unix_socket.h"
#include "lab.h"
#include "wire.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr const char* kTap = "cguest";
constexpr seconds kShort(60);

std::string Text(const json::Value& object, const char* key) {
  const json::Value* value = object.Find(key);
  const std::string* text = value == nullptr ? nullptr : value->AsString();
  return text == nullptr ? "" : *text;
}

int64_t Number(const json::Value& object, const char* key) {
  const json::Value* value = object.Find(key);
  const int64_t* number = value == nullptr ? nullptr : value->AsInteger();
  return number == nullptr ? -1 : *number;
}

std::vector<std::string> Texts(const json::Value& object, const char* key) {
  std::vector<std::string> out;
  const json::Value* value = object.Find(key);
  const json::Array* array = value == nullptr ? nullptr : value->AsArray();
  for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
    if (const std::string* text = (*array)[i].AsString()) out.push_back(*text);
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<ClientGuest>> ClientGuest::Boot(const fs::path& directory) {
  const char* iso = std::getenv("LETHE_LAB_CLIENT_ISO");
  if (iso == nullptr)
    return Error{ErrorCode::kUsage, "LETHE_LAB_CLIENT_ISO must name the client's ISO"};
  LETHE_TRY(MakeDirectories(directory));
  auto cable = LETHE_TRY(Cable::Lay(kTap, "clients"));
  const BootFiles files = LETHE_TRY(ExtractBootFiles(iso, directory));
  vm::GuestConfig config;
  config.accelerator = vm::KvmWorks() ? vm::Accelerator::kKvm : vm::Accelerator::kTcg;
  config.memory_mib = 768;
  config.cpus = 1;
  config.kernel = files.kernel;
  config.initrd = files.initrd;
  config.command_line = files.command_line;
  config.frames = vm::FrameSocket{cable->guest_port(), cable->port()};
  config.ports = {{"lethe.commands", {}, directory / "commands"}};
  auto guest = LETHE_TRY(vm::Guest::Start(config, directory));
  return std::unique_ptr<ClientGuest>(
      new ClientGuest(std::move(cable), std::move(guest), directory / "commands"));
}

Status ClientGuest::WaitUntilUp(seconds timeout) {
  const bool up = Eventually(timeout, [&] {
    return bool(Ask({{"command", "status"}}, seconds(2)));
  });
  return up ? Status()
            : Status(Error{ErrorCode::kUnavailable,
                           "the client guest did not come up: " + guest_.Log()});
}

Result<json::Value> ClientGuest::AskLine(const std::string& line, seconds timeout,
                                         std::optional<int64_t> id) {
  const Fd fd = LETHE_TRY(ConnectUnix({.path = socket_}));
  LETHE_TRY(WriteAll(fd.get(), line + "\n", "the client guest"));
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::string received;
  while (true) {
    for (size_t end = received.find('\n'); end != std::string::npos; end = received.find('\n')) {
      json::Value answer = LETHE_TRY(json::Parse(received.substr(0, end)));
      received.erase(0, end + 1);
      if (!id || Number(answer, "id") == *id) return answer;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                          deadline - std::chrono::steady_clock::now())
                          .count();
    pollfd waiting{fd.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0)
      return Error{ErrorCode::kUnavailable, "the client guest does not answer"};
    char buffer[65536];
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n <= 0) return Error{ErrorCode::kIo, "the client guest's port was closed"};
    received.append(buffer, static_cast<size_t>(n));
  }
}

Result<json::Value> ClientGuest::Ask(json::Object request, seconds timeout) {
  const int64_t id = next_id_++;
  request.emplace("id", id);
  const json::Value answer = LETHE_TRY(AskLine(json::Write(request), timeout, id));
  if (const json::Value* result = answer.Find("result")) return *result;
  return Error{ErrorCode::kIo,
               Text(answer, "refused") + Text(answer, "failed") + ": " + Text(answer, "detail")};
}

Status ClientGuest::Uplink(const OuterAddresses& outer, bool guard) {
  (void)LETHE_TRY(Ask(
      {{"command", "uplink"},
       {"addresses", json::Array{std::string(outer.ipv4) + "/24", std::string(outer.ipv6) + "/64"}},
       {"gateways", json::Array{"192.0.2.1", "2001:db8:2::1"}},
       {"mtu", 1500},
       {"guard", guard}},
      kShort));
  return {};
}

Result<ClientGuest::Connected> ClientGuest::Connect(json::Object request, seconds timeout) {
  request.emplace("command", "connect");
  request.emplace("timeout_s", timeout.count());
  const json::Value said = LETHE_TRY(Ask(std::move(request), timeout + seconds(60)));
  return Connected{Text(said, "outcome"), Text(said, "device"), Texts(said, "addresses"),
                   Texts(said, "name_servers"), Number(said, "took_ms")};
}

void ClientGuest::Disconnect() { (void)Ask({{"command", "disconnect"}}, seconds(60)); }

Result<std::string> ClientGuest::Resolve(const std::string& server, bool ipv6, bool tcp) {
  json::Object request{{"command", "resolve"},
                       {"name", kFarName},
                       {"family", ipv6 ? "ipv6" : "ipv4"},
                       {"transport", tcp ? "tcp" : "udp"}};
  if (!server.empty()) request.emplace("server", server);
  return Text(LETHE_TRY(Ask(std::move(request), kShort)), "address");
}

Result<int64_t> ClientGuest::Ping(const std::string& address, unsigned count, unsigned size) {
  const json::Value said = LETHE_TRY(Ask(
      {{"command", "ping"}, {"address", address}, {"count", count}, {"size", size}}, seconds(60)));
  return Number(said, "received");
}

Result<size_t> ClientGuest::FetchFrom(const std::string& address, unsigned port) {
  constexpr seconds kTimeout(60);
  const json::Value said = LETHE_TRY(Ask(
      {{"command", "fetch"}, {"address", address}, {"port", port}, {"timeout_s", kTimeout.count()}},
      2 * kTimeout));
  return static_cast<size_t>(Number(said, "bytes"));
}

Result<json::Value> ClientGuest::State() { return Ask({{"command", "status"}}, kShort); }

std::string ClientGuest::Log() {
  const auto state = State();
  return state ? Text(*state, "log") : state.error().message;
}

}  // namespace lethe::lab
