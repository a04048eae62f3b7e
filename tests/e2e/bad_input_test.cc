// SPDX-License-Identifier: Apache-2.0
//
// What strangers send: each gets the right problem or a closed connection, the token is not asked, others are served,
// and the refusal is on record.

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sstream>

#include "tests/e2e/fixture.h"
#include "tests/support/signal_process.h"

namespace signer::test {

namespace {

class BadInput : public RunningDaemon {
 protected:
  HttpReply post(const std::string& body, const std::string& path = "/v1/keys/issuer/tokens") {
    HttpConnection connection(daemon_.socket());
    return connection.post(path, body).value_or(HttpReply{});
  }

  double metric(const std::string& name) {
    HttpConnection connection(daemon_.socket());
    const std::string text = "\n" + connection.get("/metrics")->body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
  }

  double signatures() { return metric("signer_signatures_total{token=\"main\"}"); }
};

TEST_F(BadInput, EveryMalformedBodyIsRefusedWithoutWorkForTheToken) {
  const std::string deep = R"({"claims":)" + std::string(20000, '[') + std::string(20000, ']') + "}";
  const std::vector<std::string> bodies = {"",
                                           "not json",
                                           "[]",
                                           "{}",
                                           "null",
                                           R"({"claims":[]})",
                                           R"({"claims":{}} x)",
                                           R"({"claims":{"a":1,"a":2}})",
                                           R"({"claims":{},"claims":{}})",
                                           R"({"claims":{"a":1e300}})",
                                           R"({"claims":{"a":9007199254740993}})",
                                           R"({"claims":{},"other":1})",
                                           "\xEF\xBB\xBF{\"claims\":{}}",
                                           "{\"claims\":{\"a\":\"\xFF\"}}",
                                           R"({"claims":{"a":"\ud800"}})",
                                           deep,
                                           std::string("{\"claims\":{}}\0{}", 15),
                                           R"({"claims":{},"profile":7})"};
  const auto refusals = [this] {
    std::size_t count = 0;
    for (const jose::Json& record : daemon_.audit_records()) count += record["event"] == "refuse" ? 1U : 0U;
    return count;
  };
  const std::size_t before = refusals();
  for (const std::string& body : bodies) {
    const HttpReply reply = post(body);
    EXPECT_EQ(reply.status, 400) << body.substr(0, 60);
    EXPECT_EQ(reply.code(), "invalid_request") << body.substr(0, 60);
    EXPECT_EQ(reply.headers.at("content-type"), "application/problem+json");
  }
  EXPECT_EQ(signatures(), 0);
  EXPECT_TRUE(eventually([&] { return refusals() == before + bodies.size(); }));
}

TEST_F(BadInput, NestingOf100000LevelsIsRefusedQuickly) {
  const std::string body = R"({"claims":{"a":)" + std::string(30000, '[');  // as deep as a body of 64 KiB can be
  EXPECT_EQ(post(body).code(), "invalid_request");
  HttpConnection connection(daemon_.socket());
  const std::string huge = R"({"claims":{"a":)" + std::string(100000, '[') + std::string(100000, ']') + "}}";
  const auto reply = connection.post("/v1/keys/issuer/tokens", huge);
  EXPECT_TRUE(!reply || reply->status == 413);
  EXPECT_EQ(daemon_.issue()->status, 200);
}

TEST_F(BadInput, ABodyOf10MegabytesIsRefusedBeforeItIsRead) {
  HttpConnection connection(daemon_.socket());
  ASSERT_TRUE(
      connection.send("POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: "
                      "application/json\r\nContent-Length: 10485760\r\n\r\n"));
  const auto reply = connection.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 413);
  EXPECT_EQ(reply->code(), "invalid_request");
  EXPECT_TRUE(connection.closed_by_peer());
}

TEST_F(BadInput, AChunkedBodyBeyondTheLimitIsRefused) {
  HttpConnection connection(daemon_.socket());
  ASSERT_TRUE(
      connection.send("POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: "
                      "application/json\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "4000\r\n" + std::string(0x4000, ' ') + "\r\n";
  for (int i = 0; i < 6; ++i) {
    if (!connection.send(chunk)) break;
  }
  const auto reply = connection.receive();
  EXPECT_TRUE(!reply || reply->status == 413);
  EXPECT_EQ(daemon_.issue()->status, 200);
}

TEST_F(BadInput, WhatIsNotHttpIsClosed) {
  for (const auto& bytes :
       {std::string("\x16\x03\x01\x02garbage\r\n\r\n"), std::string("HELLO\r\n\r\n"), std::string(20000, 'A')}) {
    HttpConnection connection(daemon_.socket());
    connection.send(bytes);
    EXPECT_TRUE(connection.closed_by_peer(std::chrono::seconds(15)));
  }
  EXPECT_EQ(daemon_.issue()->status, 200);
}

TEST_F(BadInput, HalfARequestIsClosedAfterItsTimeAndHoldsNobodyUp) {
  HttpConnection half(daemon_.socket());
  ASSERT_TRUE(half.send("POST /v1/keys/issuer/tokens HTTP/1.1\r\nContent-Le"));
  EXPECT_EQ(daemon_.issue()->status, 200);
  EXPECT_TRUE(half.closed_by_peer(std::chrono::seconds(20)));
  EXPECT_GE(metric("signer_http_errors_total"), 1);
}

TEST_F(BadInput, ASlowWriterIsClosedAfterTenSecondsHoweverItTrickles) {
  HttpConnection slow(daemon_.socket());
  const auto started = std::chrono::steady_clock::now();
  const std::string request = "POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: x\r\nX-Padding: " + std::string(4000, 'a');
  std::size_t sent = 0;
  EXPECT_TRUE(eventually(
      [&] {
        return sent == request.size() || !slow.send(request.substr(sent++, 1)) ||
               slow.closed_by_peer(std::chrono::milliseconds(20));
      },
      std::chrono::seconds(30)));
  EXPECT_LT(sent, request.size());
  EXPECT_GT(std::chrono::steady_clock::now() - started, std::chrono::seconds(8));
}

TEST_F(BadInput, UnknownKeysPathsMethodsAndTypesGetTheirOwnStatus) {
  EXPECT_EQ(post(R"({"claims":{}})", "/v1/keys/nobody/tokens").status, 403);  // looks like somebody else's key
  EXPECT_EQ(post(R"({"claims":{}})", "/v1/keys/Not%20Plain/tokens").status, 404);
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/v1/keys/nobody")->status, 404);
  EXPECT_EQ(connection.get("/nowhere")->status, 404);
  HttpConnection second(daemon_.socket());
  const auto not_allowed = second.get("/v1/keys/issuer/tokens");
  EXPECT_EQ(not_allowed->status, 405);
  EXPECT_EQ(not_allowed->headers.at("allow"), "POST");
  HttpConnection third(daemon_.socket());
  ASSERT_TRUE(third.send(
      "POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"));
  EXPECT_EQ(third.receive()->status, 415);
  HttpConnection fourth(daemon_.socket());
  EXPECT_EQ(fourth.post("/v1/keys/issuer/tokens", R"({"claims":{}})", "Request-Timeout: soon\r\n")->status, 400);
  EXPECT_EQ(post(R"({"claims":{},"profile":"other"})").status, 403);
}

// What RFC 9110 and 9112 let any client send.
TEST_F(BadInput, UnusualHttpThatIsRightIsAnswered) {
  HttpConnection connection(daemon_.socket());
  ASSERT_TRUE(connection.send("\r\nGET http://signer/v1/jwks HTTP/1.1\r\nHost: signer\r\n\r\n"));
  const auto absolute = connection.receive();
  ASSERT_TRUE(absolute);
  EXPECT_EQ(absolute->status, 200);
  EXPECT_EQ(absolute->json()["keys"].size(), 1U);

  const auto head =
      run({"curl", "--silent", "--show-error", "--head", "--unix-socket", daemon_.socket(), "http://signer/v1/jwks"});
  EXPECT_EQ(head.status, 0) << head.err;
  EXPECT_TRUE(head.out.starts_with("HTTP/1.1 200 ")) << head.out;
  EXPECT_NE(head.out.find("Content-Length: " + std::to_string(absolute->body.size())), std::string::npos) << head.out;

  // The empty line behind a body makes no request, neither for a reply nor for a stop.
  HttpConnection idle(daemon_.socket());
  ASSERT_EQ(idle.post("/v1/keys/issuer/tokens", R"({"claims":{"sub":"x"}})")->status, 200);
  ASSERT_TRUE(idle.send("\r"));
  ASSERT_TRUE(idle.send("\n"));
  ASSERT_TRUE(idle.send("GET /v1/jwks HTTP/1.1\r\nHost: x\r\n\r\n\r\n"));
  EXPECT_EQ(idle.receive()->status, 200);

  const auto unchanged = run({"curl", "--silent", "--show-error", "--include", "--unix-socket", daemon_.socket(),
                              "--header", "If-None-Match: *", "http://signer/v1/jwks"});
  EXPECT_TRUE(unchanged.out.starts_with("HTTP/1.1 304 ")) << unchanged.out;
  EXPECT_EQ(unchanged.out.find("Content-Length"), std::string::npos) << unchanged.out;

  HttpConnection coded(daemon_.socket());
  EXPECT_EQ(coded.post("/v1/keys/issuer/tokens", R"({"claims":{}})", "Content-Encoding: gzip\r\n")->status, 415);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(daemon_.stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5)) << "an idle caller holds up no stop";
}

TEST_F(BadInput, ClaimsThatBreakTheProfileAreNamedNotQuoted) {
  for (const char* claims :
       {R"({"iss":"https://evil.example"})", R"({"aud":"https://evil.example"})", R"({"exp":4102444800})",
        R"({"exp":"soon"})", R"({"nbf":1})", R"({"jti":"a b"})", R"({"sub":7})", R"({"iat":1})"}) {
    const auto reply = daemon_.issue(claims);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 422) << claims;
    EXPECT_EQ(reply->code(), "claim_policy");
    EXPECT_EQ(reply->body.find("evil"), std::string::npos);
  }
  EXPECT_EQ(signatures(), 0);
}

TEST_F(BadInput, Invariant10_TenThousandConnectionsOfOneUidStopAtItsLimit) {
  std::vector<std::unique_ptr<HttpConnection>> connections;
  for (int i = 0; i < 10000; ++i) {
    auto connection = std::make_unique<HttpConnection>(daemon_.socket());
    if (i < 400) connections.push_back(std::move(connection));  // the test itself has few descriptors
  }
  ASSERT_TRUE(eventually([&] {
    return connections[0]->send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") &&
           connections[0]->receive()->body.find("signer_connections_refused_total") != std::string::npos;
  }));
  connections[0]->send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string metrics = connections[0]->receive()->body;
  const auto value = [&metrics](const std::string& name) {
    const std::size_t at = metrics.find("\n" + name + " ");
    return at == std::string::npos ? -1.0 : std::stod(metrics.substr(at + name.size() + 2));
  };
  EXPECT_GT(value("signer_connections_refused_total"), 0);
  EXPECT_LE(value("signer_connections_open"), 256);
  connections.clear();
  EXPECT_TRUE(eventually([&] {
    const auto reply = daemon_.issue();
    return reply && reply->status == 200;
  }));
}

// What frames a chunked body is no body: neither of its limits holds for it.
TEST_F(BadInput, FramingWithoutEndIsRefusedBeforeItFillsTheMemory) {
  const std::string head =
      "POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  for (const std::string& framing : {std::string("5;"), std::string("2\r\n{}\r\n0\r\nX-Trailer: ")}) {
    HttpConnection connection(daemon_.socket());
    ASSERT_TRUE(connection.send(head + framing + std::string(60'000, 'a')));
    const auto reply = connection.receive();
    ASSERT_TRUE(reply) << framing;
    EXPECT_EQ(reply->status, 431) << framing;
    EXPECT_TRUE(connection.closed_by_peer(std::chrono::seconds(10))) << framing;
  }
  HttpConnection gzip(daemon_.socket());
  ASSERT_TRUE(gzip.send("POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"));
  EXPECT_EQ(gzip.receive()->status, 400);
}

// Many clients send all of a request before they read: they must find the refusal, not a broken pipe.
TEST_F(BadInput, WhoSendsTenMegabytesFirstStillReadsTheRefusal) {
  HttpConnection connection(daemon_.socket());
  const std::string body(10UL * 1024 * 1024, 'x');
  ASSERT_TRUE(connection.send(
      "POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body));
  const auto reply = connection.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 413);
}

class TwoListeners : public RunningDaemon {
 protected:
  void SetUp() override {
    daemon_.write_configuration("[[listener]]\npath = \"" + daemon_.file("t.sock") + "\"\n");
    RunningDaemon::SetUp();
  }
};

TEST_F(TwoListeners, Invariant09_RunningOutOfDescriptorsEndsNeitherDaemonNorListener) {
  const rlimit few{40, 4096};
  const rlimit many{4096, 4096};
  const pid_t pid = daemon_.process().pid();
  ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, &few, nullptr), 0);
  std::vector<std::unique_ptr<HttpConnection>> connections;
  for (int i = 0; i < 40; ++i) {
    connections.push_back(std::make_unique<HttpConnection>(daemon_.socket()));
    connections.push_back(std::make_unique<HttpConnection>(daemon_.file("t.sock")));
  }
  const auto count = [this](std::string_view word) {
    const std::string log = daemon_.log();
    std::size_t found = 0;
    for (std::size_t at = log.find(word); at != std::string::npos; at = log.find(word, at + 1)) ++found;
    return found;
  };
  const auto has_paused = [this](std::string_view socket) {
    std::istringstream log(daemon_.log());
    for (std::string line; std::getline(log, line);) {
      if (line.find("event=accept_failed") != std::string::npos && line.find(socket) != std::string::npos) return true;
    }
    return false;
  };
  ASSERT_TRUE(eventually([&] { return has_paused("/s.sock") && has_paused("/t.sock"); })) << daemon_.log();
  ASSERT_EQ(connections[0]->get("/v1/tokens")->status, 200);
  const jose::Json tokens = connections[0]->get("/v1/tokens")->json()["tokens"];
  ASSERT_TRUE(signal_process(tokens[0]["host_pid"].get<pid_t>(), SIGKILL));
  ASSERT_TRUE(eventually([&] { return count("host_lost") >= 2; })) << "the next host finds no descriptor";
  connections.clear();
  ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, &many, nullptr), 0);
  for (const std::string& socket : {daemon_.socket(), daemon_.file("t.sock")}) {
    EXPECT_TRUE(eventually([&] {
      HttpConnection connection(socket);
      const auto reply = connection.post("/v1/keys/issuer/tokens", R"({"claims":{"sub":"x"}})");
      return reply && reply->status == 200;
    })) << socket
        << daemon_.log();
  }
}

