// A running `git cat-file --batch`: names go in, raw objects come out. What it says is not trusted
// here, only bounded: in size, and in time between two bytes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "git/object.h"

namespace lethe::git {

class Batch {
 public:
  // kUnavailable where there is no git, kIo where it cannot be started.
  static Result<std::unique_ptr<Batch>> Start(const std::filesystem::path& folder,
                                              std::chrono::milliseconds answer_timeout);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  struct Answer {
    std::string type;  // as git names it
    std::string body;
  };
  // Nothing: git says that it is missing. kMalformed: an answer that no git gives, or a body of
  // more than `max_bytes`, which is not read; kUnavailable: git ended or fell silent. After an
  // error this process is out of step and good for nothing.
  Result<std::optional<Answer>> Ask(const ObjectId& id, size_t max_bytes);

 private:
  Batch(std::filesystem::path folder, std::chrono::milliseconds answer_timeout)
      : folder_(std::move(folder)), answer_timeout_(answer_timeout) {}
  Status Fill();  // takes what git has written by now, at least one byte
  Result<std::string> Line();
  Result<std::string> Bytes(size_t count);
  Error Ended();

  std::filesystem::path folder_;
  std::chrono::milliseconds answer_timeout_;
  pid_t pid_ = -1;
  Fd in_;
  Fd out_;
  Fd words_;  // git's stderr, in memory
  std::string buffer_;
  size_t taken_ = 0;  // of the buffer
};

}  // namespace lethe::git
