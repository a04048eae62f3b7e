// SPDX-License-Identifier: Apache-2.0
//
// Names for attributes and mechanisms, and the constants of P-256.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "hsm/pkcs11.h"

namespace signer::hsm {

// DER of OID 1.2.840.10045.3.1.7 (prime256v1): CKA_EC_PARAMS of a named curve.
inline constexpr std::array<std::uint8_t, 10> kP256Params{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

// PKCS#11 3.0 and 3.2, beyond what p11-kit's header knows.
#ifndef CKM_AES_KEY_WRAP_KWP
inline constexpr CK_MECHANISM_TYPE CKM_AES_KEY_WRAP_KWP = 0x210b;
#endif
#ifndef CKM_AES_KEY_WRAP_PKCS7
inline constexpr CK_MECHANISM_TYPE CKM_AES_KEY_WRAP_PKCS7 = 0x210c;
#endif
#ifndef CKO_VALIDATION
inline constexpr CK_OBJECT_CLASS CKO_VALIDATION = 0x0a;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_TYPE = 0x61f;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_VERSION = 0x620;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_LEVEL = 0x621;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_MODULE_ID = 0x622;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_FLAG = 0x623;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_AUTHORITY_TYPE = 0x624;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_COUNTRY = 0x625;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_CERTIFICATE_IDENTIFIER = 0x626;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_CERTIFICATE_URI = 0x627;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_VENDOR_URI = 0x628;
inline constexpr CK_ATTRIBUTE_TYPE CKA_VALIDATION_PROFILE = 0x629;
#endif

// The flags of a private key that people and auditors look at.
inline constexpr CK_ATTRIBUTE_TYPE kReportedFlags[] = {CKA_SENSITIVE,
                                                       CKA_ALWAYS_SENSITIVE,
                                                       CKA_EXTRACTABLE,
                                                       CKA_NEVER_EXTRACTABLE,
                                                       CKA_LOCAL,
                                                       CKA_PRIVATE,
                                                       CKA_TOKEN,
                                                       CKA_SIGN,
                                                       CKA_DECRYPT,
                                                       CKA_UNWRAP,
                                                       CKA_SIGN_RECOVER,
                                                       CKA_DERIVE,
                                                       CKA_MODIFIABLE,
                                                       CKA_COPYABLE,
                                                       CKA_DESTROYABLE,
                                                       CKA_WRAP_WITH_TRUSTED,
                                                       CKA_ALWAYS_AUTHENTICATE};

// "CKA_SENSITIVE"; "CKA_0x123" for those we never ask for.
[[nodiscard]] std::string attribute_name(CK_ATTRIBUTE_TYPE type);

// "CKM_SHA256_RSA_PKCS"; "unavailable"; "CKM_0x123".
[[nodiscard]] std::string mechanism_name(CK_MECHANISM_TYPE type);

// "CKM_A,CKM_B" of a CKA_ALLOWED_MECHANISMS value, in the order of their numbers.
[[nodiscard]] std::string mechanism_names(ByteView value);

}  // namespace signer::hsm
