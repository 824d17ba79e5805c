#include "recipe/recipe.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "recipe/names.h"
#include "recipe/source_files.h"

namespace lethe::recipe {
namespace {

namespace fs = std::filesystem;

// Line numbers in the tables below are those of this text.
constexpr const char* kGood = R"([image]
id = "test-image"
name = "Test image"
architecture = "amd64"

[debian]
suites = ["trixie"]
components = ["main"]
packages = ["systemd", "libstdc++6"]
tools = ["xorriso"]
compilers = ["g++"]
exclude = ["/usr/share/doc/**"]

[kernel]
package = "linux-image-amd64"
command_line = ["init_on_alloc=1", "init_on_free=1", "rootfstype=ramfs"]
modules = ["virtio_net"]
initrd_modules = ["erofs"]
load = ["tun"]

[[users]]
name = "vpn"
uid = 700

[[files]]
path = "/etc/secret"
group = "vpn"
mode = "0640"

[[directories]]
path = "/var/empty"

[[links]]
path = "/etc/alias"
target = "../usr/lib/alias"

[systemd]
enable = ["a.service"]
mask = ["b.timer"]

[sysctl]
"kernel.dmesg_restrict" = 1

[[components]]
name = "lethe-init"
sources = ["src"]
commands = [["make", "all"]]
[[components.install]]
from = "bin/init"
to = "initrd:/init"

[[writable]]
path = "/run"
size_mib = 8

[budget]
iso_mib = 100
ram_mib = 200
)";

// A recipe folder of its own for each test.
class Folder {
 public:
  Folder() { Write("files/etc/secret", "s"); }

