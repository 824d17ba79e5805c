#include "supervise/service_set.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/strings.h"

namespace lethe::supervise {
namespace {

namespace fs = std::filesystem;

Error Malformed(std::string message) { return Error{ErrorCode::kMalformed, std::move(message)}; }

Status CheckNames(const std::map<std::string, const Service*>& by_name) {
  for (const auto& [name, service] : by_name) {
    for (const std::string& other : service->after) {
      if (by_name.contains(other)) continue;
      return Malformed(name + ".toml: key 'after': there is no service '" + other + "'");
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Service>> InOrder(std::vector<Service> services) {
  if (services.size() > kMaxServices)
    return Malformed("more than " + std::to_string(kMaxServices) + " services");
  std::map<std::string, const Service*> left;
  for (const Service& service : services) left.emplace(service.name, &service);
  LETHE_TRY(CheckNames(left));
  std::vector<Service> out;
  while (!left.empty()) {
    const auto next = std::find_if(left.begin(), left.end(), [&](const auto& entry) {
      return std::none_of(entry.second->after.begin(), entry.second->after.end(),
                          [&](const std::string& other) { return left.contains(other); });
    });
    if (next == left.end()) {
      std::vector<std::string> names;
      for (const auto& [name, service] : left) names.push_back(name);
      return Malformed("key 'after': these wait for each other: " + Join(names, ", "));
    }
    out.push_back(*next->second);
    left.erase(next);
  }
  return out;
}

Result<std::vector<Service>> ReadServices(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    if (it->path().extension() == ".toml") paths.push_back(it->path());
    if (paths.size() > kMaxServices)
      return Malformed(folder.string() + ": more than " + std::to_string(kMaxServices) +
                       " services");
  }
  if (error) {
    errno = error.value();
    return IoError("reading", folder);
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Service> services;
  for (const fs::path& path : paths) {
    const std::string text = LETHE_TRY(ReadFile(path, kMaxServiceFileBytes));
    services.push_back(LETHE_TRY(ParseService(path.stem().string(), text, path.string())));
  }
  auto ordered = InOrder(std::move(services));
  if (!ordered) return std::move(ordered).error().In(folder.string());
  return ordered;
}

}  // namespace lethe::supervise
