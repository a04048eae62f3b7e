// SPDX-License-Identifier: Apache-2.0
//
// Finds protected health information in claims: the identifiers of 45 CFR 164.514(b)(2)(i) that have a form or a name.
// It is a second net below a list of allowed claims, not a proof that a text holds nothing (docs/phi.md).
//
// Pure functions of their arguments: no clock, no state, safe from every thread.  Time is linear in the text.  Memory
// is allocated only for a text that holds '%' or anything but printable ASCII, a few times its size at most.
//
// Folded before looking: fullwidth forms, mathematical letters, decimal digits of other scripts, hyphens, spaces and
// dots that look alike; soft hyphens, characters of no width and combining marks are looked at as if absent and as if
// they parted words; percent-encoding, three levels deep (of a name: one).  Not looked into: base64 and hex; HTML
// entities; letters of other scripts that look like Latin ones; digits written as words or with their order changed; a
// value spread over two claims; a value that letters or digits touch ("x123-45-6789").
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace signer::phi {

enum class Detector : std::uint8_t {
  kName,       // a claim's name says what it holds: names_phi alone, find never answers it
  kSsn,        // Social Security number: with separators; undashed with a hint
  kMbi,        // Medicare beneficiary identifier, in CMS's form
  kNpi,        // National Provider Identifier: with a hint alone, for one epoch time in ten passes its check
  kBirthDate,  // a day from 1900 to kYearMax; with a hint also undashed, without day, and with a time of day
  kEmail,      // e-mail address, user information of a URI
  kPhone,      // North American number with separators, +E.164; undashed with a hint
  kCard,       // payment card
  kIpAddress,  // IPv4 and IPv6 but for loopback and unspecified ones
  kIcd10,      // ICD-10-CM code: with a hint alone
};

inline constexpr std::array<Detector, 10> kDetectors = {
    Detector::kName,  Detector::kSsn,   Detector::kMbi,  Detector::kNpi,       Detector::kBirthDate,
    Detector::kEmail, Detector::kPhone, Detector::kCard, Detector::kIpAddress, Detector::kIcd10};

// A birth lies in the past, but a detector with a clock would judge the same claims differently tomorrow.  A future day
// without a time is rare in a token, and what is dated there (an appointment) is protected as well: every date of a
// person is.
inline constexpr int kYearMin = 1900;
inline constexpr int kYearMax = 2099;

// "phi.name", "phi.ssn", "phi.mbi", "phi.npi", "phi.birth_date", "phi.email", "phi.phone", "phi.card",
// "phi.ip_address", "phi.icd10".
[[nodiscard]] std::string_view rule_of(Detector detector) noexcept;

// The reverse; nothing for any other text.
[[nodiscard]] std::optional<Detector> detector_of(std::string_view rule) noexcept;

class DetectorSet {
 public:
  [[nodiscard]] static constexpr DetectorSet none() noexcept { return DetectorSet(0); }

  [[nodiscard]] static constexpr DetectorSet all() noexcept {
    return DetectorSet(static_cast<std::uint16_t>((1U << kDetectors.size()) - 1U));
  }

  [[nodiscard]] constexpr DetectorSet with(Detector detector) const noexcept {
    return DetectorSet(static_cast<std::uint16_t>(bits_ | bit(detector)));
  }

  [[nodiscard]] constexpr DetectorSet without(Detector detector) const noexcept {
    return DetectorSet(static_cast<std::uint16_t>(bits_ & ~bit(detector)));
  }

  [[nodiscard]] constexpr bool contains(Detector detector) const noexcept { return (bits_ & bit(detector)) != 0; }

  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }

  [[nodiscard]] constexpr bool operator==(const DetectorSet&) const noexcept = default;

 private:
  constexpr explicit DetectorSet(std::uint16_t bits) noexcept : bits_(bits) {}

  [[nodiscard]] static constexpr unsigned bit(Detector detector) noexcept {
    return 1U << static_cast<unsigned>(detector);
  }

  std::uint16_t bits_;
};

// Whether a claim of this name holds PHI by its name.  Case, the separators _ - . and space, and camelCase are folded:
// "patientName", "PATIENT-NAME", "patient_name" and "patientname" are one.  Words are compared whole: "namespace" and
// "hostname" are not names.  Of a name that is a URI (RFC 7519 §4.2) the last part counts.
[[nodiscard]] bool names_phi(std::string_view claim_name) noexcept;

// The first detector of `wanted` that finds something in `text`, anywhere in it but delimited.  `claim_name` is the
// name of the nearest member that holds the text: its words are the hint for detectors that need one; a word right
// before the value in the text is another ("us-npi|1234567893").  A detector's verdict does not depend on the others
// wanted, but for which of several is answered: that which stands first in the text.
[[nodiscard]] std::optional<Detector> find(std::string_view text, std::string_view claim_name,
                                           DetectorSet wanted) noexcept;

// The same for a number, as its decimal digits.
[[nodiscard]] std::optional<Detector> find_number(long long value, std::string_view claim_name,
                                                  DetectorSet wanted) noexcept;

}  // namespace signer::phi
