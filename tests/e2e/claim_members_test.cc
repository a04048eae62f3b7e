// SPDX-License-Identifier: Apache-2.0
//
// Claims within claims over the socket: each rule of a member holds as one of the top level does, at every depth, and a
// refusal names the place.  Without these a profile could list an object's members and let others through.

#include "jose/base64url.h"
#include "tests/e2e/fixture.h"

namespace signer::test {

namespace {

using jose::Json;

constexpr std::string_view kUuid = "6f1f4a5e-2f1b-4c5d-9c1e-0a1b2c3d4e5f";

// "deep" is an object in the fifth of the six levels that there may be.
constexpr std::string_view kMemberTables = R"(
[[profile]]
name = "nested"
issuer = "https://idp.example"
audiences = ["https://api.example"]
max_ttl = "5m"
max_bytes = 4096
[[profile.claim]]
name = "device"
type = "object"
members = [
  { name = "id", type = "uuid", required = true },
  { name = "model", type = "text", max_length = 40 },
  { name = "a/b~c", type = "number", max = 10 },
  { name = "parts", type = "array", max_items = 2, items = { type = "object", members = [
    { name = "serial", type = "opaque_id" },
  ] } },
]
[[profile.claim]]
name = "deep"
type = "object"
members = [{ name = "2", type = "object", members = [
  { name = "3", type = "object", members = [{ name = "4", type = "object", members = [
    { name = "5", type = "object", members = [{ name = "leaf", type = "text" }] },
  ] }] },
] }]
[[profile.claim]]
name = "list"
type = "array"
max_items = 256
items = { type = "opaque_id" }
)";

class ClaimMembers : public RunningDaemon {
 protected:
  ClaimMembers() : RunningDaemon(with_tables()) {}

  static DaemonOptions with_tables() {
    DaemonOptions options;
    options.more = std::string(kMemberTables) +
                   "[[grant]]\nname = \"nested\"\nmatch = { uid = " + std::to_string(::getuid()) +
                   " }\nkeys = [\"issuer\"]\nprofiles = [\"nested\"]\nverbs = [\"issue\", \"sign-payload\"]\n";
    return options;
  }

  HttpReply issue(const Json& claims) {
    HttpConnection connection(daemon_.socket());
    return connection.post("/v1/keys/issuer/tokens", Json{{"profile", "nested"}, {"claims", claims}}.dump()).value();
  }

  static Json payload_of(const HttpReply& reply) {
    const std::string token = reply.json()["token"];
    const std::size_t begin = token.find('.') + 1;
    const auto bytes = jose::base64url_decode(std::string_view(token).substr(begin, token.find('.', begin) - begin));
    return Json::parse(text_of(bytes.value()));
  }

  void expect_refused(const Json& claims, std::string_view rule, std::string_view pointer) {
    const HttpReply reply = issue(claims);
    EXPECT_EQ(reply.status, 422) << claims << reply.body;
    EXPECT_EQ(reply.json()["code"], "claim_policy") << claims;
    EXPECT_EQ(reply.json()["rule"], rule) << claims << reply.body;
    EXPECT_EQ(reply.json().value("pointer", ""), pointer) << claims << reply.body;
  }

  // What signerd says of a configuration with one more claim, an object whose innermost member, in the sixth level, is
  // of this type.
  Finished check(const std::string& innermost) {
    std::string rule = innermost;
    for (int level = 6; level >= 2; --level)
      rule = R"({ type = "object", members = [{ name = "m", )" + rule.substr(1) + "] }";
    const std::string config = daemon_.file("deep.toml");
    write_text(config, read_text(daemon_.config_file()) +
                           "[[profile]]\nname = \"deep\"\nissuer = \"i\"\naudiences = [\"a\"]\nmax_ttl = \"1m\"\n"
                           "claim = [{ name = \"d\", " +
                           rule.substr(1) + "]\n");
    return run({SIGNERD_PROGRAM, "--check", "--config", config});
  }

