#include "crypto/sha256.h"

#include <fcntl.h>
#include <openssl/evp.h>

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

Result<Sha256Digest> Sha256OfFile(const std::filesystem::path& path) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY));
  Sha256 hash;
  char buffer[1 << 17];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("reading", path);
    if (n == 0) return hash.Finish();
    hash.Update({buffer, static_cast<size_t>(n)});
  }
}

}  // namespace lethe::crypto
