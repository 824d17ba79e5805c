#include "trust/dsse.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace lethe::trust {
namespace {

TEST(DssePae, IsWhatTheSpecificationSays) {
  EXPECT_EQ(DssePae("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(DssePae("", ""), "DSSEv1 0  0 ");
}

TEST(ParseDsse, InvertsWriteDsse) {
  const DsseEnvelope envelope{std::string(kInTotoPayloadType),
                              std::string("{\"a\":1}\0\xff", 9),
                              {{"", "one"}, {"k", "two"}}};
  const std::string text = WriteDsse(envelope);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto parsed = ParseDsse(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->payload_type, envelope.payload_type);
  EXPECT_EQ(parsed->payload, envelope.payload);
  ASSERT_EQ(parsed->signatures.size(), 2U);
  EXPECT_EQ(parsed->signatures[1].keyid, "k");
  EXPECT_EQ(parsed->signatures[1].sig, "two");
  EXPECT_EQ(WriteDsse(*parsed), text);
}

TEST(ParseDsse, TakesBothAlphabetsAndIgnoresUnknownMembers) {
  const auto parsed = ParseDsse(
      R"({"payload":"-_8","payloadType":"t","signatures":[{"sig":"+/8=","x":1}],"extra":null})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->payload, "\xfb\xff");
  EXPECT_EQ(parsed->signatures[0].sig, "\xfb\xff");
}

TEST(ParseDsse, RefusesEverythingElseAsMalformed) {
  std::string many = R"({"payload":"","payloadType":"t","signatures":[{"sig":"aGk="})";
  for (size_t i = 0; i < kMaxEnvelopeSignatures; ++i) many += R"(,{"sig":"aGk="})";
  std::string deep(40, '[');
  const std::pair<std::string, const char*> kBad[] = {
      {"", "not JSON"},
      {"[]", "'payloadType'"},
      {R"({"payload":"","signatures":[{"sig":""}]})", "'payloadType'"},
      {R"({"payload":1,"payloadType":"t","signatures":[{"sig":""}]})", "'payload'"},
      {R"({"payload":"a+_=","payloadType":"t","signatures":[{"sig":""}]})", "'payload'"},
      {R"({"payload":"aGl=","payloadType":"t","signatures":[{"sig":""}]})", "'payload'"},
      {R"({"payload":"","payloadType":"t","signatures":[]})", "'signatures'"},
      {R"({"payload":"","payloadType":"t","signatures":{}})", "'signatures'"},
      {R"({"payload":"","payloadType":"t","signatures":[{}]})", "'sig'"},
      {R"({"payload":"","payloadType":"t","signatures":[{"sig":"","keyid":1}]})", "'keyid'"},
      {R"({"payload":"","payload":"","payloadType":"t","signatures":[{"sig":""}]})", "twice"},
      {R"({"payload":"","payloadType":"t","signatures":[{"sig":""}]} x)", "not JSON"},
      {"{\"payload\":\"\",\"payloadType\":\"\xff\",\"signatures\":[{\"sig\":\"\"}]}", "not JSON"},
      {many + "]}", "1 to 64"},
      {deep, "deeper"},
      {std::string(kMaxEnvelopeBytes + 1, ' '), "larger"}};
  for (const auto& [text, place] : kBad) {
    const auto parsed = ParseDsse(text);
    ASSERT_FALSE(parsed) << text.substr(0, 100);
    EXPECT_EQ(parsed.error().code, ErrorCode::kMalformed);
    EXPECT_NE(parsed.error().message.find(place), std::string::npos) << parsed.error().message;
  }
}

TEST(ParseStatement, InvertsWriteStatement) {
  Statement statement;
  statement.subjects = {{"a.iso", {{"sha256", "00ff"}}}, {"", {{"gitCommit", "ab"}, {"x", "cd"}}}};
  statement.predicate_type = "https://example.com/p";
  statement.predicate = json::Object{{"n", 1}};
  const std::string text = WriteStatement(statement);
  const auto parsed = ParseStatement(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->subjects.size(), 2U);
  EXPECT_EQ(parsed->subjects[0].name, "a.iso");
  EXPECT_EQ(parsed->subjects[1].digest.at("gitCommit"), "ab");
  EXPECT_EQ(parsed->predicate, statement.predicate);
  EXPECT_EQ(WriteStatement(*parsed), text);
}

TEST(ParseStatement, RefusesEverythingElseAsMalformed) {
  const std::string good = R"({"_type":"https://in-toto.io/Statement/v1","predicateType":"p",)"
                           R"("subject":[{"name":"n","digest":{"sha256":"00"}}]})";
  ASSERT_TRUE(ParseStatement(good));
  const std::pair<const char*, const char*> kBad[] = {
      {"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"},
      {"\"_type\"", "\"type\""},
      {"\"predicateType\":\"p\"", "\"predicateType\":\"\""},
      {"\"predicateType\":\"p\"", "\"predicateType\":\"p\",\"predicate\":[]"},
      {"[{\"name\":\"n\",\"digest\":{\"sha256\":\"00\"}}]", "[]"},
      {"[{\"name\":\"n\",\"digest\":{\"sha256\":\"00\"}}]", "[1]"},
      {"{\"sha256\":\"00\"}", "{}"},
      {"\"00\"", "\"0G\""},
      {"\"00\"", "\"FF\""},
      {"\"00\"", "\"000\""},
      {"\"00\"", "\"\""},
      {"\"00\"", "0"},
      {"\"name\":\"n\"", "\"name\":1"}};
  for (const auto& [from, to] : kBad) {
    std::string text = good;
    text.replace(text.find(from), std::string_view(from).size(), to);
    const auto parsed = ParseStatement(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kMalformed);
  }
}

}  // namespace
}  // namespace lethe::trust
