// SPDX-License-Identifier: Apache-2.0
//
// Bodies of requests and replies.  Without these what a caller sent and what is signed could be two things.
#include "protocol/messages.h"
#include "protocol/batch.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/support/seed.h"

namespace signer::protocol {
namespace {

using jose::Json;

Judged<IssueRequest> issue(std::string_view body) {
  return parse_issue(body, "issuer");
}

void expect_refused(std::string_view body) {
  const auto request = issue(body);
  ASSERT_FALSE(request) << body.substr(0, 200);
  EXPECT_EQ(request.error().code, ErrorCode::kInvalidRequest);
  EXPECT_FALSE(request.error().detail.empty());
}

std::string nested(std::size_t depth) {  // an object of that depth, itself included
  std::string text = "1";
  for (std::size_t i = 0; i < depth; ++i) text = "{\"n\":" + text + "}";
  return text;
}

std::string members(std::size_t count) {
  std::string text = "{";
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "\"m" : ",\"m") + std::to_string(i) + "\":0";
  return text + "}";
}

std::string batch_of(const std::vector<std::string>& items) {
  std::string text = "{\"items\":[";
  for (std::size_t i = 0; i < items.size(); ++i) text += (i == 0 ? "" : ",") + items[i];
  return text + "]}";
}

// As the handler does it: cut, then each item as a body of its own.
Judged<std::vector<Judged<IssueRequest>>> parse_batch(std::string_view body, const std::string& key) {
  SIGNER_ASSIGN_OR_RETURN(const auto texts, split_batch(body));
  std::vector<Judged<IssueRequest>> items;
  for (const std::string_view text : texts) items.push_back(parse_issue(text, key));
  return items;
}

TEST(IssueBody, HoldsClaimsAndMaybeAProfile) {
  const auto with_profile = issue(R"({"claims":{"sub":"a","n":[1.0,{"x":null}]},"profile":"access"})");
  const auto without = issue(R"( {"claims":{}} )");

  ASSERT_TRUE(with_profile);
  EXPECT_EQ(with_profile->key, "issuer");
  EXPECT_EQ(with_profile->profile, "access");
  EXPECT_EQ(with_profile->claims.dump(), R"({"n":[1.0,{"x":null}],"sub":"a"})");
  ASSERT_TRUE(without);
  EXPECT_FALSE(without->profile);
  EXPECT_TRUE(without->claims.is_object());
}

TEST(IssueBody, ClaimsMustBeThereAndBeAnObject) {
  for (const std::string_view body :
       {"{}", R"({"profile":"access"})", R"({"claims":null})", R"({"claims":[]})", R"({"claims":"{}"})",
        R"({"claims":1})", R"({"Claims":{}})", "[]", "null", "\"x\"", "1", ""}) {
    expect_refused(body);
  }
}

TEST(IssueBody, UnknownMembersAreRefused) {
  for (const std::string_view body :
       {R"({"claims":{},"header":{"alg":"none"}})", R"({"claims":{},"kid":"x"})", R"({"claims":{},"":1})",
        R"({"claims":{},"Profile":"access"})", R"({"claims":{},"alg":"none"})", R"({"claims":{},"payload":"e30"})"}) {
    expect_refused(body);
  }
}

TEST(IssueBody, AProfileIsANameOf1To64Bytes) {
  for (const std::string& profile : {std::string("null"), std::string("1"), std::string("\"\""),
                                     std::string("[\"access\"]"), "\"" + std::string(65, 'p') + "\""}) {
    expect_refused("{\"claims\":{},\"profile\":" + profile + "}");
  }
  EXPECT_TRUE(issue("{\"claims\":{},\"profile\":\"" + std::string(64, 'p') + "\"}"));
}

TEST(IssueBody, ANameTwiceIsRefusedAtEveryLevel) {
  for (const std::string_view body : {R"({"claims":{},"claims":{}})", R"({"claims":{},"profile":"a","profile":"b"})",
                                      R"({"claims":{"sub":"a","sub":"b"}})", R"({"claims":{"sub":"a","\u0073ub":"b"}})",
                                      R"({"claims":{"x":{"y":1,"y":1}}})", R"({"claims":{"x":[{"y":1,"y":1}]}})"}) {
    expect_refused(body);
  }
}

TEST(IssueBody, WhatIsNotStrictJsonIsRefused) {
  using namespace std::string_view_literals;
  for (const std::string_view body :
       {"\xEF\xBB\xBF{\"claims\":{}}"sv, "{\"claims\":{\"n\":NaN}}"sv, "{\"claims\":{\"n\":Infinity}}"sv,
        "{\"claims\":{\"n\":1e400}}"sv, "{\"claims\":{\"n\":1e300}}"sv, "{\"claims\":{\"n\":9007199254740992}}"sv,
        "{\"claims\":{}}x"sv, "{\"claims\":{}}{}"sv, "{\"claims\":{}}\0"sv, "{\"claims\":{}}\0{\"claims\":{}}"sv,
        "{\"claims\":{},}"sv, "{\"claims\":{\"s\":\"\\ud800\"}}"sv, "{\"claims\":{\"s\":\"\xff\"}}"sv,
        "{\"claims\":{}//\n}"sv, "{\"claims\":{"sv, "{claims:{}}"sv}) {
    expect_refused(body);
  }
}

TEST(IssueBody, ClaimsMayBe16DeepAndNot17) {
  EXPECT_TRUE(issue("{\"claims\":" + nested(16) + "}"));
  expect_refused("{\"claims\":" + nested(17) + "}");
  EXPECT_TRUE(issue("{\"claims\":" + nested(16) + ",\"profile\":\"p\"}"));
}

TEST(IssueBody, ClaimsMayHave256MembersAndNot257) {
  EXPECT_TRUE(issue("{\"claims\":" + members(256) + ",\"profile\":\"p\"}"));
  expect_refused("{\"claims\":" + members(257) + ",\"profile\":\"p\"}");
  EXPECT_TRUE(issue("{\"claims\":" + members(256) + "}"));
  expect_refused("{\"claims\":" + members(257) + "}");
}

TEST(IssueBody, IsAtMost64Kibibytes) {
  const std::string frame = R"({"claims":{"s":""}})";
  const std::string fits = R"({"claims":{"s":")" + std::string(64 * 1024 - frame.size(), 'x') + R"("}})";
  EXPECT_TRUE(issue(fits));
  expect_refused(fits + " ");
}

TEST(IssueBody, Invariant11_ARefusalQuotesNothingOfTheBody) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 2000; ++i) {
    const std::string marker = "zq" + std::to_string(random() % 90000000 + 10000000);
    for (const std::string& body : {"{\"" + marker + "\":1}", "{\"claims\":\"" + marker + "\"}",
                                    "{\"claims\":{\"" + marker + "\":1,\"" + marker + "\":1}}",
                                    "{\"claims\":{},\"profile\":[\"" + marker + "\"]}",
                                    "{\"claims\":{\"a\":" + marker + "}}", "{\"claims\":{\"a\":\"" + marker}) {
      const auto request = issue(body);
      ASSERT_FALSE(request) << body;
      ASSERT_EQ((request.error().detail + request.error().reason).find(marker), std::string::npos)
          << request.error().detail;
    }
  }
}

