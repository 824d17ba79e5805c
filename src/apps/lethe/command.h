// How a command of the CLI is declared: one file cmd_<noun>_<verb>.cc each, listed in main.cc.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

#include "base/result.h"
#include "json/json.h"

namespace lethe::cli {

// Options that every command has.
struct GlobalOptions {
  bool json = false;  // machine-readable result on stdout
};

// Runs after the command line was parsed. The value is the exit code; an error is printed once, by
// main, and decides the exit code by ExitCode().
using Action = std::function<Result<int>()>;

struct Command {
  const char* noun;
  const char* verb;
  const char* summary;
  // Declares the options on `app` (with storage that lives in the returned action).
  Action (*declare)(CLI::App& app, const GlobalOptions& global);
};

// Each command, in its own file.
Action DeclareImageBoot(CLI::App& app, const GlobalOptions& global);
Action DeclareImageBuild(CLI::App& app, const GlobalOptions& global);
Action DeclareImageDiff(CLI::App& app, const GlobalOptions& global);
Action DeclareImageInspect(CLI::App& app, const GlobalOptions& global);
Action DeclareImageReproduce(CLI::App& app, const GlobalOptions& global);
Action DeclareImageSignSecureboot(CLI::App& app, const GlobalOptions& global);
Action DeclareImageVerify(CLI::App& app, const GlobalOptions& global);
Action DeclareKeyEnroll(CLI::App& app, const GlobalOptions& global);
Action DeclareKeyList(CLI::App& app, const GlobalOptions& global);
Action DeclareKeyRevoke(CLI::App& app, const GlobalOptions& global);
Action DeclarePolicyApprove(CLI::App& app, const GlobalOptions& global);
Action DeclarePolicyCheck(CLI::App& app, const GlobalOptions& global);
Action DeclarePolicyDiff(CLI::App& app, const GlobalOptions& global);
Action DeclarePolicyExport(CLI::App& app, const GlobalOptions& global);
Action DeclarePolicyShow(CLI::App& app, const GlobalOptions& global);
Action DeclarePolicyWalk(CLI::App& app, const GlobalOptions& global);
Action DeclareRecipeCheck(CLI::App& app, const GlobalOptions& global);
Action DeclareRecipeDiff(CLI::App& app, const GlobalOptions& global);
Action DeclareRecipeLock(CLI::App& app, const GlobalOptions& global);
Action DeclareRecipeNew(CLI::App& app, const GlobalOptions& global);
Action DeclareReleaseBundle(CLI::App& app, const GlobalOptions& global);
Action DeclareReleaseSign(CLI::App& app, const GlobalOptions& global);
Action DeclareReleaseVerify(CLI::App& app, const GlobalOptions& global);
Action DeclareReviewApprove(CLI::App& app, const GlobalOptions& global);
Action DeclareReviewCheck(CLI::App& app, const GlobalOptions& global);
Action DeclareStoreExport(CLI::App& app, const GlobalOptions& global);
Action DeclareStoreGc(CLI::App& app, const GlobalOptions& global);
Action DeclareStoreImport(CLI::App& app, const GlobalOptions& global);
Action DeclareStoreServe(CLI::App& app, const GlobalOptions& global);
Action DeclareStoreStatus(CLI::App& app, const GlobalOptions& global);
Action DeclareStoreVerify(CLI::App& app, const GlobalOptions& global);

// Writes the JSON result of a command to stdout.
void PrintJson(const json::Value& value);

}  // namespace lethe::cli
