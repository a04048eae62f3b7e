// SPDX-License-Identifier: Apache-2.0
//
// The members of a [[profile]]: what its tokens may hold (docs/claim-policy.md).
#pragma once

#include "config/config.h"
#include "config/reader.h"

namespace signer::config {

// All members but `name`, which is in `profile` already.  The recipient that a profile names must be in `so_far`.
// `problems` are those of `reader`.  The caller finishes the reader.
void read_profile(TableReader& reader, Problems& problems, const Config& so_far, Profile& profile);

}  // namespace signer::config