TEST(BatchBody, EveryItemIsJudgedForItselfInOrder) {
  const auto batch = parse_batch(batch_of({R"({"claims":{"sub":"a"},"profile":"p"})", "5", R"({"claims":[]})",
                                           R"({"claims":{},"x":1})", R"({"claims":{"sub":"b"}})"}),
                                 "issuer");
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->size(), 5U);
  ASSERT_TRUE((*batch)[0]);
  EXPECT_EQ((*batch)[0]->claims["sub"], "a");
  EXPECT_EQ((*batch)[0]->profile, "p");
  EXPECT_EQ((*batch)[0]->key, "issuer");
  for (const std::size_t bad : {1U, 2U, 3U}) {
    ASSERT_FALSE((*batch)[bad]) << bad;
    EXPECT_EQ((*batch)[bad].error().code, ErrorCode::kInvalidRequest);
  }
  ASSERT_TRUE((*batch)[4]);
  EXPECT_EQ((*batch)[4]->claims["sub"], "b");
}

TEST(BatchBody, Has1To256Items) {
  const std::vector<std::string> full(256, R"({"claims":{}})");
  std::vector<std::string> over = full;
  over.push_back(full.front());

  EXPECT_TRUE(parse_batch(batch_of({full.front()}), "k"));
  EXPECT_TRUE(parse_batch(batch_of(full), "k"));
  for (const std::vector<std::string>& bad : {over, std::vector<std::string>{}}) {
    const auto refused = parse_batch(batch_of(bad), "k");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
  }
}

