// SPDX-License-Identifier: Apache-2.0
// Target functions: KeySet::from_pem (and verify::numbers_from_pem, verify::load_key below it).
//
// The first byte chooses the algorithm.  A text that loads is one public key that answers to its name, loads again
// under its thumbprint, and serves the algorithms of its family and no other.  OpenSSL's check of an RSA modulus takes
// random bases, so one that a mutation made need not be judged the same twice.
#include <array>

#include "fuzz/fuzz.h"
#include "jose/algorithms.h"
#include "signer/key_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using namespace signer::fuzz;
  if (size == 0) return 0;
  const jose::AlgorithmRow& row = jose::kAlgorithms[data[0] % jose::kAlgorithms.size()];
  const std::string_view pem = text_of({data + 1, size - 1});
  const auto keys = KeySet::from_pem(std::array{PemKey{pem, row.algorithm, "k"}});
  if (!keys) {
    require(keys.error().text.starts_with("key set: "), "a refusal says what was refused");
    require(keys.error().code == ErrorCode::kInvalidRequest, "a bad key is the sender's fault");
    return 0;
  }
  require(keys->kids() == std::vector<std::string>{"k"}, "one key under its name");
  require(pem.find("-----BEGIN PRIVATE") == std::string_view::npos, "no private key");
  const bool rsa = row.coordinate_bytes == 0;
  const auto again = KeySet::from_pem(std::array{PemKey{pem, row.algorithm, ""}});
  require(again.has_value() || rsa, "what loads once loads again");
  require(!again || again->kids().front().size() == 43, "its own name is a thumbprint");
  for (const jose::AlgorithmRow& other : jose::kAlgorithms) {
    const bool fits = other.kty == row.kty && other.crv == row.crv;
    const auto as_other = KeySet::from_pem(std::array{PemKey{pem, other.algorithm, ""}});
    require(fits || !as_other, "a key serves its own family alone");
    require(!fits || as_other || rsa, "and all of that");
  }
  return 0;
}
