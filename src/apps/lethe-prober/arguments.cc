#include "apps/lethe-prober/arguments.h"

#include "base/strings.h"

namespace lethe::prober {
namespace {

constexpr size_t kMaxTargets = 256;

Error Usage(const std::string& why) { return Error{ErrorCode::kUsage, why}; }

}  // namespace

Result<Arguments> ParseArguments(const std::vector<std::string>& words) {
  Arguments out;
  int forms = 0;
  for (const std::string& word : words) {
    if (word == "--json" || word == "--prometheus") {
      out.form = word == "--json" ? Form::kJson : Form::kPrometheus;
      ++forms;
    } else if (word == "--check") {
      out.check = true;
      ++forms;
    } else if (word.starts_with("-")) {
      return Usage(Printable(word) + ": no such option");
    } else {
      out.files.push_back(word);
    }
  }
  if (forms > 1) return Usage("--json, --prometheus and --check: one of them");
  if (out.files.empty()) return Usage("no target: a credential file is wanted (--help)");
  if (out.files.size() > kMaxTargets)
    return Usage("more than " + std::to_string(kMaxTargets) + " targets");
  return out;
}

}  // namespace lethe::prober
