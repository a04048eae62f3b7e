// SPDX-License-Identifier: Apache-2.0
//
// Lose these and a reply that arrives in other pieces than usual is misread.

#include "client/reply_parser.h"

#include <gtest/gtest.h>

#include "tests/support/fake_server.h"

namespace signer::client {
namespace {

using test::http;

TEST(ReplyParser, TakesAReplyByteByByte) {
  const std::string bytes = http(429, R"({"a":1})", "Retry-After: 3\r\nX-Request-Id: abc\r\n");
  ReplyParser parser;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    const auto whole = parser.take(std::string_view(bytes).substr(i, 1));
    ASSERT_TRUE(whole) << whole.error().text;
    ASSERT_FALSE(*whole) << i;
  }
  const auto whole = parser.take(std::string_view(bytes).substr(bytes.size() - 1));
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ(parser.reply().status, 429);
  EXPECT_EQ(parser.reply().body, R"({"a":1})");
  EXPECT_EQ(parser.reply().retry_after, std::chrono::seconds(3));
  EXPECT_EQ(parser.reply().request_id, "abc");
  EXPECT_TRUE(parser.keep_alive());
}

TEST(ReplyParser, TakesChunkedRepliesInAnyPieces) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    ReplyParser parser;
    const auto first = parser.take(std::string_view(bytes).substr(0, cut));
    ASSERT_TRUE(first && !*first) << cut;
    const auto whole = parser.take(std::string_view(bytes).substr(cut));
    ASSERT_TRUE(whole && *whole) << cut;
    EXPECT_EQ(parser.reply().body, "abcde");
  }
}

TEST(ReplyParser, TakesRepliesThatHaveNoBody) {
  for (const char* bytes : {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    ReplyParser parser;
    const auto whole = parser.take(bytes);
    ASSERT_TRUE(whole && *whole) << bytes;
    EXPECT_EQ(parser.reply().body, "");
  }
}

// Beast 1.74 alone would reserve what the peer declares (see reply_parser.cc): the refusal must come with the header.
TEST(ReplyParser, RefusesADeclaredLengthBeforeTheBody) {
  for (const std::uint64_t length : {std::uint64_t{kReplyBytesMax + 1}, std::uint64_t{99'999'999'999}, UINT64_MAX}) {
    for (const char* body : {"", "{", "{}"}) {
      ReplyParser parser;
      EXPECT_FALSE(parser.take("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" + body))
          << length;
    }
  }
}

TEST(ReplyParser, KnowsWhenTheConnectionEnds) {
  ReplyParser parser;
  const auto whole = parser.take(http(200, "{}", "Connection: close\r\n"));
  ASSERT_TRUE(whole && *whole);
  EXPECT_FALSE(parser.keep_alive());
}

TEST(ReplyParser, IgnoresARetryAfterThatIsNoNumberOfSeconds) {
  for (const char* value : {"", "-1", "soon", "1.5", "99999999999999999999", "86401", "2 "}) {
    ReplyParser parser;
    const auto whole = parser.take(http(503, "", "Retry-After: " + std::string(value) + "\r\n"));
    ASSERT_TRUE(whole && *whole) << value;
    if (std::string_view(value) == "2 ") {
      EXPECT_EQ(parser.reply().retry_after, std::chrono::seconds(2));  // white space is not part of the value
    } else {
      EXPECT_EQ(parser.reply().retry_after, std::nullopt) << value;
    }
  }
}

}  // namespace
}  // namespace signer::client
