// An owners file and a path behind its last NUL: what is read names people of the policy, and the
// same pattern written once more at the end does not change who owns the path.

#include "trust/codeowners.h"

#include <algorithm>

#include "base/assert.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lethe;  // NOLINT: short as a script
  const std::string_view input = fuzz::View(data, size);
  const size_t nul = input.rfind('\0');
  const std::string text(input.substr(0, std::min(nul, input.size())));
  const std::string_view path = nul == std::string_view::npos ? "a/b" : input.substr(nul + 1);
  const std::vector<std::string> people = {"a", "b"};
  const auto owners = trust::ParseCodeOwners(text, "CODEOWNERS", people);
  if (!owners) {
    LETHE_ASSERT(!owners.error().message.empty());
    return 0;
  }
  const auto of = owners->Of(path);
  if (of) {
    LETHE_ASSERT(!of->empty() && std::is_sorted(of->begin(), of->end()));
    for (const std::string& owner : *of)
      LETHE_ASSERT(std::find(people.begin(), people.end(), owner) != people.end());
  } else {
    LETHE_ASSERT(of.error().reason == trust::Reason::kUnownedPath);
  }
  const auto everything = trust::ParseCodeOwners(text + "\n* @b\n", "CODEOWNERS", people);
  if (everything) {
    const auto last = everything->Of(path);
    LETHE_ASSERT(last && *last == std::vector<std::string>{"b"});
  }
  const auto nothing = trust::ParseCodeOwners(text + "\n**\n", "CODEOWNERS", people);
  LETHE_ASSERT(!nothing || !nothing->Of(path));
  const auto twice = trust::ParseCodeOwners(text + "\n" + text, "CODEOWNERS", people);
  if (twice) {
    const auto again = twice->Of(path);
    LETHE_ASSERT(again.has_value() == of.has_value() && (!again || *again == *of));
  }
  return 0;
}
