// SHA-256 for the static programs of the image: libsodium's portable code, 4 KiB instead of
// libcrypto's megabytes. Same answers as crypto/sha256.h, without the CPU's SHA instructions.
#pragma once

#include "crypto/sha256.h"

namespace lethe::crypto {

// The digest of everything that can be read from `fd`, from its current offset to the end. `name`
// is for the message of a kIo error.
Result<Sha256Digest> SmallSha256OfFd(int fd, std::string_view name);

}  // namespace lethe::crypto
