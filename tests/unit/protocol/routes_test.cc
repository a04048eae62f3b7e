// SPDX-License-Identifier: Apache-2.0
//
// Which call a request line means.  Without these an odd path could reach a call that its method or key should not.
#include "protocol/routes.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/seed.h"

namespace signer::protocol {
namespace {

using namespace std::chrono_literals;

struct Line {
  const char* method;
  std::string target;
};

TEST(Route, EachDocumentedCallIsFound) {
  const std::tuple<const char*, const char*, Call, const char*> calls[] = {
      {"POST", "/v1/keys/issuer/tokens", Call::kIssue, "issuer"},
      {"POST", "/v1/keys/issuer/tokens:batch", Call::kIssueBatch, "issuer"},
      {"POST", "/v1/keys/issuer/signatures", Call::kSignPayload, "issuer"},
      {"POST", "/v1/keys/issuer", Call::kCreateKey, "issuer"},
      {"GET", "/v1/keys/issuer", Call::kKey, "issuer"},
      {"GET", "/v1/keys/issuer/jwks", Call::kKeyJwks, "issuer"},
      {"GET", "/v1/jwks", Call::kJwks, ""},
      {"GET", "/v1/keys", Call::kKeys, ""},
      {"GET", "/v1/tokens", Call::kTokens, ""},
      {"GET", "/healthz", Call::kHealth, ""},
      {"GET", "/readyz", Call::kReady, ""},
      {"GET", "/readyz?key=issuer", Call::kReady, "issuer"},
      {"GET", "/v1/evidence?key=issuer&nonce=AAAA", Call::kEvidence, "issuer"},
      {"GET", "/metrics", Call::kMetrics, ""},
      {"POST", "/v1/keys/jwks/tokens", Call::kIssue, "jwks"},
      {"GET", "/v1/keys/tokens:batch/jwks", Call::kHealth, "404"},
      {"GET", "/v1/keys/a-b_c.9", Call::kKey, "a-b_c.9"},
  };
  for (const auto& [method, target, call, key] : calls) {
    const auto route = parse_route(method, target);
    if (std::string_view(key) == "404") {
      EXPECT_FALSE(route) << target;
      continue;
    }
    ASSERT_TRUE(route) << method << ' ' << target;
    EXPECT_EQ(route->call, call) << target;
    EXPECT_EQ(route->key, key) << target;
  }
}

TEST(Route, WhatIsAskedOfEvidenceStandsInTheQueryOnceAndInAnyOrder) {
  const auto route = parse_route("GET", "/v1/evidence?probes=none&nonce=A-_a&key=issuer");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->key, "issuer");
  EXPECT_EQ(route->nonce, "A-_a");
  EXPECT_EQ(route->probes, "none");
  for (const char* target : {"/v1/evidence", "/v1/evidence?", "/v1/evidence?key=", "/v1/evidence?key=a&key=a",
                             "/v1/evidence?key=a&other=b", "/v1/evidence?key=a&nonce", "/v1/evidence?key=../x",
                             "/v1/evidence?key=a&nonce=b&nonce=c", "/v1/evidence?nonce=b", "/v1/evidence/?key=a"}) {
    const auto none = parse_route("GET", target);
    ASSERT_FALSE(none) << target;
    EXPECT_EQ(none.error(), NoRoute::kNotFound) << target;
  }
}

TEST(Route, AKnownPathWithAnotherMethodIs405) {
  const Line lines[] = {{"GET", "/v1/keys/issuer/tokens"},
                        {"GET", "/v1/keys/issuer/signatures"},
                        {"PUT", "/v1/keys/issuer/tokens"},
                        {"GET", "/v1/keys/issuer/tokens:batch"},
                        {"DELETE", "/v1/keys/issuer"},
                        {"HEAD", "/v1/keys/issuer/tokens"},
                        {"POST", "/v1/keys/issuer/jwks"},
                        {"POST", "/v1/jwks"},
                        {"POST", "/v1/keys"},
                        {"POST", "/v1/tokens"},
                        {"POST", "/healthz"},
                        {"POST", "/readyz"},
                        {"POST", "/readyz?key=issuer"},
                        {"DELETE", "/metrics"},
                        {"get", "/v1/jwks"},
                        {"post", "/v1/keys/issuer/tokens"},
                        {"", "/v1/jwks"},
                        {"GET ", "/v1/jwks"}};
  for (const Line& line : lines) {
    const auto route = parse_route(line.method, line.target);
    ASSERT_FALSE(route) << line.method << ' ' << line.target;
    EXPECT_EQ(route.error(), NoRoute::kMethodNotAllowed) << line.method << ' ' << line.target;
  }
}

TEST(Route, HeadIsWhereGetIs) {
  for (const char* target : {"/v1/keys/issuer", "/v1/jwks", "/readyz?key=issuer", "/metrics"}) {
    const auto get = parse_route("GET", target);
    const auto head = parse_route("HEAD", target);
    ASSERT_TRUE(get && head) << target;
    EXPECT_EQ(head->call, get->call) << target;
  }
}

TEST(Route, AnAbsoluteTargetIsThePathBehindTheHost) {
  EXPECT_EQ(parse_route("GET", "http://signer/v1/keys/issuer")->key, "issuer");
  EXPECT_EQ(parse_route("GET", "http://a.example:80/readyz?key=issuer")->key, "issuer");
  EXPECT_EQ(parse_route("GET", "HTTP://signer/v1/keys/issuer")->key, "issuer");
  for (const char* target : {"http://signer", "http://", "http:///v1/jwks", "http://signer?/v1/jwks",
                             "http://signer#/v1/jwks", "http://x@signer/v1/jwks", "http:/v1/jwks"})
    EXPECT_EQ(parse_route("GET", target).error(), NoRoute::kNotFound) << target;
  EXPECT_EQ(parse_route("GET", "https://signer/v1/jwks").error(), NoRoute::kNotFound);
  EXPECT_EQ(parse_route("GET", "//signer/v1/jwks").error(), NoRoute::kNotFound);
}

TEST(Route, TheMethodsOfAPathAreThoseItTakes) {
  EXPECT_EQ(allowed_methods("/v1/jwks"), "GET, HEAD");
  EXPECT_EQ(allowed_methods("/v1/keys/issuer/tokens"), "POST");
  EXPECT_EQ(allowed_methods("/v1/keys/issuer"), "GET, HEAD, POST");
  EXPECT_EQ(allowed_methods("/v1/evidence?key=issuer"), "GET");
  EXPECT_EQ(allowed_methods("/nowhere"), "");
}

TEST(Route, AnOddPathIs404WhateverTheMethod) {
  const std::string paths[] = {"",
                               "/",
                               "*",
                               "v1/keys",
                               "/v1",
                               "/v1/",
                               "/v1/keys/",
                               "//v1/keys",
                               "/v1//keys",
                               "/v1/keys//tokens",
                               "/v1/keys/issuer/",
                               "/v1/keys/issuer/tokens/",
                               "/v1/keys/issuer/tokens/x",
                               "/v1/keys/issuer/signatures/",
                               "/v1/keys/issuer/tokens:",
                               "/v1/keys/issuer/tokens:batch/",
                               "/v1/keys/issuer/Tokens",
                               "/V1/keys",
                               "/v2/keys",
                               "/v1/keys/../keys",
                               "/v1/keys/..",
                               "/v1/keys/.",
                               "/v1/keys/.hidden",
                               "/v1/keys/%69ssuer",
                               "/v1/keys/a%2Fb",
                               "/v1/keys/ISSUER",
                               "/v1/keys/is suer",
                               "/v1/keys/issuer;x",
                               "/v1/keys/issuer#x",
                               "/v1/jwks/",
                               "/v1/jwks?x=1",
                               "/v1/keys?x",
                               "/v1/keys/issuer?x=1",
                               "/v1/keys/issuer/tokens?profile=x",
                               "/v1/keys/issuer/tokens?",
                               "/healthz/",
                               "/healthz?",
                               "/readyz?",
                               "/readyz?key=",
                               "/readyz?key=a&key=b",
                               "/readyz?key=../x",
                               "/readyz?Key=issuer",
                               "/readyz?x=1",
                               "/readyz/?key=issuer",
                               "/metrics?name[]=x",
                               "/v1/keys/\xc3\xa9",
                               std::string("/v1/keys\0", 9),
                               std::string("/v1/keys/a\0b", 12),
                               "/v1/keys/" + std::string(65, 'a'),
                               std::string(100000, '/')};
  for (const std::string& path : paths) {
    for (const char* method : {"GET", "POST", "DELETE"}) {
      const auto route = parse_route(method, path);
      ASSERT_FALSE(route) << method << ' ' << path;
      EXPECT_EQ(route.error(), NoRoute::kNotFound) << method << ' ' << path;
    }
  }
}

TEST(Route, NoTargetWhateverItIsGivesAKeyThatIsNotPlain) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string good[] = {"/v1/keys/issuer/tokens", "/v1/keys/issuer", "/readyz?key=issuer",
                              "/v1/keys/issuer/jwks"};
  for (int i = 0; i < 50000; ++i) {
    std::string target = good[random() % 4];
    for (auto edits = random() % 4; edits-- > 0;) target[random() % target.size()] = static_cast<char>(random());
    const auto route = parse_route(random() % 2 == 0 ? "GET" : "POST", target);
    if (!route || (route->key.empty() && route->call != Call::kIssue)) continue;
    ASSERT_TRUE(plain_key_name(route->key)) << target;
    ASSERT_NE(target.find(route->key), std::string::npos);
  }
}

