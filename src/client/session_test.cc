#include "client/session.h"

#include <gtest/gtest.h>

namespace lethe::client {
namespace {

json::Value Answer(Session& session, std::string_view line) {
  const auto answer = json::Parse(session.Answer(line));
  EXPECT_TRUE(answer) << line;
  return answer ? *answer : json::Value();
}

json::Value Field(const json::Value& answer, const char* key) {
  const json::Value* value = answer.Find(key);
  return value == nullptr ? json::Value() : *value;
}

TEST(Session, RefusesWhatIsNotPossibleNow) {
  Session session;
  for (const char* line :
       {R"({"id":5,"command":"disconnect"})",
        R"({"id":5,"command":"resolve","name":"a","family":"ipv4","transport":"udp"})",
        R"({"id":5,"command":"connect","protocol":"l2tp","server":"192.0.2.9","timeout_s":1,)"
        R"("preshared_key":"k","user":"u","password":"p"})"}) {
    const auto answer = Answer(session, line);
    EXPECT_EQ(Field(answer, "ok"), json::Value(false));
    EXPECT_EQ(Field(answer, "refused"), json::Value("not-now")) << line;
    EXPECT_EQ(Field(answer, "id"), json::Value(5));
  }
}

TEST(Session, AnswersMalformedLinesWithTheirReason) {
  Session session;
  EXPECT_EQ(session.Answer("{"), session.Answer("{"));
  EXPECT_EQ(Field(Answer(session, "{"), "refused"), json::Value("no-json"));
  EXPECT_EQ(Answer(session, "{").Find("id"), nullptr);
  EXPECT_EQ(Field(Answer(session, R"({"id":7,"command":"halt"})"), "refused"),
            json::Value("unknown-command"));
}

// Nobody listens on that port of loopback.
TEST(Session, TellsFailureFromRefusal) {
  Session session;
  const auto answer =
      Answer(session, R"({"id":1,"command":"fetch","address":"127.0.0.1","port":1,"timeout_s":1})");
  EXPECT_EQ(Field(answer, "ok"), json::Value(false));
  EXPECT_EQ(Field(answer, "failed"), json::Value("io"));
  EXPECT_EQ(answer.Find("refused"), nullptr);
}

TEST(Session, HasSeenNothingWithoutAnUplink) {
  Session session;
  const auto answer = Answer(session, R"({"id":1,"command":"captures"})");
  EXPECT_EQ(Field(answer, "result"), json::Value(json::Object{{"flows", json::Array{}}}));
}

}  // namespace
}  // namespace lethe::client
