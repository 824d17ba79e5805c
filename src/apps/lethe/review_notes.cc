#include "apps/lethe/review_notes.h"

#include <iterator>

#include "base/file.h"
#include "base/strings.h"
#include "git/ask.h"
#include "trust/review.h"

namespace lethe::cli {
namespace {

constexpr size_t kMaxNotesDepth = 32;  // a name of 64 digits in folders of two
constexpr size_t kMaxNotesEntries = 1'000'000;

Status AddLines(std::string_view text, const std::string& where,
                std::vector<trust::DsseEnvelope>& out) {
  size_t number = 0;
  for (const std::string_view line : Lines(text)) {
    ++number;
    if (Trim(line).empty()) continue;
    if (out.size() == trust::kMaxReviewStatements) {
      return Error{
          ErrorCode::kMalformed,
          where + ": more than " + std::to_string(trust::kMaxReviewStatements) + " reviews"};
    }
    out.push_back(LETHE_TRY_IN(trust::ParseDsse(line), where + ": line " + std::to_string(number)));
  }
  return {};
}

class Notes {
 public:
  explicit Notes(git::Repository& repository) : repository_(repository) {}

  // git spreads notes over folders: the names on the way are the digits of the commit.
  Status ReadTree(const git::ObjectId& tree, const std::string& digits, size_t depth) {
    if (depth > kMaxNotesDepth)
      return Error{ErrorCode::kMalformed, std::string(kReviewNotes) + ": too many folders"};
    const std::string body =
        LETHE_TRY_IN(repository_.Read(tree, git::ObjectType::kTree), kReviewNotes);
    for (const git::TreeEntry& entry :
         LETHE_TRY_IN(git::ParseTree(body, repository_.format()), kReviewNotes)) {
      // However often one tree is in others.
      if (++entries_ > kMaxNotesEntries) {
        return Error{ErrorCode::kMalformed, std::string(kReviewNotes) + ": more than " +
                                                std::to_string(kMaxNotesEntries) + " entries"};
      }
      const std::string name = digits + entry.name;
      if (entry.kind == git::EntryKind::kTree) {
        LETHE_TRY(ReadTree(entry.id, name, depth + 1));
      } else if (entry.kind == git::EntryKind::kFile && git::ObjectId::FromHex(name)) {
        LETHE_TRY(ReadNote(entry.id, name));
      }
    }
    return {};
  }

  std::vector<trust::DsseEnvelope> Take() { return std::move(out_); }

 private:
  Status ReadNote(const git::ObjectId& blob, const std::string& commit) {
    const std::string where = std::string(kReviewNotes) + ": " + commit;
    const std::string text = LETHE_TRY_IN(repository_.Read(blob, git::ObjectType::kBlob), where);
    bytes_ += text.size();
    if (bytes_ > kMaxReviewsBytes) {
      return Error{ErrorCode::kMalformed, std::string(kReviewNotes) + ": more than " +
                                              std::to_string(kMaxReviewsBytes) + " bytes"};
    }
    return AddLines(text, where, out_);
  }

  git::Repository& repository_;
  std::vector<trust::DsseEnvelope> out_;
  size_t bytes_ = 0;
  size_t entries_ = 0;
};

}  // namespace

Result<std::vector<trust::DsseEnvelope>> ReadReviewNotes(git::Repository& repository) {
  const auto tip = repository.Resolve(kReviewNotes);
  if (!tip && tip.error().code == ErrorCode::kNotFound) return std::vector<trust::DsseEnvelope>();
  if (!tip) return tip.error();
  const std::string body = LETHE_TRY(repository.Read(*tip, git::ObjectType::kCommit));
  const auto commit = LETHE_TRY_IN(git::ParseCommit(body, repository.format()), kReviewNotes);
  Notes notes(repository);
  LETHE_TRY(notes.ReadTree(commit.tree, "", 0));
  return notes.Take();
}

Result<std::vector<trust::DsseEnvelope>> ReadReviewFile(const std::filesystem::path& file) {
  std::vector<trust::DsseEnvelope> out;
  const std::string text = LETHE_TRY(ReadFile(file, kMaxReviewsBytes));
  LETHE_TRY(AddLines(text, file.string(), out));
  return out;
}

Result<std::vector<trust::DsseEnvelope>> ReadReviews(git::Repository& repository,
                                                     const std::filesystem::path& file) {
  auto out = LETHE_TRY(ReadReviewNotes(repository));
  if (file.empty()) return out;
  auto more = LETHE_TRY(ReadReviewFile(file));
  std::move(more.begin(), more.end(), std::back_inserter(out));
  return out;
}

Status AddReviewNote(const std::filesystem::path& repository, const ReviewNote& note) {
  const ScratchDir scratch =
      LETHE_TRY(ScratchDir::Create(std::filesystem::temp_directory_path(), "lethe-note-"));
  const auto file = scratch.path() / "note";
  LETHE_TRY(WriteFileAtomic(file, note.envelope + "\n", 0600));
  (void)LETHE_TRY_IN(git::AskGit(repository, {"-c", "user.name=" + note.person, "-c",
                                              "user.email=" + note.person + "@" + note.domain,
                                              "notes", std::string("--ref=") + kReviewNotes,
                                              "append", "-F", file.string(), note.commit.Hex()}),
                     "adding a note");
  return {};
}

}  // namespace lethe::cli
