// SPDX-License-Identifier: Apache-2.0
//
// The table [audit] (docs/configuration.md).
#pragma once

#include "config/config.h"
#include "config/reader.h"

namespace signer::config {

// Fills `so_far.audit`, whose dir is the default; tokens must have been read before.
void read_audit(TableReader& reader, Problems& problems, Config& so_far);

}  // namespace signer::config
