#include "image/store_set.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <memory>

#include "base/file.h"
#include "image/set_layout.h"
#include "image/set_tar.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;
using Sink = std::function<Status(std::string_view)>;

// As `sha256sum --check` reads it, sorted by name.
std::string WriteSums(const std::vector<NeededObject>& objects, const std::string& lock_text) {
  std::string out;
  for (const NeededObject& object : objects)
    out += object.sha256.Hex() + "  " + ObjectName(object.sha256) + "\n";
  return out + crypto::Sha256Of(lock_text).Hex() + "  " + std::string(kLockName) + "\n";
}

// Copies a file through `sink`; its size and digest must be those of `object`.
Status StreamObject(const fs::path& path, const NeededObject& object, const Sink& sink) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY));
  crypto::Sha256 hash;
  uint64_t size = 0;
  char buffer[1 << 17];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("reading", path);
    if (n == 0) break;
    const std::string_view piece(buffer, static_cast<size_t>(n));
    size += piece.size();
    if (size > object.size) break;
    hash.Update(piece);
    LETHE_TRY(sink(piece));
  }
  if (size == object.size && hash.Finish() == object.sha256) return {};
  return Error{ErrorCode::kUntrusted,
               "the store's " + object.name + " is damaged (" + path.string() +
                   "): 'lethe store verify --repair' removes it, a build gets it again"};
}

Status CheckComplete(const Store& store, const std::vector<NeededObject>& needed) {
  const auto missing = MissingObjects(store, needed);
  if (missing.empty()) return {};
  std::string names;
  for (const NeededObject& object : missing) names += "\n  " + object.name;
  return Error{ErrorCode::kUnavailable, "the store lacks " + std::to_string(missing.size()) +
                                            " of " + std::to_string(needed.size()) +
                                            " files that the lock needs ('lethe image build' "
                                            "gets them):" +
                                            names};
}

// Where the members of a set go, in order.
class SetWriter {
 public:
  virtual ~SetWriter() = default;
  virtual Status Add(std::string_view name, uint64_t size,
                     const std::function<Status(const Sink&)>& content) = 0;
  virtual Status Finish() = 0;
};

class TarSetWriter : public SetWriter {
 public:
  static Result<std::unique_ptr<SetWriter>> Create(const fs::path& target) {
    std::string partial = target.string() + ".XXXXXX";
    Fd fd(::mkostemp(partial.data(), O_CLOEXEC));
    if (!fd) return IoError("creating", partial);
    return std::unique_ptr<SetWriter>(new TarSetWriter(std::move(fd), partial, target));
  }
  ~TarSetWriter() override { ::unlink(partial_.c_str()); }
  TarSetWriter(const TarSetWriter&) = delete;
  TarSetWriter& operator=(const TarSetWriter&) = delete;

  Status Add(std::string_view name, uint64_t size,
             const std::function<Status(const Sink&)>& content) override {
    LETHE_TRY(Write(SetTarHeader(name, size)));
    LETHE_TRY(content([this](std::string_view piece) { return Write(piece); }));
    return Write(std::string(TarPadding(size), '\0'));
  }
  Status Finish() override {
    LETHE_TRY(Write(std::string(2 * kTarBlock, '\0')));
    if (::fchmod(fd_.get(), 0644) != 0) return IoError("changing the mode of", partial_);
    LETHE_TRY(SyncPath(partial_));
    return RenameDurably(partial_, target_);
  }

 private:
  TarSetWriter(Fd fd, fs::path partial, fs::path target)
      : fd_(std::move(fd)), partial_(std::move(partial)), target_(std::move(target)) {}
  Status Write(std::string_view bytes) { return WriteAll(fd_.get(), bytes, partial_.string()); }

  Fd fd_;
  fs::path partial_;
  fs::path target_;
};

class FolderSetWriter : public SetWriter {
 public:
  static Result<std::unique_ptr<SetWriter>> Create(const fs::path& target) {
    std::error_code error;
    if (fs::exists(target, error) && !(fs::is_directory(target) && fs::is_empty(target))) {
      return Error{ErrorCode::kConflict, target.string() + " is not an empty folder"};
    }
    const fs::path whole = fs::absolute(target).lexically_normal();
    const fs::path named = whole.has_filename() ? whole : whole.parent_path();
    auto scratch = LETHE_TRY(ScratchDir::Create(named.parent_path(), ".lethe-set-"));
    fs::permissions(scratch.path(), fs::perms(0755), error);
    return std::unique_ptr<SetWriter>(new FolderSetWriter(std::move(scratch), named));
  }

  Status Add(std::string_view name, uint64_t,
             const std::function<Status(const Sink&)>& content) override {
    const fs::path path = scratch_.path() / name;
    LETHE_TRY(MakeDirectories(path.parent_path()));
    const Fd fd = LETHE_TRY(OpenFile(path, O_CREAT | O_EXCL | O_WRONLY, 0644));
    return content(
        [&](std::string_view piece) { return WriteAll(fd.get(), piece, path.string()); });
  }
  Status Finish() override {
    LETHE_TRY(SyncFileSystem(scratch_.path()));
    std::error_code error;
    fs::remove(target_, error);  // an empty folder
    LETHE_TRY(RenameDurably(scratch_.path(), target_));
    scratch_.Release();
    return {};
  }

 private:
  FolderSetWriter(ScratchDir scratch, fs::path target)
      : scratch_(std::move(scratch)), target_(std::move(target)) {}
  ScratchDir scratch_;
  fs::path target_;
};

}  // namespace

std::vector<NeededObject> ObjectsOf(const recipe::Lock& lock) {
  std::map<crypto::Sha256Digest, NeededObject> objects;
  for (const auto& [name, file] : recipe::FilesOf(lock))
    objects.emplace(file.sha256, NeededObject{file.sha256, file.size, name});
  std::vector<NeededObject> out;
  for (auto& [digest, object] : objects) out.push_back(std::move(object));
  return out;
}

std::vector<NeededObject> MissingObjects(const Store& store,
                                         const std::vector<NeededObject>& needed) {
  std::vector<NeededObject> missing;
  for (const NeededObject& object : needed) {
    std::error_code error;
    const uint64_t size = fs::file_size(store.ObjectPath(object.sha256), error);
    if (error || size != object.size) missing.push_back(object);
  }
  return missing;
}

Result<SetTotals> ExportSet(const Store& store, const recipe::Lock& lock,
                            const std::string& lock_text, const fs::path& target,
                            const SetProgress& progress) {
  const FileLock use = LETHE_TRY(store.Use());
  const auto objects = ObjectsOf(lock);
  LETHE_TRY(CheckComplete(store, objects));
  const auto writer = LETHE_TRY(target.extension() == ".tar" ? TarSetWriter::Create(target)
                                                             : FolderSetWriter::Create(target));
  const auto add_text = [&](std::string_view name, const std::string& text) {
    return writer->Add(name, text.size(), [&](const Sink& sink) { return sink(text); });
  };
  LETHE_TRY(add_text(kSumsName, WriteSums(objects, lock_text)));
  SetTotals totals;
  for (const NeededObject& object : objects) {
    LETHE_TRY(writer->Add(ObjectName(object.sha256), object.size, [&](const Sink& sink) {
      return StreamObject(store.ObjectPath(object.sha256), object, sink);
    }));
    ++totals.objects;
    totals.bytes += object.size;
    if (progress) progress(totals.objects, objects.size());
  }
  LETHE_TRY(add_text(kLockName, lock_text));
  LETHE_TRY(writer->Finish());
  return totals;
}

}  // namespace lethe::image
