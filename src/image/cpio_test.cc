#include <gtest/gtest.h>

#include "image/cpio_reader.h"
#include "image/cpio_writer.h"

namespace lethe::image {
namespace {

std::string Archive(const std::vector<std::pair<std::string, std::string>>& files,
                    unsigned alignment = 4) {
  CpioStringSink sink;
  CpioWriter cpio(sink);
  for (const auto& [name, bytes] : files) EXPECT_TRUE(cpio.AddFile(name, 0644, bytes, alignment));
  EXPECT_TRUE(cpio.Finish());
  return sink.Take();
}

TEST(ReadCpio, ReadsAllArchivesThatStandOneAfterAnother) {
  const std::string bytes =
      Archive({{"a", "1"}, {"b", ""}}) + Archive({{"c/d", "three"}}) + std::string(1024, '\0');
  const auto entries = ReadCpio(bytes).value();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].bytes, "1");
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_EQ(entries[2].name, "c/d");
  EXPECT_EQ(entries[2].bytes, "three");
}

TEST(ReadCpio, ReadsNamesWithFurtherNuls) {
  for (const unsigned alignment : {4U, 8U, 16U}) {
    for (size_t length = 1; length < 40; ++length) {
      const std::string name(length, 'n');
      const std::string bytes = Archive({{"odd", "x"}, {name, "content"}}, alignment);
      const auto entries = ReadCpio(bytes).value();
      ASSERT_EQ(entries.size(), 2U);
      EXPECT_EQ(entries[1].name, name);
      EXPECT_EQ(entries[1].bytes, "content");
      EXPECT_EQ(static_cast<size_t>(entries[1].bytes.data() - bytes.data()) % alignment, 0U);
    }
  }
}

struct Broken {
  const char* what;
  std::string bytes;
  const char* message;
};

TEST(ReadCpio, RefusesWhatTheKernelWouldNotUnpack) {
  const std::string good = Archive({{"name", "content"}});
  std::string hidden = Archive({{"name", "content"}}, 16);
  hidden[hidden.find("name") + 5] = 'x';  // behind the NUL that ends the name
  std::string unended = good;
  unended[unended.find("name") + 4] = 'x';
  std::string magic = good;
  magic[5] = '2';
  std::string huge = good;
  huge.replace(6 + 6 * 8, 8, "ffffffff");
  std::string digits = good;
  digits.replace(6 + 6 * 8, 8, "0000000g");
  const Broken kCases[] = {
      {"nothing", "", "truncated"},
      {"no trailer", good.substr(0, good.find("TRAILER") - 110), "truncated"},
      {"cut content", good.substr(0, 118), "truncated"},
      {"another magic", magic, "no newc header"},
      {"size beyond the end", huge, "truncated"},
      {"size that is no number", digits, "bad header"},
      {"bytes behind a name", hidden, "bad name"},
      {"a name without an end", unended, "bad name"},
      {"something between archives", good + "\1" + good, "no newc header"},
      {"an archive at an odd place", good + std::string(2, '\0') + good, "no newc header"},
  };
  for (const Broken& broken : kCases) {
    const auto entries = ReadCpio(broken.bytes);
    ASSERT_FALSE(entries) << broken.what;
    EXPECT_EQ(entries.error().code, ErrorCode::kMalformed) << broken.what;
    EXPECT_NE(entries.error().message.find("cpio at byte "), std::string::npos);
    EXPECT_NE(entries.error().message.find(broken.message), std::string::npos)
        << broken.what << ": " << entries.error().message;
  }
}

}  // namespace
}  // namespace lethe::image
