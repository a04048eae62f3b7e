// SPDX-License-Identifier: Apache-2.0
//
// The storage root key at 0x81000001: the parent of all our keys and the anchor of our sessions.  It is read and
// compared, never derived again: templates that look alike make different keys.
#pragma once

#include "tpm/esys_context.h"
#include "tpm/public_area.h"

namespace signer::tpm {

inline constexpr TPM2_HANDLE kStorageRootHandle = 0x81000001;

struct StorageRoot {
  ESYS_TR handle = ESYS_TR_NONE;  // good as long as the context
  Bytes name;                     // computed from the public area that the library uses, 34 bytes
};

// What is at the handle.  kNotFound with advice if nothing is.
[[nodiscard]] TpmResult<StorageRoot> read_storage_root(EsysContext& context);

// Makes the key and puts it at the handle.  Ask read_storage_root first.  Needs an empty owner auth: kUnsupported
// with advice if there is one.
[[nodiscard]] TpmResult<StorageRoot> create_storage_root(EsysContext& context);

// The public area that the TPM shows for a key now (TPM2_ReadPublic); not what the library uses.
[[nodiscard]] TpmResult<TPM2B_PUBLIC> read_area(EsysContext& context, ESYS_TR handle);

// The Name of the key behind a handle of the library, computed from its public area.
[[nodiscard]] TpmResult<Bytes> name_behind(EsysContext& context, ESYS_TR handle);

}  // namespace signer::tpm
