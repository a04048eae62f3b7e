// SPDX-License-Identifier: Apache-2.0
//
// How the fault module lies about keys (control.h): what a token does that claims more than it keeps.
#pragma once

#include <p11-kit/pkcs11.h>

#include <vector>

#include "control.h"

namespace signer::fault {

// The template that the real module gets for one that asked for a private key.
[[nodiscard]] std::vector<CK_ATTRIBUTE> weakened_template(const Control& control, const CK_ATTRIBUTE* attributes,
                                                          CK_ULONG count);

// C_GetAttributeValue with the lies that are switched on.
[[nodiscard]] CK_RV read_with_lies(const CK_FUNCTION_LIST& api, const Control& control, CK_SESSION_HANDLE session,
                                   CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes, CK_ULONG count);

}  // namespace signer::fault
