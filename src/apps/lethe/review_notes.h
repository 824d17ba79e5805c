// Where reviews are kept: git notes beside the commits, or files. Where a statement lies decides
// nothing; it says itself what it is about, and who signed it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "git/repository.h"
#include "trust/dsse.h"

namespace lethe::cli {

// A note of a reviewed commit holds one DSSE envelope a line.
inline constexpr const char* kReviewNotes = "refs/notes/reviews";

inline constexpr size_t kMaxReviewsBytes = 256 << 20;

// All statements in the notes; none where there are no such notes. kMalformed with the note and the
// line.
Result<std::vector<trust::DsseEnvelope>> ReadReviewNotes(git::Repository& repository);

// One envelope a line; empty lines are skipped.
Result<std::vector<trust::DsseEnvelope>> ReadReviewFile(const std::filesystem::path& file);

// Those in the notes, then those of `file`, unless it is empty.
Result<std::vector<trust::DsseEnvelope>> ReadReviews(git::Repository& repository,
                                                     const std::filesystem::path& file);

struct ReviewNote {
  git::ObjectId commit;  // what was reviewed
  std::string envelope;  // one line
  std::string person;    // who reviewed it, and commits the note: git needs to know nobody
  std::string domain;    // of the policy
};

// Adds a line to the note of a commit.
Status AddReviewNote(const std::filesystem::path& repository, const ReviewNote& note);

}  // namespace lethe::cli
