// SPDX-License-Identifier: Apache-2.0
//
// Lose these and a caller retries what will never work, or gives up on what would have.

#include <gtest/gtest.h>

#include "signer/client.h"

namespace signer {
namespace {

Reply reply(int status, std::string body) {
  return {.status = status, .body = std::move(body), .retry_after = {}, .request_id = {}};
}

TEST(Refusal, IsNoneForSuccessAndNotModified) {
  for (const int status : {200, 201, 204, 299, 304}) EXPECT_FALSE(refusal_of(reply(status, "{}"))) << status;
}

struct Case {
  int status;
  const char* code;
  ErrorCode expected;
};

class RefusalCodes : public testing::TestWithParam<Case> {};

TEST_P(RefusalCodes, ComeFromTheProblem) {
  const auto [status, code, expected] = GetParam();
  const auto refusal =
      refusal_of(reply(status, R"({"code":")" + std::string(code) + R"(","detail":"why","request_id":"r1"})"));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, expected);
  EXPECT_EQ(refusal->status, status);
  EXPECT_EQ(refusal->stage, ClientError::Stage::kRefused);
  EXPECT_EQ(refusal->request_id, "r1");
  EXPECT_EQ(refusal->text, "signerd: " + std::string(code) + ": why");
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusalCodes,
    testing::Values(Case{400, "invalid_request", ErrorCode::kInvalidRequest},
                    Case{409, "invalid_request", ErrorCode::kInvalidRequest}, Case{403, "denied", ErrorCode::kDenied},
                    Case{404, "not_found", ErrorCode::kNotFound}, Case{422, "claim_policy", ErrorCode::kClaimPolicy},
                    Case{429, "rate_limited", ErrorCode::kRateLimited}, Case{500, "internal", ErrorCode::kInternal},
                    Case{503, "token_unavailable", ErrorCode::kTokenUnavailable},
                    Case{503, "overloaded", ErrorCode::kOverloaded},
                    Case{504, "deadline_exceeded", ErrorCode::kDeadlineExceeded}),
    [](const auto& test) { return std::to_string(test.param.status) + "_" + test.param.code; });

// A proxy in between, or a later signerd, may say what we do not know.
TEST(Refusal, FallsBackOnTheStatus) {
  const std::vector<std::pair<int, ErrorCode>> cases = {
      {400, ErrorCode::kInvalidRequest}, {401, ErrorCode::kDenied},          {403, ErrorCode::kDenied},
      {404, ErrorCode::kNotFound},       {422, ErrorCode::kClaimPolicy},     {429, ErrorCode::kRateLimited},
      {500, ErrorCode::kInternal},       {502, ErrorCode::kInternal},        {503, ErrorCode::kTokenUnavailable},
      {301, ErrorCode::kInternal},       {504, ErrorCode::kDeadlineExceeded}};
  for (const auto& [status, expected] : cases) {
    for (const char* body : {"", "<html>", "{}", R"({"code":7})", R"({"code":"brand_new"})"}) {
      const auto refusal = refusal_of(reply(status, body));
      ASSERT_TRUE(refusal);
      EXPECT_EQ(refusal->code, expected) << status << " " << body;
      EXPECT_FALSE(refusal->text.empty());
    }
  }
}

TEST(Refusal, DoesNotLetAReplyWriteToTheTerminal) {
  const auto refusal = refusal_of(reply(403, R"({"code":"denied","detail":"a\u001b[31mb\nc\u00e9"})"));
  ASSERT_TRUE(refusal);
  for (const char c : refusal->text) EXPECT_TRUE(c >= 0x20 && c <= 0x7e);
}

TEST(Refusal, CutsALongExplanation) {
  const auto refusal = refusal_of(reply(403, R"({"code":"denied","detail":")" + std::string(5000, 'a') + "\"}"));
  ASSERT_TRUE(refusal);
  EXPECT_LT(refusal->text.size(), 500U);
}

TEST(Names, AreThoseOfTheProtocol) {
  EXPECT_TRUE(is_name("a"));
  EXPECT_TRUE(is_name("a-z_0.9"));
  EXPECT_TRUE(is_name(std::string(64, 'a')));
  for (const std::string& name :
       {std::string(), std::string(65, 'a'), std::string("A"), std::string("."), std::string(".."), std::string("a/b"),
        std::string("a\0", 2), std::string("\xc3\xa9")}) {
    EXPECT_FALSE(is_name(name)) << name;
  }
}

}  // namespace
}  // namespace signer
