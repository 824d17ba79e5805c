#include "debian/resolver.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/strings.h"
#include "debian/version.h"

namespace lethe::debian {
namespace {

bool Satisfies(std::string_view version, const Relation& relation) {
  if (relation.op.empty()) return true;
  const int order = CompareVersions(version, relation.version);
  if (relation.op == "<<") return order < 0;
  if (relation.op == "<=") return order <= 0;
  if (relation.op == "=") return order == 0;
  if (relation.op == ">=") return order >= 0;
  return order > 0;
}

std::string Text(const Relation& relation) {
  return std::string(relation.name) +
         (relation.op.empty()
              ? ""
              : " (" + std::string(relation.op) + " " + std::string(relation.version) + ")");
}

std::string Text(const Alternatives& alternatives) {
  std::string out;
  for (const Relation& relation : alternatives) out += (out.empty() ? "" : " | ") + Text(relation);
  return out;
}

Error BadRelation(std::string_view text) {
  return Error{ErrorCode::kMalformed, "relation '" + Printable(text) + "'"};
}

// Cuts what stands between `open` and `close` off the front of `rest`, with the blanks around it;
// nothing where `rest` does not begin with `open`. Without `close`, `rest` stays.
std::optional<std::string_view> TakeBracketed(std::string_view& rest, char open, char close) {
  if (!rest.starts_with(open)) return {};
  const size_t end = std::min(rest.find(close), rest.size());
  const std::string_view inside = Trim(rest.substr(1, end - 1));
  if (end == rest.size()) return inside;
  rest = Trim(rest.substr(end + 1));
  return inside;
}

// An architecture restriction, policy 7.1: "amd64 arm64" or "!i386", also with "any" wildcards.
bool AppliesTo(std::string_view restriction, std::string_view architecture) {
  bool positive = false;
  bool matched = false;
  for (std::string_view word : Words(restriction)) {
    const bool negated = word.starts_with('!');
    if (negated) word.remove_prefix(1);
    positive = positive || !negated;
    matched = matched || word == architecture || word == "any" || word == "linux-any" ||
              word == "any-" + std::string(architecture);
  }
  return matched == positive;
}

// A restriction list, policy 7.1: "!nocheck !stage1". Components are built with the profiles
// "nocheck" and "nodoc".
bool ProfilesMatch(std::string_view restriction) {
  for (std::string_view word : Words(restriction)) {
    const bool negated = word.starts_with('!');
    if (negated) word.remove_prefix(1);
    const bool active = word == "nocheck" || word == "nodoc";
    if (active == negated) return false;
  }
  return true;
}

// The name without a qualifier that this architecture meets. With another one it keeps it, and so
// names no package of this universe.
std::string_view Unqualified(std::string_view name, std::string_view architecture) {
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos) return name;
  const std::string_view qualifier = name.substr(colon + 1);
  const bool met = qualifier == "any" || qualifier == "native" || qualifier == architecture;
  return met ? name.substr(0, colon) : name;
}

// "name[:any] [(op version)] [[architectures]] [<profiles>]…"; nothing where it is for others.
Result<std::optional<Relation>> ParseRelation(std::string_view text,
                                              std::string_view architecture) {
  Relation relation;
  std::string_view rest = Trim(text);
  const size_t name_end = std::min(rest.find_first_of(" \t\n([<"), rest.size());
  relation.name = Unqualified(rest.substr(0, name_end), architecture);
  if (relation.name.empty()) return BadRelation(text);
  rest = Trim(rest.substr(name_end));
  if (const auto inside = TakeBracketed(rest, '(', ')')) {
    const size_t op_end = std::min(inside->find_first_not_of("<>="), inside->size());
    relation.op = inside->substr(0, op_end);
    relation.version = Trim(inside->substr(op_end));
    if (relation.op == "<") relation.op = "<=";  // policy 7.1: the old spellings
    if (relation.op == ">") relation.op = ">=";
    static const std::set<std::string_view> kOps = {"<<", "<=", "=", ">=", ">>"};
    const bool one_word = relation.version.find_first_of(" \t\n") == std::string_view::npos;
    if (!kOps.contains(relation.op) || relation.version.empty() || !one_word)
      return BadRelation(text);
  }
  const auto restriction = TakeBracketed(rest, '[', ']');
  bool any_profile = false;
  bool profile_matches = false;
  while (const auto profiles = TakeBracketed(rest, '<', '>')) {
    any_profile = true;
    profile_matches = profile_matches || ProfilesMatch(*profiles);
    if (rest.starts_with('<') && rest.find('>') == std::string_view::npos) break;
  }
  if (!rest.empty()) return BadRelation(text);
  const bool applies =
      (!restriction || AppliesTo(*restriction, architecture)) && (!any_profile || profile_matches);
  return applies ? std::optional(relation) : std::optional<Relation>();
}

int PriorityRank(std::string_view priority) {
  static constexpr std::string_view kOrder[] = {"required", "important", "standard", "optional"};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), priority) -
                          std::begin(kOrder));
}

