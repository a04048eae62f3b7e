// SPDX-License-Identifier: Apache-2.0
//
// Shapes claims: what the profile allows, sets or bounds (docs/claim-policy.md), and the JOSE header, which is the
// daemon's alone (invariant 3).  Pure but for the random jti and the keys of encryption.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "claims/judge.h"
#include "policy/policy.h"

namespace signer::policy {

class SigningInput;

// The claims of a token as they were judged and set, before chosen ones are encrypted.  Only the stages below can make
// one, and never with an internal id where the profile wants a pseudonym.
class ShapedClaims {
 public:
  // What detectors found and did not refuse.
  [[nodiscard]] const claims::Findings& findings() const noexcept { return findings_; }

 private:
  friend class PairwiseClaims;
  friend class Shaper;
  friend Judged<SigningInput> make_signing_input(const AuthorizedRequest& request, ShapedClaims shaped,
                                                 const std::string& kid, WallTime now);

  ShapedClaims() = default;

  jose::Json claims_;
  std::vector<std::string> audiences_;
  claims::Findings findings_;
};

// Claims that lack one thing: their `sub` is the internal id, and a token is to make the pseudonym for it.
class PairwiseClaims {
 public:
  // What the MAC is wanted of, under the profile's pairwise_key().
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

  [[nodiscard]] ShapedClaims with(const PairwiseMac& mac) &&;

 private:
  friend class Shaper;

  PairwiseClaims(ShapedClaims shaped, std::string message) : shaped_(std::move(shaped)), message_(std::move(message)) {}

  ShapedClaims shaped_;
  std::string message_;
};

// What is signed.  Only make_signing_input can make one.
class SigningInput {
 public:
  // RFC 7515 §5.1: BASE64URL(header) "." BASE64URL(payload).
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  [[nodiscard]] const std::string& jti() const noexcept { return jti_; }

  [[nodiscard]] const std::vector<std::string>& audiences() const noexcept { return audiences_; }

  [[nodiscard]] long long exp() const noexcept { return exp_; }

  // `sub` as the token has it, encrypted or not; empty if it has none.  For a keyed hash of it, and nothing else.
  [[nodiscard]] const std::string& subject() const noexcept { return subject_; }

  // What detectors found and did not refuse.
  [[nodiscard]] const claims::Findings& findings() const noexcept { return findings_; }

 private:
  friend Judged<SigningInput> make_signing_input(const AuthorizedRequest& request, ShapedClaims shaped,
                                                 const std::string& kid, WallTime now);

  SigningInput() = default;

  std::string text_;
  std::string jti_;
  std::string subject_;
  std::vector<std::string> audiences_;
  long long exp_ = 0;
  claims::Findings findings_;
};

// What a signed token takes at most: what verifiers read by default.
inline constexpr std::size_t kTokenBytesMax = 16UL * 1024;

// kClaimPolicy with rule, pointer and a detail that names the claim and the rule, never the value.  `now` is what the
// times are set from and bounded by.
[[nodiscard]] Judged<std::variant<ShapedClaims, PairwiseClaims>> shape_claims(const AuthorizedRequest& request,
                                                                              WallTime now);

// Encrypts what the profile wants encrypted and writes header and payload.  kClaimPolicy if the token would be too
// large; kTokenUnavailable if the profile has no certificate for `kid` that is valid `now`.
[[nodiscard]] Judged<SigningInput> make_signing_input(const AuthorizedRequest& request, ShapedClaims shaped,
                                                      const std::string& kid, WallTime now);

}  // namespace signer::policy
