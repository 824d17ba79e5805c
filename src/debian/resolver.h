// Dependency resolution over Packages indices (Debian policy 7). Deterministic, and deny by
// default: where several packages could satisfy a need and nothing decides, the answer is an error
// that asks the recipe to name one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "debian/index.h"

namespace lethe::debian {

struct Relation {
  std::string_view name;  // with its qualifier where that is another architecture: "a:i386"
  std::string_view op;    // "", "<<", "<=", "=", ">=", ">>"
  std::string_view version;
};
using Alternatives = std::vector<Relation>;

// "a (>= 1) | b, c:any [amd64] <!nocheck>". Relations for other architectures than `architecture`
// are left out, and those whose restriction formula (policy 7.1) fails where the build profiles
// "nocheck" and "nodoc" are on. kMalformed naming the relation. The views point into `text`.
Result<std::vector<Alternatives>> ParseRelations(std::string_view text,
                                                 std::string_view architecture);

// Every package of all indices. Of several versions the newest wins, of equal ones the first. The
// text that the records point into must outlive it.
class Universe {
 public:
  Universe(std::vector<PackageRecord> records, std::string architecture);
  Universe(const Universe&) = delete;
  Universe& operator=(const Universe&) = delete;

  const PackageRecord* Find(std::string_view name) const;  // newest
  // Packages that provide the (virtual) name, in byte order of their names.
  std::vector<const PackageRecord*> Providers(const Relation& relation) const;
  const std::string& architecture() const { return architecture_; }
  const std::map<std::string_view, const PackageRecord*>& newest() const { return newest_; }

 private:
  std::vector<PackageRecord> records_;
  std::string architecture_;
  std::map<std::string_view, const PackageRecord*> newest_;
  struct Provide {
    const PackageRecord* package;
    std::string_view version;  // empty: unversioned
  };
  std::multimap<std::string_view, Provide> provides_;
};

// All packages that `names` need, with every essential package; sorted by name. The order of
// `names` does not matter. Pre-Depends and Depends are followed, Recommends are not. Of
// alternatives, one that is chosen already wins, then the first that exists: the package of that
// name, else its only provider, else the only provider of the best Priority. kNotFound for a name
// that does not exist; kConflict for a need that cannot be met (with the chain of packages that led
// to it) or is ambiguous (with the candidates), and for two packages that exclude each other;
// kMalformed for a bad relation.
Result<std::vector<const PackageRecord*>> Resolve(const Universe& universe,
                                                  const std::vector<std::string>& names);

// What a source package needs to be built: build-essential (policy 4.2), its Build-Depends and
// Build-Depends-Arch, and Build-Depends-Indep where packages for "all" are wanted too. As Resolve.
Result<std::vector<const PackageRecord*>> ResolveBuild(const Universe& universe,
                                                       const SourceRecord& source, bool indep);

// The one versioned kernel package ("linux-image-6.12…") behind a kernel metapackage, or the
// package itself. Its dependencies are not followed: it will be unpacked, not installed. kNotFound
// for a name that does not exist, kConflict for a package that is no kernel.
Result<const PackageRecord*> ResolveKernel(const Universe& universe, const std::string& name);

}  // namespace lethe::debian
