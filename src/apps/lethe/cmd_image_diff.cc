// lethe image diff: what differs between two ISOs, down to the byte, and why it may.
// Exit codes: 0 identical, 1 different, 4 one of them is no ISO of ours.

#include "apps/lethe/command.h"
#include "apps/lethe/diff_report.h"
#include "image/capture.h"
#include "image/diff.h"

namespace lethe::cli {
namespace {

constexpr int kDifferent = 1;

struct Options {
  std::string a;
  std::string b;
  size_t limit = 20;
  unsigned jobs = 2;
};

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto a = LETHE_TRY(image::MapFile(options.a));
  const auto b = LETHE_TRY(image::MapFile(options.b));
  const auto report = LETHE_TRY_IN(image::DiffImages(a.bytes, b.bytes, {.jobs = options.jobs}),
                                   options.a + " and " + options.b);
  if (global.json) {
    PrintJson(DiffReportJson(report));
  } else {
    PrintDiffReport(report, options.limit);
  }
  for (const auto& [side, name] : {std::pair(&report.a, options.a), {&report.b, options.b}}) {
    if (side->unreadable.empty()) continue;
    std::fprintf(stderr, "lethe: %s: %s\n", name.c_str(), side->unreadable.c_str());
    return ExitCode(ErrorCode::kMalformed);
  }
  return report.identical ? 0 : kDifferent;
}

}  // namespace

Action DeclareImageDiff(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.footer("Exit codes: 0 identical, 1 different, 4 one of them is no ISO of ours.");
  app.add_option("a", options->a, "one ISO")->required();
  app.add_option("b", options->b, "the other ISO")->required();
  app.add_option("--limit", options->limit, "how many differences to print")->capture_default_str();
  app.add_option("--jobs", options->jobs, "how many files to read at once")
      ->check(CLI::Range(1U, 64U))
      ->capture_default_str();
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
