#include "git/object.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/strings.h"
#include "git/ask.h"

namespace lethe::git {
namespace {

const std::string kTree(40, '1');
const std::string kParent(40, '2');

// A commit of headers before its author, headers behind its committer, and a message.
std::string CommitText(const std::string& more = "", const std::string& message = "m\n") {
  return "tree " + kTree + "\nparent " + kParent +
         "\nauthor a <a@b> 1 +0000\ncommitter c <c@d> 2 +0100\n" + more + "\n" + message;
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ObjectId, IsLowerCaseHexadecimal) {
  for (const size_t size : {40U, 64U}) {
    const auto id = ObjectId::FromHex(std::string(size, 'a'));
    ASSERT_TRUE(id);
    EXPECT_EQ(id->bytes.size(), size / 2);
    EXPECT_EQ(id->Hex(), std::string(size, 'a'));
  }
  for (const std::string& bad : {std::string(), std::string(40, 'A'), std::string(40, 'g'),
                                 std::string(38, 'a'), std::string(41, 'a'), std::string(62, 'a'),
                                 std::string(66, 'a'), std::string(39, 'a') + "\n"}) {
    const auto id = ObjectId::FromHex(bad);
    ASSERT_FALSE(id) << bad;
    EXPECT_EQ(id.error().code, ErrorCode::kMalformed);
  }
}

TEST(HashObject, GivesTheNamesThatGitGives) {
  EXPECT_EQ(HashObject(ObjectFormat::kSha1, ObjectType::kBlob, "").Hex(),
            "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(HashObject(ObjectFormat::kSha1, ObjectType::kTree, "").Hex(),
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
  EXPECT_EQ(HashObject(ObjectFormat::kSha256, ObjectType::kBlob, "").Hex(),
            "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813");
  EXPECT_EQ(HashObject(ObjectFormat::kSha256, ObjectType::kTree, "").Hex(),
            "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321");
}

TEST(ParseCommit, ReadsEachHeader) {
  const auto commit = ParseCommit(CommitText("encoding ISO-8859-1\n", "subject\n\nbody\n\xff"),
                                  ObjectFormat::kSha1);
  ASSERT_TRUE(commit) << commit.error().message;
  EXPECT_EQ(commit->tree.Hex(), kTree);
  ASSERT_EQ(commit->parents.size(), 1U);
  EXPECT_EQ(commit->parents[0].Hex(), kParent);
  EXPECT_EQ(commit->author, "a <a@b> 1 +0000");
  EXPECT_EQ(commit->committer, "c <c@d> 2 +0100");
  EXPECT_EQ(commit->message, "subject\n\nbody\n\xff");
  EXPECT_EQ(commit->signature, "");
  EXPECT_EQ(commit->payload, CommitText("encoding ISO-8859-1\n", "subject\n\nbody\n\xff"));
}

TEST(ParseCommit, TakesTheSignatureOutOfThePayload) {
  const std::string merge_tag = "mergetag object " + kParent + "\n type commit\n tag v1\n \n tag\n";
  const std::string text = CommitText(
      merge_tag + merge_tag + "gpgsig one\n  two\n \n three\ngpgsig-sha256 other\n x\nz y\n");
  const auto commit = ParseCommit(text, ObjectFormat::kSha1);
  ASSERT_TRUE(commit) << commit.error().message;
  EXPECT_EQ(commit->signature, "one\n two\n\nthree\n");
  EXPECT_EQ(commit->payload, CommitText(merge_tag + merge_tag + "z y\n"));
  std::string sha256 = Replaced(text, kTree, std::string(64, '1'));
  sha256 = Replaced(sha256, "parent " + kParent, "parent " + std::string(64, '2'));
  const auto other = ParseCommit(sha256, ObjectFormat::kSha256);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(other->signature, "other\nx\n");
  EXPECT_EQ(other->payload.find("gpgsig"), std::string::npos);
  // In the message it is text.
  const auto message = ParseCommit(CommitText("", "\ngpgsig x\n"), ObjectFormat::kSha1);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->signature, "");
}

TEST(ParseCommit, RefusesEverythingElseAsMalformed) {
  const std::string good = CommitText("gpgsig a\n b\n");
  ASSERT_TRUE(ParseCommit(good, ObjectFormat::kSha1));
  const std::string tree = "tree " + kTree + "\n", parent = "parent " + kParent + "\n";
  const std::string author = "author a <a@b> 1 +0000\n";
  const std::pair<std::string, const char*> kBad[] = {
      {"", "no end"},
      {"\n", "without a name"},
      {Replaced(good, tree, ""), "'parent' where 'tree' must be"},
      {Replaced(good, tree, tree + tree), "'tree' where 'author' must be"},
      {Replaced(good, tree + parent, parent + tree), "'parent' where 'tree' must be"},
      {Replaced(good, author, ""), "'committer' where 'author' must be"},
      {Replaced(good, author, author + author), "'author' where 'committer' must be"},
      {Replaced(good, author, author + parent), "'parent' where 'committer' must be"},
      {Replaced(good, "gpgsig", parent + "gpgsig"), "'parent' twice or out of order"},
      {Replaced(good, "gpgsig", author + "gpgsig"), "'author' twice or out of order"},
      {Replaced(good, "gpgsig", "gpgsig x\ngpgsig"), "'gpgsig' twice"},
      {Replaced(good, "gpgsig", "gpgsig-sha256 x\ngpgsig-sha256 y\ngpgsig"), "twice"},
      {Replaced(good, "gpgsig", "encoding x\nencoding y\ngpgsig"), "'encoding' twice"},
      {Replaced(good, "gpgsig", "gpgsig-sha512"), "unknown signature header"},
      {Replaced(good, "gpgsig", "gpgsigx"), "unknown signature header"},
      {Replaced(good, "gpgsig", "tree " + kTree + "\ngpgsig"), "'tree' twice"},
      {Replaced(good, "gpgsig a", "gpgsig"), "without a name or a value"},
      {Replaced(good, "gpgsig a", " gpgsig a"), "committer' has several lines"},
      {Replaced(good, tree, "tree " + kTree + "\n x\n"), "several lines"},
      {Replaced(good, tree, tree + " x\n"), "several lines"},
      {Replaced(good, author, author + " x\n"), "several lines"},
      {Replaced(good, kTree, kTree.substr(1)), "no object name"},
      {Replaced(good, kTree, std::string(64, '1')), "no object name"},
      {Replaced(good, kTree, std::string(40, 'A')), "no object name"},
      {Replaced(good, "tree ", "tree  "), "no object name"},
      {Replaced(good, kParent, kParent + " "), "no object name"},
      {Replaced(good, "a <a@b>", std::string("a\0<a@b>", 7)), "NUL in header 'author'"},
      {Replaced(good, "gpgsig a", std::string("gpgsig a\0", 9)), "NUL in header 'gpgsig'"},
      {Replaced(good, "gpgsig a", std::string("x\0y a", 5)), "NUL"},
  };
  for (const auto& [text, message] : kBad) {
    const auto commit = ParseCommit(text, ObjectFormat::kSha1);
    ASSERT_FALSE(commit) << text;
    EXPECT_EQ(commit.error().code, ErrorCode::kMalformed);
    EXPECT_NE(commit.error().message.find(message), std::string::npos)
        << commit.error().message << "\n"
        << text;
  }
  EXPECT_FALSE(ParseCommit(good, ObjectFormat::kSha256));
}

TEST(ParseCommit, RefusesEveryTruncationOfItsHeaders) {
  const std::string good = CommitText("gpgsig a\n b\n");
  const size_t headers = good.find("\n\n") + 2;
  for (size_t size = 0; size < headers; ++size)
    EXPECT_FALSE(ParseCommit(good.substr(0, size), ObjectFormat::kSha1)) << size;
  EXPECT_TRUE(ParseCommit(good.substr(0, headers), ObjectFormat::kSha1));
}

TEST(ParseCommit, HoldsItsLimits) {
  const auto parse = [](const std::string& text) { return ParseCommit(text, ObjectFormat::kSha1); };
  const size_t room = kMaxCommitBytes - CommitText("", "").size();
  EXPECT_TRUE(parse(CommitText("", std::string(room, 'x'))));
  EXPECT_FALSE(parse(CommitText("", std::string(room + 1, 'x'))));
  const auto with_parents = [](size_t count) {
    std::string parents;
    for (size_t i = 0; i < count; ++i) parents += "parent " + kParent + "\n";
    return Replaced(CommitText(), "parent " + kParent + "\n", parents);
  };
  EXPECT_EQ(parse(with_parents(0))->parents.size(), 0U);
  EXPECT_EQ(parse(with_parents(kMaxParents))->parents.size(), kMaxParents);
  EXPECT_FALSE(parse(with_parents(kMaxParents + 1)));
}

// A header for every line: one that looks at all earlier ones for each does not end.
TEST(ParseCommit, ReadsManyHeadersInBoundedTime) {
  std::string headers;
  for (size_t i = 0; headers.size() < kMaxCommitBytes - 1000; ++i)
    headers += std::to_string(i) + " \n";
  const auto commit = ParseCommit(CommitText(headers), ObjectFormat::kSha1);
  ASSERT_FALSE(commit);
  EXPECT_NE(commit.error().message.find("more than 1000 headers"), std::string::npos)
      << commit.error().message;
}

std::string Entry(const std::string& mode, const std::string& name, char id = '1') {
  return mode + " " + name + std::string(1, '\0') + std::string(20, id);
}

TEST(ParseTree, ReadsEachKindAndWritesItBack) {
  const std::string text = Entry("100755", "a") + Entry("100644", "a.b") + Entry("40000", "a0") +
                           Entry("160000", "b") + Entry("120000", "\xff.git");
  const auto entries = ParseTree(text, ObjectFormat::kSha1);
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 5U);
  const EntryKind kinds[] = {EntryKind::kExecutable, EntryKind::kFile, EntryKind::kTree,
                             EntryKind::kSubmodule, EntryKind::kSymlink};
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ((*entries)[i].kind, kinds[i]);
  EXPECT_EQ((*entries)[4].name, "\xff.git");
  EXPECT_EQ((*entries)[4].id.bytes, std::string(20, '1'));
  EXPECT_EQ(WriteTree(*entries), text);
  EXPECT_EQ(ParseTree("", ObjectFormat::kSha1)->size(), 0U);
}

TEST(ParseTree, OrdersFoldersAsIfTheyEndedWithASlash) {
  EXPECT_TRUE(ParseTree(Entry("100644", "a.b") + Entry("40000", "a") + Entry("100644", "a0"),
                        ObjectFormat::kSha1));
  EXPECT_FALSE(ParseTree(Entry("40000", "a") + Entry("100644", "a.b"), ObjectFormat::kSha1));
  EXPECT_FALSE(ParseTree(Entry("100644", "b") + Entry("100644", "a"), ObjectFormat::kSha1));
  EXPECT_TRUE(ParseTree(Entry("100644", "a") + Entry("100644", "\x80"), ObjectFormat::kSha1));
  auto entries = *ParseTree(Entry("100644", "a.b") + Entry("40000", "a"), ObjectFormat::kSha1);
  std::swap(entries[0], entries[1]);
  SortTree(entries);
  EXPECT_EQ(entries[1].name, "a");
}

TEST(ParseTree, RefusesEverythingElseAsMalformed) {
  const std::pair<std::string, const char*> kBad[] = {
      {Entry("100664", "a"), "has mode '100664'"},
      {Entry("040000", "a"), "has mode '040000'"},
      {Entry("0100644", "a"), "has mode '0100644'"},
      {Entry("100600", "a"), "has mode '100600'"},
      {Entry("", "a"), "has mode ''"},
      {Entry("100644", ""), "is named ''"},
      {Entry("100644", "."), "is named '.'"},
      {Entry("40000", ".."), "is named '..'"},
      {Entry("100644", "a/b"), "is named 'a/b'"},
      {Entry("40000", ".git"), "is named '.git'"},
      {Entry("40000", ".GiT"), "is named '.GiT'"},
      {Entry("100644", "a") + Entry("100644", "a"), "twice or out of order"},
      {Entry("100644", "a") + Entry("100755", "a"), "twice or out of order"},
      {Entry("40000", "a") + Entry("40000", "a"), "twice or out of order"},
      {Entry("100644", "a") + Entry("40000", "a"), "as a file and as a folder"},
      {Entry("100644", "a") + Entry("100644", "a-") + Entry("40000", "a"), "as a file and as a"},
      {"100644", "cut off"},
      {"100644 a", "cut off"},
      {std::string("100644\0a ", 9) + std::string(20, '1'), "cut off"},
      {Entry("100644", "a") + "x", "entry 2 is cut off"},
  };
  for (const auto& [text, message] : kBad) {
    const auto entries = ParseTree(text, ObjectFormat::kSha1);
    ASSERT_FALSE(entries) << Printable(text);
    EXPECT_EQ(entries.error().code, ErrorCode::kMalformed);
    EXPECT_NE(entries.error().message.find(message), std::string::npos) << entries.error().message;
  }
  const std::string good = Entry("100644", "abc");
  for (size_t size = 1; size < good.size(); ++size)
    EXPECT_FALSE(ParseTree(good.substr(0, size), ObjectFormat::kSha1)) << size;
  EXPECT_FALSE(ParseTree(std::string(kMaxTreeBytes + 1, 'x'), ObjectFormat::kSha1));
}

// Names that some file systems take for ".git" or "..".
TEST(ParseTree, RefusesNamesThatBecomeDotGitElsewhere) {
  for (const char* name :
       {".git ", ".git.", ".git...", ".git . .", "git~1", "GIT~1", ".git::$INDEX",
        ".g\xe2\x80\x8cit", ".git\\x", ".\xe2\x80\x8dGIT", "\xef\xbb\xbf.git"}) {
    EXPECT_FALSE(ParseTree(Entry("40000", name), ObjectFormat::kSha1)) << name;
  }
  for (const char* name :
       {".gitignore", ".github", ".git.x", "git", "git~2", "...", ".gi", "x.git", "a\\x2db"})
    EXPECT_TRUE(ParseTree(Entry("40000", name), ObjectFormat::kSha1)) << name;
}

class RealGit : public testing::TestWithParam<ObjectFormat> {
 protected:
  RealGit() {
    std::string name = (std::filesystem::temp_directory_path() / "lethe-object-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    Git({"init", "-q",
         GetParam() == ObjectFormat::kSha1 ? "--object-format=sha1" : "--object-format=sha256"});
  }
  ~RealGit() override { std::filesystem::remove_all(folder_); }

