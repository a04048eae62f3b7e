// SPDX-License-Identifier: Apache-2.0

#include "signer/verify_error.h"

namespace signer {

std::string_view to_string(VerifyError error) noexcept {
  switch (error) {
    case VerifyError::kDecryptFailed:
      return "decrypt_failed";
    case VerifyError::kTooLarge:
      return "too_large";
    case VerifyError::kMalformed:
      return "malformed";
    case VerifyError::kHeaderRefused:
      return "header_refused";
    case VerifyError::kWrongType:
      return "wrong_type";
    case VerifyError::kWrongAlgorithm:
      return "wrong_algorithm";
    case VerifyError::kUnknownKey:
      return "unknown_key";
    case VerifyError::kBadSignature:
      return "bad_signature";
    case VerifyError::kPayloadRefused:
      return "payload_refused";
    case VerifyError::kClaimInvalid:
      return "claim_invalid";
    case VerifyError::kClaimMissing:
      return "claim_missing";
    case VerifyError::kWrongIssuer:
      return "wrong_issuer";
    case VerifyError::kWrongAudience:
      return "wrong_audience";
    case VerifyError::kExpired:
      return "expired";
    case VerifyError::kNotYetValid:
      return "not_yet_valid";
    case VerifyError::kLifetimeTooLong:
      return "lifetime_too_long";
    case VerifyError::kKeysUnavailable:
      return "keys_unavailable";
    case VerifyError::kInternal:
      return "internal";
  }
  return "internal";
}

std::string_view public_face(VerifyError error) noexcept {
  switch (error) {
    case VerifyError::kWrongAlgorithm:
    case VerifyError::kUnknownKey:
    case VerifyError::kBadSignature:
      return "invalid_token_signature";
    default:
      return to_string(error);
  }
}

}  // namespace signer
