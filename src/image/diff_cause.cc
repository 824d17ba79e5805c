#include "image/diff_cause.h"

#include <algorithm>

#include "base/strings.h"
#include "image/diff_rule.h"

namespace lethe::image {
namespace {

bool Fits(const Rule& rule, const Evidence& evidence, const PairFacts& facts) {
  if ((rule.layers & Bit(evidence.layer)) == 0 || (rule.aspects & Bit(evidence.aspect)) == 0)
    return false;
  const bool anywhere = rule.where[0].empty();
  const bool here = anywhere || std::any_of(rule.where.begin(), rule.where.end(), [&](auto glob) {
                      return !glob.empty() && GlobMatch(glob, evidence.where);
                    });
  return here && (rule.fits == nullptr || rule.fits(evidence, facts));
}

template <typename Visit>
void ForEachRule(Visit visit) {
  for (const auto rules : {RulesOfInputs(), RulesOfPlaces(), RulesOfLayers(), RulesOfBytes()}) {
    for (const Rule& rule : rules) visit(rule);
  }
}

}  // namespace

std::string_view AspectName(Aspect aspect) {
  switch (aspect) {
    case Aspect::kContent:
      return "content";
    case Aspect::kPresence:
      return "presence";
    case Aspect::kType:
      return "type";
    case Aspect::kMode:
      return "mode";
    case Aspect::kOwner:
      return "owner";
    case Aspect::kTime:
      return "time";
    case Aspect::kTarget:
      return "target";
    case Aspect::kXattrs:
      return "xattrs";
    case Aspect::kHardLinks:
      return "hard links";
    case Aspect::kInodeNumber:
      return "inode number";
    case Aspect::kOrder:
      return "order";
    case Aspect::kSharing:
      return "sharing";
    case Aspect::kStorage:
      return "storage";
  }
  return "";
}

std::vector<const Cause*> LikelyCauses(const Evidence& evidence, const PairFacts& facts) {
  std::vector<const Cause*> out;
  ForEachRule([&](const Rule& rule) {
    if (Fits(rule, evidence, facts)) out.push_back(&rule.cause);
  });
  return out;
}

std::vector<const Cause*> AllCauses() {
  std::vector<const Cause*> out;
  ForEachRule([&](const Rule& rule) { out.push_back(&rule.cause); });
  return out;
}

}  // namespace lethe::image
