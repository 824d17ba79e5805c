#include "image/microcode.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>

#include "image/cpio_reader.h"

namespace lethe::image {
namespace {

void Put32(std::string& bytes, size_t at, uint32_t value) {
  if (bytes.size() < at + 4) bytes.resize(at + 4);
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i) & 0xff);
}

uint32_t Get32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

// Sets the word at `sum_at` so that the words of [from, from + size) add up to zero.
void Balance(std::string& bytes, size_t from, size_t size, size_t sum_at) {
  Put32(bytes, sum_at, 0);
  uint32_t sum = 0;
  for (size_t at = from; at < from + size; at += 4) sum += Get32(bytes, at);
  Put32(bytes, sum_at, 0 - sum);
}

struct Intel {
  uint32_t cpu = 0x000906ea;
  uint32_t platforms = 0x22;
  uint32_t revision = 0xfa;
  uint32_t date = 0x07282024;
  std::vector<std::pair<uint32_t, uint32_t>> extended;  // cpu, platforms
};

std::string MakeIntel(const Intel& update) {
  constexpr size_t kData = 976;  // with the header 1024
  std::string bytes(1024, 'd');
  const uint32_t total = update.extended.empty() ? 1024 : 2048;
  const uint32_t kHeader[12] = {
      1, update.revision, update.date, update.cpu, 0, 1, update.platforms, kData, total, 0, 0, 0};
  for (size_t i = 0; i < 12; ++i) Put32(bytes, i * 4, kHeader[i]);
  Balance(bytes, 0, 1024, 16);
  if (update.extended.empty()) return bytes;
  bytes.resize(2048);
  const size_t size = 20 + update.extended.size() * 12;
  Put32(bytes, 1024, static_cast<uint32_t>(update.extended.size()));
  for (size_t i = 0; i < update.extended.size(); ++i) {
    Put32(bytes, 1044 + i * 12, update.extended[i].first);
    Put32(bytes, 1048 + i * 12, update.extended[i].second);
  }
  Balance(bytes, 1024, size, 1028);
  return bytes;
}

struct AmdPatch {
  uint32_t processor;
  uint32_t revision;
  uint32_t date;
};

std::string MakeAmd(const std::vector<std::pair<uint32_t, uint32_t>>& cpus,
                    const std::vector<AmdPatch>& patches) {
  std::string bytes;
  Put32(bytes, 0, 0x00414d44);
  Put32(bytes, 4, 0);
  Put32(bytes, 8, static_cast<uint32_t>((cpus.size() + 1) * 16));
  for (const auto& [cpu, processor] : cpus) {
    const size_t at = bytes.size();
    Put32(bytes, at, cpu);
    Put32(bytes, at + 12, processor);
  }
  bytes.append(16, '\0');
  for (const AmdPatch& patch : patches) {
    const size_t at = bytes.size();
    Put32(bytes, at, 1);
    Put32(bytes, at + 4, 100);
    bytes.resize(at + 108, 'p');
    Put32(bytes, at + 8, patch.date);
    Put32(bytes, at + 12, patch.revision);
    Put32(bytes, at + 32, patch.processor);
  }
  return bytes;
}

TEST(CpuSignature, IsTakenApartAsCpuidSays) {
  const struct {
    uint32_t eax;
    unsigned family;
    unsigned model;
    unsigned stepping;
  } kCases[] = {{0x000906ea, 6, 0x9e, 10},   {0x00050654, 6, 0x55, 4}, {0x00000f34, 15, 3, 4},
                {0x00a20f12, 0x19, 0x21, 2}, {0x00800f12, 0x17, 1, 2}, {0x00000543, 5, 4, 3}};
  for (const auto& c : kCases) {
    const CpuSignature cpu{c.eax};
    EXPECT_EQ(cpu.Family(), c.family) << std::hex << c.eax;
    EXPECT_EQ(cpu.Model(), c.model) << std::hex << c.eax;
    EXPECT_EQ(cpu.Stepping(), c.stepping) << std::hex << c.eax;
  }
}

TEST(ParseIntelMicrocode, ReadsUpdatesAndTheirFurtherProcessors) {
  const auto updates =
      ParseIntelMicrocode(MakeIntel({}) + MakeIntel({.cpu = 0x50654,
                                                     .platforms = 0xb7,
                                                     .revision = 0x2007006,
                                                     .date = 0x03062023,
                                                     .extended = {{0x50653, 0x97}}}));
  ASSERT_TRUE(updates) << updates.error().message;
  ASSERT_EQ(updates->size(), 3U);
  EXPECT_EQ((*updates)[0], (MicrocodeUpdate{{0x906ea}, 0x22, 0xfa, "2024-07-28", 1024}));
  EXPECT_EQ((*updates)[1], (MicrocodeUpdate{{0x50654}, 0xb7, 0x2007006, "2023-03-06", 2048}));
  EXPECT_EQ((*updates)[2], (MicrocodeUpdate{{0x50653}, 0x97, 0x2007006, "2023-03-06", 2048}));
}

