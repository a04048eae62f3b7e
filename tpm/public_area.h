// SPDX-License-Identifier: Apache-2.0
//
// TPMT_PUBLIC and what it says: the Name, the numbers of the key, whether the key can be trusted to stay where it is.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include <string>

#include "tpm/tpm_error.h"

namespace signer::tpm {

// Reads a TPM2B_PUBLIC as a file or response holds it, size and all; kInvalid if it is none or is followed by anything.
[[nodiscard]] TpmResult<TPM2B_PUBLIC> read_public_area(ByteView bytes);

// The bytes of the same.
[[nodiscard]] TpmResult<Bytes> write_public_area(const TPM2B_PUBLIC& area);

// TPM2B_PRIVATE likewise: encrypted by the parent.  kMismatch if it is none or is followed by anything.
[[nodiscard]] TpmResult<TPM2B_PRIVATE> read_private_area(ByteView bytes);
[[nodiscard]] TpmResult<Bytes> write_private_area(const TPM2B_PRIVATE& area);

// The Name: the hash algorithm's number and the SHA-256 of the area, 34 bytes (TPM 2.0 Part 1 §16).  kUnsupported with
// another hash.
[[nodiscard]] TpmResult<Bytes> name_of(const TPM2B_PUBLIC& area);

// The key's numbers.  kUnsupported unless it is RSA with RSASSA and SHA-256, or P-256 with ECDSA and SHA-256.
[[nodiscard]] TpmResult<jose::PublicKey> public_key_of(const TPM2B_PUBLIC& area);

// kUnsupported, with every attribute that is wrong, unless the key was made inside this TPM, can never leave it, signs
// and does nothing else, asks for its auth value and is exempt from dictionary attack lockout (docs/tpm.md).
[[nodiscard]] TpmResult<void> check_strength(const TPM2B_PUBLIC& area);

// kUnsupported unless the key is a storage parent that cannot leave its TPM.
[[nodiscard]] TpmResult<void> check_storage_root(const TPM2B_PUBLIC& area);

// "fixedTPM=1 fixedParent=1 ... scheme=RSASSA/SHA256".
[[nodiscard]] std::string attributes_text(const TPM2B_PUBLIC& area);

}  // namespace signer::tpm
