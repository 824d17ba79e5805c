#include "apps/lethe/store_arguments.h"

#include <fmt/format.h>
#include <unistd.h>

#include "apps/lethe/arguments.h"
#include "base/file.h"
#include "base/strings.h"
#include "git/ask.h"
#include "image/store_set.h"

namespace lethe::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxTags = 100'000;
constexpr const char* kLockPath = "./recipe.lock";  // below the recipe's folder, for git

Status AddNeeds(const recipe::Lock& lock, std::set<crypto::Sha256Digest>& needed) {
  for (const auto& object : image::ObjectsOf(lock)) needed.insert(object.sha256);
  return {};
}

// Commits without the lock (before it was there, after it was removed) need nothing.
Status AddCommit(const std::string& recipe, const std::string& commit,
                 std::set<crypto::Sha256Digest>& needed) {
  const auto listed = LETHE_TRY(
      git::AskGit(recipe, {"ls-tree", "--name-only", "--full-name", "-z", commit, kLockPath}));
  if (listed.empty()) return {};
  const std::string text = LETHE_TRY(git::AskGit(recipe, {"show", commit + ":" + kLockPath}));
  return AddNeeds(LETHE_TRY(recipe::ParseLock(text, recipe + "/recipe.lock of commit " + commit)),
                  needed);
}

}  // namespace

void AddStoreOption(CLI::App& app, std::string& store) {
  app.add_option("--store", store, "the store (default: $LETHE_STORE or ~/.cache/lethe)");
}

Result<image::Store> OpenStore(const std::string& named) {
  return image::Store::Open(StoreDirectory(named));
}

Result<RecipeLock> ReadRecipeLock(const std::string& recipe, const std::string& file) {
  const fs::path path = file.empty() ? fs::path(recipe) / "recipe.lock" : fs::path(file);
  RecipeLock out;
  out.text = LETHE_TRY(ReadFile(path, recipe::kMaxLockBytes));
  out.lock = LETHE_TRY(recipe::ParseLock(out.text, path.string()));
  return out;
}

std::function<void(size_t done, size_t total)> TerminalProgress(std::string doing) {
  if (::isatty(2) != 1) return {};
  return [doing = std::move(doing)](size_t done, size_t total) {
    fmt::print(stderr, "\r\x1b[K");
    if (done < total) fmt::print(stderr, "  {} {}/{}", doing, done, total);
    std::fflush(stderr);
  };
}

Result<std::set<crypto::Sha256Digest>> NeededByHistory(const std::string& recipe, size_t commits) {
  std::set<crypto::Sha256Digest> needed;
  LETHE_TRY(AddNeeds(LETHE_TRY(ReadRecipeLock(recipe, "")).lock, needed));
  std::set<std::string> revisions;
  if (commits > 0) {
    const std::string log = LETHE_TRY(git::AskGit(
        recipe, {"log", "-n", std::to_string(commits), "--format=%H", "HEAD", "--", "."}));
    for (const std::string_view commit : Lines(log)) revisions.emplace(commit);
  }
  const std::string tags =
      LETHE_TRY(git::AskGit(recipe, {"for-each-ref",
                                     "--format=%(objecttype) %(objectname) %(*objecttype) "
                                     "%(*objectname)",
                                     "refs/tags"}));
  for (const std::string_view line : Lines(tags)) {
    const auto words = Words(line);
    if (words.size() >= 2 && words[0] == "commit") revisions.emplace(words[1]);
    if (words.size() == 4 && words[2] == "commit") revisions.emplace(words[3]);
    if (revisions.size() > kMaxTags) {
      return Error{ErrorCode::kMalformed,
                   recipe + ": more than " + std::to_string(kMaxTags) + " tags and commits"};
    }
  }
  for (const std::string& revision : revisions) LETHE_TRY(AddCommit(recipe, revision, needed));
  return needed;
}

}  // namespace lethe::cli
