// SPDX-License-Identifier: Apache-2.0
//
// The numbers of PKCS#11 that a judge of evidence knows (OASIS PKCS #11 3.1, pkcs11t.h).  The judge links no token
// code, so they stand here again.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace signer::evidence::cryptoki {

inline constexpr std::uint64_t kClass = 0x000;
inline constexpr std::uint64_t kToken = 0x001;
inline constexpr std::uint64_t kPrivate = 0x002;
inline constexpr std::uint64_t kLabel = 0x003;
inline constexpr std::uint64_t kTrusted = 0x086;
inline constexpr std::uint64_t kKeyType = 0x100;
inline constexpr std::uint64_t kId = 0x102;
inline constexpr std::uint64_t kSensitive = 0x103;
inline constexpr std::uint64_t kEncrypt = 0x104;
inline constexpr std::uint64_t kDecrypt = 0x105;
inline constexpr std::uint64_t kWrap = 0x106;
inline constexpr std::uint64_t kUnwrap = 0x107;
inline constexpr std::uint64_t kSign = 0x108;
inline constexpr std::uint64_t kSignRecover = 0x109;
inline constexpr std::uint64_t kVerify = 0x10a;
inline constexpr std::uint64_t kVerifyRecover = 0x10b;
inline constexpr std::uint64_t kDerive = 0x10c;
inline constexpr std::uint64_t kModulus = 0x120;
inline constexpr std::uint64_t kPublicExponent = 0x122;
inline constexpr std::uint64_t kExtractable = 0x162;
inline constexpr std::uint64_t kLocal = 0x163;
inline constexpr std::uint64_t kNeverExtractable = 0x164;
inline constexpr std::uint64_t kAlwaysSensitive = 0x165;
inline constexpr std::uint64_t kKeyGenMechanism = 0x166;
inline constexpr std::uint64_t kModifiable = 0x170;
inline constexpr std::uint64_t kCopyable = 0x171;
inline constexpr std::uint64_t kDestroyable = 0x172;
inline constexpr std::uint64_t kEcParams = 0x180;
inline constexpr std::uint64_t kEcPoint = 0x181;
inline constexpr std::uint64_t kAlwaysAuthenticate = 0x202;
inline constexpr std::uint64_t kWrapWithTrusted = 0x210;
inline constexpr std::uint64_t kAllowedMechanisms = 0x40000600;

struct NamedNumber {
  std::uint64_t number;
  std::string_view name;
};

// docs/evidence-format.md §3.1: all that may stand in an attribute list of a key.
inline constexpr std::array<NamedNumber, 32> kAttributes{{{kClass, "CKA_CLASS"},
                                                          {kToken, "CKA_TOKEN"},
                                                          {kPrivate, "CKA_PRIVATE"},
                                                          {kLabel, "CKA_LABEL"},
                                                          {kTrusted, "CKA_TRUSTED"},
                                                          {kKeyType, "CKA_KEY_TYPE"},
                                                          {kId, "CKA_ID"},
                                                          {kSensitive, "CKA_SENSITIVE"},
                                                          {kEncrypt, "CKA_ENCRYPT"},
                                                          {kDecrypt, "CKA_DECRYPT"},
                                                          {kWrap, "CKA_WRAP"},
                                                          {kUnwrap, "CKA_UNWRAP"},
                                                          {kSign, "CKA_SIGN"},
                                                          {kSignRecover, "CKA_SIGN_RECOVER"},
                                                          {kVerify, "CKA_VERIFY"},
                                                          {kVerifyRecover, "CKA_VERIFY_RECOVER"},
                                                          {kDerive, "CKA_DERIVE"},
                                                          {kModulus, "CKA_MODULUS"},
                                                          {kPublicExponent, "CKA_PUBLIC_EXPONENT"},
                                                          {kExtractable, "CKA_EXTRACTABLE"},
                                                          {kLocal, "CKA_LOCAL"},
                                                          {kNeverExtractable, "CKA_NEVER_EXTRACTABLE"},
                                                          {kAlwaysSensitive, "CKA_ALWAYS_SENSITIVE"},
                                                          {kKeyGenMechanism, "CKA_KEY_GEN_MECHANISM"},
                                                          {kModifiable, "CKA_MODIFIABLE"},
                                                          {kCopyable, "CKA_COPYABLE"},
                                                          {kDestroyable, "CKA_DESTROYABLE"},
                                                          {kEcParams, "CKA_EC_PARAMS"},
                                                          {kEcPoint, "CKA_EC_POINT"},
                                                          {kAlwaysAuthenticate, "CKA_ALWAYS_AUTHENTICATE"},
                                                          {kWrapWithTrusted, "CKA_WRAP_WITH_TRUSTED"},
                                                          {kAllowedMechanisms, "CKA_ALLOWED_MECHANISMS"}}};

