// SPDX-License-Identifier: Apache-2.0
//
// The attribute lists of an evidence bundle (docs/evidence-format.md §3.1): what is asked of which object, and what the
// token answered, byte for byte.
#pragma once

#include <span>
#include <vector>

#include "hsm/session_pool.h"
#include "jose/json.h"

namespace signer::hsm {

using AttributeTypes = std::vector<CK_ATTRIBUTE_TYPE>;

// §3.1.  Never CKA_VALUE or a private number.
[[nodiscard]] AttributeTypes private_key_attributes(bool rsa);
[[nodiscard]] AttributeTypes public_key_attributes(bool rsa);
[[nodiscard]] std::span<const CK_ATTRIBUTE_TYPE> other_key_attributes();
[[nodiscard]] std::span<const CK_ATTRIBUTE_TYPE> validation_attributes();

// Asks for each by itself.  Every answer is an entry: a value of at most 4,096 bytes in hexadecimal digits, or the name
// of the CK_RV.
[[nodiscard]] jose::Json attribute_list(const Session& session, CK_OBJECT_HANDLE object,
                                        std::span<const CK_ATTRIBUTE_TYPE> types);

// As JSON numbers go: above 2^53 - 1 (CK_UNAVAILABLE_INFORMATION among them) it is 2^53 - 1 (RFC 7493 §2.2).
[[nodiscard]] jose::Json exact_number(CK_ULONG number);

}  // namespace signer::hsm
