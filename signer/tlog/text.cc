// SPDX-License-Identifier: Apache-2.0

#include "tlog/text.h"

#include <algorithm>
#include <charconv>

#include "tlog/hash.h"

namespace signer::tlog {

namespace {

// The first character of `rest`, which is not empty, and cuts it off; nothing if it is not UTF-8: shortest form, no
// surrogate, up to U+10FFFF (RFC 3629 §3).
std::optional<char32_t> take_character(std::string_view& rest) noexcept {
  const auto first = static_cast<unsigned char>(rest.front());
  const std::size_t width = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (width == 0 || first > 0xf4 || rest.size() < width) return std::nullopt;
  char32_t character = width == 1 ? first : first & (0x7fU >> width);
  for (const char next : rest.substr(1, width - 1)) {
    const auto byte = static_cast<unsigned char>(next);
    if ((byte & 0xc0U) != 0x80) return std::nullopt;
    character = character << 6U | (byte & 0x3fU);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  if (character < kSmallest[width] || surrogate || character > 0x10ffff) return std::nullopt;
  rest.remove_prefix(width);
  return character;
}

// PropList.txt of the Unicode Character Database: White_Space.
bool is_space(char32_t character) noexcept {
  return (character >= 0x09 && character <= 0x0d) || character == 0x20 || character == 0x85 || character == 0xa0 ||
         character == 0x1680 || (character >= 0x2000 && character <= 0x200a) || character == 0x2028 ||
         character == 0x2029 || character == 0x202f || character == 0x205f || character == 0x3000;
}

}  // namespace

bool is_note_text(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto character = take_character(text);
    if (!character || (*character < 0x20 && *character != '\n')) return false;
  }
  return true;
}

bool is_without_spaces(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto character = take_character(text);
    if (!character || is_space(*character)) return false;
  }
  return true;
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept {
  if (text.empty() || (text.front() == '0' && text.size() > 1)) return std::nullopt;
  if (!std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc{} || number > kSizeMax) return std::nullopt;
  return number;
}

std::optional<std::string_view> take_line(std::string_view& rest) noexcept {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

}  // namespace signer::tlog
