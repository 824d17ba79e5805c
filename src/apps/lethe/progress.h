// What a build is doing, on stderr: one line per finished step, and on a terminal a status line
// with every running step: a bar where the step counts or its last duration is known, else its
// seconds.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "image/build.h"
#include "json/json.h"

namespace lethe::cli {

class BuildProgress : public image::BuildObserver {
 public:
  // `timings` keeps the duration of each step from build to build; it may be missing or damaged.
  explicit BuildProgress(std::filesystem::path timings);
  ~BuildProgress() override;  // stops the status line, keeps the timings

  void StepStarted(const std::string& step) override;
  void StepProgress(const std::string& step, size_t done, size_t total) override;
  void StepFinished(const std::string& step, double seconds, bool cached) override;
  void Warning(const std::string& what) override;

  // [{"step": …, "seconds": …, "cached": …}], in the order in which they ended.
  json::Array Times() const { return times_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Running {
    std::string step;
    Clock::time_point start;
    double fraction = -1;  // of a step that counts
  };

  std::string StatusLine() const;
  void Tick();

  std::filesystem::path timings_;
  std::map<std::string, double> usual_s_;  // of steps that were computed
  std::vector<Running> running_;
  json::Array times_;
  bool terminal_;
  bool stop_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::thread ticker_;
};

}  // namespace lethe::cli
