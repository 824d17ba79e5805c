#include "image/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <tuple>

#include "base/file.h"
#include "base/parallel.h"
#include "base/strings.h"
#include "image/capture.h"
#include "image/deb.h"
#include "image/sandbox.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDpkg = "/var/lib/dpkg";

bool IsDocumentation(std::string_view path) {
  for (const std::string_view prefix : {"/usr/share/doc/", "/usr/share/man/", "/usr/share/info/",
                                        "/usr/share/locale/", "/usr/share/lintian/"}) {
    if (path.starts_with(prefix)) return true;
  }
  return false;
}

// base-files first: it holds the links of the merged /usr ("/lib" to "usr/lib") that the paths of
// other packages may go through. Then byte order, so that nothing depends on the caller.
std::vector<PackageFile> InOrder(std::vector<PackageFile> packages) {
  std::sort(packages.begin(), packages.end(), [](const PackageFile& a, const PackageFile& b) {
    return std::tuple(a.name != "base-files", a.name, a.architecture) <
           std::tuple(b.name != "base-files", b.name, b.architecture);
  });
  return packages;
}

// Folders that several packages ship may differ in mode or owner: the first package in order wins,
// as with dpkg.
Status ApplyFolders(const std::vector<DebContents>& contents, int root_fd, bool owners) {
  std::set<std::string_view> done;
  for (const DebContents& package : contents) {
    for (const DebEntry& entry : package.entries) {
      if (entry.type != archive::EntryType::kDirectory || !done.insert(entry.path).second) continue;
      const auto folder = OpenInRoot(root_fd, entry.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      // a folder entry on top of a link of the merged /usr.
      if (!folder && (errno == ENOTDIR || errno == ELOOP)) continue;
      if (!folder) return folder.error();
      if (owners && ::fchown(folder->get(), entry.uid, entry.gid) != 0) {
        return IoError("changing the owner of", entry.path);
      }
      const unsigned mode = owners ? entry.mode : (entry.mode & 0777) | 0700;
      if (::fchmod(folder->get(), mode) != 0) {
        return IoError("changing the mode of", entry.path);
      }
    }
  }
  return {};
}

Result<std::vector<DebContents>> UnpackAll(const std::vector<PackageFile>& packages,
                                           const fs::path& root, const UnpackWork& work,
                                           const UnpackOptions& options) {
  const Fd root_fd = LETHE_TRY(OpenFile(root, O_PATH | O_DIRECTORY));
  std::vector<DebContents> contents(packages.size());
  std::mutex mutex;
  size_t done = 0;
  const auto unpack = [&](size_t i) -> Status {
    const std::string place = "package " + packages[i].name;
    contents[i] = LETHE_TRY_IN(UnpackDeb(packages[i].deb, root_fd.get(), options), place);
    LETHE_TRY_IN(CheckDebControl(contents[i].control.at("control"), packages[i].name,
                                 packages[i].architecture),
                 place);
    const std::lock_guard lock(mutex);
    if (work.progress) work.progress(++done, packages.size());
    return {};
  };
  if (!packages.empty() && packages[0].name == "base-files") LETHE_TRY(unpack(0));
  const size_t first = !packages.empty() && packages[0].name == "base-files" ? 1 : 0;
  LETHE_TRY(
      ParallelFor(packages.size() - first, work.jobs, [&](size_t i) { return unpack(i + first); }));
  LETHE_TRY(ApplyFolders(contents, root_fd.get(), options.owners));
  return contents;
}

bool HasField(std::string_view control, std::string_view line) {
  for (const std::string_view each : Lines(control)) {
    if (each == line) return true;
  }
  return false;
}

std::string InfoName(const PackageFile& package, const DebContents& contents) {
  const bool multi_arch_same = HasField(contents.control.at("control"), "Multi-Arch: same");
  return package.name + (multi_arch_same ? ":" + package.architecture : "");
}

// dpkg's own database, as if dpkg had unpacked the packages (deb-control(5), dpkg(1)).
Status WriteDpkgDatabase(const std::vector<PackageFile>& packages,
                         const std::vector<DebContents>& contents, const fs::path& root) {
  const fs::path dpkg = root / kDpkg.substr(1);
  for (const char* folder : {"/info", "/updates", "/triggers"})
    LETHE_TRY(RefuseSymlinks(root, std::string(kDpkg) + folder));
  LETHE_TRY(MakeDirectories(dpkg / "info"));
  LETHE_TRY(MakeDirectories(dpkg / "updates"));
  LETHE_TRY(MakeDirectories(dpkg / "triggers"));
  LETHE_TRY(WriteFileAtomic(dpkg / "info" / "format", "1\n"));
  std::string status;
  for (size_t i = 0; i < packages.size(); ++i) {
    const std::string info = InfoName(packages[i], contents[i]);
    std::string list;
    for (const DebEntry& entry : contents[i].entries) {
      list += (entry.path == "/" ? "/." : entry.path) + "\n";
    }
    LETHE_TRY(WriteFileAtomic(dpkg / "info" / (info + ".list"), list));
    for (const auto& [name, bytes] : contents[i].control) {
      if (name == "control" || name == "md5sums") continue;
      const bool script = name == "preinst" || name == "postinst" || name == "prerm" ||
                          name == "postrm" || name == "config";
      LETHE_TRY(WriteFileAtomic(dpkg / "info" / (info + "." + name), bytes, script ? 0755 : 0644));
    }
    for (const std::string_view line : Lines(contents[i].control.at("control"))) {
      status += std::string(line) + "\n";
      if (line.starts_with("Package:")) status += "Status: install ok unpacked\n";
    }
    status += "\n";
  }
  LETHE_TRY(WriteFileAtomic(dpkg / "available", ""));
  return WriteFileAtomic(dpkg / "status", status);
}

// Runs preinst scripts (essential packages first), then lets dpkg configure everything.
std::string ConfigureScript(const std::vector<PackageFile>& packages,
                            const std::vector<DebContents>& contents) {
  std::string script = "set -eu\nexport DPKG_MAINTSCRIPT_NAME=preinst DPKG_ROOT= DPKG_ADMINDIR=" +
                       std::string(kDpkg) + "\n";
  for (const bool essential : {true, false}) {
    for (size_t i = 0; i < packages.size(); ++i) {
      const std::string& control = contents[i].control.at("control");
      if (HasField(control, "Essential: yes") != essential ||
          !contents[i].control.contains("preinst")) {
        continue;
      }
      script += "DPKG_MAINTSCRIPT_PACKAGE=" + packages[i].name +
                " DPKG_MAINTSCRIPT_ARCH=" + packages[i].architecture + " " + std::string(kDpkg) +
                "/info/" + InfoName(packages[i], contents[i]) +
                ".preinst install || { echo 'preinst of " + packages[i].name +
                " failed' >&2; exit 1; }\n";
    }
  }
  // No daemon may be started while packages are configured (invoke-rc.d, deb-systemd-invoke).
  script +=
      "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d\nchmod 755 /usr/sbin/policy-rc.d\n"
      "unset DPKG_MAINTSCRIPT_NAME DPKG_ADMINDIR DPKG_ROOT\n"
      "dpkg --configure --pending >/tmp/configure.out 2>&1 || "
      "{ grep -m 1 -B 5 -A 1 '^dpkg: error' /tmp/configure.out >&2 ||"
      " tail -n 40 /tmp/configure.out >&2; exit 1; }\n"
      "rm /usr/sbin/policy-rc.d\n";
  return script;
}

// Two packages that ship one path would make the result depend on who was unpacked last.
Status CheckNoOverlap(const std::vector<PackageFile>& packages,
                      const std::vector<DebContents>& contents) {
  std::map<std::string_view, size_t> owner;
  for (size_t i = 0; i < packages.size(); ++i) {
    for (const DebEntry& entry : contents[i].entries) {
      if (entry.type == archive::EntryType::kDirectory) continue;
      const auto [it, added] = owner.emplace(entry.path, i);
      if (!added && it->second != i) {
        return Error{ErrorCode::kConflict, "packages " + packages[it->second].name + " and " +
                                               packages[i].name + " both ship " +
                                               Printable(entry.path)};
      }
    }
  }
  return {};
}

}  // namespace

