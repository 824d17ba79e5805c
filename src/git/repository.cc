#include "git/repository.h"

#include "base/file.h"
#include "base/strings.h"
#include "git/ask.h"

namespace lethe::git {
namespace {

// Files by which git cuts a history or bends it, in the folder that linked work trees share.
struct Bend {
  const char* file;
  const char* what;
};
constexpr Bend kBends[] = {
    {"shallow", "is a shallow clone: what came before its border is not there to be checked"},
    {"info/grafts", "has grafts: git shows parents that the commits do not have"},
};

Status RefuseBends(const std::filesystem::path& folder) {
  for (const Bend& bend : kBends) {
    const std::string answer = LETHE_TRY(AskGit(folder, {"rev-parse", "--git-path", bend.file}));
    const auto file = folder / std::string(Trim(answer));
    std::error_code error;
    const auto type = std::filesystem::symlink_status(file, error).type();
    if (type == std::filesystem::file_type::not_found) continue;
    return Error{ErrorCode::kUntrusted,
                 folder.string() + " " + bend.what + " (" + std::string(Trim(answer)) + ")"};
  }
  return {};
}

// Git's refusal in our words, where its own say only that there is no such thing.
Error Absent(Error error, std::string_view gits_words, std::string ours) {
  const bool plain = error.code == ErrorCode::kNotFound &&
                     error.message.find(gits_words) != std::string::npos &&
                     error.message.find("ambiguous") == std::string::npos;
  return plain ? Error{ErrorCode::kNotFound, std::move(ours)} : std::move(error);
}

}  // namespace

Result<std::unique_ptr<Repository>> Repository::Open(const Options& options) {
  std::unique_ptr<Repository> repository(new Repository(options));
  const auto format = AskGit(options.folder, {"rev-parse", "--show-object-format"});
  if (!format) {
    return Absent(format.error(), "not a git repository",
                  options.folder.string() + " is in no git repository");
  }
  if (Trim(*format) == "sha256") {
    repository->format_ = ObjectFormat::kSha256;
  } else if (Trim(*format) != "sha1") {
    return Error{ErrorCode::kMalformed, options.folder.string() + ": names its objects by '" +
                                            Printable(Trim(*format)) + "'"};
  }
  LETHE_TRY(RefuseBends(options.folder));
  return repository;
}

Result<std::string> Repository::Read(const ObjectId& id, ObjectType type) {
  const std::string what = std::string(ToString(type)) + " " + id.Hex();
  if (id.bytes.size() != IdBytes(format_))
    return Error{ErrorCode::kNotFound, what + ": no name of an object of this repository"};
  if (!batch_) batch_ = LETHE_TRY(Batch::Start(options_.folder, options_.answer_timeout));
  auto asked = batch_->Ask(id, MaxBytes(type));
  if (!asked) {
    batch_ = nullptr;
    Error error = std::move(asked).error().In(what);
    if (error.code != ErrorCode::kMalformed && !failure_) failure_ = error;
    return error;
  }
  if (!*asked) {
    return Error{ErrorCode::kNotFound, what + ": is not in " + options_.folder.string()};
  }
  Batch::Answer& answer = **asked;
  if (answer.type != ToString(type))
    return Error{ErrorCode::kUntrusted, what + ": is a " + Printable(answer.type)};
  if (HashObject(format_, type, answer.body) != id) {
    return Error{ErrorCode::kUntrusted, what + ": its bytes have another hash, " +
                                            HashObject(format_, type, answer.body).Hex()};
  }
  return std::move(answer.body);
}

Result<ObjectId> Repository::Resolve(std::string_view revision) {
  const auto answer = AskGit(options_.folder, {"rev-parse", "--verify", "--end-of-options",
                                               std::string(revision) + "^{commit}"});
  if (!answer) {
    return Absent(answer.error().In("revision '" + Printable(revision) + "'"),
                  "Needed a single revision",
                  "no commit '" + Printable(revision) + "' in " + options_.folder.string());
  }
  const std::string_view name = Trim(*answer);
  const ObjectId id =
      LETHE_TRY_IN(ObjectId::FromHex(name), "revision '" + Printable(revision) + "'");
  (void)LETHE_TRY(Read(id, ObjectType::kCommit));
  return id;
}

}  // namespace lethe::git
