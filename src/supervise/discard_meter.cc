#include "supervise/discard_meter.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/file.h"

namespace lethe::supervise {
Result<DiscardMeter> DiscardMeter::Create() {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return IoError("making", "a pipe");
  DiscardMeter meter;
  meter.read_ = Fd(ends[0]);
  meter.write_ = Fd(ends[1]);
  ::fcntl(meter.read_.get(), F_SETFL, O_NONBLOCK);
  meter.null_ = LETHE_TRY(OpenFile("/dev/null", O_WRONLY));
  struct stat info {};
  if (::fstat(meter.read_.get(), &info) != 0) return IoError("looking at", "a pipe");
  meter.inode_ = info.st_ino;
  return meter;
}

Status DiscardMeter::Discard() {
  // Not more than what is there now: who goes on talking waits for the next call.
  int left = 0;
  if (::ioctl(read_.get(), FIONREAD, &left) != 0) return IoError("asking", "a pipe");
  while (left > 0) {
    const ssize_t gone = ::splice(read_.get(), nullptr, null_.get(), nullptr,
                                  static_cast<size_t>(left), SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (gone < 0 && errno == EAGAIN) return {};
    if (gone <= 0) return IoError("discarding from", "a pipe");
    bytes_ += static_cast<uint64_t>(gone);
    left -= static_cast<int>(gone);
  }
  return {};
}

}  // namespace lethe::supervise
