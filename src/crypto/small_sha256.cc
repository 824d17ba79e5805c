#include "crypto/small_sha256.h"

#include <sodium/crypto_hash_sha256.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/file.h"

namespace lethe::crypto {

Result<Sha256Digest> SmallSha256OfFd(int fd, std::string_view name) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  std::vector<unsigned char> buffer(1 << 18);
  while (true) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("reading", std::filesystem::path(name));
    if (n == 0) break;
    crypto_hash_sha256_update(&state, buffer.data(), static_cast<unsigned long long>(n));
  }
  Sha256Digest digest;
  crypto_hash_sha256_final(&state, digest.bytes.data());
  return digest;
}

}  // namespace lethe::crypto
