#include "debian/resolver.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/strings.h"

namespace lethe::debian {
namespace {

// "name version; Field: value; Field: value" per package.
class Archive {
 public:
  explicit Archive(const std::vector<std::string>& packages) : text_(Text(packages)) {}

  Universe universe() const {
    auto records = ParsePackages(text_, "debian");
    EXPECT_TRUE(records) << records.error().message;
    return Universe(std::move(*records), "amd64");
  }

  // The resolved names, or the error's code and message.
  std::string Resolve(const std::vector<std::string>& names) const {
    const Universe all = universe();
    const auto chosen = debian::Resolve(all, names);
    if (!chosen) return std::string(ToString(chosen.error().code)) + ": " + chosen.error().message;
    std::vector<std::string> out;
    for (const auto* package : *chosen) out.emplace_back(package->name);
    return Join(out, " ");
  }

 private:
  static std::string Text(const std::vector<std::string>& packages) {
    std::string text;
    for (const std::string& package : packages) {
      const auto parts = Split(package, ';');
      const auto words = Words(parts[0]);
      text +=
          "Package: " + std::string(words[0]) + "\nVersion: " + std::string(words[1]) +
          "\nArchitecture: all\nFilename: pool/x.deb\nSize: 1\nSHA256: " + std::string(64, '0') +
          "\n";
      for (size_t i = 1; i < parts.size(); ++i) text += std::string(Trim(parts[i])) + "\n";
      text += "\n";
    }
    return text;
  }

