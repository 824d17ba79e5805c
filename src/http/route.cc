#include "http/route.h"

#include "base/strings.h"

namespace lethe::http {
namespace {

bool MatchPath(std::string_view pattern, std::string_view target, Parameters& parameters) {
  const auto want = Split(pattern, '/');
  const auto have = Split(target, '/');
  if (want.size() != have.size()) return false;
  for (size_t i = 0; i < want.size(); ++i) {
    if (!want[i].starts_with('{')) {
      if (want[i] != have[i]) return false;
      continue;
    }
    if (have[i].empty() || have[i] == "." || have[i] == "..") return false;
    if (have[i].find_first_of("%?#\\") != std::string_view::npos) return false;
    parameters.push_back(have[i]);
  }
  return true;
}

}  // namespace

Response TextResponse(unsigned status, std::string_view text) {
  Response response;
  response.status = status;
  response.body = std::string(text) + "\n";
  return response;
}

MatchResult FindRoute(const std::vector<Route>& routes, std::string_view method,
                      std::string_view target) {
  MatchResult result;
  for (const Route& route : routes) {
    Parameters parameters;
    if (!MatchPath(route.path, target, parameters)) continue;
    if (method == route.method || (method == "HEAD" && route.method == "GET")) {
      return {Match::kFound, &route, std::move(parameters), {}};
    }
    result.match = Match::kNoMethod;
    if (!result.allowed.empty()) result.allowed += ", ";
    result.allowed += route.method;
    if (route.method == "GET") result.allowed += ", HEAD";
  }
  return result;
}

}  // namespace lethe::http
