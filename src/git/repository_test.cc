#include "git/repository.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "git/ask.h"

namespace lethe::git {
namespace {

namespace fs = std::filesystem;

class RepositoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("HOME", folder().c_str(), 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
  }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }

  fs::path folder() const { return scratch_.path(); }

  // git as a person would run it, in `where`; its stdout without the last newline.
  std::string Git(const fs::path& where, const std::vector<std::string>& arguments,
                  const std::string& input = "") {
    std::vector<std::string> argv{"git",
                                  "-C",
                                  where.string(),
                                  "-c",
                                  "user.name=t",
                                  "-c",
                                  "user.email=t@example.org",
                                  "-c",
                                  "protocol.file.allow=always"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto out = RunChecked({.argv = argv, .input = input});
    EXPECT_TRUE(out) << out.error().message;
    return out ? std::string(Trim(*out)) : "";
  }

  // A repository with one commit of a file "a".
  fs::path Init(const std::string& name, const std::string& format = "sha1") {
    const fs::path where = folder() / name;
    Git(folder(), {"init", "-q", "-b", "main", "--object-format=" + format, where.string()});
    EXPECT_TRUE(WriteFileAtomic(where / "a", "content of " + name + "\n"));
    Git(where, {"add", "a"});
    Git(where, {"commit", "-qm", "first"});
    return where;
  }

  static std::unique_ptr<Repository> Open(const fs::path& where) {
    auto repository = Repository::Open({.folder = where});
    EXPECT_TRUE(repository) << repository.error().message;
    return std::move(repository).value();
  }

  static std::optional<ErrorCode> Code(const Result<std::string>& result) {
    return result ? std::nullopt : std::optional(result.error().code);
  }

  static std::string CallersPath() {
    for (const auto& [key, value] : Environment()) {
      if (key == "PATH") return value;
    }
    return "";
  }

  // A `git` that answers everything with this shell script, first in PATH.
  void FakeGit(const std::string& script) {
    const fs::path bin = folder() / "bin";
    ASSERT_TRUE(MakeDirectories(bin));
    ASSERT_TRUE(WriteFileAtomic(bin / "git", "#!/bin/sh\n" + script + "\n", 0755));
    ::setenv("PATH", (bin.string() + ":" + path_).c_str(), 1);
  }

  ScratchDir scratch_ = ScratchDir::Create(fs::temp_directory_path(), "git-test-").value();
  std::string path_ = CallersPath();
};

TEST_F(RepositoryTest, ReadsRawObjectsOfBothFormats) {
  for (const char* format : {"sha1", "sha256"}) {
    const fs::path where = Init(format, format);
    const auto repository = Open(where);
    const ObjectId head = repository->Resolve("HEAD").value();
    EXPECT_EQ(head.Hex(), Git(where, {"rev-parse", "HEAD"}));
    const std::string body = repository->Read(head, ObjectType::kCommit).value();
    const Commit commit = ParseCommit(body, repository->format()).value();
    const auto tree =
        ParseTree(repository->Read(commit.tree, ObjectType::kTree).value(), repository->format())
            .value();
    ASSERT_EQ(tree.size(), 1u);
    EXPECT_EQ(repository->Read(tree[0].id, ObjectType::kBlob).value(),
              "content of " + std::string(format) + "\n");
  }
}

TEST_F(RepositoryTest, MissingAndOtherTypesAreToldApart) {
  const fs::path where = Init("r");
  const auto repository = Open(where);
  const ObjectId head = repository->Resolve("HEAD").value();
  EXPECT_EQ(Code(repository->Read({std::string(20, '\1')}, ObjectType::kCommit)),
            ErrorCode::kNotFound);
  EXPECT_EQ(Code(repository->Read({std::string(32, '\1')}, ObjectType::kCommit)),
            ErrorCode::kNotFound);
  const auto as_tree = repository->Read(head, ObjectType::kTree);
  EXPECT_EQ(Code(as_tree), ErrorCode::kUntrusted);
  EXPECT_EQ(as_tree.error().message, "tree " + head.Hex() + ": is a commit");
  EXPECT_TRUE(repository->Read(head, ObjectType::kCommit));
  EXPECT_FALSE(repository->failure());
  EXPECT_EQ(repository->Resolve("nothing").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(repository->Resolve("--git-dir").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Repository::Open({.folder = folder()}).error().code, ErrorCode::kNotFound);
}

TEST_F(RepositoryTest, SaysInPlainWordsWhatIsNotThere) {
  const fs::path where = Init("r");
  const auto error_of = [](const auto& result) {
    return result ? "none"
                  : std::string(ToString(result.error().code)) + " " + result.error().message;
  };
  const auto repository = Open(where);
  EXPECT_EQ(error_of(repository->Resolve("v'2")),
            "not-found no commit 'v\\x272' in " + where.string());
  EXPECT_EQ(error_of(repository->Resolve("HEAD:a")),
            "not-found no commit 'HEAD:a' in " + where.string());
  EXPECT_EQ(error_of(Repository::Open({.folder = folder()})),
            "not-found " + folder().string() + " is in no git repository");
  EXPECT_NE(error_of(Repository::Open({.folder = folder() / "gone"})).find("not-found asking git"),
            std::string::npos);
  ::setenv("PATH", "/nonexistent", 1);
  for (const std::string& error :
       {error_of(repository->Resolve("HEAD")), error_of(Repository::Open({.folder = where})),
        error_of(repository->Read({std::string(20, '\1')}, ObjectType::kCommit))}) {
    EXPECT_EQ(error.find("unavailable "), 0U) << error;
    EXPECT_NE(error.find("this machine has no git (Debian package git)"), std::string::npos)
        << error;
  }
}

TEST_F(RepositoryTest, DoesNotReadWhatIsTooLarge) {
  const fs::path where = Init("r");
  const auto repository = Open(where);
  const ObjectId head = repository->Resolve("HEAD").value();
  std::string big = repository->Read(head, ObjectType::kCommit).value();
  big.resize(kMaxCommitBytes + 1, 'x');
  const std::string name = Git(where, {"hash-object", "-t", "commit", "-w", "--stdin"}, big);
  const auto read = repository->Read(ObjectId::FromHex(name).value(), ObjectType::kCommit);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kMalformed);
  EXPECT_NE(read.error().message.find("1048577 bytes, more than 1048576"), std::string::npos);
  EXPECT_TRUE(repository->Read(head, ObjectType::kCommit));  // starts anew
}

TEST_F(RepositoryTest, ReplacementsDoNotShow) {
  const fs::path where = Init("r");
  const std::string first = Git(where, {"rev-parse", "HEAD"});
  Git(where, {"commit", "-q", "--allow-empty", "-m", "second"});
  const std::string second = Git(where, {"rev-parse", "HEAD"});
  Git(where, {"replace", second, first});
  ASSERT_EQ(Git(where, {"log", "-1", "--format=%s", "HEAD"}), "first");  // what git shows
  const auto repository = Open(where);
  const auto body = repository->Read(ObjectId::FromHex(second).value(), ObjectType::kCommit);
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_NE(body->find("second"), std::string::npos);
  EXPECT_EQ(repository->Resolve("HEAD").value().Hex(), second);
}

TEST_F(RepositoryTest, VariablesOfTheCallerDoNotMatter) {
  const fs::path where = Init("r");
  const fs::path other = Init("other");
  ::setenv("GIT_DIR", (other / ".git").c_str(), 1);
  ::setenv("GIT_OBJECT_DIRECTORY", (other / ".git/objects").c_str(), 1);
  ::setenv("GIT_GRAFT_FILE", (folder() / "grafts").c_str(), 1);
  const auto repository = Open(where);
  const auto head = repository->Resolve("HEAD");
  for (const char* name : {"GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_GRAFT_FILE"}) ::unsetenv(name);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->Hex(), Git(where, {"rev-parse", "HEAD"}));
}

