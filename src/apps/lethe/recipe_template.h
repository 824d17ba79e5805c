// What `lethe recipe new` writes: a small complete recipe (systemd and a network, no VPN) whose
// comments teach.
#pragma once

#include <string>
#include <vector>

namespace lethe::cli {

struct TemplateValues {
  std::string id;  // IMAGE_ID
  std::string
      lethe_source;  // where Lethe's source lies in the recipe's repository; "." for its top
};

struct TemplateFile {
  std::string path;  // relative to the recipe folder
  std::string text;
};

std::vector<TemplateFile> RecipeTemplate(const TemplateValues& values);

}  // namespace lethe::cli
