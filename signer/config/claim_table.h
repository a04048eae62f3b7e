// SPDX-License-Identifier: Apache-2.0
//
// The members of a [[profile.claim]]: which there are depends on its type, and those of other types are refused by
// name.
#pragma once

#include <vector>

#include "claims/rule.h"
#include "config/reader.h"

namespace signer::config {

// Reads the tables `member` of `reader` as rules, in the order of the file; no two of a list have the same name.
// `path` is what the problems call them: "profile.claim".
[[nodiscard]] std::vector<claims::Rule> read_claims(TableReader& reader, std::string_view member,
                                                    const std::string& path, Problems& problems);

}  // namespace signer::config
