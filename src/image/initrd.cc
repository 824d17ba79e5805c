#include "image/initrd.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/file.h"
#include "image/capture.h"
#include "image/cpio_writer.h"

namespace lethe::image {
namespace {

struct File {
  unsigned mode;
  std::string_view bytes;
};

std::string MountTable(const std::vector<recipe::WritablePath>& writable) {
  std::string out;
  for (const auto& path : writable) {
    char mode[32];
    std::snprintf(mode, sizeof mode, "%04o", path.mode);
    out += path.path + " " + mode + " " + std::to_string(uint64_t{path.size_mib} << 20) +
           " nosuid,nodev,noexec\n";
  }
  return out;
}

}  // namespace

Result<std::vector<ManifestBlob>> WriteInitrd(const InitrdInputs& inputs,
                                              const std::filesystem::path& output) {
  const MappedFile root = LETHE_TRY(MapFile(inputs.root_image));
  const std::string mounts = MountTable(inputs.writable);
  std::map<std::string, File> files = {{"init", {0755, inputs.init}},
                                       {"lethe/mounts", {0644, mounts}},
                                       {"lethe/root.erofs", {0644, root.bytes}}};
  for (size_t i = 0; i < inputs.modules.size(); ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "%02zu-", i);
    files["lethe/modules/" + (number + inputs.modules[i].name)] = {0644, inputs.modules[i].bytes};
  }
  const std::pair<std::string_view, std::string_view> kMicrocode[] = {
      {kAmdMicrocodePath, inputs.microcode.amd}, {kIntelMicrocodePath, inputs.microcode.intel}};
  std::vector<ManifestBlob> blobs;
  for (const auto& [name, file] : files)
    blobs.push_back({"/" + name, file.bytes.size(), crypto::Sha256Of(file.bytes)});
  for (const auto& [path, bytes] : kMicrocode) {
    if (!bytes.empty()) blobs.push_back({std::string(path), bytes.size(), crypto::Sha256Of(bytes)});
  }
  const auto by_path = [](const auto& a, const auto& b) { return a.path < b.path; };
  std::sort(blobs.begin(), blobs.end(), by_path);
  std::string sums;
  for (const auto& blob : blobs) sums += blob.sha256.Hex() + "  " + blob.path.substr(1) + "\n";
  blobs.push_back({"/lethe/SHA256SUMS", sums.size(), crypto::Sha256Of(sums)});
  std::sort(blobs.begin(), blobs.end(), by_path);

  const Fd fd = LETHE_TRY(OpenFile(output, O_CREAT | O_WRONLY | O_TRUNC));
  CpioFdSink sink(fd.get(), output.string());
  // First, and on its own: the kernel looks for it before anything is unpacked.
  LETHE_TRY(sink.Write(LETHE_TRY(EarlyArchive(inputs.microcode))));
  CpioWriter cpio(sink);
  for (const char* folder : {"dev", "proc", "sys", "root", "lethe", "lethe/modules"}) {
    LETHE_TRY(cpio.AddDirectory(folder, 0755));
  }
  LETHE_TRY(cpio.AddFile("lethe/SHA256SUMS", 0644, sums));
  for (const auto& [name, file] : files) LETHE_TRY(cpio.AddFile(name, file.mode, file.bytes));
  LETHE_TRY(cpio.Finish());
  return blobs;
}

}  // namespace lethe::image
