#include "image/cpio_writer.h"

#include <sys/stat.h>

#include <cstdio>

#include "base/file.h"

namespace lethe::image {

Status CpioFdSink::Write(std::string_view bytes) { return WriteAll(fd_, bytes, name_); }

Status CpioWriter::Add(std::string_view name, unsigned mode, std::string_view bytes,
                       unsigned alignment) {
  constexpr size_t kHeader = 110;
  LETHE_ASSERT(alignment == 4 || alignment == 8 || alignment == 16);
  if (bytes.size() > UINT32_MAX) {
    return Error{ErrorCode::kMalformed,
                 "writing a cpio: " + std::string(name) + " is 4 GiB or larger"};
  }
  const bool trailer = name == "TRAILER!!!";
  size_t name_size = name.size() + 1;
  if (alignment > 4)
    name_size += (alignment - (offset_ + kHeader + name_size) % alignment) % alignment;
  const uint32_t fields[13] = {
      trailer ? 0 : next_inode_++,          // c_ino
      mode,                                 // c_mode
      0,                                    // c_uid
      0,                                    // c_gid
      1,                                    // c_nlink
      0,                                    // c_mtime
      static_cast<uint32_t>(bytes.size()),  // c_filesize
      0,
      0,
      0,
      0,                                 // device numbers
      static_cast<uint32_t>(name_size),  // c_namesize
      0,                                 // c_check
  };
  std::string header = "070701";
  for (const uint32_t field : fields) {
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08x", field);
    header += digits;
  }
  header += name;
  header.append(name_size - name.size(), '\0');
  header.append((4 - (offset_ + header.size()) % 4) % 4, '\0');
  offset_ += header.size();
  LETHE_TRY(sink_.Write(header));
  LETHE_TRY(sink_.Write(bytes));
  offset_ += bytes.size();
  const std::string padding((4 - offset_ % 4) % 4, '\0');
  offset_ += padding.size();
  return sink_.Write(padding);
}

Status CpioWriter::AddDirectory(std::string_view name, unsigned mode) {
  return Add(name, S_IFDIR | mode, {});
}

Status CpioWriter::AddFile(std::string_view name, unsigned mode, std::string_view bytes,
                           unsigned alignment) {
  return Add(name, S_IFREG | mode, bytes, alignment);
}

Status CpioWriter::AddSymlink(std::string_view name, std::string_view target) {
  return Add(name, S_IFLNK | 0777, target);
}

Status CpioWriter::Finish() {
  LETHE_TRY(Add("TRAILER!!!", 0, {}));
  const std::string padding((512 - offset_ % 512) % 512, '\0');
  offset_ += padding.size();
  return sink_.Write(padding);
}

}  // namespace lethe::image
