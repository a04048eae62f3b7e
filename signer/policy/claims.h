// SPDX-License-Identifier: Apache-2.0
//
// Shapes claims: what the profile sets or bounds (docs/protocol.md §2.1), and the JOSE header, which is the daemon's
// alone (invariant 3).  Pure but for the random jti.
#pragma once

#include <string>
#include <vector>

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

 private:
  friend Judged<SigningInput> shape_claims(const AuthorizedRequest& request, const std::string& kid, WallTime now);

  SigningInput() = default;

  std::string text_;
  std::string jti_;
  std::vector<std::string> audiences_;
  long long exp_ = 0;
};

inline constexpr std::size_t kTokenBytesMax = 16UL * 1024;

// kClaimPolicy with a detail that names the claim and the rule, never the value.
[[nodiscard]] Judged<SigningInput> shape_claims(const AuthorizedRequest& request, const std::string& kid, WallTime now);

}  // namespace signer::policy
