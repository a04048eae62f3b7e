// SPDX-License-Identifier: Apache-2.0
//
// Lose these and a token server hangs on a daemon that hangs, or takes half a reply for a whole one.

#include "signer/client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "jose/json.h"
#include "tests/support/fake_server.h"

namespace signer {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::Answer;
using test::FakeServer;
using test::http;
using test::Request;
using Stage = ClientError::Stage;
using Method = Client::Method;

constexpr milliseconds kPatient{20'000};  // for what answers at once: a slow machine must not fail it
constexpr milliseconds kShort{60};        // for what never answers

constexpr const char* kIssued = R"({"token":"aa.bb.cc","kid":"k1","jti":"j1","exp":1790000000,"audit":{"index":4711}})";

FakeServer::Handler always(std::string bytes, Answer::Then then = Answer::Then::kKeepOpen) {
  return [bytes = std::move(bytes), then](const Request&) { return Answer{bytes, then}; };
}

Client connected(const FakeServer& server, milliseconds timeout = kPatient) {
  auto client = Client::connect({.socket = server.socket(), .timeout = timeout});
  if (!client) std::abort();
  return std::move(client).value();
}

TEST(Client, IssuesATokenFromClaims) {
  FakeServer server(always(http(200, kIssued)));
  Client client = connected(server);

  const auto token = client.issue("issuer", R"({"sub":"me"})", "access");

  ASSERT_TRUE(token) << token.error().text;
  EXPECT_EQ(token->token, "aa.bb.cc");
  EXPECT_EQ(token->kid, "k1");
  EXPECT_EQ(token->jti, "j1");
  EXPECT_EQ(token->exp, 1790000000);
  EXPECT_EQ(token->audit_index, 4711U);
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(server.requests()[0].line, "POST /v1/keys/issuer/tokens HTTP/1.1");
  EXPECT_EQ(server.requests()[0].body, R"({"claims":{"sub":"me"},"profile":"access"})");
}

TEST(Client, LeavesTheProfileOutIfItIsEmpty) {
  FakeServer server(always(http(200, kIssued)));
  ASSERT_TRUE(connected(server).issue("issuer", "{}"));
  EXPECT_EQ(server.requests().at(0).body, R"({"claims":{}})");
}

TEST(Client, AsksSignerdToGiveUpBeforeItDoes) {
  FakeServer server(always(http(200, "{}")));
  ASSERT_TRUE(connected(server, milliseconds(20'000)).request(Method::kGet, "/readyz"));
  EXPECT_NE(server.requests().at(0).head.find("Request-Timeout: 18000ms\r\n"), std::string::npos);
}

TEST(Client, KeepsRequestTimeoutWithinTheProtocolsRange) {
  FakeServer server(always(http(200, "{}")));
  ASSERT_TRUE(connected(server, std::chrono::minutes(30)).request(Method::kGet, "/readyz"));
  EXPECT_NE(server.requests().at(0).head.find("Request-Timeout: 60000ms\r\n"), std::string::npos);
}

TEST(Client, KeepsOneConnectionForManyRequests) {
  FakeServer server(always(http(200, R"({"keys":[]})")));
  Client client = connected(server);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.jwks());
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(server.requests().size(), 20U);
}

TEST(Client, OpensANewConnectionWhenTheServerSaysClose) {
  FakeServer server(always(http(200, "{}", "Connection: close\r\n"), Answer::Then::kClose));
  Client client = connected(server);
  ASSERT_TRUE(client.request(Method::kPost, "/v1/keys/a", "{}"));
  ASSERT_TRUE(client.request(Method::kPost, "/v1/keys/a", "{}"));
  EXPECT_EQ(server.connections(), 2);
}

// A daemon that restarted closed the connection while nobody looked: a POST must still go through, for none of it was
// sent.
TEST(Client, ReplacesAConnectionThatWasClosedWhileIdle) {
  FakeServer server([](const Request& request) {
    return Answer{http(200, kIssued), request.connection == 0 ? Answer::Then::kClose : Answer::Then::kKeepOpen};
  });
  Client client = connected(server);
  ASSERT_TRUE(client.issue("issuer", "{}"));
  // The close may not have arrived yet, and then the POST is lost with an error; it must succeed as soon as it has.
  const auto until = steady_clock::now() + kPatient;
  bool issued = false;
  while (!issued && steady_clock::now() < until) issued = client.issue("issuer", "{}").has_value();
  EXPECT_TRUE(issued);
}

TEST(Client, RepeatsAGetThatWasLostBeforeItsReply) {
  FakeServer server([](const Request& request) {
    const bool first_lost = request.connection == 0 && request.line.find("/readyz") != std::string::npos;
    return Answer{first_lost ? "" : http(200, R"({"keys":[]})"),
                  first_lost ? Answer::Then::kClose : Answer::Then::kKeepOpen};
  });
  Client client = connected(server);
  ASSERT_TRUE(client.jwks());

  EXPECT_TRUE(client.request(Method::kGet, "/readyz"));
  EXPECT_EQ(server.connections(), 2);
}

TEST(Client, DoesNotRepeatAPostThatMayHaveBeenSeen) {
  FakeServer server([](const Request& request) {
    const bool post = request.line.starts_with("POST");
    return Answer{post ? "" : http(200, R"({"keys":[]})"), post ? Answer::Then::kClose : Answer::Then::kKeepOpen};
  });
  Client client = connected(server);
  ASSERT_TRUE(client.jwks());

  const auto token = client.issue("issuer", "{}");

  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().stage, Stage::kNoReply);
  EXPECT_NE(token.error().text.find("before it answered"), std::string::npos) << token.error().text;
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(Client, SaysThatNobodyListens) {
  const test::TemporaryDirectory directory;
  const auto client = Client::connect({.socket = directory / "none"});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::kInternal);
  EXPECT_EQ(client.error().stage, Stage::kNoReply);
  EXPECT_NE(client.error().text.find("signerd does not answer on " + (directory / "none") + "; is it running?"),
            std::string::npos);
}

TEST(Client, SaysThatASocketIsLeftOver) {
  const test::TemporaryDirectory directory;
  test::listen_at(directory / "s", 1).reset();
  const auto client = Client::connect({.socket = directory / "s"});
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().text.find("ECONNREFUSED"), std::string::npos) << client.error().text;
  EXPECT_EQ(client.error().stage, Stage::kNoReply);
}

TEST(Client, RefusesPathsThatNoSocketCanHave) {
  for (const std::string& path : {std::string(), std::string(108, 'a'), std::string("a\0b", 3)}) {
    const auto client = Client::connect({.socket = path});
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, ErrorCode::kInvalidRequest);
    EXPECT_EQ(client.error().stage, Stage::kNotSent);
  }
}

TEST(Client, RefusesATimeoutOfNothing) {
  const auto client = Client::connect({.socket = "/none", .timeout = milliseconds(0)});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().stage, Stage::kNotSent);
}

