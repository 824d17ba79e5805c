#include "reproduce/surroundings.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/file.h"
#include "base/strings.h"
#include "reproduce/stage.h"

namespace lethe::reproduce {
namespace {

namespace fs = std::filesystem;

constexpr long kTmpfsMagic = 0x01021994;
constexpr const char* kNeedsRoot = "needs root";

std::string Variable(std::string_view name) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.size() > name.size() && text.starts_with(name) && text[name.size()] == '=')
      return std::string(text.substr(name.size() + 1));
  }
  return "";
}

std::string Or(std::string text, const char* otherwise) {
  return text.empty() ? std::string(otherwise) : text;
}

std::string Octal(unsigned mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

unsigned CurrentUmask() {
  const mode_t mask = ::umask(022);
  ::umask(mask);
  return mask;
}

std::string FileSystemOf(const fs::path& path) {
  struct statfs info {};
  if (::statfs(path.c_str(), &info) != 0) return "unknown";
  const struct {
    long magic;
    const char* name;
  } kKnown[] = {{0xEF53, "ext4"},       {0x58465342, "xfs"},     {0x9123683E, "btrfs"},
                {kTmpfsMagic, "tmpfs"}, {0x794C7630, "overlay"}, {0x2FC12FC1, "zfs"}};
  for (const auto& known : kKnown) {
    if (info.f_type == known.magic) return known.name;
  }
  char text[32];
  std::snprintf(text, sizeof text, "type 0x%lx", static_cast<unsigned long>(info.f_type));
  return text;
}

int ProcessorsAllowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

Variation HostName() {
  utsname name{};
  ::uname(&name);
  return {Axis::kHostName, name.nodename, varied::kHostName, ::geteuid() == 0 ? "" : kNeedsRoot};
}

Variation FolderOrder() {
  Variation out{Axis::kFolderOrder, "of the file system", "shuffled at each reading", ""};
  if (::geteuid() != 0) {
    out.not_possible = kNeedsRoot;
  } else if (!HasProgram("disorderfs")) {
    out.not_possible = "disorderfs is not installed";
  } else if (::access("/dev/fuse", R_OK | W_OK) != 0) {
    out.not_possible = "/dev/fuse cannot be opened";
  }
  return out;
}

Variation User(const BuildInputs& inputs) {
  Variation out{Axis::kUser, "uid " + std::to_string(::geteuid()), "", ""};
  const auto user = FindOrdinaryUser(inputs.user);
  out.to = user ? inputs.user + ", uid " + std::to_string(user->uid) : inputs.user;
  if (!user) out.not_possible = user.error().message;
  return out;
}

Variation FileSystem(const BuildInputs& inputs) {
  Variation out{Axis::kFileSystem, FileSystemOf(inputs.store), "tmpfs", ""};
  if (::geteuid() != 0) {
    out.not_possible = kNeedsRoot;
  } else if (out.from == "tmpfs") {
    out.not_possible = "the store is on tmpfs already";
  }
  return out;
}

Variation Acl(const BuildInputs& inputs) {
  Variation out{Axis::kDefaultAcl, "none", "default ACL and set-group-id on the folder above", ""};
  const auto scratch = ScratchDir::Create(inputs.store / "tmp", "acl-");
  const std::string acl = DefaultAcl();
  if (!scratch || ::setxattr(scratch->path().c_str(), "system.posix_acl_default", acl.data(),
                             acl.size(), 0) != 0) {
    out.not_possible = "the store's file system has no ACLs";
  }
  return out;
}

Variation Processors() {
  const int count = ProcessorsAllowed();
  return {Axis::kProcessors, std::to_string(count), "1",
          count > 1 ? "" : "this machine has one processor"};
}

Variation Limits() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  return {Axis::kLimits, std::to_string(files.rlim_cur) + " open files",
          "512 open files, 16 MiB of stack, niceness 5", ""};
}

}  // namespace

