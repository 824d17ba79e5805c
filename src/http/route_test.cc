#include "http/route.h"

#include <gtest/gtest.h>

namespace lethe::http {
namespace {

std::vector<Route> Table() {
  const auto answer = [](const Parameters&) { return TextResponse(200, "ok"); };
  return {{"GET", "/objects/{shard}/{sha256}", Access::kAnyone, answer},
          {"GET", "/state", Access::kAnyone, answer},
          {"POST", "/state", Access::kAnyone, answer}};
}

TEST(FindRoute, FindsRowsAndTheirParameters) {
  const auto routes = Table();
  const auto found = FindRoute(routes, "GET", "/objects/ab/abcd");
  ASSERT_EQ(found.match, Match::kFound);
  EXPECT_EQ(found.route, &routes[0]);
  EXPECT_EQ(found.parameters, (Parameters{"ab", "abcd"}));
  EXPECT_EQ(FindRoute(routes, "HEAD", "/state").route, &routes[1]);
  EXPECT_EQ(FindRoute(routes, "POST", "/state").route, &routes[2]);
}

TEST(FindRoute, TellsAnotherMethodFromAnotherPath) {
  const auto routes = Table();
  const auto refused = FindRoute(routes, "DELETE", "/state");
  EXPECT_EQ(refused.match, Match::kNoMethod);
  EXPECT_EQ(refused.allowed, "GET, HEAD, POST");
  EXPECT_EQ(FindRoute(routes, "get", "/state").match, Match::kNoMethod);
}

TEST(FindRoute, KnowsNothingBesideItsRows) {
  const auto routes = Table();
  for (const char* target : {"",
                             "/",
                             "*",
                             "state",
                             "/state/",
                             "//state",
                             "/state?x",
                             "/STATE",
                             "/objects",
                             "/objects/ab",
                             "/objects/ab/",
                             "/objects//abcd",
                             "/objects/ab/abcd/",
                             "/objects/../abcd",
                             "/objects/ab/..",
                             "/objects/./abcd",
                             "/objects/ab/..%2f..%2fetc",
                             "/objects/ab/%2e%2e",
                             "/objects/ab/a?b",
                             "/objects/ab/a#b",
                             "/objects/ab/..\\x",
                             "http://host/state"}) {
    EXPECT_EQ(FindRoute(routes, "GET", target).match, Match::kNoPath) << target;
  }
}

}  // namespace
}  // namespace lethe::http
