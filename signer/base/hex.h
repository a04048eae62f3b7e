// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "signer/bytes.h"

namespace signer {

// Two lower-case digits a byte.
[[nodiscard]] inline std::string to_hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

// The bytes of such a text; nothing for an odd length or any other character.
[[nodiscard]] inline std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    if (i % 2 == 0) bytes.push_back(0);
    bytes.back() = static_cast<std::uint8_t>(static_cast<unsigned>(bytes.back()) << 4U | static_cast<unsigned>(digit));
  }
  return bytes;
}

}  // namespace signer
