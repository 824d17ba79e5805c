#include "supervise/control.h"

#include "base/strings.h"

namespace lethe::supervise {
namespace {

using json::Value;

struct VerbRow {
  std::string_view name;
  Verb verb;
  bool service;
};
constexpr VerbRow kVerbs[] = {{"status", Verb::kStatus, false}, {"start", Verb::kStart, true},
                              {"stop", Verb::kStop, true},      {"restart", Verb::kRestart, true},
                              {"drain", Verb::kDrain, true},    {"resume", Verb::kResume, true},
                              {"reload", Verb::kReload, false}, {"watch", Verb::kWatch, false},
                              {"peer", Verb::kPeer, true}};
constexpr std::pair<std::string_view, PeerAction> kPeerActions[] = {
    {"add", PeerAction::kAdd},
    {"remove", PeerAction::kRemove},
    {"replace-all", PeerAction::kReplaceAll}};
constexpr int64_t kMaxDeadlineS = 86'400;
constexpr size_t kMaxPath = 1024;

Error Malformed(std::string message) {
  return Error{ErrorCode::kMalformed, "request: " + std::move(message)};
}

// Takes the members that a row has; what is left then is unknown.
class Members {
 public:
  explicit Members(const json::Object& object) : object_(object) {}

  Result<std::string> String(std::string_view key) {
    const Value* value = Take(key);
    if (value == nullptr || value->AsString() == nullptr)
      return Malformed("key '" + std::string(key) + "': must be a string");
    return *value->AsString();
  }
  const Value* Take(std::string_view key) {
    const auto it = object_.find(key);
    if (it == object_.end()) return nullptr;
    ++taken_;
    return &it->second;
  }
  bool AllTaken() const { return taken_ == object_.size(); }

 private:
  const json::Object& object_;
  size_t taken_ = 0;
};

Status TakeDetails(Members& members, Request& request) {
  if (request.verb == Verb::kDrain) {
    if (const Value* value = members.Take("deadline_s")) {
      const int64_t* seconds = value->AsInteger();
      if (seconds == nullptr || *seconds < 0 || *seconds > kMaxDeadlineS)
        return Malformed("key 'deadline_s': must be an integer from 0 to 86400");
      request.deadline = std::chrono::seconds(*seconds);
    }
  }
  if (request.verb == Verb::kReload) {
    if (const Value* value = members.Take("from")) {
      const std::string* path = value->AsString();
      if (path == nullptr || !path->starts_with('/') || path->size() > kMaxPath ||
          path->find('\0') != std::string::npos)
        return Malformed("key 'from': must be an absolute path");
      request.from = *path;
    }
  }
  if (request.verb == Verb::kPeer) {
    request.action = ParsePeerAction(LETHE_TRY(members.String("action")));
    if (!request.action) return Malformed("key 'action': allowed: add, remove, replace-all");
  }
  return {};
}

}  // namespace

std::string_view ToString(PeerAction action) {
  for (const auto& [name, value] : kPeerActions)
    if (value == action) return name;
  return "unknown";
}

std::optional<PeerAction> ParsePeerAction(std::string_view text) {
  for (const auto& [name, value] : kPeerActions)
    if (name == text) return value;
  return {};
}

Result<Request> ParseRequest(std::string_view text) {
  const json::Limits limits{.max_bytes = kMaxRequestBytes, .max_depth = 2, .max_values = 16};
  const Value value = LETHE_TRY_IN(json::Parse(text, limits), "request");
  if (value.AsObject() == nullptr) return Malformed("must be an object");
  Members members(*value.AsObject());
  const std::string verb = LETHE_TRY(members.String("do"));
  for (const VerbRow& row : kVerbs) {
    if (row.name != verb) continue;
    Request request{.verb = row.verb};
    if (row.service) request.service = LETHE_TRY(members.String("service"));
    LETHE_TRY(TakeDetails(members, request));
    if (!members.AllTaken()) return Malformed("'" + verb + "' has a key that it does not know");
    return request;
  }
  return Malformed("key 'do': '" + Printable(verb) + "' is unknown");
}

std::string WriteRequest(const Request& request) {
  json::Object object;
  for (const VerbRow& row : kVerbs) {
    if (row.verb != request.verb) continue;
    object.emplace("do", row.name);
    if (row.service) object.emplace("service", request.service);
  }
  if (request.deadline) object.emplace("deadline_s", request.deadline->count());
  if (request.from) object.emplace("from", *request.from);
  if (request.action) object.emplace("action", ToString(*request.action));
  return json::Write(Value(std::move(object)));
}

uint32_t RoundedClients(uint32_t clients) {
  return clients / 10 * 10 + (clients % 10 >= 5 ? 10 : 0);
}

Value StatusEntry(const ServiceStatus& status) {
  json::Object object{{"name", status.name},
                      {"state", ToString(status.state)},
                      {"reason", ToString(status.reason)},
                      {"restarts", status.restarts},
                      {"probe_failures", status.probe_failures},
                      {"unsealed", status.unsealed}};
  if (status.clients) object.emplace("clients", RoundedClients(*status.clients));
  if (status.discarded_bytes) object.emplace("discarded_bytes", *status.discarded_bytes);
  return Value(std::move(object));
}

std::string StatusAnswer(const std::vector<ServiceStatus>& services) {
  json::Array list;
  for (const ServiceStatus& status : services) list.push_back(StatusEntry(status));
  return json::Write(Value(json::Object{{"ok", true}, {"version", 1}, {"services", list}}));
}

std::string ChangeAnswer(const std::string& name, State state, Reason reason) {
  return json::Write(Value(
      json::Object{{"name", name}, {"state", ToString(state)}, {"reason", ToString(reason)}}));
}

std::string OkAnswer() { return json::Write(Value(json::Object{{"ok", true}})); }

std::string ErrorAnswer(const Error& error) {
  return json::Write(Value(json::Object{
      {"error", Value(json::Object{{"code", ToString(error.code)}, {"message", error.message}})}}));
}

std::string CheckedPeersAnswer(std::string_view answer) {
  constexpr size_t kMaxMessage = 300;
  const Error bad{ErrorCode::kMalformed, "the service's answer about its peers is none"};
  const auto value = json::Parse(answer, {kMaxRequestBytes, 3, 16});
  if (!value) return ErrorAnswer(bad);
  const Value* peers = value->Find("peers");
  if (value->Find("ok") != nullptr && peers != nullptr && peers->AsInteger() != nullptr)
    return json::Write(Value(json::Object{{"ok", true}, {"peers", *peers}}));
  const Value* error = value->Find("error");
  const Value* code = error == nullptr ? nullptr : error->Find("code");
  const Value* message = error == nullptr ? nullptr : error->Find("message");
  if (code == nullptr || message == nullptr || code->AsString() == nullptr ||
      message->AsString() == nullptr)
    return ErrorAnswer(bad);
  const auto known = ParseErrorCode(*code->AsString());
  if (!known) return ErrorAnswer(bad);
  return ErrorAnswer({*known, Printable(message->AsString()->substr(0, kMaxMessage))});
}

}  // namespace lethe::supervise
