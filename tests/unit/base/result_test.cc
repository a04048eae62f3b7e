// SPDX-License-Identifier: Apache-2.0
//
// Result<T>, and the closed set of codes that callers switch on.
#include "signer/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace signer {
namespace {

Result<std::unique_ptr<int>> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::kInvalidRequest, "odd");
  return std::make_unique<int>(value / 2);
}

Result<int> quarter(int value) {
  SIGNER_ASSIGN_OR_RETURN(const auto once, half(value));
  SIGNER_ASSIGN_OR_RETURN(const auto twice, half(*once));
  return *twice;
}

Result<void> even(int value) {
  SIGNER_RETURN_IF_ERROR(half(value));
  return {};
}

TEST(Result, CarriesAValueOrTheFirstFailureThroughTheMacros) {
  EXPECT_EQ(*quarter(8), 2);
  for (const int bad : {3, 6}) {
    const auto failed = quarter(bad);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kInvalidRequest);
    EXPECT_EQ(failed.error().text, "odd");
  }
  EXPECT_TRUE(even(2));
  EXPECT_FALSE(even(1));
}

TEST(Result, MovesAMoveOnlyValueOut) {
  auto made = half(4);
  ASSERT_TRUE(made);
  const std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 2);
}

TEST(Result, HoldsAnErrorOfTheSameTypeAsItsValue) {
  const Result<int, int> value(7);
  const Result<int, int> failure(fail(7));
  EXPECT_TRUE(value);
  EXPECT_FALSE(failure);
  EXPECT_EQ(failure.error(), 7);
}

TEST(ErrorCode, EveryWireWordIsItsOwnAndTheDocumentedOne) {
  const std::pair<ErrorCode, const char*> words[] = {
      {ErrorCode::kInvalidRequest, "invalid_request"},
      {ErrorCode::kDenied, "denied"},
      {ErrorCode::kNotFound, "not_found"},
      {ErrorCode::kClaimPolicy, "claim_policy"},
      {ErrorCode::kRateLimited, "rate_limited"},
      {ErrorCode::kInternal, "internal"},
      {ErrorCode::kTokenUnavailable, "token_unavailable"},
      {ErrorCode::kOverloaded, "overloaded"},
      {ErrorCode::kDeadlineExceeded, "deadline_exceeded"},
  };
  for (const auto& [code, word] : words) EXPECT_EQ(to_string(code), word);
}

}  // namespace
}  // namespace signer