// Runs as root alone: it takes a second user to be a neighbour.
class TwoUsers : public RunningDaemon {
 protected:
  static constexpr const char* kOther = "65534";

  TwoUsers() : RunningDaemon(with_other()) {}

  static DaemonOptions with_other() {
    DaemonOptions options;
    options.listener_settings = "mode = \"0666\"\n";
    options.more = R"([[grant]]
name = "other"
match = { uid = 65534 }
keys = ["issuer"]
profiles = ["access"]
verbs = ["issue"]
)";
    return options;
  }

  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "needs root, to call as another user";
    RunningDaemon::SetUp();
    std::filesystem::permissions(daemon_.directory(), std::filesystem::perms(0711));
  }

  void TearDown() override {
    if (::getuid() == 0) RunningDaemon::TearDown();
  }

  Finished call_as_other(const std::string& path, const std::string& body) {
    return run({"/usr/bin/setpriv", "--reuid", kOther, "--regid", kOther, "--clear-groups", "/usr/bin/curl", "-sS",
                "--max-time", "20", "--unix-socket", daemon_.socket(), "-H", "Content-Type: application/json", "-d",
                body, "http://x" + path});
  }
};

TEST_F(TwoUsers, Invariant10_ConnectionsOfOneUserLeaveTheOthersTheirs) {
  std::vector<std::unique_ptr<HttpConnection>> connections;
  for (int i = 0; i < 300; ++i) connections.push_back(std::make_unique<HttpConnection>(daemon_.socket()));
  ASSERT_TRUE(eventually([&] {
    const auto reply = connections[0]->get("/metrics");
    return reply && reply->body.find("\nsigner_connections_open 256\n") != std::string::npos;
  }));
  const Finished other = call_as_other("/v1/keys/issuer/tokens", R"({"claims":{"sub":"x"}})");
  EXPECT_EQ(other.status, 0) << other.err;
  EXPECT_NE(other.out.find("\"token\":\""), std::string::npos) << other.out;
}

