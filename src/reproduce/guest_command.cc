#include "reproduce/guest_command.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/strings.h"
#include "image/cpio_writer.h"
#include "image/kernel.h"
#include "image/store.h"
#include "recipe/lock.h"
#include "recipe/recipe.h"
#include "vm/guest.h"

namespace lethe::reproduce {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kInit = "lethe-guest-init";
constexpr std::chrono::milliseconds kLookEvery(50);
constexpr size_t kMaxPiece = 64 << 10;

// What lethe-guest-init reads: "key=value", each ended by NUL.
std::string DescriptionOf(const GuestCommand& command) {
  std::string out;
  const auto add = [&](std::string_view key, std::string_view value) {
    out.append(key).append("=").append(value).push_back('\0');
  };
  add("folder", command.folder.string());
  if (!command.keep.empty()) add("keep", command.keep.string());
  if (command.server) add("server", "");
  for (const std::string& entry : command.environment) add("environment", entry);
  for (const std::string& argument : command.argv) add("argument", argument);
  return out;
}

Status WriteGuestInitrd(const fs::path& kernel, const GuestCommand& command, const fs::path& to) {
  image::CpioStringSink sink;
  image::CpioWriter writer(sink);
  const std::string init = LETHE_TRY(ReadFile(LETHE_TRY(GuestInitProgram())));
  LETHE_TRY(writer.AddFile("init", 0755, init));
  LETHE_TRY(writer.AddFile("command", 0644, DescriptionOf(command)));
  LETHE_TRY(writer.AddDirectory("modules", 0755));
  const std::string order = LETHE_TRY(ReadFile(kernel / "initrd-modules"));
  int number = 100;
  for (const std::string_view path : Lines(order)) {
    const std::string name = std::to_string(number++) + "-" + fs::path(path).filename().string();
    LETHE_TRY(writer.AddFile("modules/" + name, 0644,
                             LETHE_TRY(ReadFile(kernel / "root" / path.substr(1)))));
  }
  LETHE_TRY(writer.Finish());
  return WriteFileAtomic(to, sink.Take());
}

// Passes on what a file grows by.
class Follower {
 public:
  Follower(fs::path file, const std::function<void(std::string_view)>& output)
      : file_(std::move(file)), output_(output) {}

  Status Follow() {
    if (!output_) return {};
    if (!fd_) {
      fd_ = Fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
      if (!fd_) return {};  // not there yet
    }
    std::string piece(kMaxPiece, '\0');
    while (true) {
      const ssize_t count = ::read(fd_.get(), piece.data(), piece.size());
      if (count < 0) return IoError("reading", file_);
      if (count == 0) return {};
      output_(std::string_view(piece).substr(0, static_cast<size_t>(count)));
    }
  }

 private:
  fs::path file_;
  const std::function<void(std::string_view)>& output_;
  Fd fd_;
};

}  // namespace

Result<fs::path> GuestInitProgram() {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error);
  const fs::path init = own.parent_path() / kInit;
  if (!error && fs::exists(init)) return init;
  return Error{ErrorCode::kUnavailable, std::string(kInit) + " does not lie beside this program"};
}

Status ExtractGuestKernel(const fs::path& recipe, const fs::path& store,
                          const std::vector<std::string>& modules, const fs::path& to) {
  const auto parsed = LETHE_TRY(recipe::LoadRecipe(recipe));
  const auto lock = LETHE_TRY(recipe::LoadLock(parsed.directory / "recipe.lock", parsed));
  const auto opened = LETHE_TRY(image::Store::Open(store));
  LETHE_TRY(MakeDirectories(to));
  image::KernelSelection selection{
      .modules = {}, .initrd_modules = {"virtio_pci", "9p", "9pnet_virtio", "overlay"}};
  selection.initrd_modules.insert(selection.initrd_modules.end(), modules.begin(), modules.end());
  for (const auto& package : lock.packages) {
    if (!package.in.contains(recipe::PackageSet::kKernel)) continue;
    return image::ExtractKernel(opened.ObjectPath(package.sha256), selection, to);
  }
  return Error{ErrorCode::kConflict, "the lock has no kernel"};
}

Result<std::optional<int>> RunInGuest(const GuestCommand& command, const GuestMachine& machine,
                                      const fs::path& kernel, const fs::path& scratch,
                                      const fs::path& result) {
  const fs::path initrd = scratch / "initrd.img";
  LETHE_TRY(WriteGuestInitrd(kernel, command, initrd));
  const fs::path console = scratch / "console";
  std::vector<std::string> words = {"quiet", "panic=-1", "console=ttyS0"};
  words.insert(words.end(), machine.kernel_options.begin(), machine.kernel_options.end());
  const vm::GuestConfig config{
      .accelerator = vm::KvmWorks() ? vm::Accelerator::kKvm : vm::Accelerator::kTcg,
      .memory_mib = machine.memory_mib,
      .cpus = machine.cpus,
      .serial_console = console,
      .kernel = kernel / "vmlinuz",
      .initrd = initrd,
      .command_line = Join(words, " "),
      .folders = {{"host", "/", true}, {"result", result, false}},
      .cpu_model = machine.cpu_model,
      .clock = machine.clock};
  auto guest = LETHE_TRY(vm::Guest::Start(config, scratch));
  Follower follower(result / "log", machine.output);
  const auto deadline = Clock::now() + machine.timeout;
  while (!guest.Wait(kLookEvery)) {
    LETHE_TRY(follower.Follow());
    if (Clock::now() > deadline) return std::optional<int>();
  }
  LETHE_TRY(follower.Follow());
  if (const auto problem = ReadFile(result / "problem", 1 << 16))
    return Error{ErrorCode::kIo, "the guest could not run the command: " + *problem};
  const auto code = ReadFile(result / "exit-code", 64);
  const auto number = code ? ParseUnsigned<unsigned>(Trim(*code)) : std::nullopt;
  if (number) return std::optional<int>(static_cast<int>(*number));
  const auto said = ReadFile(console, 1 << 20);
  return Error{ErrorCode::kIo,
               "the guest ended without a result: " + guest.Log() + (said ? *said : "")};
}

}  // namespace lethe::reproduce
