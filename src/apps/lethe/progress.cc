#include "apps/lethe/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"

namespace lethe::cli {
namespace {

constexpr uint64_t kMaxTimings = 1 << 20;
constexpr auto kTick = std::chrono::milliseconds(200);

// "[####----]"; never full before its step has ended.
std::string Bar(double fraction) {
  constexpr int kWidth = 10;
  const int filled = std::clamp(static_cast<int>(fraction * kWidth), 0, kWidth - 1);
  return "[" + std::string(static_cast<size_t>(filled), '#') +
         std::string(static_cast<size_t>(kWidth - filled), '-') + "]";
}

size_t TerminalColumns() {
  winsize size{};
  return ::ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::map<std::string, double> ReadTimings(const std::filesystem::path& file) {
  std::map<std::string, double> out;
  const auto text = ReadFile(file, kMaxTimings);
  const auto value = text ? json::Parse(*text) : text.error();
  if (!value || value->AsObject() == nullptr) return out;
  for (const auto& [step, ms] : *value->AsObject()) {
    if (ms.AsInteger() != nullptr) out[step] = static_cast<double>(*ms.AsInteger()) / 1000;
  }
  return out;
}

}  // namespace

BuildProgress::BuildProgress(std::filesystem::path timings)
    : timings_(std::move(timings)), usual_s_(ReadTimings(timings_)), terminal_(::isatty(2) == 1) {
  if (terminal_) ticker_ = std::thread([this] { Tick(); });
}

BuildProgress::~BuildProgress() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (ticker_.joinable()) ticker_.join();
  json::Object timings;
  for (const auto& [step, seconds] : usual_s_) timings[step] = static_cast<int64_t>(seconds * 1000);
  (void)WriteFileAtomic(timings_, json::Write(std::move(timings)));
}

void BuildProgress::StepStarted(const std::string& step) {
  const std::lock_guard lock(mutex_);
  running_.push_back({step, Clock::now()});
  changed_.notify_all();
}

void BuildProgress::StepProgress(const std::string& step, size_t done, size_t total) {
  const std::lock_guard lock(mutex_);
  for (Running& running : running_) {
    if (running.step == step && total > 0)
      running.fraction = static_cast<double>(done) / static_cast<double>(total);
  }
}

void BuildProgress::StepFinished(const std::string& step, double seconds, bool cached) {
  const std::lock_guard lock(mutex_);
  std::erase_if(running_, [&](const Running& running) { return running.step == step; });
  if (!cached) usual_s_[step] = seconds;
  fmt::print(stderr, "{}  {:<24} {:>6.1f} s{}\n", terminal_ ? "\r\x1b[K" : "", step, seconds,
             cached ? "  (from the store)" : "");
  times_.push_back(json::Object{{"step", step}, {"seconds", seconds}, {"cached", cached}});
  changed_.notify_all();
}

void BuildProgress::Warning(const std::string& what) {
  const std::lock_guard lock(mutex_);
  fmt::print(stderr, "{}lethe: warning: {}\n", terminal_ ? "\r\x1b[K" : "", what);
  changed_.notify_all();
}

std::string BuildProgress::StatusLine() const {
  std::string line;
  for (const Running& running : running_) {
    const double seconds = std::chrono::duration<double>(Clock::now() - running.start).count();
    const auto usual = usual_s_.find(running.step);
    line += line.empty() ? "  " : "   ";
    line += running.step + " ";
    if (running.fraction >= 0) {
      line += Bar(running.fraction) + " ";
    } else if (usual != usual_s_.end() && usual->second > 0) {
      line += Bar(seconds / usual->second) + " ";
    }
    line += fmt::format("{:.0f} s", seconds);
  }
  const size_t columns = TerminalColumns();
  if (line.size() >= columns) line.resize(columns - 1);
  return line;
}

void BuildProgress::Tick() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    fmt::print(stderr, "\r\x1b[K{}", StatusLine());
    std::fflush(stderr);
    changed_.wait_for(lock, kTick);
  }
  fmt::print(stderr, "\r\x1b[K");
}

}  // namespace lethe::cli