TEST(KeyName, Is1To64CharactersAndNeverAPathThatClimbs) {
  for (const std::string& good : {std::string("a"), std::string("0"), std::string("-"), std::string("_"),
                                  std::string("a.b-c_9"), std::string("a.."), std::string(64, 'z')}) {
    EXPECT_TRUE(plain_key_name(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string(".a"), std::string("A"), std::string("a b"),
        std::string("a/b"), std::string("a:b"), std::string("\xc3\xa9"), std::string("a\0", 2), std::string(65, 'z')}) {
    EXPECT_FALSE(plain_key_name(bad)) << bad;
  }
}

TEST(RequestTimeout, IsFrom10MillisecondsTo60Seconds) {
  EXPECT_EQ(parse_timeout("2s"), 2000ms);
  EXPECT_EQ(parse_timeout("250ms"), 250ms);
  EXPECT_EQ(parse_timeout("10ms"), 10ms);
  EXPECT_EQ(parse_timeout("60000ms"), 60s);
  EXPECT_EQ(parse_timeout("60s"), 60s);
  EXPECT_EQ(parse_timeout("1s"), 1s);
  for (const std::string_view bad : {"9ms",
                                     "0ms",
                                     "0s",
                                     "61s",
                                     "60001ms",
                                     "",
                                     "s",
                                     "ms",
                                     "2",
                                     "2 s",
                                     " 2s",
                                     "2s ",
                                     "2S",
                                     "2m",
                                     "2h",
                                     "+2s",
                                     "-2s",
                                     "1.5s",
                                     "2s,3s",
                                     "4294967297s",
                                     "4294967306ms",
                                     "99999999999999999999s",
                                     "0x2s",
                                     "2ss",
                                     "two"}) {
    EXPECT_FALSE(parse_timeout(bad)) << bad;
  }
}

TEST(CallLimits, AreTheDocumentedOnes) {
  EXPECT_EQ(body_bytes_max(Call::kIssue), 64U * 1024);
  EXPECT_EQ(body_bytes_max(Call::kIssueBatch), 1024U * 1024);
  EXPECT_EQ(body_bytes_max(Call::kCreateKey), 1024U);
  for (const Call call : {Call::kJwks, Call::kKeyJwks, Call::kKeys, Call::kKey, Call::kTokens, Call::kHealth,
                          Call::kReady, Call::kMetrics}) {
    EXPECT_EQ(body_bytes_max(call), 0U);
    EXPECT_EQ(default_timeout(call), 5s);
  }
  EXPECT_EQ(default_timeout(Call::kIssue), 5s);
  EXPECT_EQ(default_timeout(Call::kIssueBatch), 5s);
  EXPECT_EQ(default_timeout(Call::kCreateKey), 60s);
}

}  // namespace
}  // namespace signer::protocol
