// lethe recipe new: writes a small complete recipe to start from.
// Exit codes: 0 ok, 1 the folder exists and has something in it, 2 an id or path that is not
// allowed.

#include <fmt/format.h>

#include "apps/lethe/command.h"
#include "apps/lethe/recipe_template.h"
#include "base/file.h"
#include "base/strings.h"
#include "recipe/names.h"
#include "recipe/recipe.h"

namespace lethe::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVendored = "third_party/lethe";

struct Options {
  std::string directory;
  std::string id;
  std::string lethe_source;
};

// "." where the new recipe lies in Lethe's own repository.
std::string DefaultLetheSource(const fs::path& target) {
  for (fs::path folder = target; folder != folder.parent_path(); folder = folder.parent_path()) {
    if (!fs::exists(fs::symlink_status(folder / ".git"))) continue;
    return fs::exists(folder / "src/apps/lethe-init/main.cc") ? "." : kVendored;
  }
  return kVendored;
}

Result<TemplateValues> Values(const Options& options, const fs::path& target) {
  TemplateValues values{options.id, options.lethe_source};
  if (values.id.empty()) values.id = target.filename().string();
  if (const auto problem = recipe::CheckImageId(values.id)) {
    return Error{ErrorCode::kUsage, "id '" + Printable(values.id) + "' (--id): " + *problem};
  }
  if (values.lethe_source.empty()) values.lethe_source = DefaultLetheSource(target);
  const auto problem = recipe::CheckRelativePath(values.lethe_source);
  const bool quotable = values.lethe_source.find_first_of("\"\\") == std::string::npos;
  if (values.lethe_source != "." && (problem || !quotable)) {
    return Error{ErrorCode::kUsage,
                 "--lethe-source '" + Printable(values.lethe_source) +
                     "': " + problem.value_or("allowed: a path without quotes and backslashes")};
  }
  return values;
}

// All files or none: they are made aside and put in place by one rename.
Status WriteAll(const fs::path& target, const std::vector<TemplateFile>& files) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(target)) &&
      (!fs::is_directory(fs::symlink_status(target)) || !fs::is_empty(target, error))) {
    return Error{ErrorCode::kConflict, target.string() + " exists and is not an empty folder"};
  }
  ScratchDir scratch = LETHE_TRY(ScratchDir::Create(target.parent_path(), ".lethe-new-"));
  for (const TemplateFile& file : files) {
    LETHE_TRY(MakeDirectories((scratch.path() / file.path).parent_path()));
    LETHE_TRY(WriteFileAtomic(scratch.path() / file.path, file.text));
  }
  fs::permissions(scratch.path(), static_cast<fs::perms>(0755), error);
  if (!error) fs::rename(scratch.path(), target, error);
  if (error) return Error{ErrorCode::kIo, "writing " + target.string() + ": " + error.message()};
  (void)scratch.Release();
  return {};
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  fs::path target = fs::absolute(options.directory).lexically_normal();
  if (target.filename().empty()) target = target.parent_path();
  const TemplateValues values = LETHE_TRY(Values(options, target));
  LETHE_TRY(WriteAll(target, RecipeTemplate(values)));
  const auto recipe = LETHE_TRY_IN(recipe::LoadRecipe(target), "reading what was written");
  if (global.json) {
    PrintJson(json::Object{{"recipe", target.string()},
                           {"id", recipe.id},
                           {"files", recipe.files.size()},
                           {"lethe_source", values.lethe_source}});
    return 0;
  }
  fmt::print("wrote {}: recipe.toml and {} files\n", target.string(), recipe.files.size());
  if (values.lethe_source != ".") {
    fmt::print("  the build takes lethe-init from {} of the repository: put Lethe's source there\n",
               values.lethe_source);
  }
  fmt::print("next:\n  lethe recipe lock {0}\n  git add and commit {0}\n  lethe image build {0}\n",
             options.directory);
  return 0;
}

}  // namespace

Action DeclareRecipeNew(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("directory", options->directory, "folder to make")->required();
  app.add_option("--id", options->id, "IMAGE_ID (default: the folder's name)");
  app.add_option(
      "--lethe-source", options->lethe_source,
      "where Lethe's source lies in the repository (default: \"third_party/lethe\", \".\" "
      "in Lethe's own)");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