TEST(BatchBody, WhatIsNoBatchFailsAsAWhole) {
  using namespace std::string_view_literals;
  for (const std::string_view body :
       {"{}"sv, "[]"sv, R"([{"claims":{}}])"sv, R"({"items":{}})"sv, R"({"items":null})"sv,
        R"({"items":[{"claims":{}}],"x":1})"sv, R"({"items":[{"claims":{}}],"items":[]})"sv,
        R"({"items":[{"claims":{}}]}x)"sv, "{\"items\":[{\"claims\":{}}]}\0x"sv,
        "\xEF\xBB\xBF{\"items\":[{\"claims\":{}}]}"sv, R"({"claims":{}})"sv, ""sv}) {
    EXPECT_FALSE(parse_batch(body, "k")) << body;
  }
}

// docs/protocol.md §2.2 and messages.h: an item has the limits of §2.1 and is judged for itself; its neighbours are
// served.
TEST(BatchBody, AnItemBeyondTheLimitsOfOneRequestDoesNotSpoilItsNeighbours) {
  const std::string good = R"({"claims":{"sub":"a"}})";
  for (const std::string& claims : {members(257), nested(17)}) {
    const auto batch = parse_batch(batch_of({good, "{\"claims\":" + claims + "}", good}), "k");
    ASSERT_TRUE(batch) << claims.substr(0, 60);
    EXPECT_TRUE((*batch)[0]);
    EXPECT_FALSE((*batch)[1]) << claims.substr(0, 60);
    EXPECT_TRUE((*batch)[2]);
  }
}

TEST(BatchBody, AnItemAtTheLimitsOfOneRequestIsServed) {
  const std::string full = "{\"claims\":" + members(256) + ",\"profile\":\"p\"}";
  const auto wide = parse_batch(batch_of(std::vector<std::string>(200, full)), "k");
  ASSERT_TRUE(wide) << wide.error().detail;
  for (const auto& item : *wide) EXPECT_TRUE(item);
  const auto deep = parse_batch(batch_of({"{\"claims\":" + nested(16) + "}"}), "k");
  ASSERT_TRUE(deep) << deep.error().detail;
  EXPECT_TRUE(deep->front());
}

TEST(CreateBody, IsAnEmptyObjectOrNamesTheKeyToAdopt) {
  for (const char* empty : {"{}", " { } "}) {
    const auto request = parse_create(empty);
    ASSERT_TRUE(request);
    EXPECT_FALSE(request->key_id);
  }
  const auto adopt = parse_create(R"({"key_id":"00ff"})");
  ASSERT_TRUE(adopt);
  EXPECT_EQ(adopt->key_id, (Bytes{0x00, 0xff}));
  EXPECT_TRUE(parse_create("{\"key_id\":\"" + std::string(128, 'a') + "\"}"));
  for (const std::string& id : {std::string(), std::string("0"), std::string("0F"), std::string("zz"),
                                std::string("../../x"), std::string(130, 'a')}) {
    EXPECT_FALSE(parse_create("{\"key_id\":\"" + id + "\"}")) << id;
  }
  EXPECT_FALSE(parse_create(R"({"key_id":1})"));
  EXPECT_FALSE(parse_create(R"({"key_id":"00","bits":1})"));
  for (const std::string& bad : {std::string(), std::string("[]"), std::string("null"), std::string("{\"bits\":1024}"),
                                 std::string("{}{}"), std::string(1024, ' ') + "{}"}) {
    EXPECT_FALSE(parse_create(bad)) << bad.substr(0, 20);
  }
}

