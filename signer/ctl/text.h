// SPDX-License-Identifier: Apache-2.0
//
// Text for terminals and for machines.  Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jose/json.h"

namespace signer::ctl {

// What is not printable ASCII becomes '?': what a peer, a file or a token says must not drive the terminal.
[[nodiscard]] std::string printable(std::string_view text);

// The same, line breaks kept.
[[nodiscard]] std::string printable_lines(std::string_view text);

using Row = std::vector<std::string>;

// Columns as wide as they need be, two spaces between, no trailing space.  Cells are made printable.
[[nodiscard]] std::string table(const std::vector<Row>& rows);

// One line of JSON, ASCII alone.
[[nodiscard]] std::string machine(const jose::Json& value);

// JSON for people: indented, ASCII alone.
[[nodiscard]] std::string indented(const jose::Json& value);

// The member as text: itself if it is text, "yes"/"no" for a boolean, digits for a number, `absent` for anything else.
[[nodiscard]] std::string cell(const jose::Json& object, const char* name, std::string_view absent = "-");

}  // namespace signer::ctl
