// SPDX-License-Identifier: Apache-2.0

#include "phi/phi.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "phi/place.h"

namespace signer::phi {

namespace {

constexpr std::array<std::string_view, kDetectors.size()> kRules = {
    "phi.name",  "phi.ssn",   "phi.mbi",  "phi.npi",        "phi.birth_date",
    "phi.email", "phi.phone", "phi.card", "phi.ip_address", "phi.icd10"};

// A word speaks of what begins within so many characters after it: "DOB is 1980-02-29", "icd-10-cm|E11.9".
constexpr std::size_t kReach = 16;

// URIs are put into URIs: "mary%2540example.com" is in the query of a query.
constexpr int kPercentLevels = 3;

// Walks over one folded text, from one run of letters and digits to the next.
class Scanner {
 public:
  Scanner(std::string_view text, Hints named, DetectorSet wanted) noexcept
      : text_(text), named_(named), wanted_(wanted) {}

  [[nodiscard]] std::optional<Detector> first() noexcept {
    for (std::size_t at = 0; at < text_.size();) {
      const bool run = is_alphanumeric(text_[at]);
      if (run && uuid_at({text_, at, {}})) {  // random digits, some of which would look like something
        at += kUuidSize;
        continue;
      }
      const std::size_t end = run ? end_of_run(at) : at + 1;
      if (const auto found = run ? in_run(at, end) : at_mark(at)) return found;
      at = end;
    }
    return std::nullopt;
  }

 private:
  using Question = bool (*)(const Place&) noexcept;

  [[nodiscard]] std::size_t end_of_run(std::size_t at) const noexcept {
    while (at < text_.size() && is_alphanumeric(text_[at])) ++at;
    return at;
  }

  [[nodiscard]] Place place(std::size_t at) const noexcept {
    return {text_, at, at <= word_reach_ ? named_ | word_ : named_};
  }

  [[nodiscard]] bool asks(Detector detector, Question question, const Place& place) const noexcept {
    return wanted_.contains(detector) && question(place);
  }

  [[nodiscard]] std::optional<Detector> at_mark(std::size_t at) const noexcept {
    const char mark = text_[at];
    if (mark == '@' && asks(Detector::kEmail, email_at, place(at))) return Detector::kEmail;
    const bool begins_phone = mark == '(' || (mark == '+' && (at == 0 || !is_alphanumeric(text_[at - 1])));
    if (begins_phone && asks(Detector::kPhone, phone_at, place(at))) return Detector::kPhone;
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Detector> in_run(std::size_t at, std::size_t end) noexcept {
    const Place here = place(at);
    if (is_digit(text_[at])) {
      if (const auto found = at_digit(here)) return found;
    } else {
      if (asks(Detector::kIcd10, icd10_at, here)) return Detector::kIcd10;
      const std::size_t digits = heed_word(at, end);
      if (digits < end) {
        if (const auto found = at_digit(place(digits))) return found;
      }
    }
    if (asks(Detector::kIpAddress, ipv6_at, here)) return Detector::kIpAddress;
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Detector> at_digit(const Place& place) const noexcept {
    if (asks(Detector::kSsn, ssn_at, place)) return Detector::kSsn;
    if (asks(Detector::kMbi, mbi_at, place)) return Detector::kMbi;
    if (asks(Detector::kNpi, npi_at, place)) return Detector::kNpi;
    if (asks(Detector::kBirthDate, birth_date_at, place)) return Detector::kBirthDate;
    if (asks(Detector::kPhone, phone_at, place)) return Detector::kPhone;
    if (asks(Detector::kCard, card_at, place)) return Detector::kCard;
    if (asks(Detector::kIpAddress, ipv4_at, place)) return Detector::kIpAddress;
    return std::nullopt;
  }

  // Where in this run the value begins that its word speaks of ("ssn123456789"); `end` if the word says nothing.
  [[nodiscard]] std::size_t heed_word(std::size_t at, std::size_t end) noexcept {
    std::size_t digits = at;
    while (digits < end && is_letter(text_[digits])) ++digits;
    const Hints hints = hints_of_word(text_.substr(at, digits - at), char_at(text_, end) == ':');
    if (hints == Hints()) return end;
    word_ = at <= word_reach_ ? word_ | hints : hints;
    word_reach_ = end + kReach;
    return digits;
  }

  std::string_view text_;
  Hints named_;
  DetectorSet wanted_;
  Hints word_;
  std::size_t word_reach_ = 0;
};

// As read with characters of no width left out; then, if there are any, as parted by them.
std::optional<Detector> find_folded(std::string_view text, bool decode_percent, Hints named,
                                    DetectorSet wanted) noexcept {
  const Folded closed = fold(text, {.decode_percent = decode_percent, .keep_invisible = false});
  if (const auto found = Scanner(closed.text, named, wanted).first()) return found;
  if (!closed.invisible) return std::nullopt;
  const Folded parted = fold(text, {.decode_percent = decode_percent, .keep_invisible = true});
  return Scanner(parted.text, named, wanted).first();
}

}  // namespace

std::string_view rule_of(Detector detector) noexcept {
  return kRules[static_cast<std::size_t>(detector)];
}

std::optional<Detector> detector_of(std::string_view rule) noexcept {
  const auto found = std::ranges::find(kRules, rule);
  if (found == kRules.end()) return std::nullopt;
  return kDetectors[static_cast<std::size_t>(found - kRules.begin())];
}

// A text is looked at in each way in which it may be read: "%40" is an at sign or is not.
std::optional<Detector> find(std::string_view text, std::string_view claim_name, DetectorSet wanted) noexcept {
  if (text.empty() || wanted.without(Detector::kName).empty()) return std::nullopt;
  const Hints named = hints_of_name(claim_name);
  auto found = is_plain(text) ? Scanner(text, named, wanted).first() : find_folded(text, false, named, wanted);
  std::string decoded;
  for (int level = 0; !found && level < kPercentLevels && text.find('%') != std::string_view::npos; ++level) {
    found = find_folded(text, true, named, wanted);
    decoded = fold(text, {.decode_percent = true}).text;
    text = decoded;
  }
  return found;
}

std::optional<Detector> find_number(long long value, std::string_view claim_name, DetectorSet wanted) noexcept {
  std::array<char, 24> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return find({digits.data(), static_cast<std::size_t>(written.ptr - digits.data())}, claim_name, wanted);
}

}  // namespace signer::phi
