#include "debian/index.h"

#include <gtest/gtest.h>

namespace lethe::debian {
namespace {

const std::string kDigest(64, 'a');

struct Change {
  std::string field;
  std::string value;  // empty: the field is left out
};

std::string Record(const Change& change = {}) {
  const std::vector<Change> fields = {
      {"Package", "openvpn"},
      {"Source", "openvpn-src (2.6.14-1)"},
      {"Version", "2.6.14-1+b1"},
      {"Architecture", "amd64"},
      {"Depends", "libc6 (>= 2.38), debconf"},
      {"Essential", "no"},
      {"Filename", "pool/main/o/openvpn/openvpn_2.6.14-1+b1_amd64.deb"},
      {"Size", "1234"},
      {"SHA256", kDigest},
  };
  std::string out;
  for (const auto& [field, value] : fields) {
    const std::string& used = field == change.field ? change.value : value;
    if (!used.empty()) out += field + ": " + used + "\n";
  }
  return out;
}

std::vector<Stanza> Stanzas(std::string_view text) {
  std::vector<Stanza> out;
  EXPECT_TRUE(ForEachStanza(text, [&](const Stanza& stanza) -> Status {
    out.push_back(stanza);
    return {};
  }));
  return out;
}

TEST(ForEachStanza, SplitsFieldsAndStanzas) {
  const auto stanzas = Stanzas("\n\nA: 1\nb:2\n\n \t\n# note\nC:\n x\n\ty\nD: \n\n\n");
  ASSERT_EQ(stanzas.size(), 2U);
  EXPECT_EQ(Get(stanzas[0], "a"), "1");
  EXPECT_EQ(Get(stanzas[0], "B"), "2");
  EXPECT_EQ(Get(stanzas[0], "C"), "");
  EXPECT_EQ(Get(stanzas[1], "C"), "\n x\n\ty");
  EXPECT_EQ(Get(stanzas[1], "D"), "");
}

TEST(ForEachStanza, TakesALastLineWithoutNewline) {
  const auto stanzas = Stanzas("A: 1\nB: 2");
  ASSERT_EQ(stanzas.size(), 1U);
  EXPECT_EQ(Get(stanzas[0], "B"), "2");
  EXPECT_TRUE(Stanzas("").empty());
}

TEST(ForEachStanza, RejectsWhatIsNoField) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {" x\n", "line 1: continues nothing"},
      {"A: 1\n\n x\n", "line 3: continues nothing"},
      {"A: 1\nnonsense\n", "line 2: no field"},
      {": 1\n", "line 1: no field"},
      {"two words: 1\n", "line 1: no field"},
      {"A: 1\nB: 2\na: 3\n", "line 3: the field is there twice"},
  };
  for (const auto& c : kCases) {
    const auto status = ForEachStanza(c.text, [](const Stanza&) { return Status(); });
    ASSERT_FALSE(status) << c.text;
    EXPECT_EQ(status.error().code, ErrorCode::kMalformed);
    EXPECT_EQ(status.error().message, c.message);
  }
}

TEST(ForEachStanza, StopsAtTheErrorOfTheSink) {
  int calls = 0;
  const auto status = ForEachStanza("A: 1\n\nA: 2\n", [&](const Stanza&) -> Status {
    ++calls;
    return Error{ErrorCode::kConflict, "enough"};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kConflict);
  EXPECT_EQ(calls, 1);
}

TEST(ParsePackages, ReadsTheFieldsThatMatter) {
  const std::string text = Record() + "\n" + Record({"Essential", "yes"});
  const auto records = ParsePackages(text, "debian");
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 2U);
  const PackageRecord& record = (*records)[0];
  EXPECT_EQ(record.name, "openvpn");
  EXPECT_EQ(record.version, "2.6.14-1+b1");
  EXPECT_EQ(record.architecture, "amd64");
  EXPECT_EQ(record.depends, "libc6 (>= 2.38), debconf");
  EXPECT_EQ(record.filename, "pool/main/o/openvpn/openvpn_2.6.14-1+b1_amd64.deb");
  EXPECT_EQ(record.size, 1234U);
  EXPECT_EQ(record.sha256.Hex(), kDigest);
  EXPECT_EQ(record.archive, "debian");
  EXPECT_FALSE(record.essential);
  EXPECT_TRUE((*records)[1].essential);
}

