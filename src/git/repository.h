// The objects of a repository on disk, raw: git hands them out, we hash each. What makes git show
// another history than the objects hold (replacements, grafts, a shallow clone) is switched off or
// refused.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "git/batch.h"
#include "git/object.h"

namespace lethe::git {

// One `git cat-file --batch` for its lifetime. Not thread-safe.
class Repository : public ObjectSource {
 public:
  struct Options {
    std::filesystem::path folder;  // of a work tree (or below one), or a bare repository
    std::chrono::milliseconds answer_timeout{60'000};  // between two bytes of git's answer
  };
  // kNotFound where there is no repository; kUnavailable where there is no git; kUntrusted for a
  // shallow clone and for one with grafts. Alternates are fine: no object is taken for the place
  // where it lies.
  static Result<std::unique_ptr<Repository>> Open(const Options& options);

  ObjectFormat format() const override { return format_; }

  // kNotFound: missing. kUntrusted: of another type, or bytes with another hash. kMalformed: larger
  // than MaxBytes(type) (its body is not read), or an answer that no git gives. kUnavailable: git
  // ended or fell silent. After any error the next call starts anew.
  Result<std::string> Read(const ObjectId& id, ObjectType type) override;

  // The first failure of Read that was git's or the machine's, and of no object: whoever refuses
  // because an object could not be read asks whether this is why.
  const std::optional<Error>& failure() const { return failure_; }

  // The commit that a revision names (gitrevisions(7)), read and hashed. kNotFound where it names
  // none; else as Read.
  Result<ObjectId> Resolve(std::string_view revision);

 private:
  explicit Repository(const Options& options) : options_(options) {}

  Options options_;
  ObjectFormat format_ = ObjectFormat::kSha1;
  std::unique_ptr<Batch> batch_;
  std::optional<Error> failure_;
};

}  // namespace lethe::git
