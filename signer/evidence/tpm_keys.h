// SPDX-License-Identifier: Apache-2.0
//
// The four keys of a TPM's evidence, each by its public area: the key, the attestation key, the endorsement key above
// that, and the storage root above the key.
#pragma once

#include <optional>

#include "evidence/tpm_part.h"
#include "evidence/tpm_structures.h"
#include "evidence/verdict.h"
#include "jose/public_key.h"

namespace signer::evidence {

struct TpmKey {
  PublicArea area;
  Name name{};
};

struct TpmKeys {
  TpmKey key;
  TpmKey attestation;
  TpmKey endorsement;
  TpmKey storage_root;

  // The places that the keys must have for the public areas to be what they are given out for.
  Name storage_root_place{};  // qualified name of the storage root, a primary key of the owner hierarchy
  Name key_place{};           // under the storage root
  Name attestation_place{};   // under the endorsement key, a primary key of the endorsement hierarchy
};

// Adds the checks tpm.key.*, tpm.ak.*, tpm.ek.* and tpm.storage_root.* of what stands in the public areas.  Nothing if
// one cannot be read, which is a kBad check.
[[nodiscard]] std::optional<TpmKeys> judge_tpm_keys(const TpmPart& part, const jose::PublicKey& published,
                                                    Judgement& judgement);

}  // namespace signer::evidence
