#include "boot/boot.h"

#include <gtest/gtest.h>

#include <map>

namespace lethe::boot {
namespace {

crypto::Sha256Digest DigestOf(uint8_t seed) {
  crypto::Sha256Digest digest;
  digest.bytes.fill(seed);
  return digest;
}

std::string Sums() {
  std::string text;
  uint8_t seed = 1;
  for (const char* path :
       {"init", "lethe/modules/00-erofs.ko", "lethe/mounts", "lethe/root.erofs"}) {
    text += DigestOf(seed++).Hex() + "  " + path + "\n";
  }
  return text;
}

// A machine on which everything works, but for what a test breaks.
class FakeSystem : public System {
 public:
  std::vector<std::string> calls;
  std::string broken;  // the call that fails
  std::string sums = Sums();
  std::string mounts =
      "/run 0755 1048576 nosuid,nodev,noexec\n/tmp 1777 4096 nosuid,nodev,noexec\n";
  std::map<std::string, crypto::Sha256Digest> digests = {
      {"/init", DigestOf(1)},
      {"/lethe/modules/00-erofs.ko", DigestOf(2)},
      {"/lethe/mounts", DigestOf(3)},
      {"/lethe/root.erofs", DigestOf(4)}};
  std::vector<std::string> modules = {"00-erofs.ko"};
  std::optional<BootRecord> record;
  std::map<std::string, std::string> written;