  std::string text_;
};

TEST(ParseRelations, ReadsEveryForm) {
  const auto groups = ParseRelations(
      "aa, bb (>= 1:2~3) | cc:any(<<4),\n dd:native [amd64 arm64], ee [!amd64], ff [linux-any] , "
      "gg:i386, hh (< 1), ii(=2) [any-amd64],",
      "amd64");
  ASSERT_TRUE(groups) << groups.error().message;
  std::vector<std::string> seen;
  for (const Alternatives& group : *groups) {
    std::string text;
    for (const Relation& r : group) {
      text += "|" + std::string(r.name) + std::string(r.op) + std::string(r.version);
    }
    seen.push_back(text);
  }
  EXPECT_EQ(Join(seen, " "), "|aa |bb>=1:2~3|cc<<4 |dd |ff |gg:i386 |hh<=1 |ii=2");
  EXPECT_TRUE(ParseRelations(" \n", "amd64")->empty());
}

TEST(ParseRelations, RejectsBadRelations) {
  for (const char* bad : {"aa (", "aa (>= )", "aa (1)", "aa (=> 1)", "aa (>= 1 2)", "aa [amd64",
                          "aa bb", "(>= 1)", "aa | ", "aa (>= 1) x", ":any"}) {
    const auto groups = ParseRelations(bad, "amd64");
    ASSERT_FALSE(groups) << bad;
    EXPECT_EQ(groups.error().code, ErrorCode::kMalformed);
    EXPECT_TRUE(groups.error().message.starts_with("relation '")) << groups.error().message;
  }
}

TEST(ParseRelations, KeepsWhatTheBuildProfilesKeep) {
  const auto groups = ParseRelations(
      "aa <!nocheck>, bb <nocheck>, cc <!stage1>, dd <stage1>, ee <!nodoc !stage1>, "
      "ff (>= 1) [amd64] <!nocheck> <!stage2>, gg<!nodoc>, hh <nodoc nocheck>",
      "amd64");
  ASSERT_TRUE(groups) << groups.error().message;
  std::string names;
  for (const Alternatives& group : *groups) names += std::string(group[0].name) + " ";
  EXPECT_EQ(names, "bb cc ff hh ");
  EXPECT_FALSE(ParseRelations("aa <!nocheck", "amd64"));
}

TEST(ResolveBuild, FollowsBuildDependenciesAndBuildEssential) {
  const Archive archive({"aa 1", "bb 2; Depends: cc", "cc 1", "dd 1", "build-essential 1"});
  const Universe universe = archive.universe();
  const auto resolve = [&](std::string_view depends, std::string_view indep, bool with_indep) {
    SourceRecord source{.name = "vpn", .version = "1"};
    source.build_depends = depends;
    source.build_depends_indep = indep;
    const auto packages = ResolveBuild(universe, source, with_indep);
    std::string names;
    if (!packages) return packages.error().message;
    for (const auto* package : *packages) names += std::string(package->name) + " ";
    return names;
  };
  EXPECT_EQ(resolve("bb (>= 2)", "dd", false), "bb build-essential cc ");
  EXPECT_EQ(resolve("bb (>= 2)", "dd", true), "bb build-essential cc dd ");
  EXPECT_NE(resolve("zz", "", false).find("source package vpn"), std::string::npos);
}

TEST(Universe, NewestVersionWins) {
  const Archive archive({"aa 1.9", "aa 1.10", "aa 1.10~rc1"});
  const Universe universe = archive.universe();
  EXPECT_EQ(universe.Find("aa")->version, "1.10");
  EXPECT_EQ(universe.Find("bb"), nullptr);
}

TEST(Universe, OfEqualVersionsTheFirstWins) {
  const Archive archive({"aa 1.0; Priority: required", "aa 1.0; Priority: optional"});
  EXPECT_EQ(archive.universe().Find("aa")->priority, "required");
}

TEST(Resolve, FollowsDependsAndPreDependsOnly) {
  const Archive archive({"aa 1; Depends: bb (>= 2); Pre-Depends: cc; Recommends: dd; Suggests: dd",
                         "bb 2; Depends: aa", "cc 1", "dd 1", "zz 1; Essential: yes; Depends: yy",
                         "yy 1"});
  EXPECT_EQ(archive.Resolve({"aa"}), "aa bb cc yy zz");
  EXPECT_EQ(archive.Resolve({}), "yy zz");
}

TEST(Resolve, PrefersWhatIsChosenAmongAlternatives) {
  const Archive archive(
      {"aa 1; Depends: xx | yy | zz", "xx 1", "yy 1", "zz 1", "bb 1; Depends: yy"});
  EXPECT_EQ(archive.Resolve({"aa"}), "aa xx");
  EXPECT_EQ(archive.Resolve({"aa", "zz"}), "aa zz");
  EXPECT_EQ(archive.Resolve({"aa", "yy"}), "aa yy");
}

TEST(Resolve, DoesNotDependOnTheOrderOfNames) {
  const Archive archive({"aa 1; Depends: xx | yy", "bb 1; Depends: yy | xx", "xx 1", "yy 1"});
  EXPECT_EQ(archive.Resolve({"aa", "bb"}), archive.Resolve({"bb", "aa"}));
}

TEST(Resolve, SkipsAlternativesOfTheWrongVersion) {
  const Archive archive(
      {"aa 1; Depends: xx (>= 3) | yy (<< 2) | zz (= 1)", "xx 2", "yy 2", "zz 1"});
  EXPECT_EQ(archive.Resolve({"aa"}), "aa zz");
}

TEST(Resolve, TakesTheOnlyProvider) {
  const Archive archive({"aa 1; Depends: virtual", "xx 1; Provides: other, virtual"});
  EXPECT_EQ(archive.Resolve({"aa"}), "aa xx");
}

TEST(Resolve, TakesAChosenProvider) {
  const Archive archive(
      {"aa 1; Depends: virtual", "xx 1; Provides: virtual", "yy 1; Provides: virtual"});
  EXPECT_EQ(archive.Resolve({"aa", "yy"}), "aa yy");
}

TEST(Resolve, TakesTheProviderOfTheOnlyBestPriority) {
  const Archive archive({"aa 1; Depends: virtual", "xx 1; Provides: virtual; Priority: optional",
                         "yy 1; Provides: virtual; Priority: important",
                         "zz 1; Provides: virtual; Priority: optional"});
  EXPECT_EQ(archive.Resolve({"aa"}), "aa yy");
}

TEST(Resolve, AsksForANameWhereProvidersAreEqual) {
  const Archive archive({"root 1; Depends: aa", "aa 1; Depends: virtual",
                         "xx 1; Provides: virtual; Priority: optional",
                         "yy 1; Provides: virtual; Priority: optional"});
  EXPECT_EQ(
      archive.Resolve({"root"}),
      "conflict: aa, needed by root: needs 'virtual', which several packages provide: name one "
      "of them in the recipe: xx yy");
}

TEST(Resolve, TakesALaterAlternativeThatIsClear) {
  const Archive archive({"aa 1; Depends: virtual | real", "real 1", "xx 1; Provides: virtual",
                         "yy 1; Provides: virtual"});
  EXPECT_EQ(archive.Resolve({"aa"}), "aa real");
}

TEST(Resolve, HoldsVersionsAgainstVersionedProvides) {
  const Archive archive({"aa 1; Depends: virtual (>= 2)", "bb 1; Depends: virtual (>= 4)",
                         "xx 1; Provides: virtual (= 3)", "yy 9; Provides: virtual"});
  EXPECT_EQ(archive.Resolve({"aa"}), "aa xx");
  EXPECT_EQ(archive.Resolve({"bb"}),
            "conflict: bb: needs 'virtual (>= 4)', which the archive does not have");
}

TEST(Resolve, NamesTheChainOfAnUnmetNeed) {
  const Archive archive(
      {"aa 1; Depends: bb", "bb 1; Depends: cc", "cc 1; Depends: dd (>= 2) | gone", "dd 1"});
  EXPECT_EQ(archive.Resolve({"aa"}),
            "conflict: cc, needed by bb, needed by aa: needs 'dd (>= 2) | gone', which the archive "
            "does not have");
}

TEST(Resolve, DoesNotTakeAnotherArchitectureForThisOne) {
  const Archive archive(
      {"aa 1; Depends: bb:i386", "bb 1", "cc 1; Depends: bb; Conflicts: bb:i386"});
  EXPECT_EQ(archive.Resolve({"aa"}),
            "conflict: aa: needs 'bb:i386', which the archive does not have");
  EXPECT_EQ(archive.Resolve({"cc"}), "bb cc");
}

TEST(Resolve, NamesAPackageThatDoesNotExist) {
  const Archive archive({"xx 1; Provides: virtual", "yy 1; Provides: virtual"});
  EXPECT_EQ(archive.Resolve({"gone"}), "not-found: the archive has no package 'gone'");
  EXPECT_EQ(archive.Resolve({"virtual"}),
            "not-found: the archive has no package 'virtual'; it is provided by: xx yy");
}

TEST(Resolve, RefusesPackagesThatExcludeEachOther) {
  const Archive archive({"aa 1; Depends: xx", "xx 1; Conflicts: bb", "bb 1",
                         "cc 1; Breaks: bb (<< 2)", "dd 1; Breaks: bb (<< 1)",
                         "ee 1; Conflicts: virtual; Provides: virtual", "ff 1; Provides: virtual",
                         "gg 1; Conflicts: virtual (>= 1)"});
  EXPECT_EQ(archive.Resolve({"aa", "bb"}), "conflict: xx excludes bb, but bb is there");
  EXPECT_EQ(archive.Resolve({"bb", "cc"}), "conflict: cc excludes bb (<< 2), but bb is there");
  EXPECT_EQ(archive.Resolve({"bb", "dd"}), "bb dd");
  EXPECT_EQ(archive.Resolve({"ee"}), "ee");
  EXPECT_EQ(archive.Resolve({"ee", "ff"}), "conflict: ee excludes virtual, but ff is there");
  EXPECT_EQ(archive.Resolve({"ff", "gg"}), "ff gg");
}

TEST(Resolve, NamesThePackageWithABadRelation) {
  const Archive archive({"aa 1; Depends: bb (", "cc 1; Breaks: bb bb"});
  EXPECT_EQ(archive.Resolve({"aa"}), "malformed: aa: relation 'bb ('");
  EXPECT_EQ(archive.Resolve({"cc"}), "malformed: cc: relation 'bb bb'");
}

TEST(ResolveKernel, FindsTheVersionedPackage) {
  const Archive archive(
      {"linux-image-amd64 6.12.9-1; Depends: linux-image-6.12.9-amd64 (= 6.12.9-1)",
       "linux-image-6.12.9-amd64 6.12.9-1; Depends: kmod", "kmod 1",
       "linux-image-old 6.1; Depends: linux-image-6.12.9-amd64 (= 6.1)"});
  const Universe universe = archive.universe();
  for (const char* name : {"linux-image-amd64", "linux-image-6.12.9-amd64"}) {
    EXPECT_EQ((*ResolveKernel(universe, name))->name, "linux-image-6.12.9-amd64");
  }
  const struct {
    const char* name;
    ErrorCode code;
  } kBad[] = {{"gone", ErrorCode::kNotFound},
              {"kmod", ErrorCode::kConflict},
              {"linux-image-old", ErrorCode::kConflict}};
  for (const auto& c : kBad) {
    const auto kernel = ResolveKernel(universe, c.name);
    ASSERT_FALSE(kernel) << c.name;
    EXPECT_EQ(kernel.error().code, c.code) << c.name;
  }
}

}  // namespace
}  // namespace lethe::debian
