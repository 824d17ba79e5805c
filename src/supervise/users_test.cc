#include "supervise/users.h"

#include <gtest/gtest.h>

#include "supervise/capabilities.h"

namespace lethe::supervise {
namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/sh\nvpn:x:101:102::/:/usr/sbin/nologin\nbad:x:many:1::/:/\n"
    "short:x:1:2\n";
constexpr std::string_view kGroup = "root:x:0:\nvpn:x:102:\nkeys:x:103:root,vpn\ntun:x:104:vpn\n";

TEST(FindUser, HasItsGroups) {
  const auto user = FindUser("vpn", kPasswd, kGroup);
  ASSERT_TRUE(user) << user.error().message;
  EXPECT_EQ(user->uid, 101U);
  EXPECT_EQ(user->gid, 102U);
  EXPECT_EQ(user->groups, (std::vector<gid_t>{103, 104}));
  EXPECT_TRUE(FindUser("root", kPasswd, "")->groups.empty());
}

TEST(FindUser, RefusesWhatIsNoUser) {
  const struct {
    std::string_view name, passwd, group;
    ErrorCode code;
    const char* message;
  } kCases[] = {
      {"nobody", kPasswd, kGroup, ErrorCode::kNotFound, "/etc/passwd has no user 'nobody'"},
      {"vp", kPasswd, kGroup, ErrorCode::kNotFound, "/etc/passwd has no user 'vp'"},
      {"bad", kPasswd, kGroup, ErrorCode::kMalformed, "/etc/passwd:3: is no entry of /etc/passwd"},
      {"short", kPasswd, kGroup, ErrorCode::kMalformed,
       "/etc/passwd:4: is no entry of /etc/passwd"},
      {"vpn", kPasswd, "keys:x:-1:vpn\n", ErrorCode::kMalformed,
       "/etc/group:1: is no entry of /etc/group"},
      {"vpn", kPasswd, "a:x:1:\nkeys\n", ErrorCode::kMalformed,
       "/etc/group:2: is no entry of /etc/group"},
  };
  for (const auto& bad : kCases) {
    const auto user = FindUser(bad.name, bad.passwd, bad.group);
    ASSERT_FALSE(user) << bad.message;
    EXPECT_EQ(user.error().code, bad.code);
    EXPECT_EQ(user.error().message, bad.message);
  }
}

TEST(CapabilityMask, HasTheKernelsNumbers) {
  EXPECT_EQ(*CapabilityMask({}), 0U);
  EXPECT_EQ(*CapabilityMask({"chown"}), 1U);
  EXPECT_EQ(*CapabilityMask({"net_bind_service", "net_admin"}), (1U << 10) | (1U << 12));
  EXPECT_EQ(*CapabilityMask({"sys_admin", "syslog", "checkpoint_restore"}),
            (1ULL << 21) | (1ULL << 34) | (1ULL << 40));
  for (const char* wrong : {"NET_ADMIN", "cap_net_admin", ""}) {
    const auto mask = CapabilityMask({wrong});
    ASSERT_FALSE(mask) << wrong;
    EXPECT_EQ(mask.error().code, ErrorCode::kMalformed);
  }
}

}  // namespace
}  // namespace lethe::supervise
