// in_guest [--module NAME]… [--kernel-option WORD]… [--memory MIB] [--cpus N] [--timeout SECONDS]
//     -- COMMAND…
// Runs a command in a virtual machine with Debian's kernel of the recipe's lock: for tests of what
// the machine's own kernel lacks. It sees this machine's files (what it writes is gone afterwards),
// a new /run and /tmp, all controllers of cgroup2, and loopback alone. Its output is printed as it
// comes, its exit code is this program's; 124: not done in time, 125: the guest could not run it,
// 2: usage. The kernel must be in the store: an image build puts it there.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/sha256.h"
#include "reproduce/guest_command.h"

namespace lethe {
namespace {

namespace fs = std::filesystem;

constexpr int kNotInTime = 124;
constexpr int kNotPossible = 125;
constexpr int kUsageError = 2;

struct Options {
  std::vector<std::string> modules;
  reproduce::GuestMachine machine;
  std::vector<std::string> command;
};

Result<Options> ParseOptions(const std::vector<std::string>& words) {
  Options out;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      out.command.assign(words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (i + 1 == words.size()) return Error{ErrorCode::kUsage, word + ": a value is missing"};
    const std::string& value = words[++i];
    const auto number = ParseUnsigned<unsigned>(value);
    if (word == "--module") {
      out.modules.push_back(value);
    } else if (word == "--kernel-option") {
      out.machine.kernel_options.push_back(value);
    } else if (word == "--memory" && number) {
      out.machine.memory_mib = *number;
    } else if (word == "--cpus" && number) {
      out.machine.cpus = *number;
    } else if (word == "--timeout" && number) {
      out.machine.timeout = std::chrono::seconds(*number);
    } else {
      return Error{ErrorCode::kUsage, word + " " + value + ": no such option or value"};
    }
  }
  if (out.command.empty()) return Error{ErrorCode::kUsage, "no command after --"};
  return out;
}

fs::path StoreFolder() {
  if (const char* store = std::getenv("LETHE_STORE")) return store;
  if (const char* cache = std::getenv("XDG_CACHE_HOME")) return fs::path(cache) / "lethe";
  const char* home = std::getenv("HOME");
  return fs::path(home == nullptr ? "/tmp" : home) / ".cache" / "lethe";
}

// Unpacking takes longer than booting: one result per lock and choice of modules is kept beside
// this program.
Result<fs::path> GuestKernel(const std::vector<std::string>& modules) {
  const std::string lock = LETHE_TRY(ReadFile(fs::path(LETHE_RECIPE) / "recipe.lock"));
  const auto digest = crypto::Sha256Of(Join(modules, "\n") + "\n" + lock);
  const fs::path init = LETHE_TRY(reproduce::GuestInitProgram());
  const fs::path kept = init.parent_path().parent_path() / "guest-kernels";
  const fs::path kernel = kept / digest.Hex().substr(0, 16);
  std::error_code error;
  if (fs::exists(kernel, error)) return kernel;
  ScratchDir fresh = LETHE_TRY(ScratchDir::Create(kept, "new-"));
  LETHE_TRY(reproduce::ExtractGuestKernel(LETHE_RECIPE, StoreFolder(), modules, fresh.path()));
  fs::rename(fresh.path(), kernel, error);  // fails where another was faster
  if (!error) (void)fresh.Release();
  return kernel;
}

Result<std::optional<int>> Run(Options options) {
  const fs::path kernel = LETHE_TRY(GuestKernel(options.modules));
  const ScratchDir scratch = LETHE_TRY(ScratchDir::Create(fs::temp_directory_path(), "in-guest-"));
  const fs::path result = scratch.path() / "result";
  LETHE_TRY(MakeDirectories(result));
  options.machine.output = [](std::string_view piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
  };
  reproduce::GuestCommand command{.argv = std::move(options.command),
                                  .folder = fs::current_path(),
                                  .environment = {},
                                  .keep = {},
                                  .server = true};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.starts_with("PATH=") || text.starts_with("HOME=") || text.starts_with("LETHE_"))
      command.environment.emplace_back(text);
  }
  return reproduce::RunInGuest(command, options.machine, kernel, scratch.path(), result);
}

}  // namespace
}  // namespace lethe

int main(int argc, char** argv) {
  auto options = lethe::ParseOptions({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr, "in-guest: %s\n", options.error().message.c_str());
    return lethe::kUsageError;
  }
  const auto code = lethe::Run(std::move(*options));
  if (!code) {
    std::fprintf(stderr, "in-guest: %s\n", code.error().message.c_str());
    return lethe::kNotPossible;
  }
  if (!*code) std::fprintf(stderr, "in-guest: not done in time\n");
  return code->value_or(lethe::kNotInTime);
}
