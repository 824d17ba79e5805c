#include "vm/client_profile.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/subprocess.h"

namespace lethe::vm {
namespace {

constexpr ServerPorts kPorts = {11, 12, 13, 14, 15};

// A tar of these files, as the image makes it.
std::string Tar(const ClientProfile& files) {
  const auto scratch =
      ScratchDir::Create(std::filesystem::temp_directory_path(), "profile-").value();
  for (const auto& [name, text] : files) EXPECT_TRUE(WriteFileAtomic(scratch.path() / name, text));
  return RunChecked(
             {.argv = {"sh", "-c", "tar --owner=0 --group=0 -c *"}, .cwd = scratch.path().string()})
      .value();
}

std::string WhyRefused(const std::string& tar) {
  const auto profile = ReadClientProfile(tar, kPorts);
  if (profile) return "";
  EXPECT_EQ(profile.error().code, ErrorCode::kMalformed);
  return profile.error().message;
}

TEST(ReadClientProfile, PutsTheHostsPortsIntoEachFile) {
  const std::string secret = "password 443 500 4500 51820\n";
  const ClientProfile files = {
      {"client.ovpn", "client\nremote 127.0.0.1 1194\n<key>\nremote\n</key>\n"},
      {"client-tcp.ovpn", "remote 127.0.0.1 443\n"},
      {"client.conf", "PrivateKey = 51820\nEndpoint = 127.0.0.1:51820\n"},
      {"openvpn-udp.toml", "port = 1194\n"},
      {"openvpn-tcp.toml", "port = 443\ntimeout_ms = 443\n"},
      {"wireguard.toml", "port = 51820\n"},
      {"ikev2.toml", "port = 500\nnat_port = 4500\n"},
      {"ikev2-certificate.toml", "port = 500\nnat_port = 4500\n"},
      {"l2tp.toml", "port = 500\nnat_port = 4500\n"},
      {"ikev2-ca.crt", "ca\n"},
      {"ikev2-client.crt", "certificate\n"},
      {"ikev2-client.key", "key\n"},
      {"ikev2.conf", secret},
      {"l2tp.conf", secret}};
  const ClientProfile expected = {
      {"client.ovpn", "client\nremote 127.0.0.1 11\n<key>\nremote\n</key>\n"},
      {"client-tcp.ovpn", "remote 127.0.0.1 12\n"},
      {"client.conf", "PrivateKey = 51820\nEndpoint = 127.0.0.1:13\n"},
      {"openvpn-udp.toml", "port = 11\n"},
      {"openvpn-tcp.toml", "port = 12\ntimeout_ms = 443\n"},
      {"wireguard.toml", "port = 13\n"},
      {"ikev2.toml", "port = 14\nnat_port = 15\n"},
      {"ikev2-certificate.toml", "port = 14\nnat_port = 15\n"},
      {"l2tp.toml", "port = 14\nnat_port = 15\n"},
      {"ikev2-ca.crt", "ca\n"},
      {"ikev2-client.crt", "certificate\n"},
      {"ikev2-client.key", "key\n"},
      {"ikev2.conf", secret},
      {"l2tp.conf", secret}};
  EXPECT_EQ(ReadClientProfile(Tar(files), kPorts).value(), expected);
}

TEST(ReadClientProfile, TakesAnImageThatServesFewerProtocols) {
  const auto profile = ReadClientProfile(Tar({{"client.ovpn", "remote 127.0.0.1 1194\n"}}), kPorts);
  EXPECT_EQ(profile.value(), (ClientProfile{{"client.ovpn", "remote 127.0.0.1 11\n"}}));
}

TEST(ReadClientProfile, RefusesWhatNoImageWrites) {
  EXPECT_EQ(WhyRefused(Tar({{"client.oven", ""}})),
            "client profile: unexpected file 'client.oven'");
  EXPECT_EQ(WhyRefused(Tar({{"l2tp.toml", "port = 500\n"}})),
            "client profile: l2tp.toml has the line 'nat_port = 4500' 0 times");
  EXPECT_EQ(WhyRefused(Tar({{"wireguard.toml", "port = 51820\nport = 51820\n"}})),
            "client profile: wireguard.toml has the line 'port = 51820' 2 times");
  EXPECT_EQ(WhyRefused(Tar({{"client.ovpn", "#remote 127.0.0.1 1194\n"}})),
            "client profile: client.ovpn has the line 'remote 127.0.0.1 1194' 0 times");
  const std::string link =
      RunChecked({.argv = {"sh", "-c",
                           "d=$(mktemp -d) && cd $d && ln -s /etc/passwd ikev2.conf && "
                           "tar -c ikev2.conf; rm -r $d"}})
          .value();
  EXPECT_EQ(WhyRefused(link), "client profile: unexpected file 'ikev2.conf'");
  EXPECT_NE(WhyRefused("no tar at all"), "");
}

TEST(ReadProfileTar, GivesItFromTheLastBlockOn) {
  const auto scratch =
      ScratchDir::Create(std::filesystem::temp_directory_path(), "profile-").value();
  const auto file = scratch.path() / "client.tar";
  EXPECT_FALSE(ReadProfileTar(file)) << "no file";
  const std::string tar = Tar({{"ikev2.conf", std::string(20000, 'x')}, {"l2tp.conf", "y"}});
  for (const size_t size : {size_t{0}, size_t{10240}, tar.size() - 1}) {
    ASSERT_TRUE(WriteFileAtomic(file, tar.substr(0, size)));
    EXPECT_FALSE(ReadProfileTar(file)) << size;
  }
  ASSERT_TRUE(WriteFileAtomic(file, tar));
  EXPECT_EQ(ReadProfileTar(file), tar);
}

TEST(StoreClientProfile, WritesEachFileForItsOwner) {
  const auto scratch =
      ScratchDir::Create(std::filesystem::temp_directory_path(), "profile-").value();
  const auto folder = scratch.path() / "new";
  ASSERT_TRUE(
      StoreClientProfile(Tar({{"client.ovpn", "remote 127.0.0.1 1194\n"}}), kPorts, folder));
  EXPECT_EQ(ReadFile(folder / "client.ovpn").value(), "remote 127.0.0.1 11\n");
  EXPECT_EQ(std::filesystem::status(folder / "client.ovpn").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(StoreClientProfile("no tar at all", kPorts, folder).error().code,
            ErrorCode::kMalformed);
}

TEST(ForwardsTo, OpensEveryPortOfTheServer) {
  std::string text;
  for (const PortForward& forward : ForwardsTo(kPorts))
    text += forward.protocol + ":" + std::to_string(forward.host_port) + ":" +
            std::to_string(forward.guest_port) + " ";
  EXPECT_EQ(text, "udp:11:1194 tcp:12:443 udp:13:51820 udp:14:500 udp:15:4500 ");
}

}  // namespace
}  // namespace lethe::vm
