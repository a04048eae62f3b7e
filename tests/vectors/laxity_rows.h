// SPDX-License-Identifier: Apache-2.0
//
// What verifiers have been caught taking: for each rule tokens that must pass and tokens that must not, which are good
// ones but for what the rule is about.  make_laxity_tokens prints them, for the judging of any verifier.
#pragma once

#include <string>
#include <vector>

#include "signer/jwt.h"

namespace signer::vectors {

struct LaxityRow {
  std::string rule;      // "crit", "exp": what is tried
  std::string name;      // one word, one row of a rule
  std::string token;     // compact
  std::string expected;  // "ok", or the verify_error.h code of the refusal
  bool policy = false;   // refused by a rule of this library alone: the RFCs let a verifier take it, or make it
};

// The keys, the profile and the time that all rows are for.  The keys are made anew for each process.
struct LaxityCase {
  std::string jwks;  // RS256 "a" and "b", ES256 "e", PS256 "p", Ed25519 "o"
  jwt::TokenProfile profile;
  long long now = 0;  // seconds since 1970
  std::vector<LaxityRow> rows;
};

[[nodiscard]] LaxityCase laxity_case(long long now);

}  // namespace signer::vectors
