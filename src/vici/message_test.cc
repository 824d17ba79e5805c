#include "vici/message.h"

#include <gtest/gtest.h>

namespace lethe::vici {
namespace {

using std::string_literals::operator""s;

TEST(WriteRequest, PutsLengthTypeAndNameInFront) {
  EXPECT_EQ(WriteRequest("stats"), "\0\0\0\x07\0\x05stats"s);
  EXPECT_EQ(WriteRequest("redirect", {{"ike", "a"}, {"gateway", "192.0.2.1"}}),
            "\0\0\0\x26\0\x08redirect\x03\x03ike\0\x01"
            "a\x03\x07gateway\0\x09"
            "192.0.2.1"s);
}

TEST(ReadLength, RefusesNothingAndTooMuch) {
  EXPECT_EQ(ReadLength("\0\0\0\x07"s).value(), 7U);
  EXPECT_EQ(ReadLength("\0\x01\0\0"s).value(), kMaxMessage);
  for (const std::string& bytes : {"\0\0\0\0"s, "\0\x01\0\x01"s, "\xff\xff\xff\xff"s, "\0\0\x01"s})
    EXPECT_EQ(ReadLength(bytes).error().code, ErrorCode::kMalformed);
}

TEST(ReadResponse, TakesValuesOfSectionsAndCountsItemsOfLists) {
  const auto values = ReadResponse(
      "\x01"
      "\x01\x06ikesas\x03\x05total\0\x02"
      "12\x03\x09half-open\0\x01"
      "5\x02"
      "\x04\x07plugins\x05\0\x04vici\x05\0\0\x06"
      "\x01\x01s\x04\x01l\x06\x02"
      "\x03\x07success\0\x03yes"s);
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_EQ(*values, (std::map<std::string, std::string>{{"ikesas.total", "12"},
                                                         {"ikesas.half-open", "5"},
                                                         {"plugins", "2"},
                                                         {"s.l", "0"},
                                                         {"success", "yes"}}));
  EXPECT_TRUE(ReadResponse("\x01").value().empty());
}

TEST(ReadResponse, TellsAnUnknownCommandFromAMalformedAnswer) {
  EXPECT_EQ(ReadResponse("\x02").error().code, ErrorCode::kUnavailable);
  const std::string malformed[] = {
      ""s,          // nothing
      "\x07"s,      // an event
      "\x01\x01"s,  // a section without a name
      "\x01\x01\x05"
      "a"s,  // a name that is cut off
      "\x01\x01\x01"
      "a"s,         // a section without an end
      "\x01\x02"s,  // an end without a section
      "\x01\x03\x01"
      "a\0\x05"
      "b"s,  // a value that is cut off
      "\x01\x03\x01"
      "a\0"s,  // a length that is cut off
      "\x01\x04\x01"
      "a\x05\0\x01"s,  // an item that is cut off
      "\x01\x04\x01"
      "a"s,  // a list without an end
      "\x01\x04\x01"
      "a\x01\x01"
      "b"s,             // a section in a list
      "\x01\x05\0\0"s,  // an item without a list
      "\x01\x00"s,      // no element
  };
  for (const std::string& message : malformed)
    EXPECT_EQ(ReadResponse(message).error().code, ErrorCode::kMalformed);
}

TEST(ReadResponse, RefusesDeepNesting) {
  const auto nested = [](int depth) {
    std::string message = "\x01";
    for (int i = 0; i < depth; ++i)
      message +=
          "\x01\x01"
          "a";
    for (int i = 0; i < depth; ++i) message += "\x02";
    return ReadResponse(message);
  };
  EXPECT_TRUE(nested(8));
  EXPECT_EQ(nested(9).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace lethe::vici