  std::string Git(const std::vector<std::string>& arguments, const std::string& input = "") {
    const auto out = AskGit(folder_, arguments, input);
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : "";
  }

  std::string folder_;
};

TEST_P(RealGit, WritesWhatWeRead) {
  const std::string import =
      "commit refs/heads/main\nmark :1\nauthor A \xc3\xa9 <a@b> 1 +0530\ncommitter C <c@d> 2 "
      "-0800\n"
      "encoding latin1\ndata 2\nm\nM 100644 inline a.b\ndata 1\nx\nM 100755 inline a/x\ndata 1\ny\n"
      "M 120000 inline a0\ndata 1\na\nM 160000 " +
      std::string(2 * IdBytes(GetParam()), '3') +
      " sub\n"
      "commit refs/heads/side\nmark :2\ncommitter C <c@d> 3 +0000\ndata 0\nfrom :1\n"
      "M 100644 inline z\ndata 0\n"
      "commit refs/heads/main\ncommitter C <c@d> 4 +0000\ndata 0\nfrom :1\nmerge :2\n";
  Git({"fast-import", "--quiet"}, import);
  size_t read = 0;
  for (const std::string revision : {"main", "side", "main^"}) {
    const std::string body = Git({"cat-file", "commit", revision});
    EXPECT_EQ(HashObject(GetParam(), ObjectType::kCommit, body).Hex() + "\n",
              Git({"rev-parse", revision}));
    const auto commit = ParseCommit(body, GetParam());
    ASSERT_TRUE(commit) << commit.error().message;
    EXPECT_EQ(commit->payload, body);
    EXPECT_EQ(commit->tree.Hex() + "\n", Git({"rev-parse", revision + "^{tree}"}));
    read += commit->parents.size();
  }
  EXPECT_EQ(read, 3U);
  for (const char* tree : {"main^{tree}", "side^{tree}", "main:a"}) {
    const std::string body = Git({"cat-file", "tree", tree});
    const auto entries = ParseTree(body, GetParam());
    ASSERT_TRUE(entries) << entries.error().message;
    EXPECT_EQ(WriteTree(*entries), body);
    EXPECT_EQ(HashObject(GetParam(), ObjectType::kTree, body).Hex() + "\n",
              Git({"rev-parse", tree}));
    std::string names;
    for (const TreeEntry& entry : *entries) names += entry.name + "\n";
    EXPECT_EQ(names, Git({"ls-tree", "--name-only", tree}));
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, RealGit,
                         testing::Values(ObjectFormat::kSha1, ObjectFormat::kSha256));

}  // namespace
}  // namespace lethe::git
