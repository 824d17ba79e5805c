// lethe image verify: every file of an ISO against its manifest, without mounting.
// Exit codes: 0 ok, 3 something is not what the manifest says, 4 not an ISO of ours, or unreadable.

#include <fmt/format.h>

#include "apps/lethe/command.h"
#include "base/file.h"
#include "image/capture.h"
#include "image/verify.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string iso;
  std::string manifest;
};

json::Value ReportJson(const image::VerifyReport& report, const crypto::Sha256Digest& digest) {
  json::Array findings;
  for (const auto& finding : report.findings)
    findings.push_back(json::Object{{"where", finding.where}, {"what", finding.what}});
  return json::Object{
      {"ok", report.findings.empty()},        {"iso_sha256", digest.Hex()},
      {"image_id", report.manifest.image_id}, {"image_version", report.manifest.image_version},
      {"commit", report.manifest.commit},     {"dirty", report.manifest.dirty},
      {"iso_files", report.iso_files},        {"initrd_files", report.initrd_files},
      {"root_nodes", report.root_nodes},      {"findings", std::move(findings)}};
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto file = LETHE_TRY(image::MapFile(options.iso));
  image::VerifyOptions verify;
  if (!options.manifest.empty()) verify.manifest = LETHE_TRY(ReadFile(options.manifest));
  const auto report = LETHE_TRY_IN(image::VerifyIso(file.bytes, verify), options.iso);
  const auto digest = crypto::Sha256Of(file.bytes);
  const int exit_code = report.findings.empty() ? 0 : ExitCode(ErrorCode::kUntrusted);
  if (global.json) {
    PrintJson(ReportJson(report, digest));
    return exit_code;
  }
  for (const auto& finding : report.findings)
    fmt::print(stderr, "{}: {}\n", finding.where, finding.what);
  if (exit_code != 0) {
    fmt::print(stderr, "refused: {} is not what its manifest says\n", options.iso);
    return exit_code;
  }
  fmt::print(
      "ok: {} {}{}\n  {} files in the ISO, {} in the initrd, {} in the root image\n  sha256 {}\n",
      report.manifest.image_id, report.manifest.image_version,
      report.manifest.dirty ? " (dirty: never releasable)" : "", report.iso_files,
      report.initrd_files, report.root_nodes, digest.Hex());
  return 0;
}

}  // namespace

Action DeclareImageVerify(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("iso", options->iso, "the ISO")->required();
  app.add_option("--manifest", options->manifest,
                 "a manifest from elsewhere that the ISO must carry");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