TEST(ParsePackages, AllowsDotsInsideAFileName) {
  EXPECT_TRUE(ParsePackages(Record({"Filename", "pool/main/a/a..b/a..b_1~x+y_all.deb"}), "debian"));
}

TEST(ParsePackages, RejectsBadRecords) {
  const Change kCases[] = {
      {"Package", ""},
      {"Package", "x"},
      {"Package", "Upper"},
      {"Package", "a b"},
      {"Package", "-option"},
      {"Package", "../up"},
      {"Version", ""},
      {"Version", "1 2"},
      {"Version", "1/2"},
      {"Version", std::string(300, '1')},
      {"Architecture", ""},
      {"Architecture", "a/b"},
      {"Filename", ""},
      {"Filename", "/pool/main/x.deb"},
      {"Filename", "pool/../../etc/x.deb"},
      {"Filename", "pool/main/./x.deb"},
      {"Filename", "pool//x.deb"},
      {"Filename", "dists/x.deb"},
      {"Filename", "pool/main/a b.deb"},
      {"Filename", "pool/main/a\\b.deb"},
      {"Size", ""},
      {"Size", "-1"},
      {"Size", "0x10"},
      {"Size", "99999999999999999999999"},
      {"SHA256", ""},
      {"SHA256", "abcd"},
      {"SHA256", std::string(64, 'A')},
  };
  for (const Change& change : kCases) {
    const std::string text = Record(change);
    const auto records = ParsePackages(text, "debian");
    ASSERT_FALSE(records) << change.field << ": " << change.value;
    EXPECT_EQ(records.error().code, ErrorCode::kMalformed);
    EXPECT_TRUE(records.error().message.starts_with("package index: package '"))
        << records.error().message;
  }
}

constexpr const char* kSources = R"(Package: other
Version: 1

Package: vpn
Version: 2.0-1
Build-Depends: debhelper-compat (= 13),
 liba-dev <!nocheck>
Build-Depends-Indep: docs
Checksums-Sha256:
 3333333333333333333333333333333333333333333333333333333333333333 7 vpn_2.0.orig.tar.gz
 4444444444444444444444444444444444444444444444444444444444444444 8 vpn_2.0-1.dsc
Directory: pool/main/v/vpn
)";

// The records point into the text.
Result<std::vector<SourceRecord>> ParseVpn(std::string_view text) {
  return ParseSources(text, "debian",
                      [](std::string_view name, std::string_view) { return name == "vpn"; });
}

TEST(ParseSources, ReadsOnlyWhatIsWantedWithTheDescriptionFirst) {
  const auto records = ParseVpn(kSources);
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 1U);
  const SourceRecord& record = (*records)[0];
  EXPECT_EQ(record.version, "2.0-1");
  EXPECT_NE(record.build_depends.find("liba-dev <!nocheck>"), std::string_view::npos);
  EXPECT_EQ(record.build_depends_indep, "docs");
  ASSERT_EQ(record.files.size(), 2U);
  EXPECT_EQ(record.files[0].path, "pool/main/v/vpn/vpn_2.0-1.dsc");
  EXPECT_EQ(record.files[0].size, 8U);
  EXPECT_EQ(record.files[1].sha256.Hex(), std::string(64, '3'));
}

TEST(ParseSources, RejectsBadRecords) {
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } kCases[] = {
      {"Directory: pool/", "Directory: ../", "file name outside of pool/"},
      {" 7 vpn_2.0", " 7 ../vpn_2.0", "Checksums-Sha256"},
      {" 7 vpn_2.0", " x vpn_2.0", "Checksums-Sha256"},
      {"3333", "zzzz", "Checksums-Sha256"},
      {"2.0-1.dsc", "2.0-1.txt", "exactly one .dsc"},
      {"2.0.orig.tar.gz", "2.0.dsc", "exactly one .dsc"},
      {"Version: 2.0-1", "Version: 2.0 1", "no version"},
  };
  for (const auto& c : kCases) {
    std::string text = kSources;
    text.replace(text.find(c.from), std::string_view(c.from).size(), c.to);
    const auto records = ParseVpn(text);
    ASSERT_FALSE(records) << c.from;
    EXPECT_EQ(records.error().code, ErrorCode::kMalformed);
    EXPECT_NE(records.error().message.find(c.message), std::string::npos)
        << records.error().message;
  }
}

