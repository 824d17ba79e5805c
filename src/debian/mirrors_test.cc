#include "debian/mirrors.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace lethe::debian {
namespace {

namespace fs = std::filesystem;
using Uris = std::vector<std::string>;

Mirrors FromLines(std::string_view text) { return ClassifySources(ParseOneLineSources(text)); }
Mirrors FromStanzas(std::string_view text) { return ClassifySources(ParseDeb822Sources(text)); }

TEST(ParseOneLineSources, TakesDebianSuites) {
  const Mirrors mirrors = FromLines(
      "# deb http://commented.test/debian trixie main\n"
      "deb http://a.test/debian/ bookworm main contrib # note\n"
      "deb\t[arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]  "
      "https://b.test/debian  trixie-updates main\n"
      "deb http://a.test/debian bookworm-updates main\n"
      "deb http://s.test/debian-security bookworm-security main\n"
      "deb http://old.test/debian-security bullseye/updates main\n"
      "deb-src http://source.test/debian trixie main\n"
      "deb file:/srv/debian stable main\n");
  EXPECT_EQ(mirrors.debian,
            (Uris{"http://a.test/debian", "https://b.test/debian", "file:/srv/debian"}));
  EXPECT_EQ(mirrors.security,
            (Uris{"http://s.test/debian-security", "http://old.test/debian-security"}));
}

TEST(ParseOneLineSources, LeavesOthersOut) {
  const Mirrors mirrors = FromLines(
      "deb http://third.test/apt cloud-sdk-bookworm main\n"
      "deb http://third.test/linux/debian bookworm stable\n"
      "deb [signed-by=/usr/share/keyrings/third.gpg] http://third.test/deb stable main\n"
      "deb http://flat.test/ ./\n"
      "deb cdrom:[Debian GNU/Linux 12]/ bookworm main\n"
      "deb tor+http://onion.test/debian bookworm main\n"
      "deb mirror+file:/etc/mirrors.txt bookworm main\n"
      "deb [unclosed http://x.test/debian bookworm main\n"
      "deb\ndeb http://x.test/debian\nnonsense\n");
  EXPECT_EQ(mirrors.debian, Uris());
  EXPECT_EQ(mirrors.security, Uris());
}

TEST(ParseDeb822Sources, TakesDebianSuites) {
  const Mirrors mirrors = FromStanzas(
      "Types: deb deb-src\n"
      "# URIs: http://commented.test/debian\n"
      "URIs: http://a.test/debian\n  http://b.test/debian/\n"
      "Suites: bookworm\n bookworm-updates\n# bookworm-security\n"
      "Components: main\n"
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
      "\n"
      "Types: deb\nURIs: http://s.test/debian-security\nSuites: bookworm-security\n"
      "Components: main\nEnabled: yes\n");
  EXPECT_EQ(mirrors.debian, (Uris{"http://a.test/debian", "http://b.test/debian"}));
  EXPECT_EQ(mirrors.security, Uris{"http://s.test/debian-security"});
}

TEST(ParseDeb822Sources, LeavesOthersOut) {
  const char* kStanza =
      "Types: deb\nURIs: http://a.test/debian\nSuites: trixie\nComponents: main\n";
  ASSERT_EQ(FromStanzas(kStanza).debian.size(), 1U);
  for (const char* line : {"Enabled: no\n", "Enabled: False\n", "Enabled: 0\n",
                           "Signed-By: /usr/share/keyrings/third.gpg\n"}) {
    EXPECT_EQ(FromStanzas(std::string(kStanza) + line).debian, Uris()) << line;
  }
  EXPECT_EQ(FromStanzas("Types: deb-src\nURIs: http://a.test/debian\nSuites: trixie\n"
                        "Components: main\n")
                .debian,
            Uris());
  EXPECT_EQ(
      FromStanzas("Types: deb\nURIs: http://n.test/node\nSuites: nodistro\nComponents: main\n")
          .debian,
      Uris());
}

TEST(ClassifySources, TakesTheNeighbourWhereNoSecurityMirrorIsNamed) {
  const Mirrors mirrors =
      FromLines("deb http://a.test/debian trixie main\ndeb http://b.test/mirror trixie main\n");
  EXPECT_EQ(mirrors.security, Uris{"http://a.test/debian-security"});
}

TEST(SecurityMirrorBeside, ReplacesTheLastPart) {
  EXPECT_EQ(SecurityMirrorBeside("http://a.test/debian"), "http://a.test/debian-security");
  EXPECT_EQ(SecurityMirrorBeside("http://a.test/x/debian//"), "http://a.test/x/debian-security");
  EXPECT_EQ(SecurityMirrorBeside("http://a.test/ubuntu"), "");
  EXPECT_EQ(SecurityMirrorBeside("http://a.test/notdebian"), "");
  EXPECT_EQ(SecurityMirrorBeside(""), "");
}

TEST(DiscoverMirrors, ReadsBothFormatsInAptsOrder) {
  const ScratchDir scratch = *ScratchDir::Create(testing::TempDir(), "apt-");
  const fs::path parts = scratch.path() / "sources.list.d";
  ASSERT_TRUE(MakeDirectories(parts));
  const std::string stanza = "Types: deb\nSuites: trixie\nComponents: main\nURIs: ";
  ASSERT_TRUE(WriteFileAtomic(parts / "b.sources", stanza + "http://b.test/debian\n"));
  ASSERT_TRUE(WriteFileAtomic(parts / "a.list", "deb http://a.test/debian trixie main\n"));
  ASSERT_TRUE(WriteFileAtomic(parts / "c.save", "deb http://c.test/debian trixie main\n"));
  EXPECT_EQ(DiscoverMirrors(scratch.path())->debian,
            (Uris{"http://a.test/debian", "http://b.test/debian"}));
  ASSERT_TRUE(
      WriteFileAtomic(scratch.path() / "sources.list", "deb http://z.test/debian trixie main\n"));
  EXPECT_EQ(DiscoverMirrors(scratch.path())->debian,
            (Uris{"http://z.test/debian", "http://a.test/debian", "http://b.test/debian"}));
}

TEST(DiscoverMirrors, SaysWhereNoneIsNamed) {
  const ScratchDir scratch = *ScratchDir::Create(testing::TempDir(), "apt-");
  const auto mirrors = DiscoverMirrors(scratch.path());
  ASSERT_FALSE(mirrors);
  EXPECT_EQ(mirrors.error().code, ErrorCode::kNotFound);
  EXPECT_NE(mirrors.error().message.find("--mirror"), std::string::npos);
}

TEST(ArchiveOfSuite, TellsSecurityFromTheRest) {
  EXPECT_EQ(ArchiveOfSuite("trixie"), "debian");
  EXPECT_EQ(ArchiveOfSuite("trixie-updates"), "debian");
  EXPECT_EQ(ArchiveOfSuite("trixie-security"), "debian-security");
  EXPECT_EQ(ArchiveOfSuite("bullseye/updates"), "debian-security");
}

}  // namespace
}  // namespace lethe::debian
