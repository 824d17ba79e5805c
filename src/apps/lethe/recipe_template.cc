#include "apps/lethe/recipe_template.h"

namespace lethe::cli {
namespace {

constexpr const char* kRecipe =
    R"toml(# An operating system as source. Reference of every key: docs/formats/recipe.md of Lethe.
#   lethe recipe check    reads this file and says what is wrong, with its line
#   lethe recipe lock     pins every package by its digest: writes recipe.lock, which you commit
#   lethe image build     makes one ISO from one commit
# Every file below files/ is installed at the same path: owner root, mode 0755 where it is
# executable, else 0644.

[image]
id = "@ID@"  # IMAGE_ID of os-release
name = "@ID@"
architecture = "amd64"

[debian]
suites = ["trixie", "trixie-updates", "trixie-security"]
components = ["main"]
# What you want; dependencies follow by themselves.
packages = ["systemd", "udev", "iproute2"]
# Needed while packages are configured, taken out of the image afterwards.
build_only = [
  "apt", "base-passwd", "bsdutils", "debconf", "debianutils", "diffutils", "dpkg", "gzip",
  "hostname", "init-system-helpers", "libpam-modules-bin", "libpam-runtime", "mawk",
  "ncurses-base", "ncurses-bin", "perl-base", "sysvinit-utils", "libdb5.3t64",
  "libdebconfclient0", "findutils", "grep", "bash", "libsqlite3-0", "liblastlog2-2",
]
# The build's own tools are locked too: the machine that builds lends none of its own.
tools = [
  "dosfstools", "erofs-utils", "grub-common", "grub-efi-amd64-bin", "grub-pc-bin", "kmod", "mtools",
  "systemd-boot-efi", "xorriso",
]
compilers = ["cmake", "g++", "libsodium-dev", "ninja-build", "pkgconf"]
# Paths that stay out: `*` is any run without '/', `**` any run, `?` one character.
)toml"
    R"toml(exclude = [
  # Documentation and translations.
  "/usr/share/doc/**", "/usr/share/doc-base/**", "/usr/share/man/**", "/usr/share/info/**",
  "/usr/share/locale/**", "/usr/share/lintian/**", "/usr/share/bug/**", "/usr/share/menu/**",
  "/usr/share/bash-completion/**", "/usr/share/zsh/**", "/usr/share/common-licenses/**",
  "/usr/share/perl5/**", "/usr/share/debconf/**", "/usr/share/keyrings/**",
  "/usr/lib/x86_64-linux-gnu/gconv/**", "/usr/lib/x86_64-linux-gnu/perl-base/**",
  "/usr/games/**",
  # Nothing here schedules, logs, mails or installs.
  "/etc/cron*/**", "/etc/init.d/**", "/etc/rc*.d/**", "/etc/default/**", "/etc/logrotate.d/**",
  "/etc/apt/**", "/etc/dpkg/**", "/etc/kernel/**", "/etc/alternatives/**", "/etc/skel/**",
  "/etc/profile.d/**", "/etc/update-motd.d/**", "/usr/lib/init/**", "/usr/lib/kernel/**",
  "/usr/share/initramfs-tools/**",
  # There is no journal: nothing is logged.
  "/usr/lib/systemd/systemd-journald", "/usr/lib/systemd/system/*journal*",
  "/usr/lib/systemd/system/*/*journal*", "/usr/bin/journalctl",
  "/usr/lib/systemd/journald.conf*", "/etc/systemd/journald.conf", "/usr/lib/systemd/catalog/**",
  "/usr/lib/sysusers.d/systemd-journal.conf", "/usr/lib/tmpfiles.d/journal-nocow.conf",
  "/usr/lib/systemd/systemd-journal*",
  # No login, no shell on a terminal, no disk, no suspend, no firmware settings.
  "/usr/lib/systemd/system-generators/**", "/usr/lib/systemd/user-generators/**",
  "/usr/lib/systemd/user/**", "/usr/lib/systemd/user-environment-generators/**",
  "/usr/lib/systemd/system-environment-generators/**", "/usr/lib/systemd/system/*getty*",
  "/usr/lib/systemd/system/*/*getty*", "/usr/lib/systemd/system/*.wants/*ask-password*",
  "/usr/lib/systemd/system/systemd-ask-password*", "/usr/lib/systemd/system/emergency*",
  "/usr/lib/systemd/system/rescue*", "/usr/lib/systemd/system/rescue.target.wants/**",
  "/usr/lib/systemd/system/debug-shell.service", "/usr/lib/systemd/system/initrd*",
  "/usr/lib/systemd/system/initrd*/**", "/usr/lib/systemd/system/*hibernate*",
  "/usr/lib/systemd/system/*suspend*", "/usr/lib/systemd/system/*/*hibernate*",
  "/usr/lib/systemd/system/*sleep*", "/usr/lib/systemd/systemd-sleep",
  "/usr/lib/systemd/system/systemd-random-seed*",
  "/usr/lib/systemd/system/*/systemd-random-seed*", "/usr/lib/systemd/system/*pstore*",
  "/usr/lib/systemd/system/*/*pstore*", "/usr/lib/systemd/systemd-pstore",
  "/usr/lib/systemd/system/*coredump*", "/usr/lib/systemd/system/*/*coredump*",
  "/usr/lib/systemd/system/*update-utmp*", "/usr/lib/systemd/system/*/*update-utmp*",
  "/usr/lib/systemd/systemd-update-utmp", "/usr/lib/systemd/system/*backlight*",
  "/usr/lib/systemd/system/*rfkill*", "/usr/lib/systemd/system/*quota*",
  "/usr/lib/systemd/system/*fsck*", "/usr/lib/systemd/system/*growfs*",
  "/usr/lib/systemd/system/*repart*", "/usr/lib/systemd/system/*/*repart*",
  "/usr/lib/systemd/system/*boot-random-seed*", "/usr/lib/systemd/system/*/*boot-*",
  "/usr/lib/systemd/system/*hwdb*", "/usr/lib/systemd/system/*/*hwdb*",
  "/usr/lib/udev/hwdb.d/**", "/usr/lib/udev/hwdb.bin", "/etc/udev/hwdb.bin",
  "/usr/lib/systemd/system/*machine-id-commit*", "/usr/lib/systemd/system/*/*machine-id-commit*",
  "/usr/lib/systemd/system/*firstboot*", "/usr/lib/systemd/system/*/*firstboot*",
  "/usr/lib/systemd/system/*/*update-done*", "/usr/lib/systemd/system/*/ldconfig*",
  "/usr/lib/systemd/system/*/*sysusers*", "/usr/lib/systemd/system/*/*pcr*",
  "/usr/lib/systemd/system/*pcr*", "/usr/lib/systemd/system/*tpm2*",
  "/usr/lib/systemd/system/*/*tpm2*", "/usr/lib/systemd/system/*remount-fs*",
  "/usr/lib/systemd/system/*/*remount-fs*", "/usr/lib/systemd/system/*/dev-hugepages.mount",
  "/usr/lib/systemd/system/*/dev-mqueue.mount", "/usr/lib/systemd/system/*/sys-*.mount",
  "/usr/lib/systemd/system/sys-*.mount",
  "/usr/lib/systemd/system/*/proc-sys-fs-binfmt_misc.automount",
  "/usr/lib/systemd/system/*/*binfmt*", "/usr/lib/systemd/system/*/systemd-pcr*",
  "/usr/lib/systemd/system/*/systemd-hibernate*", "/usr/lib/systemd/system/*/tmp.mount",
  "/usr/lib/systemd/system/tmp.mount", "/usr/lib/systemd/system/*/var-lib-machines.mount",
  "/usr/lib/systemd/system/*/cryptsetup*", "/usr/lib/systemd/system/*/veritysetup*",
  "/usr/lib/systemd/system/*/integritysetup*", "/usr/lib/systemd/system/*logind*",
  "/usr/lib/systemd/system/*/*logind*", "/usr/lib/systemd/systemd-logind",
  "/usr/lib/systemd/system/user@*", "/usr/lib/systemd/system/user-*",
  "/usr/lib/systemd/system/systemd-user-sessions.service",
  "/usr/lib/systemd/system/*/systemd-user-sessions.service", "/usr/lib/systemd/system/*.timer",
  "/usr/lib/systemd/system/*/*.timer",
  # Nothing makes files of logins or logs.
  "/usr/lib/tmpfiles.d/**", "/usr/lib/sysusers.d/**", "/usr/lib/sysctl.d/**", "/etc/sysctl.d/**",
  "/usr/lib/systemd/network/**", "/usr/lib/systemd/ntp-units.d/**", "/etc/systemd/network/**",
  "/usr/lib/systemd/boot/**", "/usr/lib/systemd/portable/**", "/usr/lib/systemd/repart/**",
  "/usr/lib/modprobe.d/**", "/etc/modprobe.d/**", "/etc/modules-load.d/**",
  "/usr/lib/modules-load.d/**", "/usr/lib/pcrlock.d/**",
  "/usr/lib/udev/rules.d/*persistent-storage*", "/usr/lib/udev/rules.d/60-block.rules",
  "/usr/lib/udev/rules.d/60-cdrom_id.rules", "/usr/lib/udev/rules.d/64-btrfs.rules",
  "/usr/lib/udev/rules.d/*sound*", "/usr/lib/udev/rules.d/*input*",
  "/usr/lib/udev/rules.d/*camera*", "/usr/lib/udev/rules.d/*v4l*",
  "/usr/lib/udev/rules.d/*joystick*",
]

