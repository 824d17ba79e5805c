// Causes that the place of a difference tells: other inputs, identities and secrets, logs, caches,
// leaks of the host into known files.
#include "image/diff_bytes.h"
#include "image/diff_rule.h"

namespace lethe::image {
namespace {

constexpr Rule kInputs[] = {
    {.cause = {"other-package-version", "the two images have this package in different versions",
               "build both from one recipe.lock, or read the change with `lethe recipe diff`"},
     .layers = kFileLayers,
     .aspects = kAnyAspect,
     .fits = [](const Evidence& e, const PairFacts&) { return !e.same_package_version; }},
    {.cause = {"other-kernel", "the two images have kernels of different versions",
               "build both from one recipe.lock, or read the change with `lethe recipe diff`"},
     .layers = Bit(Layer::kKernel) | Bit(Layer::kInitrdFile) | Bit(Layer::kRootFile),
     .where = {"/boot/vmlinuz**", "**/modules/**"},
     .fits = [](const Evidence&, const PairFacts& f) { return !f.same_kernel; }},
    {.cause = {"names-its-commit",
               "the build writes commit and version into this place, and the commits differ",
               "compare two builds of one commit", true},
     .layers = kFileLayers,
     .where = {"/usr/lib/os-release", "/boot/eltorito.img: code", "/EFI/**: section mods"},
     .fits = [](const Evidence&, const PairFacts& f) { return !f.same_commit; }},
    {.cause = {"derived-from-commit",
               "the build derives this from the lock's digest and the commit, and they differ",
               "compare two builds of one commit and lock", true},
     .aspects = kContentOrPresence,
     .where = {"**GUID", "superblock: UUID", "boot sector: volume serial", "**: volume: * date",
               "volume: * date", "**Rock Ridge TF", "**: date", "superblock: build time",
               "entry of **times"},
     .fits = [](const Evidence&, const PairFacts& f) { return !f.same_inputs(); }},
    {.cause = {"derived-time", "files take the commit's time, and the commits differ",
               "compare two builds of one commit", true},
     .aspects = Bit(Aspect::kTime),
     .fits =
         [](const Evidence& e, const PairFacts& f) {
           return !f.same_commit && e.a == std::to_string(f.epoch_a_unix_s) &&
                  e.b == std::to_string(f.epoch_b_unix_s);
         }},
};

constexpr std::string_view kLeaveOut =
    "leave it out of the image: `exclude` of the recipe, or the list of forgotten files";

constexpr Rule kPlaces[] = {
    // Identity and secrets.
    {.cause = {"ssh-host-key", "an SSH host key was made during the build",
               "leave it out of the image, and make it at boot in RAM"},
     .where = {"/etc/ssh/ssh_host_*"}},
    {.cause = {"machine-id", "a machine id was made during the build",
               "ship an empty /etc/machine-id: systemd makes one in RAM at each boot"},
     .where = {"/etc/machine-id", "/var/lib/dbus/machine-id"}},
    {.cause = {"random-seed", "a random seed of the build machine was kept", kLeaveOut},
     .where = {"**/random-seed", "/var/lib/urandom/**"}},
    {.cause = {"credential-secret", "a host key for credentials was made during the build",
               kLeaveOut},
     .where = {"/var/lib/systemd/credential.secret"}},
    {.cause = {"shadow-lastchg", "the day of a password's last change is the day of the build",
               "write a fixed day: run useradd with SOURCE_DATE_EPOCH, or normalise the field"},
     .where = {"/etc/shadow", "/etc/shadow-"},
     .fits = [](const Evidence& e, const PairFacts&) { return OnlyColumnDiffers(e.a, e.b, 2); }},
    {.cause = {"account-backup", "a tool for accounts left a copy of an older state", kLeaveOut},
     .where = {"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-",
               "/etc/subgid-"}},
    {.cause = {"snakeoil", "a self-signed certificate was made during the build",
               "leave the package ssl-cert out, or its certificate and key"},
     .where = {"/etc/ssl/**snakeoil**"}},
    {.cause = {"generated-key", "a private key was made during the build",
               "make keys at boot in RAM, never in the build"},
     .layers = kFileLayers,
     .fits =
         [](const Evidence& e, const PairFacts&) {
           const auto has_key = [](std::string_view side) {
             return side.substr(0, 4096).find("PRIVATE KEY-----") != std::string_view::npos;
           };
           return has_key(e.a) || has_key(e.b);
         }},
    {.cause = {"uid-allocation", "ids of accounts were given in another order",
               "name each account with a fixed id in the recipe, before packages make theirs"},
     .where = {"/etc/passwd", "/etc/group", "/etc/subuid", "/etc/subgid"},
     .fits =
         [](const Evidence& e, const PairFacts&) {
           return OnlyColumnDiffers(e.a, e.b, 2) || OnlyColumnDiffers(e.a, e.b, 3) ||
                  SameLinesReordered(e.a, e.b);
         }},
    // Logs and caches.
    {.cause = {"ldconfig-aux-cache", "ldconfig's cache holds inodes and times of the build",
               kLeaveOut},
     .where = {"/var/cache/ldconfig/**"}},
    {.cause = {"ld-so-cache", "the cache of the linker depends on when and where it was made",
               "leave it out, or make it once from the finished tree"},
     .where = {"/etc/ld.so.cache"}},
    {.cause = {"install-log", "a log of dpkg, apt or alternatives tells the time of the build",
               kLeaveOut},
     .where = {"/var/log/dpkg.log*", "/var/log/apt/**", "/var/log/alternatives.log*",
               "/var/log/bootstrap.log"}},
    {.cause = {"log", "a log was written during the build", kLeaveOut}, .where = {"/var/log/**"}},
    {.cause = {"man-cache", "the index of manual pages holds times", kLeaveOut},
     .where = {"/var/cache/man/**"}},
    {.cause = {"fontconfig-cache", "the cache of fonts holds times and random ids", kLeaveOut},
     .where = {"/var/cache/fontconfig/**", "/usr/share/fonts/**.uuid",
               "/usr/local/share/fonts/**.uuid"}},
    {.cause = {"icon-cache", "the cache of icons depends on the order of folders", kLeaveOut},
     .where = {"**/icon-theme.cache"}},
    {.cause = {"gio-cache", "a cache of GLib depends on when it was made", kLeaveOut},
     .where = {"**/giomodule.cache", "**/gschemas.compiled", "**/mimeinfo.cache"}},
    {.cause = {"pyc-time", "compiled Python holds the time of its source",
               "compile with --invalidation-mode unchecked-hash, or leave .pyc out"},
     .where = {"**.pyc"},
     .fits = [](const Evidence& e, const PairFacts&) { return e.at >= 8 && e.at < 16; }},
    {.cause = {"pyc", "Python was compiled during the build", "leave .pyc out of the image"},
     .where = {"**.pyc", "**/__pycache__", "**/__pycache__/**"}},
    {.cause = {"package-tool-backup", "debconf or dpkg kept a copy of an older state", kLeaveOut},
     .where = {"/var/cache/debconf/*-old", "/var/lib/dpkg/*-old"}},
    {.cause = {"ucf", "ucf keeps a registry and copies of configuration", kLeaveOut},
     .where = {"/var/lib/ucf/**"}},
    {.cause = {"autoremove-kernels", "apt lists the kernels of the machine that built", kLeaveOut},
     .where = {"/etc/apt/apt.conf.d/01autoremove-kernels"}},
    {.cause = {"package-tool-state", "state of apt, dpkg or debconf depends on the build",
               kLeaveOut},
     .where = {"/var/lib/apt/**", "/var/cache/apt/**", "/var/lib/dpkg/**",
               "/var/cache/debconf/**"}},
    // Leaks of the host into known files.
    {.cause = {"resolv-conf", "the build machine's name servers were copied",
               "leave /etc/resolv.conf out, or ship the recipe's own"},
     .where = {"/etc/resolv.conf", "/etc/resolvconf/**"}},
    {.cause = {"host-name", "the build machine's name is in the image",
               "set the host name in the recipe; build with a fixed name in a namespace"},
     .where = {"/etc/hostname", "/etc/hosts", "/etc/mailname"}},
    {.cause = {"time-zone", "the build machine's time zone was used",
               "build with TZ=UTC, and ship the recipe's own zone"},
     .aspects = kContentOrPresence | Bit(Aspect::kTarget),
     .where = {"/etc/localtime", "/etc/timezone"}},
    {.cause = {"modules-index", "the index of kernel modules depends on the order of folders",
               "make it by depmod of the locked build root, from the finished tree"},
     .where = {"/usr/lib/modules/*/modules.*", "/lib/modules/*/modules.*"},
     .fits = [](const Evidence& e, const PairFacts&) { return SameLinesReordered(e.a, e.b); }},
};

}  // namespace

std::span<const Rule> RulesOfInputs() { return kInputs; }
std::span<const Rule> RulesOfPlaces() { return kPlaces; }

}  // namespace lethe::image
