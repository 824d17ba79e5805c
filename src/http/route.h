// The route table of a server: what can be asked, by whom, and who answers. A request that no row
// names reaches no handler.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace lethe::http {

// Who may ask.
enum class Access { kAnyone };

// The pieces of the path that stand where the route has "{…}", in order. None is empty, none holds
// a '/' or a '%'.
using Parameters = std::vector<std::string_view>;

struct Response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string etag;  // names the content; empty: none
  std::string body;  // where there is no file
  Fd file;           // regular; sent from its beginning
  uint64_t file_size = 0;
};

struct Route {
  std::string_view method;  // a row for GET answers HEAD too
  std::string_view path;    // "/objects/{shard}/{sha256}"
  Access access;
  std::function<Response(const Parameters&)> handler;
};

// A short text that says what `status` means, for people.
Response TextResponse(unsigned status, std::string_view text);

enum class Match { kFound, kNoPath, kNoMethod };
struct MatchResult {
  Match match = Match::kNoPath;
  const Route* route = nullptr;  // where found
  Parameters parameters;         // point into the target
  std::string allowed;           // "GET, HEAD", where the path is known with other methods
};

// `target` as in the request line. Paths are taken literally: no escapes, no query, no dots.
MatchResult FindRoute(const std::vector<Route>& routes, std::string_view method,
                      std::string_view target);

}  // namespace lethe::http
