// SPDX-License-Identifier: Apache-2.0

#include "phi/fold.h"

#include <algorithm>
#include <array>

namespace signer::phi {

namespace {

constexpr char32_t kNoCodePoint = 0xffffffff;
constexpr char kInvisible = '\0';

constexpr int hex_digit(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

struct CodePoints {
  char32_t first;
  char32_t last;
  char folded;
};

// What whole ranges look like; sorted.
constexpr std::array kRanges = {
    CodePoints{0x00a0, 0x00a0, ' '},        CodePoints{0x00ad, 0x00ad, kInvisible},  // soft hyphen
    CodePoints{0x00b7, 0x00b7, '.'},        CodePoints{0x0300, 0x036f, kInvisible},  // combining marks
    CodePoints{0x061c, 0x061c, kInvisible}, CodePoints{0x066b, 0x066b, '.'},
    CodePoints{0x1680, 0x1680, ' '},        CodePoints{0x180b, 0x180f, kInvisible},
    CodePoints{0x2000, 0x200a, ' '},        CodePoints{0x200b, 0x200f, kInvisible},  // of no width; marks of direction
    CodePoints{0x2010, 0x2015, '-'},        CodePoints{0x2024, 0x2024, '.'},
    CodePoints{0x2028, 0x2029, ' '},        CodePoints{0x202a, 0x202e, kInvisible},
    CodePoints{0x202f, 0x202f, ' '},        CodePoints{0x2043, 0x2043, '-'},
    CodePoints{0x2044, 0x2044, '/'},        CodePoints{0x205f, 0x205f, ' '},
    CodePoints{0x2060, 0x206f, kInvisible}, CodePoints{0x2212, 0x2212, '-'},
    CodePoints{0x2215, 0x2215, '/'},        CodePoints{0x2236, 0x2236, ':'},
    CodePoints{0x3000, 0x3000, ' '},        CodePoints{0x3002, 0x3002, '.'},
    CodePoints{0x3164, 0x3164, kInvisible}, CodePoints{0xfe00, 0xfe0f, kInvisible},  // variation selectors
    CodePoints{0xfe52, 0xfe52, '.'},        CodePoints{0xfe55, 0xfe55, ':'},
    CodePoints{0xfe58, 0xfe58, '-'},        CodePoints{0xfe63, 0xfe63, '-'},
    CodePoints{0xfe6b, 0xfe6b, '@'},        CodePoints{0xfeff, 0xfeff, kInvisible},
    CodePoints{0xff61, 0xff61, '.'},        CodePoints{0xe0000, 0xe01ef, kInvisible},  // tags, more variation selectors
};

// The zeros of decimal digits that stand in order; sorted.
constexpr std::array<char32_t, 29> kZeros = {0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66,
                                             0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50, 0x0ed0, 0x0f20, 0x1040,
                                             0x17e0, 0x1810, 0x1946, 0x19d0, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
                                             0x2070, 0x2080, 0xa620, 0xa8d0, 0xaa50};

char digit_of(char32_t value) noexcept {
  return static_cast<char>('0' + static_cast<int>(value));
}

char fold_code_point(char32_t c) noexcept {
  if (c < 0x20) return ' ';
  if (c < 0x7f) return static_cast<char>(c);
  if (c >= 0xff01 && c <= 0xff5e) return static_cast<char>(c - 0xff01 + 0x21);  // fullwidth
  if (c >= 0x1d7ce && c <= 0x1d7ff) return digit_of((c - 0x1d7ce) % 10);        // mathematical digits
  if (c >= 0x1d400 && c <= 0x1d6a3) {                                           // mathematical alphabets
    const char32_t letter = (c - 0x1d400) % 52;
    return static_cast<char>(letter < 26 ? 'A' + letter : 'a' + (letter - 26));
  }
  if (c >= 0x2460 && c <= 0x2468) return digit_of(c - 0x2460 + 1);  // circled
  if (c == 0x24ea) return '0';
  if (c == 0x00b9) return '1';
  if (c == 0x00b2 || c == 0x00b3) return digit_of(c - 0x00b0);
  const auto range = std::ranges::upper_bound(kRanges, c, {}, &CodePoints::first);
  if (range != kRanges.begin() && c <= std::prev(range)->last) return std::prev(range)->folded;
  const auto zero = std::ranges::upper_bound(kZeros, c);
  if (zero != kZeros.begin() && c - *std::prev(zero) < 10) return digit_of(c - *std::prev(zero));
  return kOtherCharacter;
}

}  // namespace

Folder::Byte Folder::byte_at(std::size_t at) const noexcept {
  const char c = text_[at];
  if (mode_.decode_percent && c == '%' && at + 2 < text_.size()) {
    const int high = hex_digit(text_[at + 1]);
    const int low = hex_digit(text_[at + 2]);
    if (high >= 0 && low >= 0) return {static_cast<unsigned>(high * 16 + low), 3};
  }
  return {static_cast<unsigned char>(c), 1};
}

// The next code point; kNoCodePoint for bytes that are not UTF-8, of which at least one is passed over.
char32_t Folder::code_point() noexcept {
  const Byte lead = byte_at(at_);
  at_ += lead.width;
  if (lead.value < 0x80) return lead.value;
  if (lead.value < 0xc2 || lead.value > 0xf4) return kNoCodePoint;
  int more = 1;
  if (lead.value >= 0xe0) more = lead.value >= 0xf0 ? 3 : 2;
  char32_t c = lead.value & (0x3fU >> static_cast<unsigned>(more));
  for (; more > 0; --more) {
    if (at_ >= text_.size()) return kNoCodePoint;
    const Byte byte = byte_at(at_);
    if ((byte.value & 0xc0U) != 0x80) return kNoCodePoint;
    c = (c << 6U) | (byte.value & 0x3fU);
    at_ += byte.width;
  }
  return c;
}

std::optional<char> Folder::next() noexcept {
  while (at_ < text_.size()) {
    const char folded = fold_code_point(code_point());
    if (folded != kInvisible) return folded;
    met_invisible_ = true;
    if (mode_.keep_invisible) return kOtherCharacter;
  }
  return std::nullopt;
}

Folded fold(std::string_view text, FoldMode mode) {
  Folded folded;
  folded.text.reserve(text.size());
  Folder folder(text, mode);
  while (const auto c = folder.next()) folded.text += *c;
  folded.invisible = folder.met_invisible();
  return folded;
}

bool is_plain(std::string_view text) noexcept {
  bool plain = true;
  for (const char c : text) plain = plain & (c >= 0x20) & (c < 0x7f);  // no branch: many characters at a time
  return plain;
}

}  // namespace signer::phi
