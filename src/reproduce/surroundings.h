// What surrounds a build on this machine, and what it would be varied to.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "reproduce/vary.h"

namespace lethe::reproduce {

// What is the same in all builds.
struct BuildInputs {
  std::filesystem::path program;     // lethe, or the one of another commit
  std::filesystem::path repository;  // a git repository that has the commit
  std::string commit;                // full hash
  std::string recipe;                // folder inside the repository
  std::filesystem::path store;       // has every package of the lock
  unsigned jobs = 2;
  std::string user = "nobody";  // whom the axis "user" builds as
};

// How each axis but those of the guest would be varied here, with the reason where it cannot be.
std::vector<Variation> VariationsHere(const BuildInputs& inputs);

// The values that builds are varied to.
namespace varied {
unsigned Jobs(unsigned from);
unsigned Umask(unsigned from);
std::string TimeZone();
std::vector<std::pair<std::string, std::string>> Locale();
std::vector<std::pair<std::string, std::string>> Environment();
std::string GitSettings();  // a ~/.gitconfig
inline constexpr const char* kHostName = "somewhere-else";
inline constexpr const char* kPath = "somewhere else/with spaces, and a longer name";
}  // namespace varied

// The real ids of a user, with what the build's sandbox needs of the machine for it.
struct OrdinaryUser {
  unsigned uid;
  unsigned gid;
};
// kNotFound for an unknown user, kUnavailable with the reason where the machine cannot do it.
Result<OrdinaryUser> FindOrdinaryUser(const std::string& name);

// True where the program is in PATH.
bool HasProgram(const std::string& name);

// A default ACL with one more user and one more group, as the extended attribute has it (acl(5)).
std::string DefaultAcl();

}  // namespace lethe::reproduce
