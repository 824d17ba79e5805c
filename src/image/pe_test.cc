#include "image/pe.h"

#include <gtest/gtest.h>

#include <random>

#include "image/pe_test_image.h"

namespace lethe::image {
namespace {

uint32_t Number(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

TEST(ReadPe, FindsSectionsAndTheirBytes) {
  const std::string file = MakeTestPe();
  const auto pe = ReadPe(file);
  ASSERT_TRUE(pe) << pe.error().message;
  ASSERT_EQ(pe->sections.size(), 2U);
  EXPECT_EQ(pe->sections[0].name, ".text");
  EXPECT_EQ(PeSectionBytes(file, pe->sections[0]), file.substr(1024, 100));
  EXPECT_EQ(PeSectionBytes(file, *FindPeSection(*pe, ".reloc")), file.substr(1536, 8));
  EXPECT_EQ(FindPeSection(*pe, ".linux"), nullptr);
  EXPECT_EQ(pe->content_bytes, file.size());
  EXPECT_EQ(pe->certificates_bytes, 0U);
}

struct Damage {
  const char* what;
  size_t at;
  uint64_t value;
  size_t width;
  const char* says;
};

TEST(ReadPe, RefusesEachDamageByItsPlace) {
  constexpr size_t kSecond = kTestTable + 40;
  const Damage damages[] = {
      {"no MZ", 0, 0, 1, "DOS header"},
      {"PE header inside the DOS header", 60, 32, 4, "DOS header"},
      {"PE header far away", 60, 0xfffffff0, 4, "DOS header"},
      {"no PE", 64, 0, 1, "DOS header"},
      {"ARM", kTestCoff, 0xaa64, 2, "x86-64"},
      {"no section", kTestCoff + 2, 0, 2, "0 sections"},
      {"a huge number of sections", kTestCoff + 2, 0xffff, 2, "65535 sections"},
      {"more sections than headers", kTestCoff + 2, 60, 2, "headers of a wrong size"},
      {"symbol table", kTestCoff + 8, 512, 4, "symbol table"},
      {"optional header too short", kTestCoff + 16, 100, 2, "optional header"},
      {"optional header beyond the file", kTestCoff + 16, 0xffff, 2, "optional header"},
      {"PE32", kTestOptional, 0x10b, 2, "PE32+"},
      {"no directory for signatures", kTestOptional + 108, 4, 4, "data directories"},
      {"a huge number of directories", kTestOptional + 108, 0xffffffff, 4, "data directories"},
      {"section alignment 0", kTestOptional + 32, 0, 4, "alignments"},
      {"section alignment 3000", kTestOptional + 32, 3000, 4, "alignments"},
      {"sections closer than in the file", kTestOptional + 36, 8192, 4, "alignments"},
      {"size in memory", kTestOptional + 56, 4 * 4096, 4, "size in memory"},
      {"headers larger than the file", kTestOptional + 60, 1 << 20, 4, "headers of a wrong size"},
      {"headers end in the table", kTestOptional + 60, 0, 4, "headers of a wrong size"},
      {"section twice", kTestTable, 0x636f6c65722e, 8, "twice"},
      {"section without a name", kTestTable, 0, 8, "printable name"},
      {"control character in a name", kTestTable + 1, 7, 1, "printable name"},
      {"bytes behind a name", kTestTable + 7, 'x', 1, "printable name"},
      {"empty in memory", kSecond + 8, 0, 4, "is empty"},
      {"overlaps in memory", kSecond + 12, 4096, 4, "overlaps"},
      {"unaligned in memory", kSecond + 12, 8193, 4, "unaligned"},
      {"wraps around in memory", kSecond + 8, 0xfffffff0, 4, "4 GiB"},
      {"overlaps in the file", kSecond + 20, 1024, 4, "does not follow"},
      {"leaves a gap in the file", kSecond + 20, 2048, 4, "does not follow"},
      {"ends beyond the file", kSecond + 16, 0xfffffe00, 4, "wrong number of bytes"},
      {"hides bytes behind a section", kTestTable + 16, 1024, 4, "wrong number of bytes"},
      {"relocations of a section", kSecond + 24, 512, 4, "relocations"},
      {"certificate table in the headers", kTestOptional + 144, 512, 4, "certificate table"},
      {"certificate table without bytes", kTestOptional + 144, 2048, 4, "certificate table"},
      {"certificate table beyond the file", kTestOptional + 148, 64, 4, "certificate table"},
  };
  for (const Damage& damage : damages) {
    std::string file = MakeTestPe();
    PutNumber(file, damage.at, damage.value, damage.width);
    const auto pe = ReadPe(file);
    ASSERT_FALSE(pe) << damage.what;
    EXPECT_EQ(pe.error().code, ErrorCode::kMalformed) << damage.what;
    EXPECT_NE(pe.error().message.find(damage.says), std::string::npos)
        << damage.what << ": " << pe.error().message;
  }
}

TEST(ReadPe, RefusesEveryTruncationAndTrailingBytes) {
  const std::string file = MakeTestPe();
  for (size_t size = 0; size < file.size(); ++size) {
    const auto pe = ReadPe(file.substr(0, size));
    ASSERT_FALSE(pe) << size;
    EXPECT_EQ(pe.error().code, ErrorCode::kMalformed);
  }
  EXPECT_NE(ReadPe(file + "x").error().message.find("behind its last section"), std::string::npos);
}

// Whatever the headers say: an answer, and sections that lie inside the file.
TEST(ReadPe, SurvivesRandomHeaders) {
  std::mt19937 random(20260401);
  const std::string good = MakeTestPe();
  for (int round = 0; round < 20000; ++round) {
    std::string file = good;
    for (size_t flips = 1 + random() % 8; flips > 0; --flips)
      file[random() % (kTestTable + 80)] = static_cast<char>(random());
    const auto pe = ReadPe(file);
    if (!pe) {
      ASSERT_EQ(pe.error().code, ErrorCode::kMalformed);
      continue;
    }
    uint64_t address = 0;
    for (const PeSection& section : pe->sections) {
      EXPECT_GE(section.virtual_address, address);
      address = uint64_t{section.virtual_address} + section.virtual_size;
      EXPECT_LE(PeSectionBytes(file, section).size(), file.size());
    }
  }
}

TEST(AddPeSections, AppendsThemInOrder) {
  const std::string small = "small";
  const std::string large(5000, 'x');
  const std::string before = MakeTestPe();
  const auto out = AddPeSections(before, {{".small", small}, {".largest", large}});
  ASSERT_TRUE(out) << out.error().message;
  const auto pe = ReadPe(*out);
  ASSERT_TRUE(pe) << pe.error().message;
  ASSERT_EQ(pe->sections.size(), 4U);
  EXPECT_EQ(pe->sections[3].name, ".largest");
  EXPECT_EQ(PeSectionBytes(*out, pe->sections[2]), small);
  EXPECT_EQ(PeSectionBytes(*out, pe->sections[3]), large);
  EXPECT_EQ(pe->sections[2].virtual_address, 3 * kTestSectionAlignment);
  EXPECT_EQ(pe->sections[3].virtual_address, 4 * kTestSectionAlignment);
  EXPECT_EQ(pe->image_bytes, 6 * kTestSectionAlignment);
  EXPECT_EQ(Number(*out, kTestCoff + 4), 0U) << "the time stamp";
  EXPECT_EQ(out->substr(kTestHeaders, 1024), before.substr(kTestHeaders)) << "its own sections";
  EXPECT_EQ(AddPeSections(before, {{".small", small}, {".largest", large}}).value(), *out);
}

TEST(AddPeSections, RefusesWhatHasNoRoom) {
  const std::string content = "x";
  std::vector<NewPeSection> sections;
  std::vector<std::string> names;
  for (int i = 0; i < 16; ++i) names.push_back(".s" + std::to_string(i));
  for (const std::string& name : names) sections.push_back({name, content});
  EXPECT_EQ(AddPeSections(MakeTestPe(), sections).error().code, ErrorCode::kConflict);
  sections.pop_back();
  EXPECT_TRUE(AddPeSections(MakeTestPe(), sections));
  EXPECT_EQ(AddPeSections(MakeTestPe(), {{".text", content}}).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(AddPeSections("x", sections).error().code, ErrorCode::kMalformed);
}

// By hand: the words of the file that are not 0, folded, plus its length.
TEST(UpdatePeChecksum, IsTheSumOfAllWordsPlusTheLength) {
  std::string file = MakeTestPe();
  file.replace(1024, 512, 512, '\0');
  file.replace(1536, 512, 512, '\0');
  const auto pe = ReadPe(file).value();
  UpdatePeChecksum(file, pe);
  const uint32_t first = Number(file, pe.checksum_offset);
  file[1024] = '\x05';
  file[1537] = '\x01';  // the high byte of a word
  UpdatePeChecksum(file, pe);
  EXPECT_EQ(Number(file, pe.checksum_offset), first + 0x105);
  UpdatePeChecksum(file, pe);
  EXPECT_EQ(Number(file, pe.checksum_offset), first + 0x105) << "it does not count itself";
}

// End-around carry is arithmetic modulo 65535, where nothing but an empty sum is 0.
TEST(UpdatePeChecksum, CarriesAround) {
  std::mt19937 random(20260403);
  for (int round = 0; round < 200; ++round) {
    std::string file = MakeTestPe();
    for (size_t i = 0; i < 8; ++i) file[1100 + i] = static_cast<char>(random());
    const auto pe = ReadPe(file).value();
    PutNumber(file, pe.checksum_offset, 0, 4);
    uint64_t sum = 0;
    for (size_t i = 0; i < file.size(); ++i)
      sum += uint64_t{static_cast<uint8_t>(file[i])} << (i % 2 * 8);
    UpdatePeChecksum(file, pe);
    EXPECT_EQ(Number(file, pe.checksum_offset), (sum - 1) % 65535 + 1 + file.size());
  }
}

}  // namespace
}  // namespace lethe::image
