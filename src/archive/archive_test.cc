#include "archive/archive.h"

#include <gtest/gtest.h>

#include "base/subprocess.h"

namespace lethe::archive {
namespace {

std::string Shell(std::string script, std::string input = "") {
  return RunChecked({.argv = {"sh", "-c", std::move(script)}, .input = std::move(input)}).value();
}

TEST(Decompress, UnpacksXzAndGzipAndPassesPlainBytes) {
  const std::string text(100000, 'x');
  EXPECT_EQ(*Decompress(Shell("xz -c", text), "t.xz", 1 << 20), text);
  EXPECT_EQ(*Decompress(Shell("gzip -c", text), "t.gz", 1 << 20), text);
  EXPECT_EQ(*Decompress("plain", "t", 1 << 20), "plain");
}

TEST(Decompress, IsBoundedAndRefusesDamage) {
  std::string packed = Shell("xz -c", std::string(100000, 'x'));
  EXPECT_EQ(Decompress(packed, "bomb.xz", 99999).error().code, ErrorCode::kMalformed);
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 1);
  const auto damaged = Decompress(packed, "d.xz", 1 << 20);
  ASSERT_FALSE(damaged);
  EXPECT_NE(damaged.error().message.find("d.xz"), std::string::npos);
}

TEST(Reader, ListsATar) {
  const std::string tar = Shell(
      "d=$(mktemp -d) && cd $d && mkdir a && echo hi >a/f && ln -s f a/l && ln a/f a/z && "
      "tar -c --sort=name --owner=3 --group=4 a; rm -r $d");
  Reader reader = Reader::OpenMemory(tar, "t.tar").value();
  EXPECT_EQ(reader.Next().value()->type, EntryType::kDirectory);
  const Entry file = reader.Next().value().value();
  EXPECT_EQ(file.path, "a/f");
  EXPECT_EQ(file.uid, 3U);
  EXPECT_EQ(*reader.ReadData(100), "hi\n");
  EXPECT_EQ(reader.Next().value()->target, "f");
  const Entry hard = reader.Next().value().value();
  EXPECT_EQ(hard.type, EntryType::kHardLink);
  EXPECT_EQ(hard.target, "a/f");
  EXPECT_FALSE(reader.Next().value());
}

TEST(Reader, RefusesWhatIsNoArchive) {
  auto reader = Reader::OpenMemory("this is not an archive", "x.deb");
  if (reader) {
    EXPECT_EQ(reader->Next().error().code, ErrorCode::kMalformed);
  } else {
    EXPECT_EQ(reader.error().code, ErrorCode::kMalformed);
  }
}

}  // namespace
}  // namespace lethe::archive
