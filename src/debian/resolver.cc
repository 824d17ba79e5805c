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
         (relation.op.empty() ? "" : " (" + std::string(relation.op) + " " + std::string(relation.version) + ")");
}

std::string Text(const Alternatives& alternatives) {
  std::string out;
  for (const Relation& relation : alternatives) out += (out.empty() ? "" : " | ") + Text(relation);
  return out;
}

Error BadRelation(std::string_view text) {
  return Error{ErrorCode::kMalformed, "relation '" + Printable(text) + "'"};
}

// "name[:any] [(op version)] [[architectures]] [<profiles>]"
Result<std::optional<Relation>> ParseRelation(std::string_view text, std::string_view architecture) {
  Relation relation;
  std::string_view rest = Trim(text);
  const size_t name_end = std::min(rest.find_first_of(" \t\n(["), rest.size());
  relation.name = rest.substr(0, name_end);
  relation.name = relation.name.substr(0, relation.name.find(':'));
  rest = Trim(rest.substr(name_end));
  if (rest.starts_with('(')) {
    const size_t close = rest.find(')');
    if (close == std::string_view::npos) return BadRelation(text);
    const std::string_view inside = Trim(rest.substr(1, close - 1));
    const size_t op_end = inside.find_first_not_of("<>=");
    if (op_end == std::string_view::npos || op_end == 0) return BadRelation(text);
    relation.op = inside.substr(0, op_end);
    relation.version = Trim(inside.substr(op_end));
    static const std::set<std::string_view> kOps = {"<<", "<=", "=", ">=", ">>"};
    if (!kOps.contains(relation.op) || relation.version.empty()) return BadRelation(text);
    rest = Trim(rest.substr(close + 1));
  }
  if (relation.name.empty()) return BadRelation(text);
  if (rest.starts_with('[')) {
    const size_t close = rest.find(']');
    if (close == std::string_view::npos) return BadRelation(text);
    bool positive = false;
    bool matched = false;
    for (const std::string_view word : Words(rest.substr(1, close - 1))) {
      const bool negated = word.starts_with('!');
      positive = positive || !negated;
      matched = matched || word.substr(negated ? 1 : 0) == architecture;
    }
    if (matched != positive) return std::optional<Relation>();
  }
  return std::optional<Relation>(relation);
}

int PriorityRank(std::string_view priority) {
  static constexpr std::string_view kOrder[] = {"required", "important", "standard", "optional"};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), priority) - std::begin(kOrder));
}

// One resolution: the chosen packages and why each was chosen.
class Resolution {
 public:
  explicit Resolution(const Universe& universe) : universe_(universe) {}

  Status Run(const std::vector<std::string>& names) {
    std::vector<const PackageRecord*> roots;
    for (const std::string& name : names) {
      const PackageRecord* package = universe_.Find(name);
      if (package == nullptr) {
        return Error{ErrorCode::kNotFound, "the archive has no package '" + Printable(name) + "'"};
      }
      roots.push_back(package);
    }
    for (const auto& [name, package] : universe_.newest()) {
      if (package->essential) roots.push_back(package);
    }
    // All roots first: they decide alternatives wherever they can.
    for (const PackageRecord* package : roots) Choose(package, "");
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
    for (const std::string_view field : {package.pre_depends, package.depends}) {
      for (const Alternatives& need :
           LETHE_TRY_IN(ParseRelations(field, universe_.architecture()), std::string(package.name))) {
        if (IsMet(need)) continue;
        const auto* choice = LETHE_TRY_IN(Pick(need), Chain(package.name));
        Choose(choice, std::string(package.name));
      }
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
    for (const Relation& relation : need) {
      const PackageRecord* real = universe_.Find(relation.name);
      if (real != nullptr && Satisfies(real->version, relation)) return real;
    }
    for (const Relation& relation : need) {
      auto providers = universe_.Providers(relation);
      if (providers.empty()) continue;
      std::stable_sort(providers.begin(), providers.end(), [](const auto* a, const auto* b) {
        return PriorityRank(a->priority) < PriorityRank(b->priority);
      });
      if (providers.size() == 1 ||
          PriorityRank(providers[0]->priority) < PriorityRank(providers[1]->priority)) {
        return providers[0];
      }
      std::string names;
      for (const auto* provider : providers) names += " " + std::string(provider->name);
      return Error{ErrorCode::kConflict, "'" + Text(need) + "' is provided by several packages: name one in the recipe:" + names};
    }
    return Error{ErrorCode::kConflict, "needs '" + Text(need) + "', which the archive does not have"};
  }

  // "openvpn (needed by x, needed by y)"
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
        for (const Alternatives& group : LETHE_TRY(ParseRelations(field, universe_.architecture()))) {
          for (const Relation& relation : group) LETHE_TRY(CheckExclusion(*chosen.package, relation));
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
      if (provider->name != package.name && chosen_.contains(provider->name)) return excluded(provider->name);
    }
    return {};
  }

  const Universe& universe_;
  std::map<std::string_view, Chosen, std::less<>> chosen_;
  std::vector<const PackageRecord*> queue_;
};

}  // namespace

Result<std::vector<Alternatives>> ParseRelations(std::string_view text, std::string_view architecture) {
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

Result<const PackageRecord*> ResolveKernel(const Universe& universe, const std::string& name) {
  const PackageRecord* package = universe.Find(name);
  if (package == nullptr) {
    return Error{ErrorCode::kNotFound, "the archive has no kernel package '" + Printable(name) + "'"};
  }
  for (const Alternatives& need : LETHE_TRY(ParseRelations(package->depends, universe.architecture()))) {
    const PackageRecord* real = universe.Find(need[0].name);
    if (real != nullptr && real->name.starts_with("linux-image-") && Satisfies(real->version, need[0])) return real;
  }
  return package;
}

}  // namespace lethe::debian
