// SPDX-License-Identifier: Apache-2.0
//
// A whole bundle about a software key, to be spoilt one thing at a time before or after it is signed.  It is signed
// with OpenSSL directly: no code of ours signs here.
#pragma once

#include <string>
#include <string_view>

#include "jose/json.h"
#include "jose/public_key.h"

namespace signer::test {

inline constexpr std::string_view kNonce = "AAECAwQFBgcICQoLDA0ODw";
inline constexpr std::string_view kNote =
    "signer.example/log\n4711\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n\n\xe2\x80\x94 signer.example/log AAAA\n";

// The public half of the key that signs every model: RSA of 2048 bits, made once for a process.
[[nodiscard]] jose::PublicKey model_key();

// A statement of fmt `pkcs11` about it.
[[nodiscard]] jose::Json model_statement(const jose::Json& pkcs11);

// The same about another key.
[[nodiscard]] jose::Json model_statement(const jose::Json& pkcs11, const jose::PublicKey& key);

// What a signature says of a statement, to be spoilt.
struct SignedParts {
  jose::Json header;
  jose::Json payload;
};

[[nodiscard]] SignedParts parts_for(const jose::Json& statement);

// The file: these parts signed, over this statement.
[[nodiscard]] std::string model_file(const SignedParts& parts, const jose::Json& statement);

// The same with the parts that are right for the statement.
[[nodiscard]] std::string model_file(const jose::Json& statement);

}  // namespace signer::test
