// Secure Boot for the laboratory: test keys, a firmware with them enrolled, a disk to boot from.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "crypto/authenticode.h"

namespace lethe::lab {

// A fresh RSA key with a self-signed certificate; `name` goes into its subject.
Result<crypto::AuthenticodeKey> MakeTestKey(const std::string& name,
                                            const std::filesystem::path& directory);

// OVMF's empty variable store with PK, KEK and db set to one certificate, as if the machine's owner
// had enrolled it and nothing else: Secure Boot is on from the first boot. kMalformed where the
// store is not the empty one that OVMF ships.
Result<std::string> EnrollKey(std::string store, const std::string& certificate_der);

// A FAT file system with the program at the place where firmware looks on any medium.
Status MakeEspDisk(const std::filesystem::path& efi, const std::filesystem::path& disk);

}  // namespace lethe::lab