TEST_F(RepositoryTest, RefusesShallowClonesAndGraftsAlsoInALinkedWorkTree) {
  const fs::path where = Init("r");
  Git(where, {"commit", "-q", "--allow-empty", "-m", "second"});
  const fs::path shallow = folder() / "shallow";
  Git(folder(), {"clone", "-q", "--depth=1", "file://" + where.string(), shallow.string()});
  const fs::path linked = folder() / "linked";
  Git(shallow, {"worktree", "add", "-q", linked.string()});
  for (const fs::path& folder : {shallow, linked}) {
    const auto opened = Repository::Open({.folder = folder});
    ASSERT_FALSE(opened) << folder;
    EXPECT_EQ(opened.error().code, ErrorCode::kUntrusted);
    EXPECT_NE(opened.error().message.find("shallow clone"), std::string::npos);
  }
  EXPECT_TRUE(Repository::Open({.folder = where}));
  ASSERT_TRUE(
      WriteFileAtomic(where / ".git/info/grafts", Git(where, {"rev-parse", "HEAD"}) + "\n"));
  const auto grafted = Repository::Open({.folder = where});
  ASSERT_FALSE(grafted);
  EXPECT_EQ(grafted.error().code, ErrorCode::kUntrusted);
  EXPECT_NE(grafted.error().message.find("has grafts"), std::string::npos);
}

