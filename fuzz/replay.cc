// The main of fuzz targets where libFuzzer is not there: every file of a folder, and every prefix
// of it, through the target once. Exit code 2 where there is no file at all.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz.h"

namespace {

constexpr size_t kMaxPrefixes = 4096;  // per file: of larger ones, evenly spread

void Replay(const std::string& bytes) {
  const size_t step = bytes.size() / kMaxPrefixes + 1;
  for (size_t size = 0; size < bytes.size(); size += step) {
    // A copy of its own size each time: sanitizers see what is read beyond it.
    const std::string prefix = bytes.substr(0, size);
    (void)LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(prefix.data()), prefix.size());
  }
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream in(entry.path(), std::ios::binary);
      Replay({std::istreambuf_iterator<char>(in), {}});
      ++files;
    }
  }
  std::printf("%d seeds\n", files);
  return files == 0 ? 2 : 0;
}
