// SPDX-License-Identifier: Apache-2.0
//
// The claim that holds encrypted claims (docs/encryption.md), named here for those who make it and those who open it.
#pragma once

#include <string_view>

namespace signer {

/// Its value is text: the compact JWE of one JSON object, the claims that are not for everybody.
inline constexpr std::string_view kEncryptedClaims = "encrypted_claims";

}  // namespace signer
