// lethe-ikev2: charon, its connections, and what the manager of services wants to know of them. A
// service of lethe-vpnd (docs/formats/service.md). It says nothing while it runs.

#include <cstdio>
#include <string>
#include <vector>

#include "apps/lethe-ikev2/service.h"

namespace lethe::ikev2 {
namespace {

constexpr const char* kHelp =
    "usage: lethe-ikev2 --charon PROGRAM --socket PATH --connections FILE --redirect FILE\n"
    "Runs charon as a service of lethe-vpnd, with the connections of FILE.\n";

Result<Arguments> ParseArguments(const std::vector<std::string>& words) {
  Arguments out;
  const std::pair<const char*, std::string*> known[] = {{"--charon", &out.charon},
                                                        {"--socket", &out.socket},
                                                        {"--connections", &out.connections},
                                                        {"--redirect", &out.redirect}};
  for (size_t i = 0; i < words.size(); i += 2) {
    std::string* place = nullptr;
    for (const auto& [name, value] : known) {
      if (words[i] == name) place = value;
    }
    if (place == nullptr) return Error{ErrorCode::kUsage, "unknown argument: " + words[i]};
    if (!place->empty()) return Error{ErrorCode::kUsage, "twice: " + words[i]};
    if (i + 1 == words.size() || !words[i + 1].starts_with("/"))
      return Error{ErrorCode::kUsage, words[i] + ": expected an absolute path"};
    *place = words[i + 1];
  }
  for (const auto& [name, value] : known) {
    if (value->empty()) return Error{ErrorCode::kUsage, std::string("missing: ") + name};
  }
  return out;
}

int Main(const std::vector<std::string>& words) {
  if (words.size() == 1 && words[0] == "--help") {
    std::fputs(kHelp, stdout);
    return 0;
  }
  const auto arguments = ParseArguments(words);
  if (!arguments) {
    std::fprintf(stderr, "lethe-ikev2: %s\n", arguments.error().message.c_str());
    return ExitCode(arguments.error().code);
  }
  const Status status = Serve(*arguments);
  return status ? 0 : ExitCode(status.error().code);
}

}  // namespace
}  // namespace lethe::ikev2

int main(int argc, char** argv) { return lethe::ikev2::Main({argv + 1, argv + argc}); }
