// Writes cpio archives in the "newc" format that the kernel unpacks as an initramfs
// (kernel documentation, driver-api/early-userspace/buffer-format).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lethe::image {

// Receives the archive in pieces.
class CpioSink {
 public:
  virtual ~CpioSink() = default;
  virtual Status Write(std::string_view bytes) = 0;
};

// Entries get inode numbers in the order of their addition, owner 0:0, time 0. Names have no
// leading slash.
class CpioWriter {
 public:
  explicit CpioWriter(CpioSink& sink) : sink_(sink) {}

  Status AddDirectory(std::string_view name, unsigned mode);
  // kMalformed for a file of 4 GiB or more. The content begins at a multiple of `alignment` (4, 8
  // or 16): the name gets further NULs at its end, over which the kernel's readers read.
  Status AddFile(std::string_view name, unsigned mode, std::string_view bytes,
                 unsigned alignment = 4);
  Status AddSymlink(std::string_view name, std::string_view target);
  // Writes the trailer and pads to 512 bytes. Nothing may be added after.
  Status Finish();

 private:
  Status Add(std::string_view name, unsigned mode, std::string_view bytes, unsigned alignment = 4);

  CpioSink& sink_;
  uint32_t next_inode_ = 1;
  uint64_t offset_ = 0;
};

// A sink that collects everything in memory.
class CpioStringSink : public CpioSink {
 public:
  Status Write(std::string_view bytes) override {
    bytes_ += bytes;
    return {};
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// A sink that writes to a descriptor; `name` is for messages.
class CpioFdSink : public CpioSink {
 public:
  CpioFdSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  Status Write(std::string_view bytes) override;

 private:
  int fd_;
  std::string name_;
};

}  // namespace lethe::image
