#include "prober.h"

#include "base/file.h"
#include "json/json.h"

namespace lethe::lab {

Result<std::map<std::string, Probed>> Probe(Machine& machine,
                                            const std::map<std::string, std::string>& targets,
                                            const std::filesystem::path& directory) {
  std::vector<std::string> argv = {LETHE_PROBER, "--json"};
  for (const auto& [name, text] : targets) {
    const auto file = directory / (name + ".toml");
    LETHE_TRY(WriteFileAtomic(file, text, 0600));
    argv.push_back(file.string());
  }
  const auto said = LETHE_TRY(machine.Run(argv));
  const auto report = json::Parse(said.out);
  const json::Value* list = report ? report->Find("targets") : nullptr;
  if (list == nullptr || list->AsArray() == nullptr)
    return Error{ErrorCode::kMalformed, "lethe-prober: " + said.out + said.err};
  std::map<std::string, Probed> out;
  for (const json::Value& target : *list->AsArray()) {
    const json::Value *name = target.Find("name"), *reason = target.Find("reason"),
                      *ready = target.Find("ready"), *took = target.Find("handshake_ms");
    if (name == nullptr || reason == nullptr || ready == nullptr || took == nullptr)
      return Error{ErrorCode::kMalformed, "lethe-prober: " + said.out};
    const double* milliseconds = took->AsDouble();
    out[*name->AsString()] = {*ready == json::Value(true), *reason->AsString(),
                              milliseconds == nullptr ? 0 : *milliseconds};
  }
  return out;
}

}  // namespace lethe::lab
