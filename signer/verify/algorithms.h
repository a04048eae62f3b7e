// SPDX-License-Identifier: Apache-2.0
//
// The algorithms the library knows, one row each.  To add one, add its row here, its enumerator to jws::Algorithm and,
// if it is new to the product, its mathematics to VerificationKey.
#pragma once

#include <array>
#include <string_view>

#include "jose/public_key.h"
#include "signer/jws.h"

namespace signer::verify {

struct AlgorithmRow {
  jws::Algorithm algorithm;
  std::string_view name;  // JWS and JWK alg; case-sensitive (RFC 7515 §4.1.1)
  std::string_view kty;
  jose::Algorithm key_algorithm;
};

inline constexpr std::array kAlgorithms = {
    AlgorithmRow{jws::Algorithm::kRs256, "RS256", "RSA", jose::Algorithm::kRs256},
};

// nullptr for a name that is not in the table: "none", "HS256", "rs256", ...
[[nodiscard]] constexpr const AlgorithmRow* find_algorithm(std::string_view name) noexcept {
  for (const AlgorithmRow& row : kAlgorithms) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace signer::verify
