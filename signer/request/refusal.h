// SPDX-License-Identifier: Apache-2.0
//
// Why a request gets no signature: one face for the caller, one for the log.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "signer/result.h"

namespace signer {

// `detail` goes to the caller: it names claims and limits, never a value, a path or a native code.  `reason` goes to
// the log and the audit record: it may name grants, tokens and native codes, never a claim value.
struct Refusal {
  ErrorCode code = ErrorCode::kInternal;
  std::string detail;
  std::string reason;
  std::chrono::seconds retry_after{1};  // for the retryable codes
  std::string rule = {};                // of kClaimPolicy: which rule was broken (docs/claim-policy.md)
  std::string pointer = {};             // of kClaimPolicy: where; names of the profile's allow-list and indexes alone
};

template <class T>
using Judged = Result<T, Refusal>;

// For what an operator must look at first: there is no reason to hurry.
inline constexpr std::chrono::seconds kUntilSomebodyLooked{60};

[[nodiscard]] inline Failure<Refusal> refuse(ErrorCode code, std::string detail, std::string reason = {}) {
  return {Refusal{code, std::move(detail), std::move(reason), std::chrono::seconds(1), {}, {}}};
}

}  // namespace signer