// The listener's queue is full and nobody accepts: connect(2) would wait for ever.
TEST(Client, GivesUpOnAFullQueueAtItsDeadline) {
  const test::TemporaryDirectory directory;
  const UniqueFd listener = test::listen_at(directory / "s", 0);
  std::vector<Client> waiting;
  std::optional<ClientError> refusal;
  for (int i = 0; i < 8 && !refusal; ++i) {
    auto client = Client::connect({.socket = directory / "s", .timeout = kShort});
    if (!client) {
      refusal = client.error();
    } else {
      waiting.push_back(std::move(client).value());
    }
  }
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(refusal->stage, Stage::kNoReply);
}

TEST(Client, GivesUpOnASilentServerAtItsDeadline) {
  FakeServer server(always("", Answer::Then::kStall));
  const auto start = steady_clock::now();

  const auto reply = connected(server, kShort).request(Method::kGet, "/readyz");

  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(reply.error().stage, Stage::kNoReply);
  EXPECT_GE(steady_clock::now() - start, kShort);
}

TEST(Client, GivesUpOnAServerThatStopsInTheMiddle) {
  FakeServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"", Answer::Then::kStall));
  const auto reply = connected(server, kShort).request(Method::kGet, "/readyz");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kDeadlineExceeded);
}

// Nobody reads: the socket's buffer fills up and the rest of the request cannot be sent.
TEST(Client, GivesUpOnAServerThatDoesNotRead) {
  const test::TemporaryDirectory directory;
  const UniqueFd listener = test::listen_at(directory / "s", 4);
  auto client = Client::connect({.socket = directory / "s", .timeout = kShort});
  ASSERT_TRUE(client);
  const auto reply = client->request(Method::kPost, "/v1/keys/a", std::string(4UL * 1024 * 1024, 'x'));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(Client, WorksAgainAfterADeadline) {
  FakeServer server([](const Request& request) {
    return request.connection == 0 ? Answer{"", Answer::Then::kStall}
                                   : Answer{http(200, "{}"), Answer::Then::kKeepOpen};
  });
  Client client = connected(server, milliseconds(1000));
  ASSERT_FALSE(client.request(Method::kGet, "/readyz"));
  EXPECT_TRUE(client.request(Method::kGet, "/readyz"));
}

struct BadReply {
  const char* name;
  std::string bytes;
};

class ClientAndBadReplies : public testing::TestWithParam<BadReply> {};

TEST_P(ClientAndBadReplies, FailWithoutAReplyAndWithoutAHang) {
  FakeServer server(always(GetParam().bytes, Answer::Then::kClose));
  const auto reply = connected(server).request(Method::kPost, "/v1/keys/a", "{}");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kInternal);
  EXPECT_EQ(reply.error().stage, Stage::kNoReply);
}