  Status Do(const std::string& call) {
    calls.push_back(call);
    if (call == broken) return Error{ErrorCode::kIo, call};
    return {};
  }
  Status MountKernelFileSystems() override { return Do("kernel-fs"); }
  Result<std::string> ReadSmallFile(const std::string& path) override {
    LETHE_TRY(Do("read " + path));
    return path == "/lethe/SHA256SUMS" ? sums : mounts;
  }
  Result<crypto::Sha256Digest> Digest(const std::string& path) override {
    LETHE_TRY(Do("digest " + path));
    return digests.at(path);
  }
  std::vector<std::string> List(const std::string&) override { return modules; }
  Status LoadModule(const std::string& path) override { return Do("module " + path); }
  Status MountRoot(const std::string&, const std::string&) override { return Do("root"); }
  Status MountTmpfs(const std::string& target, const MountLine&) override {
    return Do("tmpfs " + target);
  }
  Status WriteFile(const std::string& path, std::string_view text) override {
    written[path] = text;
    return {};
  }
  Status SwitchRoot(const std::string&) override { return Do("switch"); }
  Error ExecuteInit() override {
    calls.push_back("exec");
    return Error{ErrorCode::kIo, "exec"};
  }
  std::optional<BootRecord> ReadRecord() override { return record; }
  void WriteRecord(const std::optional<BootRecord>& r) override {
    if (!r) calls.push_back("clear");
    record = r;
  }
  void SleepSeconds(unsigned seconds) override {
    calls.push_back("sleep " + std::to_string(seconds));
  }
  void Reboot() override { calls.push_back("reboot"); }
};

TEST(RunBoot, DoesEverythingInOrder) {
  FakeSystem system;
  EXPECT_EQ(RunBoot(system), BootFailure::kStartSystemd);  // the fake comes back from exec
  const std::vector<std::string> expected = {"kernel-fs",
                                             "read /lethe/SHA256SUMS",
                                             "digest /init",
                                             "digest /lethe/modules/00-erofs.ko",
                                             "digest /lethe/mounts",
                                             "digest /lethe/root.erofs",
                                             "module /lethe/modules/00-erofs.ko",
                                             "root",
                                             "read /lethe/mounts",
                                             "tmpfs /root/run",
                                             "tmpfs /root/tmp",
                                             "switch",
                                             "exec",
                                             "sleep 1",
                                             "reboot"};
  EXPECT_EQ(system.calls, expected);
}

TEST(RunBoot, EachFailureHasItsOwnReasonAndStopsTheBoot) {
  const std::pair<const char*, BootFailure> kCases[] = {
      {"kernel-fs", BootFailure::kKernelFileSystems},
      {"read /lethe/SHA256SUMS", BootFailure::kSumsUnreadable},
      {"digest /lethe/mounts", BootFailure::kFileMissing},
      {"module /lethe/modules/00-erofs.ko", BootFailure::kModule},
      {"root", BootFailure::kRootMount},
      {"read /lethe/mounts", BootFailure::kMountTable},
      {"tmpfs /root/tmp", BootFailure::kWritableMount},
      {"switch", BootFailure::kSwitchRoot},
  };
  for (const auto& [broken, failure] : kCases) {
    FakeSystem system;
    system.broken = broken;
    EXPECT_EQ(RunBoot(system), failure) << broken;
    ASSERT_GE(system.calls.size(), 3U);
    EXPECT_EQ(system.calls[system.calls.size() - 3], broken) << "something ran after the failure";
    ASSERT_TRUE(system.record);
    EXPECT_EQ(system.record->failure, failure);
  }
}

TEST(RunBoot, TellsTheRootImageFromTheRestOfTheInitrd) {
  for (const auto& [path, failure] :
       std::map<std::string, BootFailure>{{"/lethe/root.erofs", BootFailure::kRootDigest},
                                          {"/init", BootFailure::kInitrdDigest},
                                          {"/lethe/mounts", BootFailure::kInitrdDigest}}) {
    FakeSystem system;
    system.digests[path].bytes[7] ^= 1;
    EXPECT_EQ(RunBoot(system), failure) << path;
    EXPECT_EQ(std::count(system.calls.begin(), system.calls.end(), "exec"), 0);
  }
}

TEST(RunBoot, RefusesAModuleThatIsNotListed) {
  FakeSystem system;
  system.modules.push_back("01-loop.ko");
  EXPECT_EQ(RunBoot(system), BootFailure::kModule);
}

TEST(RunBoot, HandsTheLastFailureOverAndClearsItLast) {
  FakeSystem system;
  system.record = BootRecord{BootFailure::kRootDigest, 3};
  RunBoot(system);
  EXPECT_EQ(system.written["/root/run/lethe-boot"], "5 3\n");
  const auto clear = std::find(system.calls.begin(), system.calls.end(), "clear");
  ASSERT_NE(clear, system.calls.end());
  EXPECT_EQ(*(clear - 1), "switch");
  EXPECT_EQ(*(clear + 1), "exec");
}

TEST(RunBoot, LeavesTheFirstPageAloneWhereNothingFailedBefore) {
  FakeSystem system;
  RunBoot(system);
  EXPECT_EQ(system.written["/root/run/lethe-boot"], "0 0\n");
  EXPECT_EQ(std::count(system.calls.begin(), system.calls.end(), "clear"), 0);
}

// Also in the last steps, after which the record was taken for the boot's own.
TEST(RunBoot, CountsFailuresInARowWhereverTheyHappen) {
  for (const char* broken :
       {"kernel-fs", "digest /lethe/root.erofs", "tmpfs /root/tmp", "switch", "exec"}) {
    FakeSystem system;
    system.broken = broken;
    for (int attempt = 1; attempt <= 300; ++attempt) {
      system.calls.clear();
      RunBoot(system);
      ASSERT_TRUE(system.record) << broken;
      const int expected = std::min(attempt, 255);
      ASSERT_EQ(system.record->attempts, expected) << broken;
      const std::string pause = std::to_string(BackoffSeconds(static_cast<unsigned>(expected)));
      ASSERT_EQ(system.calls[system.calls.size() - 2], "sleep " + pause) << broken;
    }
  }
}

TEST(BackoffSeconds, DoublesUpToFiveMinutes) {
  EXPECT_EQ(BackoffSeconds(1), 1U);
  EXPECT_EQ(BackoffSeconds(2), 2U);
  EXPECT_EQ(BackoffSeconds(9), 256U);
  EXPECT_EQ(BackoffSeconds(10), 300U);
  EXPECT_EQ(BackoffSeconds(255), 300U);
}

TEST(BootRecord, ReadsBackAndRefusesEveryFlippedBit) {
  const RecordBytes bytes = EncodeRecord({BootFailure::kRootDigest, 7});
  ASSERT_TRUE(DecodeRecord(bytes));
  EXPECT_EQ(DecodeRecord(bytes)->failure, BootFailure::kRootDigest);
  EXPECT_EQ(DecodeRecord(bytes)->attempts, 7);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    RecordBytes flipped = bytes;
    flipped[bit / 8] = static_cast<uint8_t>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeRecord(flipped)) << bit;
  }
}

TEST(ParseSums, RefusesWhatIsNotOurs) {
  EXPECT_TRUE(ParseSums(Sums()));
  const std::string hex(64, 'a');
  for (const std::string& bad :
       {std::string(), std::string("x\n"), hex + "  init\n", Sums() + hex + "  a\n",
        Sums().substr(0, Sums().size() - 1), hex + "  ../x\n" + Sums()}) {
    const auto result = ParseSums(bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().code, ErrorCode::kMalformed);
  }
}

TEST(ParseMounts, RefusesOtherOptionsAndForms) {
  EXPECT_EQ(ParseMounts("/run 0755 4096 nosuid,nodev,noexec\n")->at(0).mode, 0755U);
  for (const char* bad :
       {"/run 0755 4096 nosuid,nodev\n", "run 0755 4096 nosuid,nodev,noexec\n",
        "/run 755 4096 nosuid,nodev,noexec\n", "/run 0755 0 nosuid,nodev,noexec\n",
        "/run/../x 0755 1 nosuid,nodev,noexec\n", "/run 0755 4096  nosuid,nodev,noexec\n"}) {
    EXPECT_FALSE(ParseMounts(bad)) << bad;
  }
}

}  // namespace
}  // namespace lethe::boot