[kernel]
package = "linux-image-amd64"
# Freed memory is wiped, nothing is shown, nothing is kept across a boot. init_on_alloc=1,
# init_on_free=1 and rootfstype=ramfs must be here.
command_line = [
  "rootfstype=ramfs", "init_on_alloc=1", "init_on_free=1",
  "quiet", "loglevel=0", "printk.devkmsg=off", "audit=0", "iomem=strict", "debugfs=off",
  "efi_pstore.pstore_disable=1", "erst_disable", "noresume", "nohibernate", "oops=panic",
  "panic=10",
  "reboot=warm", "systemd.log_target=null", "systemd.log_level=emerg", "systemd.show_status=no",
]
# Only what is named here is in the image, with what it depends on. No driver of storage may be.
# Cards that need firmware, and processors' microcode: keys 'firmware' and 'microcode', with the
# component "non-free-firmware".
modules = [
  "virtio_net", "e1000", "e1000e", "igb", "igc", "ixgbe", "vmxnet3", "ena", "gve", "hv_netvsc",
]
# Loaded by lethe-init before the root is mounted.
initrd_modules = ["erofs"]
# Loaded at boot; afterwards lethe-modules-disabled.service closes the kernel to further modules.
load = []

[systemd]
default_target = "multi-user.target"
enable = ["systemd-networkd.service", "lethe-modules-disabled.service"]