namespace varied {

unsigned Jobs(unsigned from) { return from == 5 ? 3 : 5; }
unsigned Umask(unsigned from) { return from == 077 ? 002 : 077; }
std::string TimeZone() { return "XYZ-13:45"; }

std::vector<std::pair<std::string, std::string>> Locale() {
  const std::string now = Or(Variable("LC_ALL"), "C");
  return {{"LC_ALL", now == "C" || now == "POSIX" ? "C.UTF-8" : "C"},
          {"LANG", "tr_TR.UTF-8"},
          {"LANGUAGE", "tr:de"}};
}

std::vector<std::pair<std::string, std::string>> Environment() {
  std::vector<std::pair<std::string, std::string>> out = {
      {"BASH_ENV", "/nonexistent"},
      {"CC", "/bin/false"},
      {"CFLAGS", "-O0 -DVARIED"},
      {"CMAKE_BUILD_TYPE", "Debug"},
      {"CMAKE_GENERATOR", "Unix Makefiles"},
      {"CXX", "/bin/false"},
      {"CXXFLAGS", "-O0 -DVARIED"},
      {"DEBIAN_FRONTEND", "readline"},
      {"DEB_BUILD_OPTIONS", "nostrip noopt"},
      {"EDITOR", "/bin/false"},
      {"GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z"},
      {"GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z"},
      {"GIT_DIR", "/nonexistent"},
      {"GIT_EXTERNAL_DIFF", "/bin/false"},
      {"GIT_INDEX_FILE", "/nonexistent"},
      {"GIT_WORK_TREE", "/nonexistent"},
      {"LDFLAGS", "-s"},
      {"LD_LIBRARY_PATH", "/nonexistent"},
      {"LOGNAME", "somebody"},
      {"MAKEFLAGS", "-j9"},
      {"MALLOC_PERTURB_", "171"},
      {"PERL_HASH_SEED", "7"},
      {"POSIXLY_CORRECT", "1"},
      {"PYTHONHASHSEED", "99"},
      {"SHELL", "/bin/false"},
      {"SOURCE_DATE_EPOCH", "1000000001"},
      {"TAR_OPTIONS", "--mtime=@1"},
      {"TERM", "vt52"},
      {"XZ_DEFAULTS", "-9"},
      {"ZSTD_CLEVEL", "1"},
      {"http_proxy", "http://127.0.0.1:9"},
  };
  for (int i = 0; i < 64; ++i)
    out.emplace_back("VARIED_" + std::to_string(i), std::string(200, 'x'));
  return out;
}

std::string GitSettings() {
  return "[core]\n autocrlf = true\n eol = crlf\n fileMode = false\n symlinks = false\n abbrev = "
         "5\n"
         " quotePath = false\n fsmonitor = /bin/false\n hooksPath = /nonexistent\n"
         " pager = /bin/false\n"
         "[status]\n short = true\n branch = true\n showUntrackedFiles = no\n"
         "[log]\n date = relative\n showSignature = true\n decorate = full\n"
         "[color]\n ui = always\n[diff]\n external = /bin/false\n"
         "[i18n]\n logOutputEncoding = UTF-16\n[format]\n pretty = oneline\n";
}

}  // namespace varied

std::vector<Variation> VariationsHere(const BuildInputs& inputs) {
  const unsigned mask = CurrentUmask();
  const std::string locale = Or(Variable("LC_ALL"), Or(Variable("LANG"), "C").c_str());
  const bool root = ::geteuid() == 0;
  return {
      {Axis::kPath, "build", varied::kPath, ""},
      {Axis::kJobs, std::to_string(inputs.jobs), std::to_string(varied::Jobs(inputs.jobs)), ""},
      {Axis::kTimeZone, Or(Variable("TZ"), "the machine's"), varied::TimeZone(), ""},
      {Axis::kLocale, locale, varied::Locale()[0].second + ", LANG=tr_TR.UTF-8", ""},
      {Axis::kUmask, Octal(mask), Octal(varied::Umask(mask)), ""},
      {Axis::kEnvironment, "the caller's",
       std::to_string(varied::Environment().size()) + " more variables", ""},
      {Axis::kGitSettings, "the caller's", "line ends, modes, colours, hooks, signatures", ""},
      HostName(),
      FolderOrder(),
      User(inputs),
      FileSystem(inputs),
      Acl(inputs),
      Processors(),
      {Axis::kNetwork, "the machine's", "none, not even loopback", root ? "" : kNeedsRoot},
      {Axis::kAddresses, "random", "not random", ""},
      Limits(),
  };
}

Result<OrdinaryUser> FindOrdinaryUser(const std::string& name) {
  if (::geteuid() != 0) return Error{ErrorCode::kUnavailable, kNeedsRoot};
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr || entry->pw_uid == 0)
    return Error{ErrorCode::kNotFound, "there is no ordinary user '" + Printable(name) + "'"};
  if (!HasProgram("newuidmap"))
    return Error{ErrorCode::kUnavailable, "newuidmap is not installed (package uidmap)"};
  for (const char* file : {"/etc/subuid", "/etc/subgid", "/mnt"}) {
    if (::access(file, F_OK) != 0)
      return Error{ErrorCode::kUnavailable, std::string(file) + " does not exist"};
  }
  const OrdinaryUser user{entry->pw_uid, entry->pw_gid};
  const Status may = RunOnStage(0, [&]() -> Status {
    if (::setuid(user.uid) != 0 || ::unshare(CLONE_NEWUSER) != 0)
      return IoError("creating", "a user namespace");
    return {};
  });
  if (!may)
    return Error{ErrorCode::kUnavailable, "ordinary users may not create user namespaces here"};
  return user;
}

bool HasProgram(const std::string& name) {
  const std::string path = Variable("PATH");
  for (const std::string_view folder : Split(path, ':')) {
    if (!folder.empty() && ::access((std::string(folder) + "/" + name).c_str(), X_OK) == 0)
      return true;
  }
  return false;
}

std::string DefaultAcl() {
  constexpr uint32_t kVersion = 2;
  constexpr uint32_t kNoId = 0xFFFFFFFF;
  struct Entry {
    uint16_t tag;
    uint16_t permissions;
    uint32_t id;
  };
  // Owner, a user, owning group, a group, mask, others: in the order of their tags.
  constexpr std::array<Entry, 6> kEntries = {{{0x01, 7, kNoId},
                                              {0x02, 7, 12},
                                              {0x04, 7, kNoId},
                                              {0x08, 7, 34},
                                              {0x10, 7, kNoId},
                                              {0x20, 5, kNoId}}};
  std::string out(sizeof kVersion + sizeof kEntries, '\0');
  std::memcpy(out.data(), &kVersion, sizeof kVersion);
  std::memcpy(out.data() + sizeof kVersion, kEntries.data(), sizeof kEntries);
  return out;
}

}  // namespace lethe::reproduce