// The name, or "" of an attribute that is not in the table.
[[nodiscard]] constexpr std::string_view attribute_name(std::uint64_t type) {
  for (const auto& [number, name] : kAttributes) {
    if (number == type) return name;
  }
  return {};
}

inline constexpr std::uint64_t kPublicKeyClass = 2;
inline constexpr std::uint64_t kPrivateKeyClass = 3;
inline constexpr std::uint64_t kSecretKeyClass = 4;
inline constexpr std::uint64_t kRsaKeyType = 0;
inline constexpr std::uint64_t kEcKeyType = 3;

inline constexpr std::uint64_t kRsaPkcsKeyPairGen = 0x0000;
inline constexpr std::uint64_t kRsaPkcs = 0x0001;
inline constexpr std::uint64_t kRsaX931KeyPairGen = 0x000a;
inline constexpr std::uint64_t kSha256RsaPkcs = 0x0040;
inline constexpr std::uint64_t kEcKeyPairGen = 0x1040;
inline constexpr std::uint64_t kEcdsa = 0x1041;
inline constexpr std::uint64_t kEcdsaSha256 = 0x1044;
inline constexpr std::uint64_t kConcatenateBaseAndData = 0x0362;
inline constexpr std::uint64_t kXorBaseAndData = 0x0364;
inline constexpr std::uint64_t kExtractKeyFromKey = 0x0365;

// Mechanisms of AES and triple DES that wrap keys: ECB, CBC, CBC_PAD of triple DES; ECB, CBC, CBC_PAD, CTR, GCM, CCM,
// KEY_WRAP, KEY_WRAP_PAD, KEY_WRAP_KWP, KEY_WRAP_PKCS7 of AES.
inline constexpr std::array<std::uint64_t, 13> kSymmetricWrapping{
    0x0132, 0x0133, 0x0136, 0x1081, 0x1082, 0x1085, 0x1086, 0x1087, 0x1088, 0x2109, 0x210a, 0x210b, 0x210c};

// Mechanisms that wrap with a public key: RSA_PKCS, RSA_X_509, RSA_PKCS_OAEP, ECDH_AES_KEY_WRAP, RSA_AES_KEY_WRAP.
inline constexpr std::array<std::uint64_t, 5> kPublicKeyWrapping{0x0001, 0x0003, 0x0009, 0x1053, 0x1054};

inline constexpr std::uint64_t kMechanismInHardware = 0x00001;  // CKF_HW
inline constexpr std::uint64_t kMechanismSigns = 0x00800;
inline constexpr std::uint64_t kMechanismMakesPairs = 0x10000;
inline constexpr std::uint64_t kMechanismWraps = 0x20000;
inline constexpr std::uint64_t kMechanismDerives = 0x80000;

inline constexpr std::uint64_t kSlotIsHardware = 0x4;

inline constexpr std::uint64_t kLoginRequired = 0x4;
inline constexpr std::uint64_t kUserPinInitialized = 0x8;
inline constexpr std::uint64_t kTokenInitialized = 0x400;
inline constexpr std::uint64_t kUserPinCountLow = 0x10000;
inline constexpr std::uint64_t kUserPinFinalTry = 0x20000;
inline constexpr std::uint64_t kUserPinLocked = 0x40000;
inline constexpr std::uint64_t kUserPinToBeChanged = 0x80000;
inline constexpr std::uint64_t kSoPinToBeChanged = 0x800000;

}  // namespace signer::evidence::cryptoki
