// Against real git: what it merged by itself is nobody's own content, and every byte changed by
// hand is found. Histories are random, from fixed seeds.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/strings.h"
#include "base/subprocess.h"
#include "git/ask.h"
#include "trust/merge.h"
#include "trust/object_fixture.h"

namespace lethe::trust {
namespace {

using Files = std::map<std::string, std::string>;

class GitFolder {
 public:
  explicit GitFolder(git::ObjectFormat format) {
    std::string name = (std::filesystem::temp_directory_path() / "lethe-merge-XXXXXX").string();
    path_ = mkdtemp(name.data());
    Git({"init", "-q", "-b", "main",
         format == git::ObjectFormat::kSha1 ? "--object-format=sha1" : "--object-format=sha256"});
    for (const auto& [key, value] : {std::pair{"user.name", "t"},
                                     {"user.email", "t@example.org"},
                                     {"merge.renames", "false"},
                                     {"commit.gpgSign", "false"},
                                     {"merge.directoryRenames", "false"},
                                     {"gc.auto", "0"},
                                     {"core.fsync", "none"}}) {
      Git({"config", key, value});
    }
  }
  ~GitFolder() { std::filesystem::remove_all(path_); }
  GitFolder(const GitFolder&) = delete;
  GitFolder& operator=(const GitFolder&) = delete;

