// SPDX-License-Identifier: Apache-2.0
//
// The members of a [[token]]: which there are depends on its driver, and those of the other driver are refused by name.
#pragma once

#include <string>

#include "config/config.h"
#include "config/reader.h"

namespace signer::config {

// All members but `name`, which is in `token` already.  The caller finishes the reader.
void read_token(TableReader& reader, const std::string& state_dir, Token& token);

}  // namespace signer::config
