// SPDX-License-Identifier: Apache-2.0
//
// Why a token was refused: a closed set, in the order in which the checks run.
#pragma once

#include <string_view>

namespace signer {

enum class VerifyError {
  /// An encrypted token, or encrypted claims, that did not open to something signed.  Everything that can be wrong up
  /// to the inner signature is this one error, so that answers teach nobody how to open what is not theirs (RFC 7516
  /// §11.5).  Perhaps the sender encrypts to a key that is no longer here.
  kDecryptFailed,
  kTooLarge,         ///< Longer than the policy allows; nothing of it was read.
  kMalformed,        ///< Not three parts of exact base64url (RFC 7515 §7.1).
  kHeaderRefused,    ///< Not strict JSON, no alg or kid, or a parameter that the policy does not allow.
  kWrongType,        ///< The header's typ is not the one asked for: a token of another kind.
  kWrongAlgorithm,   ///< alg is not in the policy's set, or is not the key's.
  kUnknownKey,       ///< No key has this kid: perhaps the key set is stale; reload it, but not for every such token.
  kBadSignature,     ///< The key did not sign these bytes.
  kPayloadRefused,   ///< Signed, but not one strict JSON object within the caps.
  kClaimInvalid,     ///< A registered claim has the wrong type or is out of range.
  kClaimMissing,     ///< A required claim is absent.
  kWrongIssuer,      ///< iss is none of the profile's.
  kWrongAudience,    ///< aud names none of the profile's.
  kExpired,          ///< now is at or after exp, leeway included.
  kNotYetValid,      ///< nbf or iat lies in the future, beyond the leeway.
  kLifetimeTooLong,  ///< exp - iat exceeds the profile's cap, or is negative.
  kKeysUnavailable,  ///< The key source has no key set that is young enough; its status says why.
  kInternal,         ///< Memory ran out.  Nothing is known about the token.
};

/// For logs: "too_large", "malformed", ...
[[nodiscard]] std::string_view to_string(VerifyError error) noexcept;

/// For whoever sent the token: as to_string(), except that kWrongAlgorithm, kUnknownKey and kBadSignature read the
/// same, "invalid_token_signature", so that replies do not tell which keys there are.
[[nodiscard]] std::string_view public_face(VerifyError error) noexcept;

}  // namespace signer
