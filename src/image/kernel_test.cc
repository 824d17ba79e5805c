#include "image/kernel.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/file.h"
#include "base/subprocess.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

template <typename T>
void AppendStruct(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// The smallest ELF64 file with a .modinfo section; entries are separated by NULs.
std::string Module(const std::vector<std::string>& entries) {
  const std::string names = std::string("\0.modinfo\0.shstrtab\0", 20);
  std::string info;
  for (const auto& entry : entries) info += entry + '\0';
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  header.e_shoff = sizeof header + info.size() + names.size();
  Elf64_Shdr modinfo{};
  modinfo.sh_name = 1;
  modinfo.sh_offset = sizeof header;
  modinfo.sh_size = info.size();
  Elf64_Shdr strings{};
  strings.sh_name = 10;
  strings.sh_offset = sizeof header + info.size();
  strings.sh_size = names.size();
  std::string out;
  AppendStruct(out, header);
  out += info + names;
  AppendStruct(out, Elf64_Shdr{});
  AppendStruct(out, modinfo);
  AppendStruct(out, strings);
  return out;
}

TEST(ParseModuleInfo, ReadsWhatTheBuildNeeds) {
  const ModuleInfo info =
      ParseModuleInfo(Module({"license=GPL", "depends=a,b", "alias=pci:x", "alias=pci:y",
                              "firmware=f/g.bin", "softdep=pre: c post: d"}))
          .value();
  EXPECT_EQ(info.depends, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(info.soft_depends, (std::vector<std::string>{"c", "d"}));
  EXPECT_EQ(info.aliases, (std::vector<std::string>{"pci:x", "pci:y"}));
  EXPECT_EQ(info.firmware, (std::vector<std::string>{"f/g.bin"}));
}

TEST(ParseModuleInfo, SurvivesEveryCutAndEveryFlippedByte) {
  const std::string good = Module({"depends=a", "firmware=f"});
  for (size_t size = 0; size < good.size(); ++size) {
    const auto info = ParseModuleInfo(good.substr(0, size));
    ASSERT_FALSE(info) << size;
    EXPECT_EQ(info.error().code, ErrorCode::kMalformed);
  }
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0xff);
    const auto info = ParseModuleInfo(bad);
    EXPECT_TRUE(info || info.error().code == ErrorCode::kMalformed) << at;
  }
}

class ExtractKernelTest : public ::testing::Test {
 protected:
  void Add(const std::string& place, const std::vector<std::string>& entries) {
    const fs::path path = dir_.path() / "data/usr/lib/modules/6.1-x/kernel" / place;
    fs::create_directories(path.parent_path());
    ASSERT_TRUE(WriteFileAtomic(path, Module(entries)));
  }

  Status Extract(const KernelSelection& selection) {
    const auto made = RunChecked(
        {.argv = {"sh", "-ec",
                  "rm -rf out k.deb; mkdir -p out data/boot; echo k >data/boot/vmlinuz-6.1-x; "
                  "touch data/usr/lib/modules/6.1-x/modules.builtin; echo 2.0 >debian-binary; "
                  ": >control; tar -czf control.tar.gz control; tar -C data -czf data.tar.gz .; "
                  "ar rc k.deb debian-binary control.tar.gz data.tar.gz"},
         .cwd = dir_.path().string()});
    EXPECT_TRUE(made) << made.error().message;
    return ExtractKernel(dir_.path() / "k.deb", selection, out_);
  }

  ScratchDir dir_ = ScratchDir::Create(fs::temp_directory_path(), "lethe-kernel-").value();
  fs::path out_ = dir_.path() / "out";
};

TEST_F(ExtractKernelTest, ClosesOverDependenciesAndListsTheirFirmware) {
  Add("drivers/net/ethernet/card.ko", {"depends=lib-one", "softdep=pre: part", "firmware=c/1.bin"});
  Add("lib/lib_one.ko", {"depends="});
  Add("drivers/net/phy/part.ko", {"firmware=p/*.bin"});
  Add("drivers/net/ethernet/other.ko", {"firmware=never"});
  const auto done = Extract({{"card"}, {}});
  ASSERT_TRUE(done) << done.error().message;
  const fs::path kernel = out_ / "root/usr/lib/modules/6.1-x/kernel";
  for (const char* there :
       {"drivers/net/ethernet/card.ko", "lib/lib_one.ko", "drivers/net/phy/part.ko"})
    EXPECT_TRUE(fs::exists(kernel / there)) << there;
  EXPECT_FALSE(fs::exists(kernel / "drivers/net/ethernet/other.ko"));
  EXPECT_EQ(ReadFile(out_ / "firmware").value(), "part p/*.bin\ncard c/1.bin\n");
}

// What the recipe may not list may not come in through another module either.
TEST_F(ExtractKernelTest, RefusesStorageBehindOtherModulesAndNamesTheChain) {
  Add("drivers/net/ethernet/card.ko", {"depends=middle"});
  Add("drivers/net/ethernet/soft.ko", {"softdep=post: loop"});
  Add("lib/middle.ko", {"depends=flash"});
  Add("drivers/mtd/flash.ko", {"depends="});  // known by its folder
  Add("misc/loop.ko", {"depends="});          // known by its name
  const struct {
    const char* module;
    const char* chain;
  } kCases[] = {{"card", "kernel.modules → card → middle → flash"},
                {"soft", "kernel.modules → soft → loop"},
                {"flash", "kernel.modules → flash"}};
  for (const auto& c : kCases) {
    const auto refused = Extract({{c.module}, {}});
    ASSERT_FALSE(refused) << c.module;
    EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
    EXPECT_NE(refused.error().message.find(c.chain), std::string::npos) << refused.error().message;
  }
  const auto early = Extract({{}, {"card"}});
  ASSERT_FALSE(early);
  EXPECT_NE(early.error().message.find("kernel.initrd_modules → card"), std::string::npos);
}

TEST_F(ExtractKernelTest, SaysWhoWantedAModuleThatIsNotThere) {
  Add("drivers/net/ethernet/card.ko", {"depends=gone"});
  const auto refused = Extract({{"card"}, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_NE(refused.error().message.find("'gone' (wanted by kernel.modules → card)"),
            std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace lethe::image