[sysctl]
"fs.suid_dumpable" = 0
"kernel.core_pattern" = "|/bin/false"
"kernel.dmesg_restrict" = 1
"kernel.kptr_restrict" = 2
"kernel.printk" = "0 0 0 0"
"kernel.yama.ptrace_scope" = 3
"vm.swappiness" = 0

# A service of your own would run as a user of its own:
#
#   [[users]]
#   name = "my-service"
#   uid = 700
#
#   [[files]]
#   path = "/etc/my-service.conf"  # a file below files/
#   group = "my-service"
#   mode = "0640"

# The only places that can be written. Each is memory, each is nosuid, nodev, noexec, and all of
# them are forgotten when the power goes.
[[writable]]
path = "/run"
size_mib = 64

[[writable]]
path = "/tmp"
mode = "1777"
size_mib = 16

[[writable]]
path = "/var"
size_mib = 16

[[writable]]
path = "/var/log"
size_mib = 1

# The first program of the image, compiled from Lethe's own source in this repository at
# @LETHE@ (plain files, as `git subtree add` brings them; a submodule is not enough).
[[components]]
name = "lethe-init"
sources = [
  "@PREFIX@CMakeLists.txt", "@PREFIX@cmake", "@PREFIX@src/CMakeLists.txt",
  "@PREFIX@src/base", "@PREFIX@src/crypto", "@PREFIX@src/boot",
  "@PREFIX@src/apps/lethe-init",
]
# Run in the locked compiler root, without a network. The build folder is the current one, the
# sources are at /src.
commands = [
  ["cmake", "-S", "/src@MOUNT@", "-B", ".", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
   "-DLETHE_SERVER_ONLY=ON"],
  ["cmake", "--build", ".", "--target", "lethe-init"],
  ["strip", "bin/lethe-init"],
]

[[components.install]]
from = "bin/lethe-init"
to = "initrd:/init"

# A build or boot beyond these fails.
[budget]
iso_mib = 100
ram_mib = 250
)toml";

constexpr const char* kNetwork =
    R"(# Every wired card asks DHCP, and tells it nothing about the server.
[Match]
Type=ether
Kind=!*

[Network]
DHCP=ipv4
IPv6AcceptRA=yes
LLMNR=no
MulticastDNS=no
LLDP=no

[DHCPv4]
SendHostname=no
SendRelease=no
UseHostname=no
ClientIdentifier=mac

[DHCPv6]
SendHostname=no
UseHostname=no
)";

constexpr const char* kSilent =
    R"(# Nothing is logged: what units say goes nowhere, and systemd itself says nothing.
[Manager]
LogTarget=null
LogLevel=emerg
ShowStatus=no
DefaultStandardOutput=null
DefaultStandardError=null
DumpCore=no
CrashShell=no
DefaultLimitCORE=0
)";

constexpr const char* kModulesDisabled = R"([Unit]
Description=No kernel module from here on
After=systemd-modules-load.service systemd-udev-trigger.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=-/usr/bin/udevadm settle
ExecStart=/bin/sh -c 'echo 1 >/proc/sys/kernel/modules_disabled'

[Install]
WantedBy=multi-user.target
)";

void ReplaceAll(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::vector<TemplateFile> RecipeTemplate(const TemplateValues& values) {
  const bool own_repository = values.lethe_source == ".";
  std::string recipe = kRecipe;
  ReplaceAll(recipe, "@ID@", values.id);
  ReplaceAll(recipe, "@LETHE@", own_repository ? "its top" : values.lethe_source);
  ReplaceAll(recipe, "@PREFIX@", own_repository ? "" : values.lethe_source + "/");
  ReplaceAll(recipe, "@MOUNT@", own_repository ? "" : "/" + values.lethe_source);
  return {{"recipe.toml", std::move(recipe)},
          {"files/etc/hostname", "lethe\n"},
          {"files/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
          {"files/usr/lib/systemd/network/50-uplink.network", kNetwork},
          {"files/usr/lib/systemd/system.conf.d/10-silent.conf", kSilent},
          {"files/usr/lib/systemd/system/lethe-modules-disabled.service", kModulesDisabled}};
}

}  // namespace lethe::cli
