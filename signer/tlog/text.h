// SPDX-License-Identifier: Apache-2.0
//
// What the text formats of this room share.  Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace signer::tlog {

// Whether the bytes may stand in a note: UTF-8 (RFC 3629) without characters below U+0020 other than the newline.
[[nodiscard]] bool is_note_text(std::string_view text) noexcept;

// Whether a text has none of the characters that Unicode calls White_Space.  `text` is UTF-8.
[[nodiscard]] bool is_without_spaces(std::string_view text) noexcept;

// Decimal digits without a leading zero ("0" but for zero itself), at most kSizeMax.
[[nodiscard]] std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept;

// Cuts `rest` after its first line, which is returned without its newline; nothing if there is no newline.
[[nodiscard]] std::optional<std::string_view> take_line(std::string_view& rest) noexcept;

}  // namespace signer::tlog
