#include "image/compose.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "image/units.h"

namespace lethe::image {
namespace {

constexpr const char* kUnit =
    "[Unit]\nDescription=x\n[Install]\nWantedBy=multi-user.target\nAlias=y.service\n";

// A small Debian after configuration.
Tree Debian() {
  Tree tree;
  const std::pair<const char*, const char*> kFiles[] = {
      {"/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"},
      {"/etc/group", "root:x:0:\nshadow:x:42:\n"},
      {"/etc/shadow", "root:*:20000:0:99999:7:::\n"},
      {"/usr/lib/os-release", "PRETTY_NAME=\"Debian\"\nID=debian\n"},
      {"/usr/lib/systemd/system/x.service", kUnit},
      {"/usr/lib/systemd/system/t@.service", "[Install]\nWantedBy=a@%i.target\n"},
      {"/usr/lib/systemd/system/static.service", "[Unit]\n"},
      {"/etc/machine-id", "0123\n"},
      {"/var/log/dpkg.log", "x"},
      {"/usr/share/doc/a", "x"},
  };
  for (const auto& [path, text] : kFiles) EXPECT_TRUE(tree.PutFile(path, text, 0644, "base"));
  EXPECT_TRUE(tree.PutFile("/usr/bin/dpkg", "x", 0755, "dpkg"));
  EXPECT_TRUE(tree.PutFile("/usr/bin/su", "x", 04755, "login"));
  EXPECT_TRUE(tree.PutSymlink("/lib", "usr/lib", "base"));
  return tree;
}

recipe::Recipe SmallRecipe() {
  recipe::Recipe recipe;
  recipe.id = "x";
  recipe.name = "X";
  recipe.build_only = {"dpkg"};
  recipe.exclude = {"/usr/share/doc/**"};
  recipe.units_enable = {"x.service"};
  recipe.units_mask = {"static.service"};
  recipe.default_target = "multi-user.target";
  recipe.users = {{.name = "vpn", .uid = 700, .gid = 700}};
  recipe.directories = {{.path = "/usr/lib/d", .owner = "vpn", .group = "vpn", .mode = 0750}};
  recipe.writable = {{.path = "/var", .mode = 0755, .size_mib = 1}};
  return recipe;
}

Result<Tree> Compose(Tree configured, const recipe::Recipe& recipe) {
  return ComposeRoot({std::move(configured), {}, recipe, {.version = "1-abc", .commit = "abc"}});
}

TEST(ComposeRoot, ForgetsWhatTheBuildLeftBehind) {
  const Tree tree = Compose(Debian(), SmallRecipe()).value();
  for (const char* gone : {"/var/log/dpkg.log", "/usr/share/doc/a", "/usr/bin/dpkg"}) {
    EXPECT_EQ(tree.Find(gone), nullptr) << gone;
  }
  EXPECT_EQ(tree.Find("/etc/machine-id")->content.bytes(), "");
  EXPECT_EQ(tree.Find("/usr/bin/su")->mode, 0755U) << "set-id bits stay";
  EXPECT_EQ(tree.Find("/etc/shadow")->content.bytes(), "root:*:1::::::\nvpn:*:1::::::\n");
  EXPECT_EQ(tree.Find("/etc/shadow")->gid, 42U);
}

TEST(ComposeRoot, AddsUsersUnitsAndVersion) {
  const Tree tree = Compose(Debian(), SmallRecipe()).value();
  EXPECT_EQ(tree.Find("/usr/lib/d")->uid, 700U);
  EXPECT_EQ(tree.Find("/etc/systemd/system/multi-user.target.wants/x.service")->target,
            "/usr/lib/systemd/system/x.service");
  EXPECT_EQ(tree.Find("/etc/systemd/system/y.service")->target,
            "/usr/lib/systemd/system/x.service");
  EXPECT_EQ(tree.Find("/etc/systemd/system/static.service")->target, "/dev/null");
  const auto os_release = tree.Find("/usr/lib/os-release")->content.bytes();
  EXPECT_NE(os_release.find("IMAGE_ID=x\nIMAGE_VERSION=1-abc\nBUILD_ID=abc\n"), std::string::npos);
  EXPECT_EQ(os_release.find("PRETTY_NAME=\"Debian\""), std::string::npos);
}

TEST(ComposeRoot, GivesEqualTreesForEqualInputs) {
  EXPECT_EQ(TreeDigest(*Compose(Debian(), SmallRecipe())),
            TreeDigest(*Compose(Debian(), SmallRecipe())));
}

TEST(ComposeRoot, RefusesPasswordsUnknownOwnersAndTakenIds) {
  Tree open = Debian();
  ASSERT_TRUE(open.PutFile("/etc/shadow", "root:$6$x:1::::::\n", 0640, ""));
  EXPECT_EQ(Compose(std::move(open), SmallRecipe()).error().code, ErrorCode::kConflict);
  recipe::Recipe owner = SmallRecipe();
  owner.directories[0].owner = "nobody-knows";
  EXPECT_NE(Compose(Debian(), owner).error().message.find("nobody-knows"), std::string::npos);
  recipe::Recipe taken = SmallRecipe();
  taken.users[0].uid = 0;
  EXPECT_EQ(Compose(Debian(), taken).error().code, ErrorCode::kConflict);
}

TEST(ComposeRoot, RefusesALayerOnTopOfAPackage) {
  Tree layer;
  ASSERT_TRUE(layer.PutFile("/lib/systemd/system/x.service", "other", 0644, "component"));
  const auto recipe = SmallRecipe();
  std::vector<Tree> layers;
  layers.push_back(std::move(layer));
  const auto result = ComposeRoot({Debian(), std::move(layers), recipe, {}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
}

TEST(EnableUnit, ExpandsInstancesAndRefusesWhatCannotBeEnabled) {
  Tree tree = Debian();
  ASSERT_TRUE(EnableUnit(tree, "t@udp.service"));
  EXPECT_EQ(tree.Find("/etc/systemd/system/a@udp.target.wants/t@udp.service")->target,
            "/usr/lib/systemd/system/t@.service");
  EXPECT_EQ(EnableUnit(tree, "static.service").error().code, ErrorCode::kConflict);
  EXPECT_EQ(EnableUnit(tree, "no.service").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace lethe::image
