#include "reproduce/guest_build.h"

#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "base/file.h"
#include "base/strings.h"
#include "image/cpio_writer.h"
#include "image/kernel.h"
#include "image/store.h"
#include "recipe/lock.h"
#include "recipe/recipe.h"
#include "reproduce/checkout.h"
#include "reproduce/varied_build.h"
#include "vm/guest.h"

namespace lethe::reproduce {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCpuModel = "Nehalem";  // of 2008: no AVX, no AES
constexpr auto kClockShift = std::chrono::hours(24 * 400);
constexpr auto kTimeout = std::chrono::hours(3);
constexpr unsigned kMemoryMib = 4096;
constexpr const char* kInit = "lethe-guest-init";

// It lies beside this program.
Result<fs::path> InitProgram() {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error);
  const fs::path init = own.parent_path() / kInit;
  if (!error && fs::exists(init)) return init;
  return Error{ErrorCode::kUnavailable, std::string(kInit) + " does not lie beside this program"};
}

std::string ShiftedClock() {
  const std::time_t then =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + kClockShift);
  std::tm utc{};
  ::gmtime_r(&then, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  return text;
}

std::string CpuOfHost() {
  const auto text = ReadFile("/proc/cpuinfo", 16 << 20);
  if (!text) return "unknown";
  for (const std::string_view line : Lines(*text)) {
    if (line.starts_with("model name")) return std::string(Trim(line.substr(line.find(':') + 1)));
  }
  return "unknown";
}

Status WriteGuestInitrd(const fs::path& kernel, const std::string& command, const fs::path& to) {
  image::CpioStringSink sink;
  image::CpioWriter writer(sink);
  const std::string init = LETHE_TRY(ReadFile(LETHE_TRY(InitProgram())));
  LETHE_TRY(writer.AddFile("init", 0755, init));
  LETHE_TRY(writer.AddFile("command", 0644, command));
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

Status ExtractGuestKernel(const fs::path& recipe, const fs::path& store, const fs::path& to) {
  const auto parsed = LETHE_TRY(recipe::LoadRecipe(recipe));
  const auto lock = LETHE_TRY(recipe::LoadLock(parsed.directory / "recipe.lock", parsed));
  const auto opened = LETHE_TRY(image::Store::Open(store));
  LETHE_TRY(MakeDirectories(to));
  for (const auto& package : lock.packages) {
    if (!package.in.contains(recipe::PackageSet::kKernel)) continue;
    return image::ExtractKernel(
        opened.ObjectPath(package.sha256),
        {.modules = {}, .initrd_modules = {"virtio_pci", "9p", "9pnet_virtio", "overlay"}}, to);
  }
  return Error{ErrorCode::kConflict, "the lock has no kernel"};
}

Result<int> RunGuest(const vm::GuestConfig& config, const fs::path& scratch,
                     const fs::path& result) {
  auto guest = LETHE_TRY(vm::Guest::Start(config, scratch));
  if (!guest.Wait(std::chrono::duration_cast<std::chrono::milliseconds>(kTimeout)))
    return Error{ErrorCode::kUnavailable, "the guest was not done after three hours"};
  if (const auto problem = ReadFile(result / "problem", 1 << 16))
    return Error{ErrorCode::kIo, "the guest could not start the build: " + *problem};
  const auto code = ReadFile(result / "exit-code", 64);
  const auto number = code ? ParseUnsigned<unsigned>(Trim(*code)) : std::nullopt;
  if (!number) return Error{ErrorCode::kIo, "the guest ended without a result: " + guest.Log()};
  return static_cast<int>(*number);
}

}  // namespace

bool IsOfGuest(Axis axis) { return AllAxes()[static_cast<size_t>(axis)].place == Place::kGuest; }

std::vector<Variation> VariationsInGuest() {
  utsname name{};
  ::uname(&name);
  std::vector<Variation> out = {{Axis::kKernel, name.release, "Debian's, of the lock", ""},
                                {Axis::kClock, "the machine's", "400 days later", ""},
                                {Axis::kCpuModel, CpuOfHost(), kCpuModel, ""}};
  std::string reason;
  if (!HasProgram("qemu-system-x86_64")) reason = "QEMU is not installed";
  if (const auto init = InitProgram(); !init) reason = init.error().message;
  for (Variation& variation : out) variation.not_possible = reason;
  return out;
}

Status BuildInGuest(const BuildInputs& inputs, const AxisSet& axes, const fs::path& result) {
  const ScratchDir scratch = LETHE_TRY(ScratchDir::Create(inputs.store / "tmp", "guest-"));
  const fs::path place = scratch.path() / "build";
  const fs::path shared = scratch.path() / "result";
  LETHE_TRY(CheckOut(inputs.repository, inputs.commit, place / "tree"));
  const fs::path recipe = place / "tree" / inputs.recipe;
  LETHE_TRY(CopyPackages(recipe, inputs.store, place / "store"));
  LETHE_TRY(MakeDirectories(place / "out"));
  LETHE_TRY(MakeDirectories(shared));
  LETHE_TRY(WriteFileAtomic(place / "lethe", LETHE_TRY(ReadFile(inputs.program)), 0755));
  const fs::path kernel = scratch.path() / "kernel";
  LETHE_TRY(ExtractGuestKernel(recipe, place / "store", kernel));
  const std::string command =
      Join({place.string(), (place / "lethe").string(), "image", "build", recipe.string(),
            "--output", (place / "out").string(), "--store", (place / "store").string(), "--jobs",
            std::to_string(inputs.jobs), "--no-cache", "--offline"},
           "\n");
  const fs::path initrd = scratch.path() / "initrd.img";
  LETHE_TRY(WriteGuestInitrd(kernel, command, initrd));

  const bool kvm = vm::KvmWorks();
  vm::GuestConfig config{.accelerator = kvm ? vm::Accelerator::kKvm : vm::Accelerator::kTcg,
                         .memory_mib = kMemoryMib,
                         .cpus = 2,
                         .kernel = kernel / "vmlinuz",
                         .initrd = initrd,
                         .command_line = "quiet panic=-1",
                         .folders = {{"host", "/", true}, {"result", shared, false}}};
  if (axes.contains(Axis::kCpuModel)) config.cpu_model = kCpuModel;
  if (axes.contains(Axis::kClock)) config.clock = ShiftedClock();
  const int code = LETHE_TRY(RunGuest(config, scratch.path(), shared));
  const auto said = ReadFile(shared / "log", 16 << 20);
  LETHE_TRY(StatusOfBuild(code, said ? *said : ""));
  return KeepBuilt(shared, result, {"log", "exit-code"});
}

}  // namespace lethe::reproduce