TEST_F(RepositoryTest, AlternatesAreFine) {
  const fs::path where = Init("r");
  const fs::path sharing = folder() / "sharing";
  Git(folder(), {"clone", "-q", "--shared", where.string(), sharing.string()});
  const auto repository = Open(sharing);
  EXPECT_EQ(repository->Resolve("HEAD").value().Hex(), Git(where, {"rev-parse", "HEAD"}));
}

TEST_F(RepositoryTest, ADamagedObjectIsNotTaken) {
  const fs::path where = Init("r");
  const ObjectId head = Open(where)->Resolve("HEAD").value();
  const std::string hex = head.Hex();
  const fs::path file = where / ".git/objects" / hex.substr(0, 2) / hex.substr(2);
  fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
  ASSERT_TRUE(WriteFileAtomic(file, "damaged"));
  const auto read = Open(where)->Read(head, ObjectType::kCommit);
  ASSERT_FALSE(read);
}

TEST_F(RepositoryTest, AnotherObjectUnderTheNameIsUntrusted) {
  // A whole object, moved to the place of another one: git itself may not notice.
  const fs::path where = Init("r");
  const ObjectId head = Open(where)->Resolve("HEAD").value();
  const std::string other = Git(where, {"commit-tree", "-m", "other", "HEAD^{tree}"});
  const auto place = [&](const std::string& hex) {
    return where / ".git/objects" / hex.substr(0, 2) / hex.substr(2);
  };
  fs::remove(place(head.Hex()));
  fs::copy_file(place(other), place(head.Hex()));
  const auto read = Open(where)->Read(head, ObjectType::kCommit);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kUntrusted);
  EXPECT_NE(read.error().message.find("another hash, " + other), std::string::npos);
}

struct BadGit {
  const char* what;
  const char* script;  // of `cat-file`; the name that was asked for is in $name
  ErrorCode code;
};

TEST_F(RepositoryTest, ABadGitIsRefusedAndNeverHangs) {
  const fs::path where = Init("r");
  const ObjectId head = Open(where)->Resolve("HEAD").value();
  const BadGit kBad[] = {
      {"ends", "exit 1", ErrorCode::kUnavailable},
      {"says why", "echo 'fatal: broken' >&2; exit 128", ErrorCode::kUnavailable},
      {"is silent", "read name; exec sleep 30", ErrorCode::kUnavailable},
      {"stops in a body", "read name; echo $name commit 100; echo tree; exec sleep 30",
       ErrorCode::kUnavailable},
      {"ends in a body", "read name; echo $name commit 100; echo tree", ErrorCode::kUnavailable},
      {"another name", "read name; echo 1$name commit 1; echo x", ErrorCode::kMalformed},
      {"no size", "read name; echo $name commit x; echo x", ErrorCode::kMalformed},
      {"a huge size", "read name; echo $name commit 99999999999; exec yes", ErrorCode::kMalformed},
      {"an overflowing size", "read name; echo $name commit 99999999999999999999",
       ErrorCode::kMalformed},
      {"an endless line", "read name; exec tr '\\0' x </dev/zero", ErrorCode::kMalformed},
      {"a body longer than said", "read name; echo $name commit 1; echo xx; exec sleep 30",
       ErrorCode::kMalformed},
      {"another body", "read name; echo $name commit 1; echo x; exec sleep 30",
       ErrorCode::kUntrusted},
  };
  for (const BadGit& bad : kBad) {
    ::setenv("PATH", path_.c_str(), 1);
    const auto opened =
        Repository::Open({.folder = where, .answer_timeout = std::chrono::milliseconds(300)})
            .value();
    FakeGit(bad.script);
    const auto start = std::chrono::steady_clock::now();
    const auto read = opened->Read(head, ObjectType::kCommit);
    ASSERT_FALSE(read) << bad.what;
    EXPECT_EQ(read.error().code, bad.code) << bad.what << ": " << read.error().message;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << bad.what;
  }
}

TEST_F(RepositoryTest, SaysWhenGitIsWhatFailed) {
  const fs::path where = Init("r");
  const auto opened = Repository::Open({.folder = where});
  ASSERT_TRUE(opened);
  FakeGit("echo 'fatal: broken' >&2; exit 128");
  const auto read = (*opened)->Read({std::string(20, '\1')}, ObjectType::kCommit);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(read.error().message.find("ended: fatal: broken"), std::string::npos)
      << read.error().message;
  ASSERT_TRUE((*opened)->failure());
  EXPECT_EQ((*opened)->failure()->code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace lethe::git