TEST_F(TwoUsers, EachHasItsOwnGrant) {
  EXPECT_EQ(call_as_other("/v1/keys/issuer", "{}").out.find("\"code\":\"denied\"") != std::string::npos, true);
  ASSERT_TRUE(eventually([&] {
    for (const jose::Json& record : daemon_.audit_records()) {
      if (record["event"] == "refuse" && record["uid"] == 65534 && record["key"] == "issuer") return true;
    }
    return false;
  }));
}

TEST_F(BadInput, AFloodOfNonsenseIsCountedNotLoggedWithoutEnd) {
  for (int i = 0; i < 500; ++i) {
    HttpConnection connection(daemon_.socket());
    ASSERT_TRUE(connection.send(std::string(1, '\0')));
    ASSERT_TRUE(connection.closed_by_peer(std::chrono::seconds(10)));
  }
  const std::string log = daemon_.log();
  std::size_t lines = 0;
  for (std::size_t at = log.find("not_http"); at != std::string::npos; at = log.find("not_http", at + 1)) ++lines;
  EXPECT_GE(lines, 50U);
  EXPECT_LE(lines, 400U);
  EXPECT_GE(metric("signer_http_errors_total"), 500);
}

TEST_F(BadInput, AFloodOfRefusalsIsCountedNotWrittenWithoutEnd) {
  HttpConnection connection(daemon_.socket());
  const auto started = std::chrono::steady_clock::now();
  for (int i = 0; i < 2000; ++i)
    ASSERT_EQ(connection.post("/v1/keys/issuer/tokens", R"({"claims":{"exp":1}})")->status, 422);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::size_t written = 0;
  std::size_t suppressed = 0;
  const auto count = [&] {
    written = 0;
    suppressed = 0;
    for (const jose::Json& record : daemon_.audit_records()) {
      if (record["event"] != "refuse") continue;
      ++written;
      suppressed += record.value("suppressed", std::size_t{0});
    }
    return written >= 200;
  };
  EXPECT_TRUE(eventually(count)) << written << " records; a refusal does not wait for its record";
  EXPECT_LE(static_cast<double>(written),
            260 + 50 * seconds);  // the burst, some refusals while the key was made, and the rate
  if (written < 1900) {
    EXPECT_GT(suppressed, 0U);
  }
}

class RateLimited : public RunningDaemon {
 protected:
  RateLimited() : RunningDaemon(options()) {}

  static DaemonOptions options() {
    DaemonOptions options;
    options.grant_settings = "rate = \"5/m\"\n";
    return options;
  }
};

TEST_F(RateLimited, BeyondTheRateTheAnswerIs429WithARetryAfter) {
  EXPECT_EQ(daemon_.issue()->status, 200);
  const auto second = daemon_.issue();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->status, 429);
  EXPECT_EQ(second->code(), "rate_limited");
  EXPECT_TRUE(second->headers.contains("retry-after"));
}

}  // namespace

}  // namespace signer::test
