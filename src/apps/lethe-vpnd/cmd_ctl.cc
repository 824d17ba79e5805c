// lethe-vpnd ctl: asks the manager over its control socket.

#include <fcntl.h>

#include <cstdio>
#include <filesystem>

#include "apps/lethe-vpnd/commands.h"
#include "base/file.h"
#include "base/strings.h"
#include "supervise/control_client.h"

namespace lethe {
namespace {

using json::Value;
using supervise::Request;
using supervise::Verb;

struct Row {
  const char* name;
  Verb verb;
  size_t words;  // after the name, those that are not options
};
constexpr Row kRows[] = {
    {"status", Verb::kStatus, 0},   {"start", Verb::kStart, 1}, {"stop", Verb::kStop, 1},
    {"restart", Verb::kRestart, 1}, {"drain", Verb::kDrain, 1}, {"resume", Verb::kResume, 1},
    {"reload", Verb::kReload, 0},   {"watch", Verb::kWatch, 0}, {"peer", Verb::kPeer, 3}};

Result<Request> ParseCommand(Arguments& words) {
  if (words.empty()) return Error{ErrorCode::kUsage, "ctl wants a command (--help)"};
  for (const Row& row : kRows) {
    if (words[0] != row.name) continue;
    Request request{.verb = row.verb};
    if (row.verb == Verb::kDrain) {
      if (const auto seconds = LETHE_TRY(TakeOption(words, "--deadline"))) {
        const auto value = ParseUnsigned<uint32_t>(*seconds);
        if (!value || *value > 86'400)
          return Error{ErrorCode::kUsage, "--deadline wants seconds, 0 to 86400"};
        request.deadline = std::chrono::seconds(*value);
      }
    }
    if (row.verb == Verb::kReload) {
      if (const auto from = LETHE_TRY(TakeOption(words, "--from"))) {
        std::error_code error;
        request.from = std::filesystem::absolute(*from, error).lexically_normal().string();
      }
    }
    words.erase(words.begin());
    LETHE_TRY(CheckWords(words, row.words, row.words));
    if (row.verb == Verb::kPeer) {
      request.action = supervise::ParsePeerAction(words[0]);
      if (!request.action) return Error{ErrorCode::kUsage, "peer wants add, remove or replace-all"};
      words.erase(words.begin());
    }
    if (row.words > 0) request.service = words[0];
    return request;
  }
  return Error{ErrorCode::kUsage, "unknown command '" + Printable(words[0]) + "' of ctl"};
}

std::string Text(const Value* value) {
  if (value == nullptr) return "-";
  if (const auto* text = value->AsString()) return Printable(*text);
  if (const auto* number = value->AsInteger()) return std::to_string(*number);
  return "?";
}

void PrintStatus(const Value& answer) {
  const Value* services = answer.Find("services");
  if (services == nullptr || services->AsArray() == nullptr) return;
  std::printf("%-20s %-9s %-14s %8s %9s %9s %10s\n", "service", "state", "reason", "clients",
              "restarts", "unsealed", "discarded");
  for (const Value& service : *services->AsArray()) {
    const auto field = [&](const char* key) { return Text(service.Find(key)); };
    std::printf("%-20s %-9s %-14s %8s %9s %9s %10s\n", field("name").c_str(),
                field("state").c_str(), field("reason").c_str(), field("clients").c_str(),
                field("restarts").c_str(), field("unsealed").c_str(),
                field("discarded_bytes").c_str());
  }
}

void PrintAnswer(Verb verb, const Value& answer) {
  if (verb == Verb::kStatus) {
    PrintStatus(answer);
  } else if (verb == Verb::kWatch) {
    std::printf("%-20s %-9s %s\n", Text(answer.Find("name")).c_str(),
                Text(answer.Find("state")).c_str(), Text(answer.Find("reason")).c_str());
  } else if (verb == Verb::kPeer) {
    std::printf("%s peers\n", Text(answer.Find("peers")).c_str());
  } else {
    std::printf("ok\n");
  }
}

}  // namespace

Status CmdCtl(const Arguments& given) {
  Arguments words = given;
  const std::string socket =
      LETHE_TRY(TakeOption(words, "--socket")).value_or(supervise::kDefaultSocket);
  const bool as_json = TakeFlag(words, "--json");
  const Request request = LETHE_TRY(ParseCommand(words));
  Fd peers;
  if (request.verb == Verb::kPeer) peers = LETHE_TRY(OpenFile(words[1], O_RDONLY));
  Status result;
  const Status asked = supervise::Ask(socket, request, peers.get(), [&](const Value& answer) {
    result = supervise::CheckAnswer(answer);
    if (as_json) {
      std::printf("%s\n", json::Write(answer).c_str());
    } else if (result) {
      PrintAnswer(request.verb, answer);
    }
    std::fflush(stdout);
    return request.verb == Verb::kWatch && result.has_value();
  });
  if (!asked) return asked;
  return result;
}

}  // namespace lethe