  // `leaf` so many objects below the claims, each the member "2", "3", … of the one around it.
  static Json in_levels(Json leaf, int levels) {
    for (int level = levels; level >= 2; --level) leaf = Json{{std::to_string(level), std::move(leaf)}};
    return {{"deep", std::move(leaf)}};
  }
};

TEST_F(ClaimMembers, WhatTheRulesOfMembersNameIsSignedAsItIs) {
  const Json claims = {
      {"device", {{"id", kUuid}, {"model", "mark 2"}, {"a/b~c", 10}, {"parts", {{{"serial", "s-1"}}, Json::object()}}}},
      {"deep", {{"2", {{"3", {{"4", {{"5", {{"leaf", "l"}}}}}}}}}}}};
  const HttpReply reply = issue(claims);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json payload = payload_of(reply);
  EXPECT_EQ(payload["device"], claims["device"]);
  EXPECT_EQ(payload["deep"], claims["deep"]);
  EXPECT_EQ(issue({{"device", {{"id", kUuid}}}}).status, 200) << "what is not required may be left out";
}

TEST_F(ClaimMembers, AMemberThatNoRuleNamesIsRefusedAtItsNumberInTheAlphabet) {
  expect_refused({{"device", {{"id", kUuid}, {"zz", 1}}}}, "claim.not_allowed", "/device/1");
  expect_refused({{"device", {{"aa", 1}, {"id", kUuid}}}}, "claim.not_allowed", "/device/0");
  expect_refused({{"device", {{"ID", kUuid}}}}, "claim.not_allowed", "/device/0");
  expect_refused({{"device", {{"id", kUuid}, {"parts", {{{"serial", "s"}}, {{"serial", "s"}, {"x", 1}}}}}}},
                 "claim.not_allowed", "/device/parts/1/1");
  expect_refused({{"device", {{"id", kUuid}, {"iss", "https://idp.example"}}}}, "claim.not_allowed", "/device/1");
  expect_refused({{"id", kUuid}}, "claim.not_allowed", "/0");
}

TEST_F(ClaimMembers, AMemberThatDoesNotFitItsRuleIsRefusedAtItsPlace) {
  expect_refused({{"device", Json::object()}}, "claim.missing", "/device/id");
  expect_refused({{"device", "x"}}, "claim.type", "/device");
  expect_refused({{"device", Json::array({kUuid})}}, "claim.type", "/device");
  expect_refused({{"device", nullptr}}, "claim.type", "/device");
  const auto device = [](const char* name, Json value) {
    Json claims = {{"device", {{"id", kUuid}}}};
    claims["device"][name] = std::move(value);
    return claims;
  };
  expect_refused(device("id", 7), "claim.type", "/device/id");
  expect_refused(device("id", "no-uuid"), "claim.value", "/device/id");
  expect_refused(device("model", std::string(41, 'm')), "claim.length", "/device/model");
  expect_refused(device("model", "jane@example.org"), "phi.email", "/device/model");
  expect_refused(device("a/b~c", 11), "claim.value", "/device/a~1b~0c");
  expect_refused(device("parts", Json::object()), "claim.type", "/device/parts");
  expect_refused(device("parts", Json::array({"s"})), "claim.type", "/device/parts/0");
  expect_refused(device("parts", Json::array({Json::object(), {{"serial", 1}}})), "claim.type",
                 "/device/parts/1/serial");
  expect_refused(device("parts", Json::array({Json::object(), Json::object(), Json::object()})), "claim.items",
                 "/device/parts");
}

// What is deeper than its rule, deeper than any rule can be, and deeper than is read at all.
TEST_F(ClaimMembers, ClaimsThatNestTooDeepAreRefused) {
  expect_refused(in_levels({{"leaf", Json::object()}}, 5), "claim.type", "/deep/2/3/4/5/leaf");
  expect_refused(in_levels(Json::object(), 6), "claim.not_allowed", "/deep/2/3/4/5/0");
  expect_refused(in_levels("x", 16), "claim.not_allowed", "/deep/2/3/4/5/0");
  const HttpReply reply = issue(in_levels("x", 17));
  EXPECT_EQ(reply.status, 400) << reply.body;
  EXPECT_EQ(reply.code(), "invalid_request");

  const Finished six = check(R"({ type = "array", items = { type = "text" } })");
  EXPECT_EQ(six.status, 1);
  EXPECT_NE((six.out + six.err).find("nests deeper than 6 levels"), std::string::npos) << six.out << six.err;
  const Finished five = check(R"({ type = "text" })");
  EXPECT_EQ(five.status, 0) << five.out << five.err;
}

// 256 names and elements in a token, of which signerd sets five: iss, aud, iat, exp, jti.
TEST_F(ClaimMembers, ATokenHasNoMoreNamesAndElementsThanAVerifierReads) {
  const auto list = [](std::size_t elements) { return Json{{"list", std::vector<std::string>(elements, "x")}}; };
  EXPECT_EQ(issue(list(250)).status, 200);
  expect_refused(list(251), "claims.members", "");
  expect_refused(list(255), "claims.members", "");
  const HttpReply reply = issue(list(256));
  EXPECT_EQ(reply.status, 400) << reply.body;
  EXPECT_EQ(reply.code(), "invalid_request");
}

TEST_F(ClaimMembers, MembersOfAnExactPayloadAreJudgedAlike) {
  const long long now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  HttpConnection connection(daemon_.socket());
  const auto sign = [&](const Json& device) {
    const Json payload = {{"iss", "https://idp.example"},
                          {"aud", "https://api.example"},
                          {"iat", now},
                          {"exp", now + 60},
                          {"jti", "id-1"},
                          {"device", device}};
    const Json body = {{"profile", "nested"}, {"payload", jose::base64url_encode(payload.dump())}};
    return connection.post("/v1/keys/issuer/signatures", body.dump()).value();
  };
  EXPECT_EQ(sign({{"id", kUuid}}).status, 200);
  const HttpReply unknown = sign({{"id", kUuid}, {"zz", 1}});
  EXPECT_EQ(unknown.status, 422) << unknown.body;
  EXPECT_EQ(unknown.json()["rule"], "claim.not_allowed");
  EXPECT_EQ(unknown.json()["pointer"], "/device/1");
  EXPECT_EQ(sign({{"id", 7}}).json()["rule"], "claim.type");
  EXPECT_EQ(sign(Json::object()).json()["pointer"], "/device/id");
}

}  // namespace

}  // namespace signer::test
