// SPDX-License-Identifier: Apache-2.0
//
// Folds characters that people, or those who want to slip past, write for ASCII ones.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace signer::phi {

// Stands for every character that is folded to no other: a letter in a name or an address, a delimiter of a number.
inline constexpr char kOtherCharacter = '\x7f';

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool is_letter(char c) noexcept {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

[[nodiscard]] constexpr bool is_alphanumeric(char c) noexcept {
  return is_digit(c) || is_letter(c);
}

struct FoldMode {
  bool decode_percent = false;  // RFC 3986 §2.1, one level
  bool keep_invisible = false;  // characters of no width become kOtherCharacter, else they vanish
};

// The folded characters of a text one after another, all of them printable ASCII or kOtherCharacter.
class Folder {
 public:
  Folder(std::string_view text, FoldMode mode) noexcept : text_(text), mode_(mode) {}

  // Nothing at the end.
  [[nodiscard]] std::optional<char> next() noexcept;

  // Whether a character of no width has been met so far.
  [[nodiscard]] bool met_invisible() const noexcept { return met_invisible_; }

 private:
  struct Byte {
    unsigned value;
    std::size_t width;
  };

  [[nodiscard]] Byte byte_at(std::size_t at) const noexcept;
  [[nodiscard]] char32_t code_point() noexcept;

  std::string_view text_;
  FoldMode mode_;
  std::size_t at_ = 0;
  bool met_invisible_ = false;
};

struct Folded {
  std::string text;
  bool invisible = false;  // something of no width was met
};

[[nodiscard]] Folded fold(std::string_view text, FoldMode mode);

// Whether folding without percent-decoding changes nothing: printable ASCII alone.
[[nodiscard]] bool is_plain(std::string_view text) noexcept;

}  // namespace signer::phi
