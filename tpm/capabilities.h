// SPDX-License-Identifier: Apache-2.0
//
// What a TPM says of itself.  Nothing of it is authenticated: for people, and for choices that a lie cannot turn into
// harm.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tpm/esys_context.h"

namespace signer::tpm {

// TPM2_PT numbers and their values, fixed and variable (TPM 2.0 Part 2 §6.13).
using Properties = std::map<TPM2_PT, std::uint32_t>;

[[nodiscard]] TpmResult<Properties> read_properties(EsysContext& context);

struct Identity {
  std::string manufacturer;  // "IBM"
  std::string vendor;        // "SW TPM"
  std::string firmware;      // "8217.4131.22.13878"
  bool simulator = false;    // says that it is software; one that does not say so may be all the same
};

[[nodiscard]] Identity identity_of(const Properties& properties);

// The handles in use from `first` to the end of its kind, at most 254.
[[nodiscard]] TpmResult<std::vector<TPM2_HANDLE>> handles_from(EsysContext& context, TPM2_HANDLE first);

// Flushes every transient object and loaded session that this connection shows.  Behind a resource manager those are
// ours; without one the host has the TPM to itself, and what is left there is a dead host's.
void flush_all_loaded(EsysContext& context);

}  // namespace signer::tpm
