// SPDX-License-Identifier: Apache-2.0
//
// A TOML file from its bytes to its root table, whatever the bytes are.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/reader.h"
#include "signer/result.h"

namespace signer::config {

// Parses `text` and gives its root to `read`, which notes what is wrong with it; then refuses what nobody asked for.
// A failure's text holds every problem found, one a line: `file:line: key: problem; hint`.
[[nodiscard]] Result<void> read_document(std::string_view text, const std::string& file,
                                         const std::function<void(TableReader& root, Problems& problems)>& read);

}  // namespace signer::config