INSTANTIATE_TEST_SUITE_P(
    All, ClientAndBadReplies,
    testing::Values(BadReply{"Nothing", ""}, BadReply{"NoHttp", "220 mail.example ESMTP\r\n\r\n"},
                    BadReply{"Zeros", std::string(64, '\0')}, BadReply{"HalfAHeader", "HTTP/1.1 200 OK\r\nContent-Le"},
                    BadReply{"HalfABody", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"},
                    BadReply{"NoLength", "HTTP/1.1 200 OK\r\n\r\n{}"},
                    BadReply{"TwoLengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "},
                    BadReply{"MoreThanOne", http(200, "{}") + http(200, "{}")},
                    BadReply{"Interim", "HTTP/1.1 100 Continue\r\n\r\n"},
                    BadReply{"HugeHeader", "HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n"},
                    BadReply{"HugeDeclared", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{"},
                    BadReply{"HugeBody", http(200, std::string(kReplyBytesMax + 1, ' '))},
                    BadReply{"HugeChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n" +
                                              std::string(0x500000, ' ') + "\r\n0\r\n\r\n"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Client, TakesAReplyOfTheLargestSize) {
  FakeServer server(always(http(200, std::string(kReplyBytesMax, ' '))));
  const auto reply = connected(server).request(Method::kGet, "/metrics");
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->body.size(), kReplyBytesMax);
}

TEST(Client, RefusesTargetsThatWouldWriteHeaders) {
  FakeServer server(always(http(200, "{}")));
  Client client = connected(server);
  for (const std::string_view target : {"", "v1/keys", "/a b", "/a\r\nX: y", "/a\x01", "/\xff"}) {
    const auto reply = client.request(Method::kGet, target);
    ASSERT_FALSE(reply) << target;
    EXPECT_EQ(reply.error().stage, Stage::kNotSent);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST(Client, RefusesNamesAndClaimsThatSignerdWouldRefuse) {
  FakeServer server(always(http(200, kIssued)));
  Client client = connected(server);
  for (const std::string_view name : {"", "Issuer", "a/b", "..", ".a", "a b"})
    EXPECT_FALSE(client.issue(name, "{}")) << name;
  EXPECT_FALSE(client.issue(std::string(65, 'a'), "{}"));
  EXPECT_FALSE(client.issue("a", "{}", "no profile"));
  for (const std::string_view claims : {"", "[]", "{}{}", R"({"a":1,"a":2})", R"({},"profile":"root")"}) {
    const auto token = client.issue("a", claims);
    ASSERT_FALSE(token) << claims;
    EXPECT_EQ(token.error().code, ErrorCode::kInvalidRequest);
    EXPECT_EQ(token.error().stage, Stage::kNotSent);
  }
  EXPECT_TRUE(server.requests().empty());
  EXPECT_TRUE(client.issue(std::string(64, 'a'), "{}"));
}

TEST(Client, DoesNotTakeAnythingElseForAToken) {
  for (const char* body :
       {"", "[]", "{}", R"({"token":"","kid":"k","jti":"j","exp":1,"audit":{"index":0}})",
        R"({"token":"t","kid":"k","jti":"j","exp":1.5,"audit":{"index":0}})",
        R"({"token":"t","kid":"k","jti":"j","exp":1,"audit":{"index":-1}})",
        R"({"token":"t","kid":"k","jti":"j","exp":1,"audit":7})", R"({"token":"t","kid":"k","jti":"j","exp":1})",
        R"({"token":"t","token":"u","kid":"k","jti":"j","exp":1,"audit":{"index":0}})"}) {
    FakeServer server(always(http(200, body)));
    const auto token = connected(server).issue("issuer", "{}");
    ASSERT_FALSE(token) << body;
    EXPECT_EQ(token.error().stage, Stage::kNoReply) << body;
  }
}

TEST(Client, DoesNotTakeAnythingElseForAKeySet) {
  for (const char* body : {"", "[]", "{}", R"({"keys":{}})"}) {
    FakeServer server(always(http(200, body)));
    EXPECT_FALSE(connected(server).jwks()) << body;
  }
}

TEST(Client, AsksForTheKeysOfOneKeyByName) {
  FakeServer server(always(http(200, R"({"keys":[]})")));
  Client client = connected(server);
  EXPECT_EQ(client.jwks("issuer").value(), R"({"keys":[]})");
  EXPECT_EQ(server.requests().at(0).line, "GET /v1/keys/issuer/jwks HTTP/1.1");
}

TEST(Client, ReturnsRefusalsAsReplies) {
  FakeServer server(always(test::problem(503, "overloaded", "Retry-After: 2\r\n")));
  Client client = connected(server);

  const auto reply = client.request(Method::kGet, "/v1/keys");
  const auto token = client.issue("issuer", "{}");

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 503);
  EXPECT_EQ(reply->retry_after, std::chrono::seconds(2));
  EXPECT_EQ(reply->request_id, "5f0c");
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(token.error().stage, Stage::kRefused);
  EXPECT_EQ(token.error().retry_after, std::chrono::seconds(2));
}

// signerd refuses a body over its limit and hangs up before it has read it all; the refusal must not be lost.
TEST(Client, ReadsTheRefusalOfARequestThatWasNotReadToItsEnd) {
  const test::TemporaryDirectory directory;
  const UniqueFd listener = test::listen_at(directory / "s", 4);
  auto served = std::async(std::launch::async, [&listener] {
    const UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::string refusal = test::problem(400, "invalid_request", "Connection: close\r\n");
    std::array<char, 100> part{};
    const ssize_t taken = ::recv(fd.get(), part.data(), part.size(), 0);
    return taken > 0 && ::send(fd.get(), refusal.data(), refusal.size(), MSG_NOSIGNAL) > 0;
  });
  auto client = Client::connect({.socket = directory / "s", .timeout = kPatient});
  ASSERT_TRUE(client);

  const auto reply = client->request(Method::kPost, "/v1/keys/a", std::string(4UL * 1024 * 1024, 'x'));

  EXPECT_TRUE(served.get());
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->status, 400);
}

TEST(Client, MovesWithItsConnection) {
  FakeServer server(always(http(200, R"({"keys":[]})")));
  Client first = connected(server);
  ASSERT_TRUE(first.jwks());
  Client second = std::move(first);
  EXPECT_TRUE(second.jwks());
  EXPECT_EQ(server.connections(), 1);
}

}  // namespace
}  // namespace signer