TEST(SourceOf, FallsBackToThePackageItself) {
  const struct {
    const char* source;
    const char* name;
    const char* version;
  } kCases[] = {
      {"", "openvpn", "2.6.14-1+b1"},
      {"other", "other", "2.6.14-1+b1"},
      {"other (1:2~3)", "other", "1:2~3"},
  };
  for (const auto& c : kCases) {
    const std::string text = Record({"Source", c.source});
    const auto records = ParsePackages(text, "debian");
    ASSERT_TRUE(records);
    const auto source = SourceOf((*records)[0]);
    ASSERT_TRUE(source) << c.source;
    EXPECT_EQ(source->name, c.name);
    EXPECT_EQ(source->version, c.version);
  }
}

TEST(SourceOf, RejectsWhatNamesNoSource) {
  for (const char* bad :
       {"a b c", "other 1", "other ()", "other (", "other (1 2)", "../x", "Other"}) {
    const std::string text = Record({"Source", bad});
    const auto records = ParsePackages(text, "debian");
    ASSERT_TRUE(records);
    const auto source = SourceOf((*records)[0]);
    ASSERT_FALSE(source) << bad;
    EXPECT_EQ(source.error().code, ErrorCode::kMalformed);
  }
}

TEST(ParseRelease, ReadsDatesAndDigests) {
  const auto release = ParseRelease(
      "Suite: stable\nCodename: trixie\nDate: Sat, 15 Nov 2025 09:00:00 UTC\n"
      "Valid-Until: Sat, 22 Nov 2025 09:00:00 UTC\nAcquire-By-Hash: yes\nMD5Sum:\n x 1 "
      "y\nSHA256:\n " +
      kDigest + "      42 main/binary-amd64/Packages.xz\n " + kDigest + " 0 main/empty\n");
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_EQ(release->suite, "stable");
  EXPECT_EQ(release->codename, "trixie");
  EXPECT_EQ(release->valid_until, "Sat, 22 Nov 2025 09:00:00 UTC");
  EXPECT_TRUE(release->by_hash);
  ASSERT_EQ(release->files.size(), 2U);
  EXPECT_EQ(release->files.at("main/binary-amd64/Packages.xz").size, 42U);
}

TEST(ParseRelease, RejectsBadFiles) {
  const std::string good_line = " " + kDigest + " 1 a\n";
  for (const std::string& bad : std::vector<std::string>{
           "",
           "Codename: x\n",
           "SHA256:\n" + good_line,
           "Codename: x\nSHA256:\n " + kDigest + " 1\n",
           "Codename: x\nSHA256:\n " + kDigest + " -1 a\n",
           "Codename: x\nSHA256:\n abc 1 a\n",
           "Codename: x\nSHA256:\n" + good_line + "\nCodename: y\n",
           "Codename: x\nCodename: y\nSHA256:\n" + good_line,
       }) {
    const auto release = ParseRelease(bad);
    ASSERT_FALSE(release) << bad;
    EXPECT_EQ(release.error().code, ErrorCode::kMalformed);
  }
}

TEST(ParseReleaseDate, ReadsUtcOnly) {
  EXPECT_EQ(*ParseReleaseDate("Thu, 01 Jan 1970 00:00:10 UTC"), 10);
  EXPECT_EQ(*ParseReleaseDate("Sat, 15 Nov 2025 09:00:00 +0000"), 1763197200);
  for (const char* bad : {"", "now", "2025-11-15", "Sat, 15 Nov 2025 09:00:00",
                          "Sat, 15 Nov 2025 09:00:00 CET", "Sat, 15 Nov 2025 09:00:00 UTC x"}) {
    const auto date = ParseReleaseDate(bad);
    ASSERT_FALSE(date) << bad;
    EXPECT_EQ(date.error().code, ErrorCode::kMalformed);
  }
}

}  // namespace
}  // namespace lethe::debian
