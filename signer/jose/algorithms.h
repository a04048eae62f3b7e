// SPDX-License-Identifier: Apache-2.0
//
// The algorithms, one row each: what JWKs and headers call them and what their keys and signatures look like.  To add
// one, add its enumerator and its row; a new scheme also needs its mathematics in verify/.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "jose/hash.h"
#include "signer/algorithm.h"

namespace signer::jose {

enum class Scheme { kPkcs1, kPss, kEcdsa, kEddsa };

struct AlgorithmRow {
  Algorithm algorithm;
  std::string_view name;  // JWS and JWK alg; case-sensitive (RFC 7515 §4.1.1)
  std::string_view kty;
  std::string_view crv;  // EC and OKP
  Scheme scheme;
  Hash hash;                     // of the signing input; kEddsa signs the input itself
  std::size_t coordinate_bytes;  // EC: of x and y each; OKP: of x; RSA: 0
};

inline constexpr std::array kAlgorithms = {
    AlgorithmRow{Algorithm::kRs256, "RS256", "RSA", "", Scheme::kPkcs1, Hash::kSha256, 0},
    AlgorithmRow{Algorithm::kRs384, "RS384", "RSA", "", Scheme::kPkcs1, Hash::kSha384, 0},
    AlgorithmRow{Algorithm::kRs512, "RS512", "RSA", "", Scheme::kPkcs1, Hash::kSha512, 0},
    AlgorithmRow{Algorithm::kPs256, "PS256", "RSA", "", Scheme::kPss, Hash::kSha256, 0},
    AlgorithmRow{Algorithm::kPs384, "PS384", "RSA", "", Scheme::kPss, Hash::kSha384, 0},
    AlgorithmRow{Algorithm::kPs512, "PS512", "RSA", "", Scheme::kPss, Hash::kSha512, 0},
    AlgorithmRow{Algorithm::kEs256, "ES256", "EC", "P-256", Scheme::kEcdsa, Hash::kSha256, 32},
    AlgorithmRow{Algorithm::kEs384, "ES384", "EC", "P-384", Scheme::kEcdsa, Hash::kSha384, 48},
    AlgorithmRow{Algorithm::kEd25519, "Ed25519", "OKP", "Ed25519", Scheme::kEddsa, Hash::kSha512, 32},
};

// nullptr for a name that is not in the table: "none", "HS256", "rs256", ...
[[nodiscard]] constexpr const AlgorithmRow* find_algorithm(std::string_view name) noexcept {
  for (const AlgorithmRow& row : kAlgorithms) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

// nullptr for a number that is no enumerator.
[[nodiscard]] constexpr const AlgorithmRow* find_algorithm(Algorithm algorithm) noexcept {
  for (const AlgorithmRow& row : kAlgorithms) {
    if (row.algorithm == algorithm) return &row;
  }
  return nullptr;
}

}  // namespace signer::jose
