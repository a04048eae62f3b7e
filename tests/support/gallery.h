// SPDX-License-Identifier: Apache-2.0
//
// A gallery of keys that an auditor must not accept, each bad in one way, and a good one to hold beside them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hsm/session_pool.h"

namespace signer::test {

enum class GalleryKey {
  kGood,
  kExtractable,      // may be wrapped out
  kNonSensitive,     // CKA_SENSITIVE=0, and the numbers are refused all the same for want of CKA_EXTRACTABLE
  kReadable,         // both: its numbers are given to whoever asks
  kImported,         // made outside (C_CreateObject), hardened on its way in
  kUnwrapped,        // came in through C_UnwrapKey, hardened likewise
  kLaundered,        // was readable once, hardened by C_SetAttributeValue
  kWrapWithTrusted,  // may be wrapped out, by a wrapping key that the SO trusts
  kDecryptCapable,   // decrypts and unwraps beside signing
  kNoLogin,          // CKA_PRIVATE=0: signs for whoever opens a session
  kSecondCopy,       // good, and C_CopyObject has made another one of it under another CKA_ID
  kShort,            // a modulus of 1,024 bits
  kLowExponent,      // the public exponent is 3
};

inline constexpr GalleryKey kGallery[] = {
    GalleryKey::kGood,       GalleryKey::kExtractable, GalleryKey::kNonSensitive,   GalleryKey::kReadable,
    GalleryKey::kImported,   GalleryKey::kUnwrapped,   GalleryKey::kLaundered,      GalleryKey::kWrapWithTrusted,
    GalleryKey::kNoLogin,    GalleryKey::kSecondCopy,  GalleryKey::kDecryptCapable, GalleryKey::kShort,
    GalleryKey::kLowExponent};

// "extractable", "second-copy".
[[nodiscard]] std::string_view to_string(GalleryKey kind);

// Makes the key as a token object under `key_id` (the copy under `key_id` and "-copy") through a session that is logged
// in and may write.  CKR_OK, or the answer of the call that failed.  RSA, 2048 bits but for kShort.
[[nodiscard]] CK_RV make_gallery_key(const hsm::Session& session, GalleryKey kind, ByteView key_id);

// The private numbers that kImported has, made once in this process: d, p, q, d mod p-1, d mod q-1, q^-1 mod p.
[[nodiscard]] const std::vector<Bytes>& imported_private_numbers();

// The same key put in so that its numbers can be read again: kImported with CKA_SENSITIVE=0, CKA_EXTRACTABLE=1.
[[nodiscard]] CK_RV import_readable_key(const hsm::Session& session, ByteView key_id);

}  // namespace signer::test
