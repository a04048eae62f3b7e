// SPDX-License-Identifier: Apache-2.0
//
// Bodies of exact payloads.  Without these the bytes that are signed could be read in two ways.
#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "protocol/messages.h"

namespace signer::protocol {
namespace {

std::string body_of(std::string_view payload) {
  return R"({"payload":")" + jose::base64url_encode(payload) + "\"}";
}

TEST(PayloadBody, WhatIsWrittenIsReadBack) {
  const std::string payload = "{ \"sub\" : \"\\u0061\"}\n";
  EXPECT_EQ(payload_body(payload, std::nullopt), body_of(payload));
  const auto request = parse_payload(payload_body(payload, "access"), "issuer");
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->payload, payload);
  EXPECT_EQ(request->profile, "access");
  EXPECT_FALSE(parse_payload(payload_body(payload, ""), "issuer"));
  EXPECT_FALSE(parse_payload(payload_body(R"({},"profile":"x")", std::nullopt), "issuer"));
}

TEST(PayloadBody, KeepsTheBytesAndReadsTheClaims) {
  const std::string payload = "{ \"sub\" : \"\\u0061\",\n\"n\":1}";
  const auto request = parse_payload(body_of(payload), "issuer");
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->payload, payload);
  EXPECT_EQ(request->claims.dump(), R"({"n":1,"sub":"a"})");
  EXPECT_EQ(request->verb(), Verb::kSignPayload);
  EXPECT_FALSE(request->profile);
  const std::string with_profile = R"({"profile":"access","payload":")" + jose::base64url_encode("{}") + "\"}";
  EXPECT_EQ(parse_payload(with_profile, "issuer")->profile, "access");
}

TEST(PayloadBody, AnIssueRequestIsNone) {
  EXPECT_EQ(parse_issue(R"({"claims":{}})", "issuer")->verb(), Verb::kIssue);
}

TEST(PayloadBody, WhatIsNotStrictIsRefusedWithoutAWordOfIt) {
  const std::string deep = std::string(17, '[') + std::string(17, ']');
  for (const std::string& payload :
       {std::string(), std::string("[]"), std::string("1"), std::string("{\"hidden\":1,\"hidden\":2}"),
        std::string("{\"hidden\":1}{}"), std::string("\xef\xbb\xbf{}"), std::string("{\"hidden\":\"\xff\"}"),
        std::string("{\"hidden\":1e300}"), std::string("{\"hidden\":7.00000000000000000000000123456789}"),
        std::string("{\"hidden\":1e0}"), std::string("{\"hidden\":1.0}"), std::string("{\"hidden\":1e-400}"),
        "{\"hidden\":" + deep + "}"}) {
    const auto refused = parse_payload(body_of(payload), "issuer");
    ASSERT_FALSE(refused) << payload;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
    EXPECT_EQ(refused.error().detail.find("hidden"), std::string::npos);
  }
}

TEST(PayloadBody, IsBase64urlWithoutPaddingAndOneSpelling) {
  for (const char* body : {R"({"payload":"e30="})", R"({"payload":"e31"})", R"({"payload":"e3 0"})", R"({"payload":7})",
                           R"({"payload":"e30","claims":{}})", R"({"payload":"e30","profile":""})", "{}",
                           R"({"payload":"e30","payload":"e30"})"})
    EXPECT_FALSE(parse_payload(body, "issuer")) << body;
  EXPECT_TRUE(parse_payload(R"({"payload":"e30"})", "issuer"));
}

TEST(PayloadReply, HasTheTwoPartsThatTheCallerLacks) {
  const IssuedFields fields{"aGVhZA.cGF5.c2ln", "kid1", "jti1", 1790000000, 4711};
  EXPECT_EQ(signed_payload_text(fields),
            R"({"audit":{"index":4711},"header":"aGVhZA","kid":"kid1","signature":"c2ln"})");
}

TEST(ClaimPolicyProblem, HasItsRuleAndPointerIfThereAreAny) {
  Refusal refusal{ErrorCode::kClaimPolicy, "d", "", {}};
  refusal.rule = "phi.ssn";
  refusal.pointer = "/note";
  const auto problem = problem_json(refusal, "id");
  EXPECT_EQ(problem["rule"], "phi.ssn");
  EXPECT_EQ(problem["pointer"], "/note");
  refusal.pointer.clear();
  EXPECT_FALSE(problem_json(refusal, "id").contains("pointer"));
}

}  // namespace
}  // namespace signer::protocol
