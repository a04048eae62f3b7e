// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL as judge of the signatures that tokens make: no code of ours verifies them.
#pragma once

#include <string_view>

#include "jose/public_key.h"
#include "signer/bytes.h"

namespace signer::test {

// Whether it is the key's signature over `input`: RS256, or ES256 as R || S.
[[nodiscard]] bool verifies(const jose::PublicKey& key, std::string_view input, ByteView signature);

}  // namespace signer::test
