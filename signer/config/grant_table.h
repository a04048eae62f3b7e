// SPDX-License-Identifier: Apache-2.0
//
// The members of a [[grant]]: whom it is for, what it allows and how much of it.
#pragma once

#include <string>

#include "config/config.h"
#include "config/reader.h"

namespace signer::config {

// All members but `name`, which is in `grant` already.  What a grant names must be in `so_far`: listeners, keys and
// profiles.  `problems` are those of `reader`.  The caller finishes the reader.
void read_grant(TableReader& reader, const Config& so_far, Problems& problems, Grant& grant);

// What `grant` says and this version does not act on, for people; empty if there is nothing.
[[nodiscard]] std::string note_on(const Grant& grant);

}  // namespace signer::config
