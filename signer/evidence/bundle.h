// SPDX-License-Identifier: Apache-2.0
//
// The file of an evidence bundle: a statement and the signature over its bytes (docs/evidence-format.md §1).
#pragma once

#include <string>
#include <string_view>

#include "jose/json.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::evidence {

inline constexpr std::size_t kBundleBytesMax = 576UL * 1024;
inline constexpr std::size_t kStatementBytesMax = 512UL * 1024;
inline constexpr std::string_view kFormat = "signer-evidence/1";
inline constexpr std::string_view kSignatureType = "signer-evidence";  // the JWS header's typ

// A bundle that was read: its form is right, its signature is not judged.
struct Bundle {
  std::string jws;             // compact
  std::string statement_text;  // the bytes that are signed
  jose::Json statement;        // the same, read; an object
};

// kInvalidRequest, naming what is wrong, for bytes that are not exactly a bundle.
[[nodiscard]] Result<Bundle> read_bundle(std::string_view file);

// The file, with its line feed.
[[nodiscard]] std::string write_bundle(std::string_view jws, std::string_view statement);

// RFC 7515 §5.1: what the key signs for a statement.  `alg` is "RS256" or "ES256".
[[nodiscard]] std::string signing_input(std::string_view alg, std::string_view kid, std::string_view nonce,
                                        std::string_view statement);

// docs/evidence-format.md §2: ties what a token quotes to the rest of the statement.
[[nodiscard]] std::array<std::uint8_t, 32> context_of(std::string_view kid, std::string_view config_sha256,
                                                      std::string_view checkpoint, ByteView vendor_data);

}  // namespace signer::evidence