  void Write(const std::string& path, std::string_view text, unsigned mode = 0644) {
    ASSERT_TRUE(MakeDirectories((root() / path).parent_path()));
    ASSERT_TRUE(WriteFileAtomic(root() / path, text, mode));
  }
  void Link(const std::string& path, const std::string& target) {
    ASSERT_TRUE(MakeDirectories((root() / path).parent_path()));
    fs::create_symlink(target, root() / path);
  }
  Result<Recipe> Load(std::string_view toml = kGood) {
    Write("recipe.toml", toml);
    return LoadRecipe(root());
  }
  // A repository whose settings do not depend on the machine's.
  void Git(std::vector<std::string> arguments) {
    std::vector<std::string> argv = {"git", "-C", root().string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto done = RunChecked({.argv = argv, .env = {{"GIT_CONFIG_GLOBAL", "/dev/null"}}});
    ASSERT_TRUE(done) << done.error().message;
  }
  fs::path root() const { return scratch_.path(); }

 private:
  ScratchDir scratch_ = ScratchDir::Create(fs::temp_directory_path(), "lethe-recipe-").value();
};

std::vector<std::string> Paths(const Recipe& recipe) {
  std::vector<std::string> out;
  for (const FileEntry& file : recipe.files) out.push_back(file.path);
  return out;
}

std::string Replaced(std::string_view from, std::string_view to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

void ExpectMalformed(const Result<Recipe>& recipe, std::string_view place, std::string_view says) {
  ASSERT_FALSE(recipe) << place << ": " << says;
  EXPECT_EQ(recipe.error().code, ErrorCode::kMalformed) << recipe.error().message;
  EXPECT_NE(recipe.error().message.find(place), std::string::npos) << recipe.error().message;
  EXPECT_NE(recipe.error().message.find(says), std::string::npos) << recipe.error().message;
}

TEST(LoadRecipe, PutsThePolicyIntoTheImage) {
  Folder folder;
  EXPECT_EQ(Paths(*folder.Load()), (std::vector<std::string>{"/etc/secret"}));
  folder.Write("policy.toml", "anything", 0755);
  const auto recipe = folder.Load();
  ASSERT_TRUE(recipe) << recipe.error().message;
  ASSERT_EQ(recipe->files.size(), 2U);
  EXPECT_EQ(recipe->files[1].path, "/usr/lib/lethe/policy.toml");
  EXPECT_EQ(recipe->files[1].source, recipe->directory / "policy.toml");
  EXPECT_EQ(recipe->files[1].mode, 0644U);
  EXPECT_EQ(recipe->files[1].owner, "root");
  folder.Write("files/usr/lib/lethe/policy.toml", "another");
  ExpectMalformed(folder.Load(), "files/usr/lib/lethe/policy.toml", "policy.toml comes to");
  fs::remove_all(folder.root() / "files/usr");
  fs::remove(folder.root() / "policy.toml");
  folder.Link("policy.toml", "recipe.toml");
  ExpectMalformed(folder.Load(), "policy.toml", "a regular file");
}

TEST(LoadRecipe, ReadsEverything) {
  Folder folder;
  folder.Write("files/usr/bin/run", "#!/bin/sh\n", 0700);
  folder.Write("files/etc/plain", "p", 0664);
  folder.Link("files/etc/link", "/usr/bin/run");
  const auto recipe = folder.Load();
  ASSERT_TRUE(recipe) << recipe.error().message;
  EXPECT_EQ(recipe->id, "test-image");
  EXPECT_EQ(recipe->packages, (std::vector<std::string>{"systemd", "libstdc++6"}));
  EXPECT_EQ(recipe->exclude, (std::vector<std::string>{"/usr/share/doc/**"}));
  EXPECT_EQ(recipe->kernel.load, (std::vector<std::string>{"tun"}));
  ASSERT_EQ(recipe->users.size(), 1U);
  EXPECT_EQ(recipe->users[0].gid, 700U);  // as the uid
  EXPECT_EQ(recipe->users[0].shell, "/usr/sbin/nologin");
  EXPECT_EQ(recipe->default_target, "multi-user.target");
  EXPECT_EQ(recipe->units_mask, (std::vector<std::string>{"b.timer"}));
  ASSERT_EQ(recipe->sysctl.size(), 1U);
  EXPECT_EQ(recipe->sysctl[0].second, "1");
  ASSERT_EQ(recipe->components.size(), 1U);
  EXPECT_EQ(recipe->components[0].commands[0], (std::vector<std::string>{"make", "all"}));
  EXPECT_EQ(recipe->components[0].install[0].mode, 0755U);
  EXPECT_EQ(recipe->writable[0].size_mib, 8U);
  EXPECT_EQ(recipe->max_ram_mib, 200U);
  EXPECT_EQ(recipe->directories[0].path, "/var/empty");
  ASSERT_EQ(recipe->links.size(), 2U);
  EXPECT_EQ(recipe->links[0].path, "/etc/link");
  EXPECT_EQ(recipe->links[1].target, "../usr/lib/alias");
  EXPECT_EQ(Paths(*recipe),
            (std::vector<std::string>{"/etc/plain", "/etc/secret", "/usr/bin/run"}));
}

TEST(LoadRecipe, TakesOnlyTheOwnersExecutableBit) {
  Folder folder;
  folder.Write("files/a", "", 0700);
  folder.Write("files/b", "", 0677);
  folder.Write("files/c", "", 0666);
  for (const auto& [name, mode] : {std::pair{"a", 0700}, {"b", 0677}, {"c", 0666}}) {
    ASSERT_EQ(::chmod((folder.root() / "files" / name).c_str(), static_cast<mode_t>(mode)), 0);
  }
  const auto recipe = folder.Load();
  ASSERT_TRUE(recipe) << recipe.error().message;
  ASSERT_EQ(Paths(*recipe), (std::vector<std::string>{"/a", "/b", "/c", "/etc/secret"}));
  EXPECT_EQ(recipe->files[0].mode, 0755U);
  EXPECT_EQ(recipe->files[1].mode, 0644U);
  EXPECT_EQ(recipe->files[2].mode, 0644U);
  EXPECT_EQ(recipe->files[3].mode, 0640U);  // by [[files]]
  EXPECT_EQ(recipe->files[3].group, "vpn");
  EXPECT_EQ(recipe->files[0].owner, "root");
}

struct BadEdit {
  const char* from;
  const char* to;
  const char* place;
  const char* says;
};

void ExpectRefused(std::initializer_list<BadEdit> edits) {
  Folder folder;
  for (const BadEdit& edit : edits) {
    SCOPED_TRACE(edit.to);
    ExpectMalformed(folder.Load(Replaced(edit.from, edit.to)), edit.place, edit.says);
  }
}

TEST(LoadRecipe, RefusesBadNamesWithPlaceAndRule) {
  ExpectRefused({
      {"id = \"test-image\"", "id = \"Test\"", "recipe.toml:2: key 'id'", "allowed: lower-case"},
      {"id = \"test-image\"", "id = \"1a\"", "recipe.toml:2: key 'id'", "starting with a letter"},
      {"id = \"test-image\"", "id = 7", "recipe.toml:2: key 'id'", "must be a string"},
      {"id = \"test-image\"\n", "", "recipe.toml:1: key 'id' in [image]", "is missing"},
      {"name = \"Test image\"", "name = \"a\\\"b\"", "recipe.toml:3: key 'name'", "one line"},
      {"\"amd64\"", "\"arm64\"", "recipe.toml:4: key 'architecture'", "allowed: \"amd64\""},
      {"[\"trixie\"]", "[]", "recipe.toml:6: key 'suites'", "at least one"},
      {"[\"main\"]", "[\"Main\"]", "recipe.toml:8: key 'components'", "allowed: main"},
      {"\"libstdc++6\"", "\"Libstdc\"", "recipe.toml:9: key 'packages'", "Debian package name"},
      {"\"libstdc++6\"", "\"systemd\"", "recipe.toml:9: key 'packages'", "listed twice"},
      {"\"/usr/share/doc/**\"", "\"doc/**\"", "recipe.toml:12: key 'exclude'", "absolute pattern"},
      {"exclude =", "excludes =", "recipe.toml:12: unknown key 'excludes'", "allowed: build_only"},
      {"name = \"vpn\"", "name = \"Vpn\"", "recipe.toml:22: key 'name'", "at most 32"},
      {"name = \"vpn\"", "name = \"root\"", "recipe.toml:21: key 'name'", "is there already"},
      {"uid = 700", "uid = 0", "recipe.toml:23: key 'uid'", "from 1 to 65533"},
      {"uid = 700", "uid = 65534", "recipe.toml:23: key 'uid'", "from 1 to 65533"},
      {"uid = 700", "uid = 700\nshell = \"sh\"", "recipe.toml:24: key 'shell'", "absolute path"},
      {"[[files]]", "[[users]]\nname='w'\nuid=700\n[[files]]", "recipe.toml:25: user 'w'", "taken"},
      {"[[files]]", "[[users]]\nname='w'\nuid=7\ngid=700\n[[files]]", "recipe.toml:25: user 'w'",
       "taken"},
      {"\"a.service\"", "\"a\"", "recipe.toml:38: key 'enable'", "with its suffix"},
      {"\"b.timer\"", "\"a.service\"", "recipe.toml:37: unit 'a.service'", "enabled and masked"},
      {"\"kernel.dmesg_restrict\"", "\"kernel dmesg\"", "recipe.toml:42: key 'kernel dmesg'",
       "a sysctl key"},
      {"_restrict\" = 1", "_restrict\" = \"1\\n2\"", "recipe.toml:42: key 'kernel.dmesg_restrict'",
       "one line"},
  });
}

TEST(LoadRecipe, RefusesBadPathsModesAndRanges) {
  ExpectRefused({
      {"\"/etc/secret\"", "\"/etc/none\"", "recipe.toml:26: key 'path'", "no such file"},
      {"\"0640\"", "\"4755\"", "recipe.toml:28: key 'mode'", "without set-id bits"},
      {"\"0640\"", "\"2755\"", "recipe.toml:28: key 'mode'", "without set-id bits"},
      {"\"0640\"", "\"640\"", "recipe.toml:28: key 'mode'", "four octal digits"},
      {"\"0640\"", "\"0888\"", "recipe.toml:28: key 'mode'", "four octal digits"},
      {"group = \"vpn\"", "group = \"v:n\"", "recipe.toml:27: key 'group'", "at most 32"},
      {"\"/var/empty\"", "\"/var/../x\"", "recipe.toml:31: key 'path'", "clean absolute path"},
      {"\"/var/empty\"", "\"var/empty\"", "recipe.toml:31: key 'path'", "clean absolute path"},
      {"\"/var/empty\"", "\"/var//x\"", "recipe.toml:31: key 'path'", "clean absolute path"},
      {"\"/var/empty\"", "\"/var/\\u0007\"", "recipe.toml:31: key 'path'", "control characters"},
      {"\"../usr/lib/alias\"", "\"../../x\"", "recipe.toml:35: key 'target'", "inside the image"},
      {"\"/run\"", "\"/usr/x\"", "recipe.toml:53: key 'path'", "/usr is read-only"},
      {"\"/run\"", "\"/etc\"", "recipe.toml:53: key 'path'", "/etc is read-only"},
      {"\"/run\"", "\"/boot\"", "recipe.toml:53: key 'path'", "/boot is read-only"},
      {"\"/run\"", "\"/\"", "recipe.toml:53: key 'path'", "clean absolute path"},
      {"size_mib = 8", "size_mib = 0", "recipe.toml:54: key 'size_mib'", "from 1 to 4096"},
      {"size_mib = 8", "size_mib = 4097", "recipe.toml:54: key 'size_mib'", "from 1 to 4096"},
      {"[budget]", "[[writable]]\npath='/run'\nsize_mib=1\n[budget]", "recipe.toml:56:", "twice"},
      {"path = \"/run\"\nsize_mib = 8",
       "path='/a/b'\nsize_mib=1\n[[writable]]\npath='/a'\nsize_mib=1",
       "recipe.toml:55: writable path '/a'", "would cover '/a/b'"},
      {"iso_mib = 100", "iso_mib = 0", "recipe.toml:57: key 'iso_mib'", "from 1 to 4096"},
      {"ram_mib = 200", "ram_mib = 4097", "recipe.toml:58: key 'ram_mib'", "from 1 to 4096"},
      {"[budget]", "[extra]\n[budget]", "recipe.toml:56: unknown key 'extra'", "allowed: "},
  });
}

TEST(LoadRecipe, RefusesBadComponents) {
  ExpectRefused({
      {"sources = [\"src\"]", "sources = [\"../src\"]", "recipe.toml:46: key 'sources'",
       "relative"},
      {"sources = [\"src\"]", "sources = [\"/src\"]", "recipe.toml:46: key 'sources'", "relative"},
      {"sources = [\"src\"]", "sources = []", "recipe.toml:44: component 'lethe-init'", "sources"},
      {"[[\"make\", \"all\"]]", "[\"make\"]", "recipe.toml:47: key 'commands'", "array of arrays"},
      {"[[\"make\", \"all\"]]", "[[]]", "recipe.toml:44: component", "without a program"},
      {"\"bin/init\"", "\"../init\"", "recipe.toml:49: key 'from'", "relative"},
      {"\"initrd:/init\"", "\"/opt/init\"", "recipe.toml:50: key 'to'", "below /usr/ or /etc/"},
      {"\"initrd:/init\"", "\"initrd:/x\"", "recipe.toml:50: key 'to'", "below /usr/ or /etc/"},
      {"\"initrd:/init\"", "\"/usr/../x\"", "recipe.toml:50: key 'to'", "below /usr/ or /etc/"},
      {"\"initrd:/init\"", "\"/usr/bin/init\"", "recipe.toml:1:", "exactly one component"},
      {"[[writable]]", "[[components.install]]\nfrom='x'\nto='initrd:/init'\n[[writable]]",
       "recipe.toml:1:", "2 do"},
  });
}

TEST(LoadRecipe, RefusesPathsFromTwoPlaces) {
  ExpectRefused({
      {"\"/var/empty\"", "\"/etc/alias\"", "recipe.toml:33: path '/etc/alias'", "line 30"},
      {"\"/var/empty\"", "\"/etc/secret\"", "recipe.toml:30: path '/etc/secret'", "files/"},
      {"\"/var/empty\"", "\"/etc/secret/x\"", "recipe.toml:30: path '/etc/secret/x'",
       "not a folder"},
      {"\"/var/empty\"", "\"/etc/alias/x\"", "recipe.toml:33: path '/etc/alias/x'", "not a folder"},
      {"[[writable]]", "[[components.install]]\nfrom='x'\nto='/etc/alias'\n[[writable]]",
       "recipe.toml:52: path '/etc/alias'", "two places"},
  });
  // A folder above what lies in it is fine.
  Folder folder;
  EXPECT_TRUE(folder.Load(Replaced("\"/var/empty\"", "\"/etc\"")));
}

TEST(LoadRecipe, ReadsWhatHardwareNeeds) {
  Folder folder;
  const auto recipe =
      folder.Load(Replaced("load = [\"tun\"]",
                           "load = []\nfirmware = [\"firmware-a\"]\n"
                           "firmware_missing_ok = [\"a/*.bin\"]\nmicrocode = [\"intel-b\"]"));
  ASSERT_TRUE(recipe) << recipe.error().message;
  EXPECT_EQ(recipe->kernel.firmware, (std::vector<std::string>{"firmware-a"}));
  EXPECT_EQ(recipe->kernel.firmware_missing_ok, (std::vector<std::string>{"a/*.bin"}));
  EXPECT_EQ(recipe->kernel.microcode, (std::vector<std::string>{"intel-b"}));
  ExpectRefused({
      {"load = [", "firmware = [\"A\"]\nload = [", "recipe.toml:19: key 'firmware'",
       "a Debian package name"},
      {"load = [", "microcode = [\"a b\"]\nload = [", "recipe.toml:19: key 'microcode'",
       "a Debian package name"},
      {"load = [", "firmware_missing_ok = [\"/a\"]\nload = [",
       "recipe.toml:19: key 'firmware_missing_ok'", "a clean relative path"},
      {"\"rootfstype=ramfs\"]", "\"rootfstype=ramfs\", \"dis_ucode_ldr\"]",
       "recipe.toml:16: key 'command_line'", "refused"},
  });
}

TEST(LoadRecipe, NeedsMemoryToBeWiped) {
  ExpectRefused({
      {"\"init_on_alloc=1\", ", "", "recipe.toml:14: key 'command_line'", "init_on_alloc=1"},
      {", \"rootfstype=ramfs\"", "", "recipe.toml:14: key 'command_line'", "rootfstype=ramfs"},
      {", \"init_on_free=1\"", "", "recipe.toml:14: key 'command_line'", "init_on_free=1"},
      {"\"rootfstype=ramfs\"]", "\"rootfstype=ramfs\", \"init_on_free=0\"]",
       "recipe.toml:16: key 'command_line'", "memory is wiped"},
      {"[\"virtio_net\"]", "[\"virtio_net\", \"nvme\"]", "recipe.toml:17: key 'modules'",
       "driver of storage"},
      {"[\"erofs\"]", "[\"loop\"]", "recipe.toml:18: key 'initrd_modules'", "driver of storage"},
      {"[\"tun\"]", "[\"usb-storage\"]", "recipe.toml:19: key 'load'", "driver of storage"},
  });
}

TEST(LoadRecipe, TellsMissingFromMalformed) {
  Folder folder;
  EXPECT_EQ(LoadRecipe(folder.root()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(LoadRecipe(folder.root() / "none").error().code, ErrorCode::kNotFound);
  ExpectMalformed(folder.Load("[image\n"), "recipe.toml:1:", "");
  ExpectMalformed(folder.Load(std::string((4U << 20) + 1, '#')), "recipe.toml", "");
}

TEST(LoadRecipe, FilesCannotLeaveTheRecipe) {
  Folder folder;
  folder.Write("outside/hosts", "x");
  folder.Link("files/etc/up", "../../../x");
  ExpectMalformed(folder.Load(), "files/etc/up", "inside the image");
  fs::remove(folder.root() / "files/etc/up");
  ASSERT_EQ(::mkfifo((folder.root() / "files/pipe").c_str(), 0600), 0);
  ExpectMalformed(folder.Load(), "files/pipe", "regular files and links");
  fs::remove_all(folder.root() / "files");
  folder.Link("files", "outside");
  ExpectMalformed(folder.Load(), "files", "must be a folder");
}

TEST(LoadRecipe, ReadsPatchesInByteOrder) {
  Folder folder;
  const std::string toml = std::string(kGood) + "[[patched]]\nsource = \"openvpn\"\n";
  folder.Write("patches/openvpn/02.patch", "b");
  folder.Write("patches/openvpn/01.patch", "a");
  const auto recipe = folder.Load(toml);
  ASSERT_TRUE(recipe) << recipe.error().message;
  ASSERT_EQ(recipe->patched.size(), 1U);
  EXPECT_EQ(recipe->patched[0].source, "openvpn");
  ASSERT_EQ(recipe->patched[0].patches.size(), 2U);
  EXPECT_EQ(recipe->patched[0].patches[0].filename(), "01.patch");
  ExpectMalformed(folder.Load(kGood), "patches/openvpn", "no [[patched]]");
  ExpectMalformed(folder.Load(toml + "[[patched]]\nsource = \"openvpn\"\n"), "'source'", "twice");
  ExpectMalformed(folder.Load(toml + "version = \"1\"\n"), "version", "unknown key");
}

TEST(LoadRecipe, RefusesPatchesFromElsewhere) {
  const char* kToml = "[[patched]]\nsource = \"vpn\"\n";
  Folder empty;
  ExpectMalformed(empty.Load(std::string(kGood) + kToml), "key 'source'", "patches/vpn/*.patch");
  for (const char* bad :
       {"patches/a.patch", "patches/vpn/x.diff", "patches/vpn/a/b.patch", "patches/-rf/a.patch",
        "patches/vpn/-R.patch", "patches/vpn/a\nb.patch"}) {
    Folder folder;
    folder.Write("patches/vpn/good.patch", "x");
    folder.Write(bad, "x");
    ExpectMalformed(folder.Load(std::string(kGood) + kToml), Printable(bad), "allowed: regular");
  }
  Folder link;
  link.Link("patches/vpn/a.patch", "/etc/passwd");
  ExpectMalformed(link.Load(std::string(kGood) + kToml), "patches/vpn/a.patch", "regular files");
}

TEST(LoadRecipe, FilesCannotHaveControlCharactersInTheirNames) {
  Folder folder;
  folder.Write("files/etc/a\nb", "x");
  ExpectMalformed(folder.Load(), "files/etc/a\\x0ab", "control characters");
  fs::remove(folder.root() / "files/etc/a\nb");
  folder.Write("files/etc/\xff", "x");
  ExpectMalformed(folder.Load(), "files/etc/\\xff", "UTF-8");
}

TEST(ListSourceFiles, LeavesOutWhatGitIgnores) {
  Folder folder;
  folder.Git({"init", "-q"});
  folder.Write(".gitignore", "*~\n");
  folder.Write("files/etc/secret~", "editor backup");
  folder.Write("files/etc/untracked", "u");
  folder.Write("files/etc/deleted", "d");
  folder.Git({"add", "files/etc/secret", "files/etc/deleted"});
  fs::remove(folder.root() / "files/etc/deleted");
  EXPECT_EQ(ListSourceFiles(folder.root() / "files").value(),
            (std::vector<std::string>{"etc/secret", "etc/untracked"}));
  fs::remove_all(folder.root() / ".git");
  EXPECT_EQ(ListSourceFiles(folder.root() / "files").value(),
            (std::vector<std::string>{"etc/secret", "etc/secret~", "etc/untracked"}));
}

TEST(ListSourceFiles, DoesNotFallBackWhenGitRefuses) {
  Folder folder;
  folder.Write(".git", "gitdir: /nonexistent\n");
  const auto files = ListSourceFiles(folder.root() / "files");
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kIo);
  EXPECT_EQ(ListSourceFiles(folder.root() / "none")->size(), 0U);
}

TEST(CheckKernelParameter, RefusesWhatTakesPromisesAway) {
  for (const char* bad : {"page_poison=1",
                          "page-poison=1",
                          "slub_debug",
                          "slub_debug=FZ",
                          "lockdown=integrity",
                          "console=ttyS0",
                          "console=ttyS0,115200",
                          "console=hvc0",
                          "init=/bin/sh",
                          "rdinit=/bin/sh",
                          "single",
                          "1",
                          "S",
                          "rescue",
                          "emergency",
                          "systemd.debug-shell",
                          "systemd.debug_shell=1",
                          "rd.break",
                          "rd.break=pre-mount",
                          "systemd.wants=debug-shell.service",
                          "--",
                          "init_on_free=0",
                          "init-on-alloc=0",
                          "rootfstype=tmpfs",
                          "init_on_alloc=1x"}) {
    const Problem problem = CheckKernelParameter(bad);
    ASSERT_TRUE(problem) << bad;
    EXPECT_EQ(problem->rfind("refused: ", 0), 0U) << bad << ": " << *problem;
  }
  for (const char* bad : {"", "a b", "a\tb", "a\"b", "\x7f", "é"}) {
    const Problem problem = CheckKernelParameter(bad);
    ASSERT_TRUE(problem) << bad;
    EXPECT_EQ(problem->rfind("allowed: ", 0), 0U) << bad << ": " << *problem;
  }
  for (const char* good : {"quiet", "init_on_alloc=1", "init_on_free=1", "console=tty0", "panic=10",
                           "initcall_debug", "systemd.log_target=null"}) {
    EXPECT_FALSE(CheckKernelParameter(good)) << good;
  }
}

TEST(CheckModuleName, RefusesEveryDriverOfStorage) {
  for (const char* bad :
       {"loop", "nbd", "virtio_blk", "virtio-blk", "ahci", "nvme", "sd_mod", "sr_mod",
        "usb_storage", "uas", "dm_mod", "md_mod", "mtd", "zram", "brd", "isofs"}) {
    const Problem problem = CheckModuleName(bad);
    ASSERT_TRUE(problem) << bad;
    EXPECT_NE(problem->find("driver of storage"), std::string::npos) << *problem;
  }
  for (const char* bad : {"", "a/b", "a b", "../x"}) EXPECT_TRUE(CheckModuleName(bad)) << bad;
  for (const char* good : {"tun", "virtio_net", "nft_limit", "des3_ede-x86_64"}) {
    EXPECT_FALSE(CheckModuleName(good)) << good;
  }
}

TEST(CheckLinkTarget, StaysBelowTheRoot) {
  for (const char* good : {"b", "../etc/b", "/usr/b", "./b", "../usr/../etc/b"}) {
    EXPECT_FALSE(CheckLinkTarget("/etc/a", good)) << good;
  }
  for (const char* bad : {"", "../../b", "/../b", "../usr/../../b", "a\nb", "\xc0\x80"}) {
    EXPECT_TRUE(CheckLinkTarget("/etc/a", bad)) << bad;
  }
}

}  // namespace
}  // namespace lethe::recipe
