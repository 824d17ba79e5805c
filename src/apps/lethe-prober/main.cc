// lethe-prober: asks VPN servers from outside whether they serve, with a handshake and a request
// through the tunnel (docs/formats/prober.md). Keeps nothing, needs no privilege.

#include <cstdio>
#include <filesystem>

#include "apps/lethe-prober/arguments.h"
#include "apps/lethe-prober/run.h"
#include "base/file.h"
#include "base/strings.h"

namespace lethe::prober {
namespace {

constexpr int kNotReady = 5;

Result<Target> ReadTarget(const std::string& file) {
  const auto text = ReadFile(file, kMaxTargetFileBytes);
  // A file that is not there is a mistake in the call, as a malformed one is.
  if (!text) return Error{ErrorCode::kMalformed, text.error().message};
  return ParseTarget(std::filesystem::path(file).stem().string(), *text, file);
}

Result<std::vector<Target>> ReadTargets(const std::vector<std::string>& files) {
  std::vector<Target> out;
  for (const std::string& file : files) {
    out.push_back(LETHE_TRY(ReadTarget(file)));
    for (size_t i = 0; i + 1 < out.size(); ++i) {
      if (out[i].name == out.back().name)
        return Error{ErrorCode::kMalformed, file + ": another target is named so too"};
    }
  }
  return out;
}

std::string Print(const std::vector<Probed>& probed, Form form) {
  switch (form) {
    case Form::kJson:
      return AsJson(probed);
    case Form::kPrometheus:
      return AsPrometheus(probed);
    case Form::kText:
      break;
  }
  return AsText(probed);
}

Result<int> Probe(const Arguments& arguments) {
  const auto targets = LETHE_TRY(ReadTargets(arguments.files));
  if (arguments.check) {
    std::printf("%s\n", Counted(static_cast<int64_t>(targets.size()), "target").c_str());
    return 0;
  }
  const auto probed = LETHE_TRY(ProbeAll(targets));
  LETHE_TRY(WriteAll(STDOUT_FILENO, Print(probed, arguments.form), "standard output"));
  return AllReady(probed) ? 0 : kNotReady;
}

int Main(const std::vector<std::string>& words) {
  if (words.size() == 1 && words[0] == "--help") {
    std::fputs(std::string(kHelp).c_str(), stdout);
    return 0;
  }
  const auto arguments = ParseArguments(words);
  const auto code = arguments ? Probe(*arguments) : Result<int>(arguments.error());
  if (code) return *code;
  std::fprintf(stderr, "lethe-prober: %s\n", code.error().message.c_str());
  return ExitCode(code.error().code);
}

}  // namespace
}  // namespace lethe::prober

int main(int argc, char** argv) { return lethe::prober::Main({argv + 1, argv + argc}); }
