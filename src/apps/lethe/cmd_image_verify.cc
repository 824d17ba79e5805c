// lethe image verify: every file of an ISO or UKI against its manifest, without mounting.
// Exit codes: 0 ok, 3 something is not what the manifest says, 4 not an image of ours, or
// unreadable.

#include <fmt/format.h>

#include "apps/lethe/command.h"
#include "base/file.h"
#include "image/capture.h"
#include "image/pe.h"
#include "image/verify.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string image;
  std::string manifest;
  std::string certificate;
};

json::Value ReportJson(const image::VerifyReport& report, const crypto::Sha256Digest& digest) {
  json::Array findings;
  for (const auto& finding : report.findings)
    findings.push_back(json::Object{{"where", finding.where}, {"what", finding.what}});
  json::Object out{{"ok", report.findings.empty()},
                   {"image_id", report.manifest.image_id},
                   {"image_version", report.manifest.image_version},
                   {"commit", report.manifest.commit},
                   {"dirty", report.manifest.dirty},
                   {"initrd_files", report.initrd_files},
                   {"root_nodes", report.root_nodes},
                   {"findings", std::move(findings)}};
  if (report.uki_sections == 0) {
    out["iso_sha256"] = digest.Hex();
    out["iso_files"] = report.iso_files;
    return out;
  }
  out["uki_sha256"] = digest.Hex();
  out["uki_sections"] = report.uki_sections;
  out["signed"] = report.signer.has_value();
  if (report.signer) {
    out["signer"] = report.signer->subject;
    out["signer_certificate_sha256"] = report.signer->certificate_sha256.Hex();
  }
  return out;
}

void PrintReport(const image::VerifyReport& report, const crypto::Sha256Digest& digest) {
  const bool uki = report.uki_sections != 0;
  fmt::print("ok: {} {}{}\n  {} {}, {} files in the initrd, {} in the root image\n  sha256 {}\n",
             report.manifest.image_id, report.manifest.image_version,
             report.manifest.dirty ? " (dirty: never releasable)" : "",
             uki ? report.uki_sections : report.iso_files,
             uki ? "sections in the UKI" : "files in the ISO", report.initrd_files,
             report.root_nodes, digest.Hex());
  if (report.signer) {
    fmt::print("  signed by {} (certificate sha256 {})\n", report.signer->subject,
               report.signer->certificate_sha256.Hex());
  } else if (uki) {
    fmt::print("  not signed for Secure Boot\n");
  }
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto file = LETHE_TRY(image::MapFile(options.image));
  image::VerifyOptions verify;
  if (!options.manifest.empty()) verify.manifest = LETHE_TRY(ReadFile(options.manifest));
  const bool uki = image::LooksLikePe(file.bytes);
  if (!options.certificate.empty()) {
    if (!uki)
      return Error{ErrorCode::kUsage, "--certificate is for a UKI: an ISO has no signature"};
    verify.certificate = LETHE_TRY(ReadFile(options.certificate, 1 << 20));
  }
  const auto report = LETHE_TRY_IN(
      uki ? image::VerifyUki(file.bytes, verify) : image::VerifyIso(file.bytes, verify),
      options.image);
  const auto digest = crypto::Sha256Of(file.bytes);
  const int exit_code = report.findings.empty() ? 0 : ExitCode(ErrorCode::kUntrusted);
  if (global.json) {
    PrintJson(ReportJson(report, digest));
    return exit_code;
  }
  for (const auto& finding : report.findings)
    fmt::print(stderr, "{}: {}\n", finding.where, finding.what);
  if (exit_code != 0) {
    fmt::print(stderr, "refused: {} is not what its manifest says\n", options.image);
    return exit_code;
  }
  PrintReport(report, digest);
  return 0;
}

}  // namespace

Action DeclareImageVerify(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("image", options->image, "the ISO, or the UKI")->required();
  app.add_option("--manifest", options->manifest,
                 "a manifest from elsewhere that the ISO must carry; a UKI needs it");
  app.add_option("--certificate", options->certificate,
                 "certificate in PEM by which, or by one below which, a UKI must be signed");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
