// SPDX-License-Identifier: Apache-2.0
//
// Shapes claims: what the profile allows, sets or bounds (docs/claim-policy.md), and the JOSE header, which is the
// daemon's alone (invariant 3).  Pure but for the random jti and the keys of encryption.
#pragma once

#include <string>
#include <vector>

#include "claims/judge.h"
#include "policy/policy.h"

namespace signer::policy {

// What is signed.  Only shape_claims can make one.
class SigningInput {
 public:
  // RFC 7515 §5.1: BASE64URL(header) "." BASE64URL(payload).
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  [[nodiscard]] const std::string& jti() const noexcept { return jti_; }

  [[nodiscard]] const std::vector<std::string>& audiences() const noexcept { return audiences_; }

  [[nodiscard]] long long exp() const noexcept { return exp_; }

  // What detectors found and did not refuse.
  [[nodiscard]] const claims::Findings& findings() const noexcept { return findings_; }

 private:
  friend Judged<SigningInput> shape_claims(const AuthorizedRequest& request, const std::string& kid, WallTime now);

  SigningInput() = default;

  std::string text_;
  std::string jti_;
  std::vector<std::string> audiences_;
  long long exp_ = 0;
  claims::Findings findings_;
};

// What a signed token takes at most: what verifiers read by default.
inline constexpr std::size_t kTokenBytesMax = 16UL * 1024;

// kClaimPolicy with rule, pointer and a detail that names the claim and the rule, never the value.  `now` is what the
// times are set from and bounded by.
[[nodiscard]] Judged<SigningInput> shape_claims(const AuthorizedRequest& request, const std::string& kid, WallTime now);

}  // namespace signer::policy