  std::string Git(const std::vector<std::string>& arguments, const std::string& input = "") {
    auto out = git::AskGit(path_, arguments, input);
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : "";
  }
  git::ObjectId Id(const std::string& name) {
    return *git::ObjectId::FromHex(Trim(Git({"rev-parse", name})));
  }
  // All objects, into memory.
  void ReadAll(MemoryObjects& objects) {
    const std::string all = Git({"cat-file", "--batch", "--batch-all-objects"});
    for (size_t at = 0; at < all.size();) {
      const size_t end = all.find('\n', at);
      const auto words = Words(std::string_view(all).substr(at, end - at));
      const size_t size = *ParseUnsigned<size_t>(words[2]);
      for (const auto type : {git::ObjectType::kBlob, git::ObjectType::kTree}) {
        if (words[1] != git::ToString(type)) continue;
        EXPECT_EQ(objects.Add(type, all.substr(end + 1, size)).Hex(), words[0]);
      }
      at = end + 1 + size + 1;
    }
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Random {
 public:
  explicit Random(uint32_t seed) : generator_(seed) {}
  size_t Below(size_t limit) { return generator_() % limit; }

  // Lines as in programs: many once, some again and again.
  std::string Line() {
    if (repeating_ || Below(4) == 0) return std::string(1, "abc{}\t"[Below(6)]) + "\n";
    return "line " + std::to_string(Below(100'000)) + "\n";
  }
  std::string Text(size_t lines) {
    std::string out;
    for (size_t i = 0; i < lines; ++i) out += Line();
    return out;
  }
  // Some lines changed, added, removed, moved to another place.
  std::string Edited(const std::string& text) {
    std::vector<std::string> lines;
    for (const auto line : Lines(text)) lines.push_back(std::string(line) + "\n");
    for (size_t edits = 1 + Below(3); edits > 0; --edits) {
      const size_t at = Below(lines.size() + 1);
      const auto place = lines.begin() + static_cast<ptrdiff_t>(at);
      const size_t what = at == lines.size() ? 0 : Below(4);
      if (what == 0) lines.insert(place, Below(3) == 0 && at > 0 ? lines[at - 1] : Line());
      if (what == 1) lines.erase(place);
      if (what >= 2) *place = Line();
    }
    std::string out;
    for (const auto& line : lines) out += line;
    if (!out.empty() && Below(8) == 0) out.pop_back();
    return out;
  }
  Files Tree() {
    repeating_ = Below(3) == 0;
    Files files;
    for (size_t i = 0; i < 4; ++i) files["f" + std::to_string(i)] = Text(5 + Below(30));
    for (size_t i = 0; i < 3; ++i) files["d/" + std::to_string(i)] = Text(5 + Below(10));
    files["link"] = "120000 f0";
    files["run"] = "100755 " + Text(6);
    return files;
  }
  Files Changed(Files files, size_t changes) {
    for (; changes > 0; --changes) {
      auto at = files.begin();
      std::advance(at, Below(files.size()));
      const size_t what = Below(10);
      if (what < 6 && at->second.find("00 ") == std::string::npos) {
        at->second = Edited(at->second);
      } else if (what == 6 && files.size() > 3) {
        files.erase(at);
      } else if (what == 7) {
        files["new" + std::to_string(Below(4))] = Text(4);
      } else if (what == 8 && at->second.starts_with("100755 ")) {
        at->second = at->second.substr(7);
      } else if (what == 9 && at->first == "link") {
        at->second = "120000 f" + std::to_string(Below(4));
      }
    }
    return files;
  }

 private:
  std::mt19937 generator_;
  bool repeating_ = false;
};

// One commit for `git fast-import`, which starts anew where `from` is empty.
std::string Import(const std::string& branch, const std::string& from, const Files& files) {
  std::string out =
      "commit refs/heads/" + branch + "\ncommitter t <t@example.org> 1 +0000\ndata 0\n";
  if (!from.empty()) out += "from refs/heads/" + from + "\n";
  out += "deleteall\n";
  for (const auto& [path, text] : files) {
    const bool special = text.starts_with("120000 ") || text.starts_with("100755 ");
    const std::string data = special ? text.substr(7) : text;
    out += "M " + (special ? text.substr(0, 6) : "100644") + " inline " + path + "\ndata " +
           std::to_string(data.size()) + "\n" + data + "\n";
  }
  return out;
}

struct Trials {
  size_t clean = 0, conflicts = 0;
};

// One byte of each file that lies in the result's root: found, at that path and no other.
void ChangeEachFile(MemoryObjects& objects, const MergeTrees& trees) {
  const auto entries =
      *git::ParseTree(*objects.Read(trees.result, git::ObjectType::kTree), objects.format());
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].kind == git::EntryKind::kTree) continue;
    auto changed = entries;
    std::string text = *objects.Read(entries[i].id, git::ObjectType::kBlob);
    text.empty() ? text.push_back('x') : static_cast<void>(text[text.size() / 2] ^= 1);
    changed[i].id = objects.Add(git::ObjectType::kBlob, text);
    MergeTrees evil = trees;
    evil.result = objects.Add(git::ObjectType::kTree, git::WriteTree(changed));
    const auto paths = PathsByMerger(objects, evil);
    ASSERT_TRUE(paths) << paths.error().message;
    ASSERT_EQ(paths->size(), 1U);
    EXPECT_EQ(paths->front().path, entries[i].name);
  }
}

void RandomMerges(git::ObjectFormat format, uint32_t seed, size_t count, Trials& trials) {
  GitFolder folder(format);
  Random random(seed);
  std::string import;
  for (size_t i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    const Files base = random.Tree();
    import += Import("b" + n, "", base);
    import += Import("o" + n, "b" + n, random.Changed(base, 1 + random.Below(4)));
    import += Import("t" + n, "b" + n, random.Changed(base, 1 + random.Below(4)));
  }
  folder.Git({"fast-import", "--quiet"}, import);
  const std::string script =
      "i=0; while [ $i -lt " + std::to_string(count) +
      " ]; do git rev-parse b$i^{tree} o$i^{tree} t$i^{tree} || exit; "
      "git merge-tree --write-tree --no-messages o$i t$i >out; echo $?; head -n 1 out; "
      "i=$((i+1)); done";
  const auto out = RunChecked({.argv = {"sh", "-c", script},
                               .env = git::Environment(),
                               .clear_env = true,
                               .cwd = folder.path()});
  ASSERT_TRUE(out) << out.error().message;
  MemoryObjects objects(format);
  folder.ReadAll(objects);
  const auto lines = Lines(*out);
  ASSERT_EQ(lines.size(), 5 * count);
  for (size_t i = 0; i < count; ++i) {
    const auto id = [&](size_t line) { return *git::ObjectId::FromHex(lines[5 * i + line]); };
    const MergeTrees trees{id(1), {{{id(0)}, id(2)}}, id(4)};
    const auto paths = PathsByMerger(objects, trees);
    ASSERT_TRUE(paths) << paths.error().message;
    if (lines[5 * i + 3] != "0") {
      ++trials.conflicts;
      EXPECT_FALSE(paths->empty()) << "seed " << seed << " trial " << i;
      continue;
    }
    ++trials.clean;
    EXPECT_TRUE(paths->empty()) << "seed " << seed << " trial " << i << ": " << paths->front().path;
    ChangeEachFile(objects, trees);
  }
}

TEST(PathsByMergerGit, AgreesWithGitOnRandomHistories) {
  Trials trials;
  RandomMerges(git::ObjectFormat::kSha1, 1, 200, trials);
  RandomMerges(git::ObjectFormat::kSha256, 2, 60, trials);
  EXPECT_GT(trials.clean, 150U);
  EXPECT_GT(trials.conflicts, 20U);
}

std::string Numbered(size_t changed) {
  std::string out;
  for (size_t i = 0; i < 30; ++i)
    out += "line " + std::to_string(i) + (i == changed ? "!\n" : "\n");
  return out;
}

// Heads x, y and z of one base, merged by `git merge x y z` with the strategy octopus; then each of
// two heads merged into the other one, and these merges merged: a criss-cross with two bases.
TEST(PathsByMergerGit, AgreesWithOctopusAndCrissCross) {
  GitFolder folder(git::ObjectFormat::kSha1);
  Random random(3);
  for (size_t i = 0; i < 12; ++i) {
    Files base = random.Tree();
    base["d/0"] = Numbered(99);
    std::string import = Import("b", "", base);
    // Each head has a file of its own, and a line of its own in one that all of them change.
    for (size_t head = 0; head < 3; ++head) {
      const std::string own = "f" + std::to_string(head);
      Files files = base;
      files[own] = random.Edited(base.at(own));
      files["d/0"] = Numbered(10 * head);
      import += Import(std::string(1, "xyz"[head]), "b", files);
    }
    folder.Git({"fast-import", "--quiet", "--force"}, import);
    folder.Git({"checkout", "-q", "-f", "--detach", "x"});
    folder.Git({"merge", "-q", "--no-edit", "y", "z"});
    const git::ObjectId octopus = folder.Id("HEAD^{tree}");
    const auto crossed = [&](const char* one, const char* two) {
      folder.Git({"checkout", "-q", "-f", "--detach", one});
      folder.Git({"merge", "-q", "--no-edit", two});
      return folder.Id("HEAD").Hex();
    };
    const std::string xy = crossed("x", "y"), yx = crossed("y", "x");
    folder.Git({"checkout", "-q", "-f", "--detach", xy});
    folder.Git({"commit", "-q", "--allow-empty", "-m", "one more"});
    folder.Git({"merge", "-q", "--no-edit", yx});
    const std::string bases = folder.Git({"merge-base", "--all", "HEAD^", yx});
    EXPECT_EQ(Lines(bases).size(), 2U);
    MemoryObjects objects;
    folder.ReadAll(objects);
    const auto tree = [&](const std::string& name) { return folder.Id(name + "^{tree}"); };
    const MergeTrees cases[] = {
        {tree("x"), {{{tree("b")}, tree("y")}, {{tree("b")}, tree("z")}}, octopus},
        {tree("HEAD^"), {{{tree("x"), tree("y")}, tree(yx)}}, tree("HEAD")}};
    for (const MergeTrees& trees : cases) {
      const auto paths = PathsByMerger(objects, trees);
      ASSERT_TRUE(paths) << paths.error().message;
      EXPECT_TRUE(paths->empty()) << paths->front().path;
      ChangeEachFile(objects, trees);
    }
  }
}

}  // namespace
}  // namespace lethe::trust