// "linux-image-6.12.57+deb13-amd64", not "linux-image-amd64".
bool IsVersionedKernel(std::string_view name) {
  constexpr std::string_view kPrefix = "linux-image-";
  return name.starts_with(kPrefix) && name.size() > kPrefix.size() && name[kPrefix.size()] >= '0' &&
         name[kPrefix.size()] <= '9';
}

// The one package of the best Priority; null where there are none or several.
const PackageRecord* OnlyBest(const std::vector<const PackageRecord*>& packages) {
  const PackageRecord* best = nullptr;
  bool several = false;
  for (const PackageRecord* package : packages) {
    const int order =
        best == nullptr ? -1 : PriorityRank(package->priority) - PriorityRank(best->priority);
    several = order == 0 || (several && order > 0);
    if (order < 0) best = package;
  }
  return several ? nullptr : best;
}

// One resolution: the chosen packages and why each was chosen.
class Resolution {
 public:
  explicit Resolution(const Universe& universe) : universe_(universe) {}

  // `needs` are dependency fields of something that is no package itself, called `needed_by`.
  Status Run(const std::vector<std::string>& names, const std::vector<std::string_view>& needs = {},
             std::string_view needed_by = {}) {
    std::vector<const PackageRecord*> roots;
    for (const std::string& name : names) {
      const PackageRecord* package = universe_.Find(name);
      if (package == nullptr) return NoSuchPackage(name);
      roots.push_back(package);
    }
    std::sort(roots.begin(), roots.end(),
              [](const auto* a, const auto* b) { return a->name < b->name; });
    for (const auto& [name, package] : universe_.newest()) {
      if (package->essential) roots.push_back(package);
    }
    // All roots first: they decide alternatives wherever they can.
    for (const PackageRecord* package : roots) Choose(package, "");
    for (const std::string_view field : needs) LETHE_TRY(FollowField(field, needed_by));
    for (size_t i = 0; i < queue_.size(); ++i) LETHE_TRY(Follow(*queue_[i]));
    return CheckExclusions();
  }

  std::vector<const PackageRecord*> Sorted() const {
    std::vector<const PackageRecord*> out;
    for (const auto& [name, chosen] : chosen_) out.push_back(chosen.package);
    return out;
  }

 private:
  struct Chosen {
    const PackageRecord* package;
    std::string because;  // name of the package that needed it
  };

  void Choose(const PackageRecord* package, std::string because) {
    if (!chosen_.emplace(package->name, Chosen{package, std::move(because)}).second) return;
    queue_.push_back(package);
  }

  Status Follow(const PackageRecord& package) {
    LETHE_TRY(FollowField(package.pre_depends, package.name));
    return FollowField(package.depends, package.name);
  }

  Status FollowField(std::string_view field, std::string_view needed_by) {
    for (const Alternatives& need :
         LETHE_TRY_IN(ParseRelations(field, universe_.architecture()), std::string(needed_by))) {
      if (IsMet(need)) continue;
      const auto* choice = LETHE_TRY_IN(Pick(need), Chain(needed_by));
      Choose(choice, std::string(needed_by));
    }
    return {};
  }

  bool IsMet(const Alternatives& need) const {
    return std::any_of(need.begin(), need.end(), [&](const Relation& relation) {
      const auto real = chosen_.find(relation.name);
      if (real != chosen_.end() && Satisfies(real->second.package->version, relation)) return true;
      const auto providers = universe_.Providers(relation);
      return std::any_of(providers.begin(), providers.end(), [&](const PackageRecord* provider) {
        return chosen_.contains(provider->name);
      });
    });
  }

  Result<const PackageRecord*> Pick(const Alternatives& need) const {
    std::string candidates;
    for (const Relation& relation : need) {
      const PackageRecord* real = universe_.Find(relation.name);
      if (real != nullptr && Satisfies(real->version, relation)) return real;
      const auto providers = universe_.Providers(relation);
      if (const PackageRecord* best = OnlyBest(providers)) return best;
      for (const auto* provider : providers) candidates += " " + std::string(provider->name);
    }
    if (candidates.empty()) {
      return Error{ErrorCode::kConflict,
                   "needs '" + Text(need) + "', which the archive does not have"};
    }
    return Error{ErrorCode::kConflict, "needs '" + Text(need) +
                                           "', which several packages provide: name one of them in "
                                           "the recipe:" +
                                           candidates};
  }

  Error NoSuchPackage(const std::string& name) const {
    std::string message = "the archive has no package '" + Printable(name) + "'";
    const auto providers = universe_.Providers({name, "", ""});
    if (!providers.empty()) message += "; it is provided by:";
    for (const auto* provider : providers) message += " " + std::string(provider->name);
    return Error{ErrorCode::kNotFound, message};
  }

  // "liba, needed by b, needed by c"
  std::string Chain(std::string_view name) const {
    std::string chain(name);
    for (auto it = chosen_.find(name); it != chosen_.end() && !it->second.because.empty();
         it = chosen_.find(it->second.because)) {
      chain += ", needed by " + it->second.because;
    }
    return chain;
  }

