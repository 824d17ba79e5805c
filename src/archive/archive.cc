#include "archive/archive.h"

#include <archive.h>
#include <archive_entry.h>

namespace lethe::archive {
namespace {

EntryType TypeOf(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return EntryType::kHardLink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return EntryType::kFile;
    case AE_IFDIR:
      return EntryType::kDirectory;
    case AE_IFLNK:
      return EntryType::kSymlink;
    default:
      return EntryType::kOther;
  }
}

// An id that does not fit must not come out as another one, such as root's.
uint32_t IdOf(la_int64_t id) {
  return id < 0 || id > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(id);
}

std::string OrEmpty(const char* s) { return s == nullptr ? "" : s; }

}  // namespace

void Reader::Closer::operator()(::archive* handle) const { archive_read_free(handle); }

Reader::Reader(::archive* handle, std::string name) : handle_(handle), name_(std::move(name)) {}

Error Reader::MakeError(std::string_view doing) const {
  return Error{ErrorCode::kMalformed, std::string(doing) + " " + name_ + ": " +
                                          OrEmpty(archive_error_string(handle_.get()))};
}

Result<Reader> Reader::Open(bool stream, std::string_view bytes, const char* path,
                            std::string name) {
  Reader reader(archive_read_new(), std::move(name));
  ::archive* handle = reader.handle_.get();
  LETHE_ASSERT(handle != nullptr);
  archive_read_support_filter_xz(handle);
  archive_read_support_filter_gzip(handle);
  archive_read_support_filter_zstd(handle);
  if (stream) {
    archive_read_support_format_raw(handle);
    archive_read_support_format_empty(handle);
  } else {
    archive_read_support_format_tar(handle);
    archive_read_support_format_gnutar(handle);
    archive_read_support_format_cpio(handle);
    archive_read_support_format_ar(handle);
  }
  constexpr size_t kBlock = 1 << 17;
  const int status = path != nullptr ? archive_read_open_filename(handle, path, kBlock)
                                     : archive_read_open_memory(handle, bytes.data(), bytes.size());
  if (status != ARCHIVE_OK) return reader.MakeError("opening");
  return reader;
}

Result<Reader> Reader::OpenMemory(std::string_view bytes, std::string name) {
  return Open(false, bytes, nullptr, std::move(name));
}

Result<Reader> Reader::OpenFile(const std::filesystem::path& path) {
  return Open(false, {}, path.c_str(), path.string());
}

Result<Reader> Reader::OpenStream(std::string_view bytes, std::string name) {
  return Open(true, bytes, nullptr, std::move(name));
}

Result<std::optional<Entry>> Reader::Next() {
  archive_entry* raw = nullptr;
  const int status = archive_read_next_header(handle_.get(), &raw);
  if (status == ARCHIVE_EOF) return std::optional<Entry>();
  if (status != ARCHIVE_OK) return MakeError("reading");
  Entry entry;
  entry.path = OrEmpty(archive_entry_pathname(raw));
  entry.type = TypeOf(raw);
  entry.mode = static_cast<unsigned>(archive_entry_perm(raw));
  entry.uid = IdOf(archive_entry_uid(raw));
  entry.gid = IdOf(archive_entry_gid(raw));
  entry.size = static_cast<uint64_t>(archive_entry_size(raw));
  entry.target = entry.type == EntryType::kHardLink ? OrEmpty(archive_entry_hardlink(raw))
                                                    : OrEmpty(archive_entry_symlink(raw));
  return std::optional<Entry>(std::move(entry));
}

Status Reader::ReadDataTo(uint64_t max_bytes, const std::function<Status(std::string_view)>& sink) {
  static const std::string kZeros(1 << 16, '\0');
  uint64_t done = 0;
  while (true) {
    const void* data = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(handle_.get(), &data, &size, &offset);
    if (status == ARCHIVE_EOF) return {};
    if (status != ARCHIVE_OK) return MakeError("reading");
    const auto begin = static_cast<uint64_t>(offset);
    if (begin < done || begin + size > max_bytes) {
      return Error{ErrorCode::kMalformed,
                   "reading " + name_ + ": larger than " + std::to_string(max_bytes) + " bytes"};
    }
    for (; done < begin; done += std::min<uint64_t>(begin - done, kZeros.size())) {
      LETHE_TRY(sink(std::string_view(kZeros).substr(0, begin - done)));
    }
    LETHE_TRY(sink({static_cast<const char*>(data), size}));
    done = begin + size;
  }
}

Result<std::string> Reader::ReadData(uint64_t max_bytes) {
  std::string out;
  LETHE_TRY(ReadDataTo(max_bytes, [&](std::string_view piece) -> Status {
    out += piece;
    return {};
  }));
  return out;
}

Result<std::string> Decompress(std::string_view bytes, std::string name, uint64_t max_bytes) {
  Reader reader = LETHE_TRY(Reader::OpenStream(bytes, std::move(name)));
  if (!LETHE_TRY(reader.Next())) return std::string();
  return reader.ReadData(max_bytes);
}

}  // namespace lethe::archive
