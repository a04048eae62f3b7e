// SPDX-License-Identifier: Apache-2.0
//
// Days that may be somebody's birthday.
#include <algorithm>
#include <array>

#include "phi/phi.h"
#include "phi/place.h"

namespace signer::phi {

namespace {

// A date before this year is none of a token's own times, versions or paths, however it is written; JWT is younger.
constexpr int kTokenYearMin = 2010;

struct Part {
  int value = 0;
  std::size_t size = 0;  // digits; 0 if there is no number, or a longer one than asked for
};

Part take_part(std::string_view text, std::size_t& at, std::size_t size_max) noexcept {
  Part part;
  for (; is_digit(char_at(text, at)); ++at) {
    if (part.size == size_max) return {};
    part.value = part.value * 10 + (text[at] - '0');
    ++part.size;
  }
  return part;
}

bool is_year(int year) noexcept {
  return year >= kYearMin && year <= kYearMax;
}

bool is_month(int month) noexcept {
  return month >= 1 && month <= 12;
}

bool is_day(int year, int month, int day) noexcept {
  constexpr std::array kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (!is_year(year) || !is_month(month) || day < 1) return false;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= kDays[static_cast<std::size_t>(month - 1)] + (leap && month == 2 ? 1 : 0);
}

// Whether a time of day follows, and it is not midnight, which is how programs write a day alone.  Behind '_' or '~' it
// may be parted as its day is: 2026_11_26_05_50_03.
bool time_follows(std::string_view text, std::size_t at, char separator) noexcept {
  const char mark = lower(char_at(text, at));
  const bool parted_alike = mark == separator && (separator == '_' || separator == '~');
  if ((mark != 't' && mark != ' ' && !parted_alike) || !is_digit(char_at(text, at + 1)) ||
      !is_digit(char_at(text, at + 2)))
    return false;
  if (mark == ' ' && char_at(text, at + 3) != ':') return false;  // another number
  for (++at;; ++at) {
    const char c = char_at(text, at);
    if (is_digit(c) && c != '0') return true;
    if (c != '0' && c != ':' && !(parted_alike && c == mark)) return false;
  }
}

// What parts a day in whatever year; '/' and '.' have rules of their own, because paths and versions are parted by
// them.
bool parts_days(char separator) noexcept {
  return separator == '-' || separator == '_' || separator == '~' || separator == ':';
}

// Whether a day that ends before `at` is delimited: by no letter or digit, or by a time of day that it is known with.
bool day_ends(const Place& place, std::size_t at, int year, char separator) noexcept {
  const bool with_time = lower(char_at(place.text, at)) == 't' && is_digit(char_at(place.text, at + 1));
  if (!with_time && !ends_before(place.text, at)) return false;
  if (place.hints.has(Hint::kBirthDate)) return true;
  if (is_within_longer(place.text, place.at, at)) return false;
  return year < kTokenYearMin || !time_follows(place.text, at, separator);
}

// ISO 8601: 1980-02-29, and with '_', '~' or ':'; with a hint or long ago also 1980/02/29 and 1980.02.29; with a hint
// also 1980-2-29, and what FHIR's date knows: 1980-02 and 1980.
bool year_first_at(const Place& place, const Part& year, std::size_t at) noexcept {
  const std::string_view text = place.text;
  const bool hinted = place.hints.has(Hint::kBirthDate);
  if (!is_year(year.value)) return false;
  const char separator = char_at(text, at);
  const bool other = hinted || year.value < kTokenYearMin;
  const bool separated = parts_days(separator) || (other && (separator == '/' || separator == '.'));
  if (!separated || !is_digit(char_at(text, at + 1))) return hinted && ends_before(text, at);
  ++at;
  const Part month = take_part(text, at, 2);
  if (month.size == 0 || (!hinted && month.size != 2) || !is_month(month.value)) return false;
  if (char_at(text, at) != separator || !is_digit(char_at(text, at + 1))) return hinted && ends_before(text, at);
  ++at;
  const Part day = take_part(text, at, 2);
  if (day.size == 0 || (!hinted && day.size != 2)) return false;
  return is_day(year.value, month.value, day.value) && day_ends(place, at, year.value, separator);
}

// 2/29/1980, 29.2.1980, 29-02-1980 and with '_', '~' or ':', in either order; with a hint also 2/29/80.
bool year_last_at(const Place& place, const Part& first, std::size_t at) noexcept {
  const std::string_view text = place.text;
  const bool hinted = place.hints.has(Hint::kBirthDate);
  const char separator = char_at(text, at);
  if (separator != '/' && separator != '.' && !parts_days(separator)) return false;
  if (separator == '.' && place.hints.has(Hint::kVersion)) return false;
  ++at;
  const Part second = take_part(text, at, 2);
  if (second.size == 0 || char_at(text, at) != separator) return false;
  ++at;
  Part year = take_part(text, at, 4);
  if (year.size == 2 && hinted) {
    year.value = 2000;  // of whatever century; a leap year, so that no day is lost
  } else if (year.size != 4) {
    return false;
  }
  return (is_day(year.value, first.value, second.value) || is_day(year.value, second.value, first.value)) &&
         day_ends(place, at, year.value, separator);
}

}  // namespace

bool birth_date_at(const Place& place) noexcept {
  constexpr int kDayDigits = 100;
  std::size_t at = place.at;
  const Part first = take_part(place.text, at, 8);
  switch (first.size) {
    case 1:
    case 2:
      return year_last_at(place, first, at);
    case 4:
      return year_first_at(place, first, at);
    case 8: {
      const int year = first.value / (kDayDigits * kDayDigits);
      const int days = first.value % (kDayDigits * kDayDigits);
      return place.hints.has(Hint::kBirthDate) && is_day(year, days / kDayDigits, days % kDayDigits) &&
             day_ends(place, at, year, '\0');
    }
    default:
      return false;
  }
}

}  // namespace signer::phi
