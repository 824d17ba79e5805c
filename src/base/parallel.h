// Runs independent pieces of work on a few threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"

namespace lethe {

// Calls work(i) for i in [0, count) on `jobs` threads (at least one). After a failure no new piece
// starts; of several failures the one with the smallest index is returned, so that the answer does
// not depend on timing alone.
template <typename Work>
Status ParallelFor(size_t count, unsigned jobs, Work work) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::optional<std::pair<size_t, Error>> failure;
  const auto worker = [&] {
    while (true) {
      {
        const std::lock_guard lock(mutex);
        if (failure) return;
      }
      const size_t i = next.fetch_add(1);
      if (i >= count) return;
      Status status = work(i);
      if (!status) {
        const std::lock_guard lock(mutex);
        if (!failure || i < failure->first) failure = {i, std::move(status).error()};
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned j = 1; j < jobs && j < count; ++j) threads.emplace_back(worker);
  worker();
  for (auto& thread : threads) thread.join();
  if (failure) return std::move(failure->second);
  return {};
}

}  // namespace lethe
