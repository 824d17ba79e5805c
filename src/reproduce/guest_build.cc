#include "reproduce/guest_build.h"

#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "base/file.h"
#include "base/strings.h"
#include "reproduce/checkout.h"
#include "reproduce/guest_command.h"
#include "reproduce/varied_build.h"

namespace lethe::reproduce {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCpuModel = "Nehalem";  // of 2008: no AVX, no AES
constexpr auto kClockShift = std::chrono::hours(24 * 400);
constexpr auto kTimeout = std::chrono::hours(3);
constexpr unsigned kMemoryMib = 4096;

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
  if (const auto init = GuestInitProgram(); !init) reason = init.error().message;
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
  LETHE_TRY(ExtractGuestKernel(recipe, place / "store", {}, kernel));
  const std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const GuestCommand command{
      .argv = {(place / "lethe").string(), "image", "build", recipe.string(), "--output",
               (place / "out").string(), "--store", (place / "store").string(), "--jobs",
               std::to_string(inputs.jobs), "--no-cache", "--offline"},
      .folder = place,
      .environment = {path, "HOME=" + place.string(), "TMPDIR=" + place.string()},
      .keep = place / "out"};
  GuestMachine machine{.memory_mib = kMemoryMib, .timeout = kTimeout};
  if (axes.contains(Axis::kCpuModel)) machine.cpu_model = kCpuModel;
  if (axes.contains(Axis::kClock)) machine.clock = ShiftedClock();
  const auto code = LETHE_TRY(RunInGuest(command, machine, kernel, scratch.path(), shared));
  if (!code) return Error{ErrorCode::kUnavailable, "the guest was not done after three hours"};
  const auto said = ReadFile(shared / "log", 16 << 20);
  LETHE_TRY(StatusOfBuild(*code, said ? *said : ""));
  return KeepBuilt(shared, result, {"log", "exit-code"});
}

}  // namespace lethe::reproduce