  Status CheckExclusions() const {
    for (const auto& [name, chosen] : chosen_) {
      for (const std::string_view field : {chosen.package->conflicts, chosen.package->breaks}) {
        for (const Alternatives& group :
             LETHE_TRY_IN(ParseRelations(field, universe_.architecture()), std::string(name))) {
          for (const Relation& relation : group)
            LETHE_TRY(CheckExclusion(*chosen.package, relation));
        }
      }
    }
    return {};
  }

  Status CheckExclusion(const PackageRecord& package, const Relation& relation) const {
    const auto excluded = [&](std::string_view other) {
      return Error{ErrorCode::kConflict, std::string(package.name) + " excludes " + Text(relation) +
                                             ", but " + Chain(other) + " is there"};
    };
    const auto real = chosen_.find(relation.name);
    if (real != chosen_.end() && real->first != package.name &&
        Satisfies(real->second.package->version, relation)) {
      return excluded(real->first);
    }
    for (const PackageRecord* provider : universe_.Providers(relation)) {
      if (provider->name != package.name && chosen_.contains(provider->name))
        return excluded(provider->name);
    }
    return {};
  }

  const Universe& universe_;
  std::map<std::string_view, Chosen, std::less<>> chosen_;
  std::vector<const PackageRecord*> queue_;
};

}  // namespace

Result<std::vector<Alternatives>> ParseRelations(std::string_view text,
                                                 std::string_view architecture) {
  std::vector<Alternatives> out;
  if (Trim(text).empty()) return out;
  for (const std::string_view group : Split(text, ',')) {
    if (Trim(group).empty()) continue;  // trailing commas occur
    Alternatives alternatives;
    for (const std::string_view each : Split(group, '|')) {
      const auto relation = LETHE_TRY(ParseRelation(each, architecture));
      if (relation) alternatives.push_back(*relation);
    }
    if (!alternatives.empty()) out.push_back(std::move(alternatives));
  }
  return out;
}

Universe::Universe(std::vector<PackageRecord> records, std::string architecture)
    : records_(std::move(records)), architecture_(std::move(architecture)) {
  for (const PackageRecord& record : records_) {
    const auto [it, added] = newest_.emplace(record.name, &record);
    if (!added && CompareVersions(record.version, it->second->version) > 0) it->second = &record;
  }
  for (const auto& [name, record] : newest_) {
    const auto provided = ParseRelations(record->provides, architecture_);
    if (!provided) continue;  // a field that we cannot read provides nothing
    for (const Alternatives& group : *provided) {
      provides_.emplace(group[0].name, Provide{record, group[0].version});
    }
  }
}

const PackageRecord* Universe::Find(std::string_view name) const {
  const auto it = newest_.find(name);
  return it == newest_.end() ? nullptr : it->second;
}

std::vector<const PackageRecord*> Universe::Providers(const Relation& relation) const {
  std::vector<const PackageRecord*> out;
  const auto [begin, end] = provides_.equal_range(relation.name);
  for (auto it = begin; it != end; ++it) {
    // Policy 7.5: an unversioned provide meets no versioned need.
    if (!relation.op.empty() && it->second.version.empty()) continue;
    if (Satisfies(it->second.version, relation)) out.push_back(it->second.package);
  }
  return out;
}

Result<std::vector<const PackageRecord*>> Resolve(const Universe& universe,
                                                  const std::vector<std::string>& names) {
  Resolution resolution(universe);
  LETHE_TRY(resolution.Run(names));
  return resolution.Sorted();
}

Result<std::vector<const PackageRecord*>> ResolveBuild(const Universe& universe,
                                                       const SourceRecord& source, bool indep) {
  Resolution resolution(universe);
  std::vector<std::string_view> needs = {source.build_depends, source.build_depends_arch};
  if (indep) needs.push_back(source.build_depends_indep);
  LETHE_TRY(
      resolution.Run({"build-essential"}, needs, "source package " + std::string(source.name)));
  return resolution.Sorted();
}

Result<const PackageRecord*> ResolveKernel(const Universe& universe, const std::string& name) {
  const PackageRecord* package = universe.Find(name);
  if (package == nullptr) {
    return Error{ErrorCode::kNotFound,
                 "the archive has no kernel package '" + Printable(name) + "'"};
  }
  if (IsVersionedKernel(name)) return package;
  for (const Alternatives& need :
       LETHE_TRY_IN(ParseRelations(package->depends, universe.architecture()), name)) {
    const PackageRecord* real = universe.Find(need[0].name);
    if (real != nullptr && IsVersionedKernel(real->name) && Satisfies(real->version, need[0])) {
      return real;
    }
  }
  return Error{ErrorCode::kConflict,
               "package '" + name + "' neither is nor needs a kernel (linux-image-<version>)"};
}

}  // namespace lethe::debian
