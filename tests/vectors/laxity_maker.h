// SPDX-License-Identifier: Apache-2.0
//
// The keys that sign the laxity rows, and the list that the rows go to.  For laxity_*.cc alone.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/algorithm_key.h"
#include "tests/support/claims_text.h"
#include "tests/support/signing_key.h"
#include "tests/vectors/laxity_rows.h"

namespace signer::vectors {

struct LaxityKeys {
  const test::SigningKey& a = test::SigningKey::first();
  const test::SigningKey& b = test::SigningKey::second();
  test::AlgorithmKey e{Algorithm::kEs256};
  test::AlgorithmKey p{Algorithm::kPs256};
  test::AlgorithmKey o{Algorithm::kEd25519};
  test::SigningKey attacker{2048};  // in nobody's key set
};

class LaxityRows {
 public:
  struct Part {
    const char* name;
    std::string text;  // a header, a payload or a whole token
    const char* expected;
    bool policy = false;  // as in LaxityRow
  };

  static constexpr bool kPolicy = true;

  static constexpr std::string_view kHeader = R"({"alg":"RS256","kid":"a","typ":"at+jwt"})";

  explicit LaxityRows(long long now) : now_(now), claims_(test::claims_text(now)), good_(sign(kHeader, claims_)) {}

  [[nodiscard]] const LaxityKeys& keys() const { return keys_; }

  [[nodiscard]] long long now() const { return now_; }

  [[nodiscard]] const std::string& claims() const { return claims_; }

  // The token that breaks no rule; the first row of each.
  [[nodiscard]] const std::string& good() const { return good_; }

  [[nodiscard]] std::string sign(std::string_view header, std::string_view payload) const {
    return keys_.a.token(header, payload);
  }

  void tokens(const std::string& rule, const std::vector<Part>& parts) {
    rows_.push_back({rule, "Plain", good_, "ok", false});
    for (const Part& part : parts) rows_.push_back({rule, part.name, part.text, part.expected, part.policy});
  }

  void headers(const std::string& rule, std::vector<Part> parts) {
    for (Part& part : parts) part.text = sign(part.text, claims_);
    tokens(rule, parts);
  }

  void payloads(const std::string& rule, std::vector<Part> parts) {
    for (Part& part : parts) part.text = sign(kHeader, part.text);
    tokens(rule, parts);
  }

  [[nodiscard]] std::vector<LaxityRow> take() { return std::move(rows_); }

 private:
  LaxityKeys keys_;
  long long now_;
  std::string claims_;
  std::string good_;
  std::vector<LaxityRow> rows_;
};

void add_header_rows(LaxityRows& rows);
void add_claim_rows(LaxityRows& rows);

}  // namespace signer::vectors