TEST(ParseIntelMicrocode, RefusesEveryFlippedBitAndEveryCut) {
  const std::string good = MakeIntel({.extended = {{0x50653, 0x97}}});
  ASSERT_TRUE(ParseIntelMicrocode(good));
  const size_t covered = 1024 + 32;  // what follows is padding
  for (size_t at = 0; at < covered; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      const auto updates = ParseIntelMicrocode(bad);
      ASSERT_FALSE(updates) << at << " " << bit;
      EXPECT_EQ(updates.error().code, ErrorCode::kMalformed);
    }
  }
  for (size_t size = 1; size < good.size(); ++size)
    ASSERT_FALSE(ParseIntelMicrocode(good.substr(0, size))) << size;
}

TEST(ParseAmdMicrocode, ReadsContainersOneAfterAnother) {
  const auto updates = ParseAmdMicrocode(
      MakeAmd({{0x800f12, 0x8012}, {0x800f11, 0x8012}}, {{0x8012, 0x800126e, 0x11112018}}) +
      MakeAmd({{0xa20f12, 0xa212}}, {{0xa212, 0xa20120a, 0x05042021}}));
  ASSERT_TRUE(updates) << updates.error().message;
  ASSERT_EQ(updates->size(), 3U);
  EXPECT_EQ((*updates)[0], (MicrocodeUpdate{{0x800f12}, 0, 0x800126e, "2018-11-11", 100}));
  EXPECT_EQ((*updates)[1].cpu.eax, 0x800f11U);
  EXPECT_EQ((*updates)[2], (MicrocodeUpdate{{0xa20f12}, 0, 0xa20120a, "2021-05-04", 100}));
  // As AMD really ships it.
  EXPECT_EQ(ParseAmdMicrocode(MakeAmd({{1, 1}}, {{1, 1, 0x13092011}})).value()[0].date, "");
}

TEST(ParseAmdMicrocode, RefusesWhatTheKernelWouldNotRead) {
  const std::string good = MakeAmd({{0x800f12, 0x8012}}, {{0x8012, 1, 0x11112018}});
  const auto changed = [&](size_t at, uint32_t value) {
    std::string bytes = good;
    Put32(bytes, at, value);
    return bytes;
  };
  const struct {
    const char* what;
    std::string bytes;
    const char* message;
  } kCases[] = {
      {"another magic", changed(0, 0x00414d45), "no AMD container"},
      {"no table", changed(4, 1), "no AMD container"},
      {"a table beyond the end", changed(8, 0xfffffff0), "table of processors outside"},
      {"a table of half an entry", changed(8, 24), "another size"},
      {"another section", changed(44, 2), "no patch"},
      {"a patch without a header", changed(48, 63), "no patch"},
      {"a patch beyond the end", changed(48, 0xffffffff), "patch outside of the file"},
      {"an unknown processor", changed(76, 0x9999), "does not name"},
  };
  for (const auto& c : kCases) {
    const auto updates = ParseAmdMicrocode(c.bytes);
    ASSERT_FALSE(updates) << c.what;
    EXPECT_EQ(updates.error().code, ErrorCode::kMalformed);
    EXPECT_NE(updates.error().message.find(c.message), std::string::npos)
        << c.what << ": " << updates.error().message;
  }
  for (size_t size = 1; size < good.size(); ++size) {
    if (size == 44) continue;  // a container without patches
    ASSERT_FALSE(ParseAmdMicrocode(good.substr(0, size))) << size;
  }
}

