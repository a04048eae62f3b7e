// SPDX-License-Identifier: Apache-2.0
//
// Identifiers that are numbers, or letters and digits in fixed places.
#include <algorithm>
#include <array>

#include "phi/place.h"

namespace signer::phi {

namespace {

// A run of digits taken from text, with separators between them passed over.
struct Digits {
  std::array<char, 20> digits{};
  std::size_t count = 0;

  void add(char c) noexcept { digits[count++] = c; }

  [[nodiscard]] int number(std::size_t from, std::size_t size) const noexcept {
    int value = 0;
    for (std::size_t i = from; i < from + size; ++i) value = value * 10 + (digits[i] - '0');
    return value;
  }
};

bool one_of(char c, std::string_view characters) noexcept {
  return c != '\0' && characters.find(c) != std::string_view::npos;
}

// Takes exactly `count` digits from `at` on.
bool take_digits(std::string_view text, std::size_t& at, std::size_t count, Digits& out) noexcept {
  for (; count > 0; --count, ++at) {
    if (!is_digit(char_at(text, at))) return false;
    out.add(text[at]);
  }
  return true;
}

// ISO/IEC 7812-1 annex B: the last digit is the check digit; `sum` is what digits before these add.
bool luhn(const Digits& number, int sum) noexcept {
  for (std::size_t i = 0; i < number.count; ++i) {
    int digit = number.digits[number.count - 1 - i] - '0';
    if (i % 2 == 1) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 == 0;
}

// CMS, "Understanding the MBI": C is 1 to 9, N a digit, A a letter but S L O I B Z, X a letter or a digit.
bool fits_mbi(char kind, char c) noexcept {
  const bool letter = is_letter(c) && !one_of(lower(c), "sloibz");
  switch (kind) {
    case 'C':
      return is_digit(c) && c != '0';
    case 'N':
      return is_digit(c);
    case 'A':
      return letter;
    default:
      return letter || is_digit(c);
  }
}

// Lengths that an issuer of this prefix gives out (ISO/IEC 7812).  Without separators or a hint, only the usual ones:
// other lengths are those of counters and of times in nanoseconds.
bool known_card(const Digits& number, bool any_length) noexcept {
  const std::size_t size = number.count;
  const int two = number.number(0, 2);
  const int three = number.number(0, 3);
  const int four = number.number(0, 4);
  const bool long_too = size == 16 || (any_length && size > 16);
  if (two / 10 == 4) return size == 16 || (any_length && (size == 13 || size == 19));  // Visa
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return size == 16;   // Mastercard
  if (two == 34 || two == 37) return size == 15;                                       // American Express
  if (two == 36 || two == 38 || two == 39 || (three >= 300 && three <= 305)) return size == 14 || long_too;  // Diners
  if (four == 6011 || two == 65 || (three >= 644 && three <= 649)) return long_too;                          // Discover
  if (four >= 3528 && four <= 3589) return long_too;                                                         // JCB
  if (two == 62) return size >= 16;                                                                          // UnionPay
  if (four >= 2200 && four <= 2204) return long_too;                                                         // Mir
  constexpr std::array kMaestro = {5018, 5020, 5038, 5893, 6304, 6759, 6761, 6762, 6763};
  return std::ranges::find(kMaestro, four) != kMaestro.end() && (size == 16 || any_length);
}

constexpr std::size_t kSeparatorsMax = 3;  // one after another: "123 - 45 - 6789"

// What parts the groups of one value.  Some separators may stand for each other; of the others, which also join the
// parts of ids, versions and times, the first that is met is the only one.
class Separators {
 public:
  constexpr Separators(std::string_view mixed, std::string_view single) noexcept : mixed_(mixed), single_(single) {}

  [[nodiscard]] bool accepts(char c) noexcept {
    if (accepted_.empty() && one_of(c, mixed_)) accepted_ = mixed_;
    if (accepted_.empty() && one_of(c, single_)) accepted_ = single_.substr(single_.find(c), 1);
    return one_of(c, accepted_);
  }

  // Passes over as many as may stand between two groups; false if there are none.
  [[nodiscard]] bool take(std::string_view text, std::size_t& at) noexcept {
    const std::size_t first = at;
    while (at < first + kSeparatorsMax && accepts(char_at(text, at))) ++at;
    return at > first;
  }

  // Whether one of the others was met.
  [[nodiscard]] bool single() const noexcept { return !accepted_.empty() && accepted_ != mixed_; }

 private:
  std::string_view mixed_;
  std::string_view single_;
  std::string_view accepted_;
};

}  // namespace

// A version may be three numbers of these sizes, parted by dots.
bool ssn_at(const Place& place) noexcept {
  const bool hinted = place.hints.has(Hint::kSsn);
  const std::string_view single = place.hints.has(Hint::kVersion) ? "_~:" : kIdSeparators;
  Separators separators = hinted ? Separators(" -./_~:", "") : Separators(" -", single);
  std::size_t at = place.at;
  Digits number;
  for (const std::size_t size : {3U, 2U, 4U}) {
    if (size != 3 && !separators.take(place.text, at) && !hinted) return false;
    if (!take_digits(place.text, at, size, number)) return false;
  }
  if (!hinted && is_within_longer(place.text, place.at, at)) return false;
  const int area = number.number(0, 3);
  return ends_before(place.text, at) && area != 0 && area != 666 && area < 900 && number.number(3, 2) != 0 &&
         number.number(5, 4) != 0;
}

bool mbi_at(const Place& place) noexcept {
  constexpr std::string_view kForm = "CAXNAXNAANN";
  Separators separators(" -", "._~:/");
  std::size_t at = place.at;
  for (std::size_t i = 0; i < kForm.size(); ++i, ++at) {
    if ((i == 4 || i == 7) && separators.accepts(char_at(place.text, at))) ++at;
    if (!fits_mbi(kForm[i], char_at(place.text, at))) return false;
  }
  return ends_before(place.text, at);
}

// 45 CFR 162.406: ten digits, the first 1 or 2; the check digit is that of the number with 80840 before it.
bool npi_at(const Place& place) noexcept {
  constexpr int kSumOf80840 = 24;
  std::size_t at = place.at;
  Digits number;
  if (!place.hints.has(Hint::kNpi) || !take_digits(place.text, at, 10, number)) return false;
  return ends_before(place.text, at) && one_of(number.digits[0], "12") && luhn(number, kSumOf80840);
}

// A path, an OID or a fingerprint is groups of digits, too: parted by one of the other separators, a card has four
// digits in its first group, four or six (American Express, Diners) in the next ones and any number in the last.
bool card_at(const Place& place) noexcept {
  constexpr std::size_t kDigitsMin = 13;
  constexpr std::size_t kDigitsMax = 19;
  Separators separators(" -", "._~:/");
  Digits number;
  bool any_length = place.hints.has(Hint::kCard);
  std::size_t group = 0;
  for (std::size_t at = place.at; number.count < kDigitsMax;) {
    if (!is_digit(char_at(place.text, at))) return false;
    number.add(place.text[at++]);
    ++group;
    if (is_digit(char_at(place.text, at))) continue;
    if (number.count >= kDigitsMin && ends_before(place.text, at) && known_card(number, any_length) &&
        luhn(number, 0) && !is_within_longer(place.text, place.at, at)) {
      return true;
    }
    if (!separators.take(place.text, at)) return false;
    if (separators.single() && group != 4 && (group != 6 || group == number.count)) return false;
    any_length = true;
    group = 0;
  }
  return false;
}

namespace {

// The North American Numbering Plan: area and exchange begin with 2 to 9 and are no N11; an area's second digit is
// not 9.
bool north_american_phone_at(const Place& place) noexcept {
  const std::string_view text = place.text;
  Separators separators(" -.", kIdSeparators);
  const bool hinted = place.hints.has(Hint::kPhone) || place.hints.has(Hint::kPhoneWord);
  std::size_t at = place.at;
  Digits number;
  if (char_at(text, at) == '+') ++at;
  if (char_at(text, at) == '1') {
    ++at;
    static_cast<void>(separators.take(text, at));
  } else if (at != place.at) {
    return false;
  }
  const bool bracketed = char_at(text, at) == '(';
  if (bracketed) ++at;
  if (!take_digits(text, at, 3, number)) return false;
  if (bracketed && char_at(text, at++) != ')') return false;
  if (!separators.take(text, at) && !bracketed && !hinted) return false;
  if (!take_digits(text, at, 3, number)) return false;
  if (!separators.take(text, at) && !hinted) return false;
  if (!take_digits(text, at, 4, number) || !ends_before(text, at)) return false;
  if (is_within_longer(text, place.at, at)) return false;
  const auto no_service = [&number](std::size_t from) {
    return number.digits[from] >= '2' && number.number(from + 1, 2) != 11;
  };
  return no_service(0) && number.digits[1] != '9' && no_service(3);
}

// ITU-T E.164 with its plus sign, 8 to 15 digits; with a hint, 7 to 15 digits of any numbering plan.
bool international_phone_at(const Place& place) noexcept {
  const std::string_view text = place.text;
  const bool hinted = place.hints.has(Hint::kPhone);
  std::size_t at = place.at;
  if (text[at] == '+') {
    if (char_at(text, ++at) == '0') return false;
  } else if (!hinted) {
    return false;
  }
  const std::size_t digits_min = hinted ? 7 : 8;
  Separators separators(" -.()/", kIdSeparators);
  std::size_t count = 0;
  for (std::size_t in_a_row = 0; count <= 15 && in_a_row <= kSeparatorsMax; ++at) {
    const char c = char_at(text, at);
    if (is_digit(c)) {
      ++count;
      in_a_row = 0;
      if (count >= digits_min && count <= 15 && ends_before(text, at + 1)) return true;
    } else if (separators.accepts(c)) {
      ++in_a_row;
    } else {
      return false;
    }
  }
  return false;
}

}  // namespace

bool phone_at(const Place& place) noexcept {
  return north_american_phone_at(place) || international_phone_at(place);
}

// ICD-10-CM: a letter, a digit, a digit or A or B; then up to four more, usually after a dot.
bool icd10_at(const Place& place) noexcept {
  const std::string_view text = place.text;
  std::size_t at = place.at;
  if (!place.hints.has(Hint::kIcd10) || !is_letter(text[at]) || !is_digit(char_at(text, at + 1))) return false;
  const char third = lower(char_at(text, at + 2));
  if (!is_digit(third) && third != 'a' && third != 'b') return false;
  at += 3;
  if (char_at(text, at) == '.' && is_alphanumeric(char_at(text, at + 1))) ++at;
  for (std::size_t more = 0; more < 4 && is_alphanumeric(char_at(text, at)); ++more) ++at;
  return ends_before(text, at);
}

bool uuid_at(const Place& place) noexcept {
  const std::string_view text = place.text;
  if (text.size() - place.at < kUuidSize || text[place.at + 8] != '-') return false;
  for (std::size_t i = 0; i < kUuidSize; ++i) {
    const char c = lower(text[place.at + i]);
    const bool fits = i == 8 || i == 13 || i == 18 || i == 23 ? c == '-' : is_digit(c) || (c >= 'a' && c <= 'f');
    if (!fits) return false;
  }
  return ends_before(text, place.at + kUuidSize);
}

}  // namespace signer::phi
