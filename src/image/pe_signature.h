// The Authenticode signature of a PE image: the digest that it covers and its place in the file
// (Microsoft's "Windows Authenticode Portable Executable Signature Format"; UEFI specification
// 2.10, 32.2.4). Pure: bytes in, bytes out. What is inside a signature: crypto/authenticode.h.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/sha256.h"
#include "image/pe.h"

namespace lethe::image {

// SHA-256 over all bytes but CheckSum, the directory entry of the signatures, and the signatures.
// `image` must come from `file`.
crypto::Sha256Digest AuthenticodeDigest(std::string_view file, const PeImage& image);

// The DER bytes (PKCS #7) of the one signature in the certificate table; empty where there is none.
// kMalformed for another number or another kind of certificates, or bytes around it.
Result<std::string_view> PeSignature(std::string_view file, const PeImage& image);

// The file with its signature. kConflict where it has one already, kMalformed for a bad file or
// a signature that is empty or larger than 64 KiB.
Result<std::string> AttachPeSignature(std::string_view file, std::string_view pkcs7);

// The file without its signature, if any; the checksum becomes right. Attaching and removing gives
// the bytes from before.
Result<std::string> RemovePeSignature(std::string_view file);

}  // namespace lethe::image