TEST(JoinMicrocode, JoinsInTheOrderOfPathsAndNamesABrokenFile) {
  const std::string first = MakeIntel({.cpu = 1});
  const std::string second = MakeIntel({.cpu = 2});
  const std::string amd = MakeAmd({{3, 3}}, {{3, 1, 0x11112018}});
  Tree tree;
  const std::string folder = "/usr/lib/firmware/";
  ASSERT_TRUE(tree.PutFile(folder + "intel-ucode/06-9e-0a", second, 0644, "intel"));
  ASSERT_TRUE(tree.PutFile(folder + "intel-ucode/06-55-04.initramfs", first, 0644, "intel"));
  ASSERT_TRUE(tree.PutFile(folder + "amd-ucode/microcode_amd.bin", amd, 0644, "amd"));
  ASSERT_TRUE(tree.PutFile(folder + "amd-ucode/README", "not this one", 0644, "amd"));
  ASSERT_TRUE(tree.PutFile(folder + "amd/sev.sbin", "not this one", 0644, "amd"));
  const MicrocodeFiles files = JoinMicrocode(tree).value();
  EXPECT_EQ(files.intel, first + second);
  EXPECT_EQ(files.amd, amd);

  ASSERT_TRUE(tree.PutFile(folder + "intel-ucode/06-9e-0b", second.substr(1), 0644, "intel"));
  const auto refused = JoinMicrocode(tree);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kMalformed);
  EXPECT_NE(refused.error().message.find("intel-ucode/06-9e-0b"), std::string::npos);
}

// How Linux looks for a file at the front of an initrd (find_cpio_data of lib/earlycpio.c): header
// after header from byte 0, words of zeros between them, each field eight hexadecimal digits, names
// and contents padded to four bytes; the first regular file whose name begins with the path.
std::optional<std::string_view> KernelFinds(std::string_view initrd, std::string_view path) {
  constexpr size_t kHeader = 110;
  size_t at = 0;
  while (initrd.size() - at > kHeader) {
    if (initrd[at] == '\0') {
      at += 4;
      if (at > initrd.size()) return std::nullopt;
      continue;
    }
    uint32_t fields[14] = {};
    size_t digit = at;
    for (size_t i = 0; i < 14; ++i) {
      for (int n = i == 0 ? 6 : 8; n > 0; --n, ++digit) {
        const char c = initrd[digit];
        const uint32_t value = c >= '0' && c <= '9'   ? static_cast<uint32_t>(c - '0')
                               : c >= 'a' && c <= 'f' ? static_cast<uint32_t>(c - 'a' + 10)
                                                      : 16;
        if (value > 15) return std::nullopt;
        fields[i] = fields[i] << 4 | value;
      }
    }
    if (fields[0] != 0x070701 && fields[0] != 0x070702) return std::nullopt;
    const auto padded = [](size_t size) { return (size + 3) / 4 * 4; };
    const size_t name_size = fields[12];
    const size_t data = padded(at + kHeader + name_size);
    const size_t next = padded(data + fields[7]);
    if (next > initrd.size()) return std::nullopt;
    if ((fields[2] & S_IFMT) == S_IFREG && name_size >= path.size() &&
        initrd.substr(at + kHeader, path.size()) == path) {
      // The kernel keeps the rest of the name, at most 17 bytes and its NUL.
      return name_size - path.size() >= 18 ? std::nullopt
                                           : std::optional(initrd.substr(data, fields[7]));
    }
    at = next;
  }
  return std::nullopt;
}

TEST(EarlyArchive, IsFoundByTheRulesOfTheKernelAndAligned) {
  const MicrocodeFiles both{MakeAmd({{3, 3}}, {{3, 1, 0x11112018}}) + "xxx", MakeIntel({})};
  for (const MicrocodeFiles& files :
       {both, MicrocodeFiles{both.amd, ""}, MicrocodeFiles{"", both.intel}}) {
    const std::string early = EarlyArchive(files).value();
    EXPECT_EQ(early.size() % 512, 0U);
    const std::string initrd = early + "070701 and so on";
    for (const auto& [path, bytes] :
         {std::pair("kernel/x86/microcode/AuthenticAMD.bin", files.amd),
          std::pair("kernel/x86/microcode/GenuineIntel.bin", files.intel)}) {
      const auto found = KernelFinds(initrd, path);
      ASSERT_EQ(found.has_value(), !bytes.empty()) << path;
      if (!found) continue;
      EXPECT_EQ(*found, bytes) << path;
      EXPECT_EQ(static_cast<size_t>(found->data() - initrd.data()) % 16, 0U) << path;
    }
    // The folders stand before what lies in them: the kernel unpacks it too.
    const auto entries = ReadCpio(early).value();
    ASSERT_GE(entries.size(), 4U);
    EXPECT_EQ(entries[2].name, "kernel/x86/microcode");
  }
  EXPECT_EQ(EarlyArchive({}).value(), "");
}

TEST(EarlyArchive, IsTheSameForTheSameFiles) {
  const MicrocodeFiles files{"", MakeIntel({})};
  EXPECT_EQ(EarlyArchive(files).value(), EarlyArchive(files).value());
}

}  // namespace
}  // namespace lethe::image
