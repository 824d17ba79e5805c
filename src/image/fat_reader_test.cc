#include "image/fat_reader.h"

#include <gtest/gtest.h>

#include <random>

#include "image/diff_fixture.h"

namespace lethe::image {
namespace {

TEST(ReadFat, NamesEveryEntryAndItsPlace) {
  const std::string program = MakePe();
  const auto volume = ReadFat(MakeFatVolume(program));
  ASSERT_TRUE(volume) << volume.error().message;
  EXPECT_EQ(volume->bits, 12);
  EXPECT_EQ(volume->extended_at, 36U);
  ASSERT_EQ(volume->entries.size(), 4U);
  EXPECT_EQ(volume->entries[0].path, "/LETHE-EFI");
  EXPECT_TRUE(volume->entries[0].label);
  EXPECT_EQ(volume->entries[1].path, "/EFI");
  EXPECT_EQ(volume->entries[2].path, "/EFI/BOOT");
  EXPECT_TRUE(volume->entries[2].folder);
  const FatEntry& file = volume->entries[3];
  EXPECT_EQ(file.path, "/EFI/BOOT/BOOTX64.EFI");
  EXPECT_EQ(file.size, program.size());
  ASSERT_EQ(file.content.size(), 1U);
  EXPECT_EQ(file.content[0].at, 5U * 512);
  EXPECT_EQ(file.content[0].size, program.size());
}

// A file whose second cluster lies elsewhere.
TEST(ReadFat, FollowsChains) {
  std::string volume = MakeFatVolume(std::string(1000, 'p'));
  PutNumber(volume, 512 + 6, 0x014, 2);  // cluster 4 leads to 20
  PutNumber(volume, 512 + 30, 0xfff, 2);
  const auto read = ReadFat(volume);
  ASSERT_TRUE(read) << read.error().message;
  const FatEntry& file = read->entries[3];
  ASSERT_EQ(file.content.size(), 2U);
  EXPECT_EQ(file.content[1].at, (3U + 18) * 512);
  EXPECT_EQ(file.content[1].size, 1000U - 512);
}

TEST(ReadFat, NamesTheFolderItselfAndItsParent) {
  std::string volume = MakeFatVolume(MakePe());
  const std::string boot = volume.substr(3 * 512, 32);
  PutText(volume, 3 * 512, ".       ");
  PutText(volume, 3 * 512 + 32, boot);
  const auto read = ReadFat(volume);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->entries[2].path, "/EFI/.");
  EXPECT_EQ(read->entries[2].entry_at, 3U * 512);
  EXPECT_TRUE(read->entries[2].content.empty());
  EXPECT_EQ(read->entries[4].path, "/EFI/BOOT/BOOTX64.EFI");
}

TEST(ReadFat, RefusesWhatIsNoVolume) {
  const std::string good = MakeFatVolume(MakePe());
  struct Case {
    const char* what;
    uint64_t at;
    uint64_t value;
    size_t size;
  };
  for (const Case& c :
       {Case{"no boot sector", 510, 0, 2}, Case{"sector size", 11, 100, 2},
        Case{"cluster size", 13, 3, 1}, Case{"larger than its place", 19, 900, 2},
        Case{"outside of the volume", 4 * 512 + 26, 900, 2},
        Case{"fewer clusters", 4 * 512 + 28, 1 << 20, 4}, Case{"circle", 512 + 6, 0x004, 2}}) {
    std::string bad = good;
    PutNumber(bad, c.at, c.value, c.size);
    const auto read = ReadFat(bad);
    ASSERT_FALSE(read) << c.what;
    EXPECT_EQ(read.error().code, ErrorCode::kMalformed);
    EXPECT_NE(read.error().message.find(c.what), std::string::npos) << read.error().message;
  }
  EXPECT_EQ(ReadFat("").error().code, ErrorCode::kMalformed);
}

TEST(ReadFat, FlippedAndTruncatedVolumesNeverCrash) {
  const std::string good = MakeFatVolume(MakePe());
  std::mt19937 random(20260101);
  size_t refused = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string bad = good;
    for (int flips = 0; flips < 4; ++flips) {
      // The first sectors hold all structure.
      char& byte = bad[random() % (5 * 512)];
      byte = static_cast<char>(byte ^ (1 << (random() % 8)));
    }
    if (i % 3 == 0) bad.resize(random() % bad.size());
    const auto read = ReadFat(bad);
    if (!read) {
      ++refused;
      continue;
    }
    for (const FatEntry& entry : read->entries) {
      for (const FatRun& run : entry.content) EXPECT_LE(run.at + run.size, bad.size());
    }
  }
  EXPECT_GT(refused, 1000U);
}

}  // namespace
}  // namespace lethe::image