Status UnpackBuildRoot(const std::vector<PackageFile>& packages, const fs::path& root,
                       const UnpackWork& work) {
  const auto ordered = InOrder(packages);
  const auto contents =
      LETHE_TRY(UnpackAll(ordered, root, work, {.owners = false, .skip = IsDocumentation}));
  LETHE_TRY(CheckNoOverlap(ordered, contents));
  for (const char* folder : {"dev", "proc", "sys", "tmp", "run", "work", "src", "build"}) {
    LETHE_TRY(RefuseSymlinks(root, folder));
    LETHE_TRY(MakeDirectories(root / folder));
  }
  return {};
}

Status InstallPackages(const std::vector<PackageFile>& packages, const fs::path& root,
                       uint64_t epoch_unix_s, const UnpackWork& work) {
  const auto ordered = InOrder(packages);
  // The script is made where the packages are read: in a child, so it comes back through a file.
  const fs::path script_file = root / "configure.sh";
  const auto unpack = [&]() -> Status {
    if (::chmod(root.c_str(), 0755) != 0) return IoError("changing the mode of", root);
    const auto contents = LETHE_TRY(UnpackAll(ordered, root, work, {.owners = true, .skip = {}}));
    LETHE_TRY(CheckNoOverlap(ordered, contents));
    LETHE_TRY(WriteDpkgDatabase(ordered, contents, root));
    return WriteFileAtomic(script_file, ConfigureScript(ordered, contents), 0644);
  };
  const auto configure = [&]() -> Status {
    LETHE_TRY(RunInRoot({.root = root,
                         .root_writable = true,
                         .argv = {"/bin/sh", "/configure.sh"},
                         .env = {{"DEBIAN_FRONTEND", "noninteractive"},
                                 {"DEBCONF_NONINTERACTIVE_SEEN", "true"},
                                 {"DEBCONF_NOWARNINGS", "yes"},
                                 {"SYSTEMD_OFFLINE", "1"},
                                 {"SOURCE_DATE_EPOCH", std::to_string(epoch_unix_s)}}}));
    return RunAsFakeRoot([&] { return RemoveTree(script_file); });
  };
  Status status = RunAsFakeRoot([&]() -> Status {
    LETHE_TRY(MakeDirectories(root));
    return unpack();
  });
  if (status) {
    status = configure();
    if (!status) status = status.error().In("configuring packages");
  }
  if (!status) (void)RemoveInstalled(root);
  return status;
}

Status RemoveInstalled(const fs::path& root) {
  return RunAsFakeRoot([&] { return RemoveTree(root); });
}

Status ConfigureRoot(const std::vector<PackageFile>& packages, const fs::path& root,
                     const fs::path& output, uint64_t epoch_unix_s, const UnpackWork& work) {
  LETHE_TRY(InstallPackages(packages, root, epoch_unix_s, work));
  return RunAsFakeRoot([&]() -> Status {
    Status captured = WriteCapture(root, output);
    LETHE_TRY(RemoveTree(root));
    return captured;
  });
}

}  // namespace lethe::image
