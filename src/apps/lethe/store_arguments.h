// What the commands of a store share: opening it, the lock of a recipe, progress on a terminal.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <set>
#include <string>

#include "crypto/sha256.h"
#include "image/store.h"
#include "recipe/lock.h"

namespace lethe::cli {

// Declares --store.
void AddStoreOption(CLI::App& app, std::string& store);

Result<image::Store> OpenStore(const std::string& named);

struct RecipeLock {
  std::string text;
  recipe::Lock lock;
};
// recipe.lock of a recipe's folder, or `file` where it is named. It need not fit the recipe: what a
// lock needs from the store does not depend on it.
Result<RecipeLock> ReadRecipeLock(const std::string& recipe, const std::string& file);

// A line on a terminal's stderr that is overwritten: "exporting 12/275". Nothing elsewhere. Removes
// the line when the last piece is done. Calls come one at a time.
std::function<void(size_t done, size_t total)> TerminalProgress(std::string doing);

// Digests that the locks of a recipe need: of its work tree, of the last `commits` commits that
// changed it, and of every tag that has it. Commits are read from git's objects, never through
// replacements. kMalformed, naming the commit, for a lock that cannot be read: nothing is given up
// because it was not understood.
Result<std::set<crypto::Sha256Digest>> NeededByHistory(const std::string& recipe, size_t commits);

}  // namespace lethe::cli
