#include "supervise/control.h"

#include <gtest/gtest.h>

namespace lethe::supervise {
namespace {

TEST(ParseRequest, ReadsWhatWriteRequestWrites) {
  const Request requests[] = {
      {.verb = Verb::kStatus},
      {.verb = Verb::kStart, .service = "a"},
      {.verb = Verb::kDrain, .service = "a", .deadline = std::chrono::seconds(9)},
      {.verb = Verb::kDrain, .service = "a"},
      {.verb = Verb::kReload, .from = "/run/x"},
      {.verb = Verb::kPeer, .service = "w", .action = PeerAction::kReplaceAll},
  };
  for (const Request& request : requests) {
    const auto again = ParseRequest(WriteRequest(request));
    ASSERT_TRUE(again) << WriteRequest(request) << again.error().message;
    EXPECT_EQ(WriteRequest(*again), WriteRequest(request));
    EXPECT_EQ(again->verb, request.verb);
    EXPECT_EQ(again->deadline, request.deadline);
  }
}

TEST(ParseRequest, RefusesWhatItsSchemaDoesNotHave) {
  const std::pair<std::string, std::string> table[] = {
      {"", "request"},
      {"[]", "must be an object"},
      {"{}", "key 'do': must be a string"},
      {R"({"do":1})", "key 'do'"},
      {R"({"do":"log"})", "'log' is unknown"},
      {R"({"do":"status","x":1})", "a key that it does not know"},
      {R"({"do":"status","service":"a"})", "a key that it does not know"},
      {R"({"do":"start"})", "key 'service'"},
      {R"({"do":"start","service":["a"]})", "key 'service'"},
      {R"({"do":"start","service":"a","service":"b"})", "request"},
      {R"({"do":"drain","service":"a","deadline_s":-1})", "0 to 86400"},
      {R"({"do":"drain","service":"a","deadline_s":86401})", "0 to 86400"},
      {R"({"do":"drain","service":"a","deadline_s":"1"})", "0 to 86400"},
      {R"({"do":"reload","from":"x"})", "absolute path"},
      {R"({"do":"reload","from":"/a\u0000b"})", "absolute path"},
      {R"({"do":"peer","service":"a"})", "key 'action'"},
      {R"({"do":"peer","service":"a","action":"list"})", "allowed: add, remove, replace-all"},
      {R"({"do":{"do":{"do":1}}})", "request"},
      {R"({"do":"status"} )" + std::string(kMaxRequestBytes, ' '), "request"},
      {R"({"do":"status"}x)", "request"},
  };
  for (const auto& [text, says] : table) {
    const auto request = ParseRequest(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().code, ErrorCode::kMalformed) << text;
    EXPECT_NE(request.error().message.find(says), std::string::npos) << text << "\n"
                                                                     << request.error().message;
  }
}

TEST(StatusAnswer, RoundsClients) {
  for (const auto& [exact, shown] : {std::pair(0U, 0U),
                                     {4U, 0U},
                                     {5U, 10U},
                                     {14U, 10U},
                                     {15U, 20U},
                                     {50U, 50U},
                                     {4294967295U, 4294967290U + 10U}})
    EXPECT_EQ(RoundedClients(exact), shown) << exact;
  const std::string answer =
      StatusAnswer({{.name = "a", .state = State::kReady, .reason = Reason::kNone, .clients = 7},
                    {.name = "b", .state = State::kFailed, .reason = Reason::kCrashLoop}});
  EXPECT_EQ(answer,
            R"({"ok":true,"services":[{"clients":10,"name":"a","probe_failures":0,"reason":"none",)"
            R"("restarts":0,"state":"ready","unsealed":0},{"name":"b","probe_failures":0,)"
            R"("reason":"crash-loop","restarts":0,"state":"failed","unsealed":0}],"version":1})");
}

TEST(CheckedPeersAnswer, LetsOnlyNumbersAndErrorsThrough) {
  EXPECT_EQ(CheckedPeersAnswer(R"({"ok":true,"peers":3,"who":"me"})"), R"({"ok":true,"peers":3})");
  EXPECT_EQ(CheckedPeersAnswer(R"({"error":{"code":"malformed","message":"line 7: no key"}})"),
            R"({"error":{"code":"malformed","message":"line 7: no key"}})");
  for (const char* bad : {"", "x", "[]", R"({"ok":true})", R"({"ok":true,"peers":"3"})",
                          R"({"error":{"code":"other","message":"x"}})", R"({"error":"x"})"}) {
    EXPECT_NE(CheckedPeersAnswer(bad).find("answer about its peers is none"), std::string::npos)
        << bad;
  }
}

}  // namespace
}  // namespace lethe::supervise
