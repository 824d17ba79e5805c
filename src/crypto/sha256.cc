#include "crypto/sha256.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"

namespace lethe::crypto {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() {
    LETHE_ASSERT(context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1);
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::string_view bytes) {
  LETHE_ASSERT(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256::Finish() {
  Sha256Digest digest;
  unsigned size = 0;
  LETHE_ASSERT(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), &size) == 1 && size == 32);
  return digest;
}

Sha256Digest Sha256Of(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Finish();
}

namespace {

// Pieces that fit a second-level cache: what was copied is still there when it is hashed.
constexpr size_t kPieceBytes = 128 << 10;

// To the end, or until more than `most` bytes are read.
Result<FileDigest> HashStream(int fd, const std::filesystem::path& path, uint64_t most) {
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);  // a longer read-ahead; advice only
  Sha256 hash;
  FileDigest out;
  char buffer[kPieceBytes];
  while (out.bytes <= most) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("reading", path);
    if (n == 0) break;
    hash.Update({buffer, static_cast<size_t>(n)});
    out.bytes += static_cast<size_t>(n);
  }
  out.sha256 = hash.Finish();
  return out;
}

}  // namespace

Result<FileDigest> DigestFile(const std::filesystem::path& path, uint64_t expected_bytes) {
  // Opening a pipe would wait for its writer.
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY | O_NONBLOCK));
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) return IoError("reading", path);
  if (!S_ISREG(status.st_mode))
    return Error{ErrorCode::kMalformed, path.string() + ": is no regular file"};
  if (static_cast<uint64_t>(status.st_size) != expected_bytes)
    return FileDigest{{}, static_cast<uint64_t>(status.st_size)};
  return HashStream(fd.get(), path, expected_bytes);
}

Result<Sha256Digest> Sha256OfFile(const std::filesystem::path& path) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY));
  return LETHE_TRY(HashStream(fd.get(), path, UINT64_MAX - 1)).sha256;
}

}  // namespace lethe::crypto