TEST(Problem, HasTheDocumentedStatusCodeAndMembersAndNeverTheReason) {
  const std::tuple<ErrorCode, int, const char*, bool> codes[] = {
      {ErrorCode::kInvalidRequest, 400, "invalid_request", false},
      {ErrorCode::kDenied, 403, "denied", false},
      {ErrorCode::kNotFound, 404, "not_found", false},
      {ErrorCode::kClaimPolicy, 422, "claim_policy", false},
      {ErrorCode::kRateLimited, 429, "rate_limited", true},
      {ErrorCode::kInternal, 500, "internal", false},
      {ErrorCode::kTokenUnavailable, 503, "token_unavailable", true},
      {ErrorCode::kOverloaded, 503, "overloaded", true},
      {ErrorCode::kDeadlineExceeded, 504, "deadline_exceeded", false},
  };
  std::set<std::string> titles;
  for (const auto& [code, status, word, again] : codes) {
    const Json problem = problem_json({code, "for the caller", "CKR_DEVICE_ERROR /secret/path", {}}, "5f0c", {});
    EXPECT_EQ(status_of(code), status);
    EXPECT_EQ(retryable(code), again);
    EXPECT_EQ(problem["status"], status);
    EXPECT_EQ(problem["code"], word);
    EXPECT_EQ(problem["detail"], "for the caller");
    EXPECT_EQ(problem["request_id"], "5f0c");
    EXPECT_EQ(problem["type"], "about:blank");
    EXPECT_EQ(problem.size(), 6U);
    EXPECT_EQ(problem.dump().find("CKR_"), std::string::npos);
    titles.insert(problem["title"]);
  }
  EXPECT_EQ(titles.size(), std::size(codes));
  EXPECT_EQ(problem_json({ErrorCode::kInvalidRequest, "", "", {}}, "", 405)["status"], 405);
}

TEST(IssuedReply, IsTheDocumentedObject) {
  const IssuedFields fields{"a.b.c", "kid1", "jti1", 1790000000, 4711};
  EXPECT_EQ(issued_text(fields),
            R"({"audit":{"index":4711},"exp":1790000000,"jti":"jti1","kid":"kid1","token":"a.b.c"})");
  EXPECT_EQ(issued_text(fields, 200),
            R"({"audit":{"index":4711},"exp":1790000000,"jti":"jti1","kid":"kid1","status":200,"token":"a.b.c"})");
}

TEST(IssueBody, IsReadAsTheClaimsAndTheProfileThatItWasMadeOf) {
  const auto body = issue_body(R"( {"sub" : "\u0061", "n":1.0} )", "access");
  ASSERT_TRUE(body);
  const auto request = issue(*body);
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->claims.dump(), R"({"n":1.0,"sub":"a"})");
  EXPECT_EQ(request->profile, "access");
  EXPECT_FALSE(issue(*issue_body("{}", std::nullopt))->profile);
  expect_refused(*issue_body("{}", ""));
  EXPECT_EQ(issue(*issue_body("{}", "a\",\"claims\":{\"b\":1},\"c\":\""))->profile,
            "a\",\"claims\":{\"b\":1},\"c\":\"");
}

TEST(IssueBody, IsMadeOfOneObjectWithinTheLimitsOfClaimsAlone) {
  EXPECT_TRUE(issue(*issue_body(nested(16), "access")));
  EXPECT_TRUE(issue(*issue_body(members(256), "access")));
  for (const std::string& claims :
       {std::string(R"({},"profile":"other")"), std::string(R"({},"claims":{})"), std::string("{}}"), std::string("[]"),
        std::string("1"), std::string(), std::string(R"({"a":1,"a":1})"), std::string("{\"a\":\"\xff\"}"), nested(17),
        members(257), "{" + std::string(64UL * 1024 - 1, ' ') + "}"}) {
    const auto body = issue_body(claims, std::nullopt);
    ASSERT_FALSE(body) << claims.substr(0, 200);
    EXPECT_EQ(body.error().code, ErrorCode::kInvalidRequest);
  }
  // The claims fit, but not into a body.
  expect_refused(*issue_body("{" + std::string(64UL * 1024 - 2, ' ') + "}", std::nullopt));
}

}  // namespace
}  // namespace signer::protocol
