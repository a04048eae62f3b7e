// SPDX-License-Identifier: Apache-2.0
//
// A place in folded text, and what may begin there.  Every question looks at a bounded number of characters, so that
// asking at every place stays linear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "phi/fold.h"

namespace signer::phi {

// What the name of a claim, or a word before a value, says about the value.
enum class Hint : std::uint8_t { kSsn, kNpi, kBirthDate, kEmail, kPhone, kPhoneWord, kCard, kIcd10, kVersion };

class Hints {
 public:
  constexpr Hints() noexcept = default;

  constexpr Hints(Hint hint) noexcept  // NOLINT(google-explicit-constructor): one hint is a set of hints
      : bits_(static_cast<std::uint16_t>(1U << static_cast<unsigned>(hint))) {}

  [[nodiscard]] constexpr bool has(Hint hint) const noexcept { return (bits_ & Hints(hint).bits_) != 0; }

  [[nodiscard]] constexpr Hints operator|(Hints other) const noexcept {
    Hints both;
    both.bits_ = static_cast<std::uint16_t>(bits_ | other.bits_);
    return both;
  }

  [[nodiscard]] constexpr bool operator==(const Hints&) const noexcept = default;

 private:
  std::uint16_t bits_ = 0;
};

struct Place {
  std::string_view text;  // folded
  std::size_t at = 0;
  Hints hints;
};

// The character there, or NUL beyond the ends: no folded character is NUL.
[[nodiscard]] constexpr char char_at(std::string_view text, std::size_t at) noexcept {
  return at < text.size() ? text[at] : '\0';
}

// Whether no letter or digit stands there, so that what ends before it is delimited.
[[nodiscard]] constexpr bool ends_before(std::string_view text, std::size_t at) noexcept {
  return !is_alphanumeric(char_at(text, at));
}

// Whether a dotted number that ends before `at` has no further part.
[[nodiscard]] constexpr bool ends_dotted(std::string_view text, std::size_t at) noexcept {
  return ends_before(text, at) && !(char_at(text, at) == '.' && is_alphanumeric(char_at(text, at + 1)));
}

// Whether a dotted number that begins at `at` has no part before it.
[[nodiscard]] constexpr bool begins_dotted(std::string_view text, std::size_t at) noexcept {
  return at < 2 || text[at - 1] != '.' || !is_alphanumeric(text[at - 2]);
}

// What opaque ids (RFC 3986 §2.3 unreserved characters and ':') part a value with besides the hyphen.
inline constexpr std::string_view kIdSeparators = "._~:";

// Whether what stands from `first` to before `end` is a stretch of a longer number whose parts '.' or ':' joins, as in
// an OID, a version, an IPv6 address: the same character and another digit stand beside it.  A word beside it is none
// ("urn:example:123:45:6789").
[[nodiscard]] constexpr bool is_within_longer(std::string_view text, std::size_t first, std::size_t end) noexcept {
  for (const char joint : {'.', ':'}) {
    if (text.substr(first, end - first).find(joint) == std::string_view::npos) continue;
    if (first >= 2 && text[first - 1] == joint && is_digit(text[first - 2])) return true;
    if (char_at(text, end) == joint && is_digit(char_at(text, end + 1))) return true;
  }
  return false;
}

// What follows asks at the first character of a run of letters and digits.
[[nodiscard]] bool ssn_at(const Place& place) noexcept;
[[nodiscard]] bool mbi_at(const Place& place) noexcept;
[[nodiscard]] bool npi_at(const Place& place) noexcept;
[[nodiscard]] bool birth_date_at(const Place& place) noexcept;
[[nodiscard]] bool card_at(const Place& place) noexcept;
[[nodiscard]] bool ipv4_at(const Place& place) noexcept;
[[nodiscard]] bool ipv6_at(const Place& place) noexcept;
[[nodiscard]] bool icd10_at(const Place& place) noexcept;
[[nodiscard]] bool uuid_at(const Place& place) noexcept;  // RFC 9562 §4, of any version
inline constexpr std::size_t kUuidSize = 36;

// At such a character, at '+' or at '('.
[[nodiscard]] bool phone_at(const Place& place) noexcept;

// At '@'.
[[nodiscard]] bool email_at(const Place& place) noexcept;

// What a claim's name says about its text.
[[nodiscard]] Hints hints_of_name(std::string_view claim_name) noexcept;

// What a word (letters alone) says about the value after it; `scheme` if a colon follows it.
[[nodiscard]] Hints hints_of_word(std::string_view word, bool scheme) noexcept;

}  // namespace signer::phi
