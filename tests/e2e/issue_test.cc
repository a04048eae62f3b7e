// SPDX-License-Identifier: Apache-2.0
//
// The main job with real programs over a real socket: claims in, a JWT out, judged by other people's implementations.

#include <algorithm>
#include <set>

#include "jose/base64url.h"
#include "jose/public_key.h"
#include "tests/e2e/fixture.h"

namespace signer::test {

namespace {

class Issue : public RunningDaemon {
 protected:
  std::string token_of(const std::string& claims = R"({"sub":"client-1"})") {
    const auto reply = daemon_.issue(claims);
    return reply && reply->status == 200 ? reply->json()["token"].get<std::string>() : "";
  }

  jose::Json part(const std::string& token, std::size_t index) {
    std::string rest = token;
    for (std::size_t i = 0; i < index; ++i) rest = rest.substr(rest.find('.') + 1);
    const auto bytes = jose::base64url_decode(rest.substr(0, rest.find('.')));
    return bytes ? jose::Json::parse(text_of(*bytes), nullptr, false) : jose::Json();
  }

  std::string jwks() {
    HttpConnection connection(daemon_.socket());
    return connection.get("/v1/jwks")->body;
  }
};

TEST_F(Issue, OpensslVerifiesTheToken) {
  write_text(daemon_.file("t"), token_of());
  write_text(daemon_.file("jwks"), jwks());
  const Finished judged = run({OPENSSL_VERIFY, daemon_.file("t"), daemon_.file("jwks"), daemon_.file("")});
  EXPECT_EQ(judged.status, 0) << judged.out << judged.err;
  std::string changed = token_of();
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  write_text(daemon_.file("t"), changed);
  EXPECT_NE(run({OPENSSL_VERIFY, daemon_.file("t"), daemon_.file("jwks"), daemon_.file("")}).status, 0);
}

TEST_F(Issue, PyJwtVerifiesTheTokenAndItsClaims) {
  write_text(daemon_.file("t"), token_of());
  write_text(daemon_.file("jwks"), jwks());
  const Finished judged = run({"/usr/bin/python3", PYJWT_VERIFY, daemon_.file("t"), daemon_.file("jwks"),
                               "https://idp.example", "https://api.example"});
  EXPECT_EQ(judged.status, 0) << judged.err;
  const jose::Json claims = jose::Json::parse(judged.out, nullptr, false);
  EXPECT_EQ(claims["sub"], "client-1");
  EXPECT_EQ(claims["iss"], "https://idp.example");
  EXPECT_NE(run({"/usr/bin/python3", PYJWT_VERIFY, daemon_.file("t"), daemon_.file("jwks"), "https://idp.example",
                 "https://other"})
                .status,
            0);
}

TEST_F(Issue, SignerctlVerifiesTheTokenAndRefusesItForAnotherAudience) {
  write_text(daemon_.file("jwks"), jwks());
  const std::string token = token_of();
  const auto verify = [&](const std::string& audience) {
    return run({daemon_.programs().signerctl, "verify", "--jwks", daemon_.file("jwks"), "--issuer",
                "https://idp.example", "--audience", audience, "--typ", "at+jwt"},
               token);
  };
  EXPECT_EQ(verify("https://api.example").status, 0) << verify("https://api.example").err;
  EXPECT_EQ(verify("https://other.example").status, 1);
}

TEST_F(Issue, Invariant03_TheHeaderIsTheDaemonsAlone) {
  const jose::Json header = part(token_of(R"({"sub":"x","scope":"alg none kid mine"})"), 0);
  EXPECT_EQ(header.size(), 3U);
  EXPECT_EQ(header["alg"], "RS256");
  EXPECT_EQ(header["typ"], "at+jwt");
  EXPECT_EQ(header["kid"], jose::Json::parse(jwks())["keys"][0]["kid"]);
}

TEST_F(Issue, Invariant06_TheKidIsTheThumbprintOfThePublishedKey) {
  const jose::Json set = jose::Json::parse(jwks());
  ASSERT_EQ(set["keys"].size(), 1U);
  const jose::Json key = set["keys"][0];
  std::set<std::string> members;
  for (const auto& [name, value] : key.items()) members.insert(name);
  EXPECT_EQ(members, (std::set<std::string>{"alg", "e", "kid", "kty", "n", "use"}));
  const auto parsed = jose::from_jwk(key);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(key["kid"], jose::thumbprint(*parsed));
  EXPECT_EQ(part(token_of(), 0)["kid"], key["kid"]);
}

TEST_F(Issue, Invariant01_EveryTokenHasADurableRecordBeforeItsReply) {
  std::set<std::string> tokens;
  for (int i = 0; i < 20; ++i) {
    const auto reply = daemon_.issue();
    ASSERT_TRUE(reply && reply->status == 200);
    const std::string jti = reply->json()["jti"];
    const std::uint64_t index = reply->json()["audit"]["index"];
    const auto records = daemon_.audit_records();  // read from disk after the reply
    ASSERT_LT(index, records.size());
    EXPECT_EQ(records[index]["jti"], jti);
    EXPECT_EQ(records[index]["event"], "issue");
    EXPECT_EQ(records[index]["index"], index);
    tokens.insert(jti);
  }
  EXPECT_EQ(tokens.size(), 20U);
}

TEST_F(Issue, Invariant01_TokensReceivedBeforeAKillAreOnRecordAfterIt) {
  std::vector<std::string> received;
  HttpConnection connection(daemon_.socket());
  for (int i = 0; i < 30; ++i) {
    const auto reply = connection.post("/v1/keys/issuer/tokens", R"({"claims":{"sub":"x"}})");
    if (reply && reply->status == 200) received.push_back(reply->json()["jti"].get<std::string>());
  }
  daemon_.process().signal(SIGKILL);
  ASSERT_TRUE(daemon_.process().wait(std::chrono::seconds(10)));
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  std::set<std::string> recorded;
  for (const jose::Json& record : daemon_.audit_records()) {
    if (record.contains("jti")) recorded.insert(record["jti"].get<std::string>());
  }
  for (const std::string& jti : received) EXPECT_TRUE(recorded.contains(jti));
  EXPECT_EQ(received.size(), 30U);
}

TEST_F(Issue, Invariant11_NoClaimValueOrPinAppearsInLogRecordOrMetric) {
  const std::string secret = "zq7-hidden-claim-value-93";
  const std::string claims =
      R"({"sub":")" + secret + R"(","scope":")" + secret + R"( x","client_id":")" + secret + R"("})";
  const auto issued = daemon_.issue(claims);
  ASSERT_EQ(issued->status, 200);
  const std::string token = issued->json()["token"].get<std::string>();
  const auto refused = daemon_.issue(R"({"sub":"x","exp":")" + secret + R"("})");
  EXPECT_EQ(refused->status, 422);
  const auto unknown = daemon_.issue(R"({"sub":"x",")" + secret + R"(":1})");
  EXPECT_EQ(unknown->json()["rule"], "claim.not_allowed");
  HttpConnection connection(daemon_.socket());
  const std::string metrics = connection.get("/metrics")->body;
  std::string audit;
  for (const jose::Json& record : daemon_.audit_records()) audit += record.dump();
  std::string pin = read_text(daemon_.token().pin_file());
  while (!pin.empty() && pin.back() == '\n') pin.pop_back();
  ASSERT_GE(pin.size(), 8U);
  const std::string payload = token.substr(token.find('.') + 1, 40);
  const std::string signature = token.substr(token.rfind('.') + 1, 40);
  for (const std::string& where : {daemon_.log(), metrics, audit, refused->body, unknown->body}) {
    for (const std::string& word : {secret, pin, payload, signature}) EXPECT_EQ(where.find(word), std::string::npos);
  }
}

TEST_F(Issue, ABatchAnswersEachItemInOrder) {
  HttpConnection connection(daemon_.socket());
  std::string items;
  for (int i = 0; i < 40; ++i) {
    items += (items.empty() ? "" : ",");
    items +=
        i % 4 == 3 ? std::string(R"({"claims":{"exp":1}})") : R"({"claims":{"sub":"n)" + std::to_string(i) + R"("}})";
  }
  const auto reply = connection.post("/v1/keys/issuer/tokens:batch", R"({"items":[)" + items + "]}");
  ASSERT_TRUE(reply && reply->status == 200);
  const jose::Json answers = reply->json()["items"];
  ASSERT_EQ(answers.size(), 40U);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (i % 4 == 3) {
      EXPECT_EQ(answers[i]["code"], "claim_policy");
    } else {
      EXPECT_EQ(part(answers[i]["token"], 1)["sub"], "n" + std::to_string(i));
    }
  }
}

TEST_F(Issue, ManyConnectionsAtOnceEachGetTheirOwnToken) {
  std::vector<std::unique_ptr<HttpConnection>> connections;
  for (int i = 0; i < 64; ++i) {
    connections.push_back(std::make_unique<HttpConnection>(daemon_.socket()));
    const std::string body = R"({"claims":{"sub":"c)" + std::to_string(i) + R"("}})";
    ASSERT_TRUE(connections.back()->send(
        "POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body));
  }
  for (int i = 0; i < 64; ++i) {
    const auto reply = connections[static_cast<std::size_t>(i)]->receive();
    ASSERT_TRUE(reply && reply->status == 200);
    EXPECT_EQ(part(reply->json()["token"], 1)["sub"], "c" + std::to_string(i));
  }
}

TEST_F(Issue, PipelinedRequestsAreAnsweredInOrder) {
  HttpConnection connection(daemon_.socket());
  std::string requests;
  for (int i = 0; i < 5; ++i) {
    const std::string body = R"({"claims":{"sub":"p)" + std::to_string(i) + R"("}})";
    requests +=
        "POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  ASSERT_TRUE(connection.send(requests));
  for (int i = 0; i < 5; ++i) {
    const auto reply = connection.receive();
    ASSERT_TRUE(reply && reply->status == 200);
    EXPECT_EQ(part(reply->json()["token"], 1)["sub"], "p" + std::to_string(i));
  }
}

TEST_F(Issue, TheJwksCanBeCachedByItsETag) {
  HttpConnection connection(daemon_.socket());
  const auto first = connection.get("/v1/keys/issuer/jwks");
  ASSERT_TRUE(first && first->status == 200);
  ASSERT_TRUE(connection.send(
      "GET /v1/keys/issuer/jwks HTTP/1.1\r\nHost: x\r\nIf-None-Match: " + first->headers.at("etag") + "\r\n\r\n"));
  const auto second = connection.receive();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->status, 304);
  EXPECT_EQ(second->body, "");
}

TEST_F(Issue, AKeyIsMadeOnceAndItsMetadataIsNeverWrittenAgain) {
  const auto before = daemon_.state_directory() + "/keys/issuer";
  const std::string name = std::filesystem::directory_iterator(before)->path();
  const std::string text = read_text(name);
  HttpConnection connection(daemon_.socket());
  const auto again = connection.post("/v1/keys/issuer", "{}");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status, 409);
  EXPECT_EQ(daemon_.stop(), 0);
  ASSERT_TRUE(daemon_.start());
  ASSERT_TRUE(daemon_.ready());
  EXPECT_EQ(daemon_.issue()->status, 200);
  EXPECT_EQ(read_text(name), text);
}

}  // namespace

}  // namespace signer::test
