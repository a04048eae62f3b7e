// SPDX-License-Identifier: Apache-2.0
//
// Identifiers that are numbers: their rules, the numbers next to them, and where in a text they may stand.
#include <gtest/gtest.h>

#include <initializer_list>

#include "tests/support/phi_samples.h"
#include "tests/unit/phi/finds.h"

namespace signer::phi {
namespace {

TEST(PhiSsn, IsFoundWithDashesOrSpacesAndItsRangesAreKept) {
  for (const std::string_view text : {"123-45-6789", "123 45 6789", "123-45 6789", "001-01-0001", "665-01-0001",
                                      "667-01-0001", "899-99-9999", "078-05-1120", "123--45-6789", "123 - 45 - 6789"}) {
    EXPECT_TRUE(finds(Detector::kSsn, text)) << text;
  }
  for (const std::string_view text :
       {"000-45-6789", "666-45-6789", "900-45-6789", "999-99-9999", "123-00-6789", "123-45-0000", "123-45-678",
        "123-45-67890", "12-345-6789", "123-456-789", "123----45-6789", "123/45/6789", "12a-45-6789", "123-45-678a",
        "123-45", "123-45-", "123"}) {
    EXPECT_FALSE(finds(Detector::kSsn, text)) << text;
  }
}

// What opaque ids part their parts with: a value may use any of them, but one alone.
TEST(PhiSsn, IsFoundPartedByASeparatorOfIds) {
  for (const char separator : std::string_view("._~:")) {
    const std::string one(1, separator);
    const std::string ssn = "123" + one + "45" + one + "6789";
    for (const std::string& text :
         {ssn, "patient" + one + ssn, ssn + one + "x", "urn:example:" + ssn, "123" + one + one + "45" + one + "6789"}) {
      EXPECT_TRUE(finds(Detector::kSsn, text)) << text;
    }
    for (const std::string& text :
         {"000" + one + "45" + one + "6789", "123" + one + "00" + one + "6789", "123" + one + "45" + one + "0000",
          "123" + one + "45" + one + "678", "123" + one + "45" + one + "67890", "12" + one + "345" + one + "6789",
          "123" + one + "45" + "6789", "123" + one + "45-6789", "123-45" + one + "6789", "123" + one + "45/6789",
          "123" + one + one + one + one + "45" + one + "6789"}) {
      EXPECT_FALSE(finds(Detector::kSsn, text)) << text;
    }
    for (const std::string_view name : {"note", "sub"}) {
      EXPECT_TRUE(finds(Detector::kSsn, "ssn" + one + ssn, name)) << ssn;
      EXPECT_TRUE(finds(Detector::kSsn, "ssn" + one + "123456789", name)) << ssn;
    }
    EXPECT_TRUE(finds(Detector::kSsn, ssn, "ssn")) << ssn;
  }
}

// OIDs, versions, times and IPv6 addresses are numbers with more parts beside; '_' and '~' join none of these.
TEST(PhiSsn, AmongMoreNumbersWithDotsOrColonsIsNone) {
  for (const std::string_view text : {"1.123.45.6789", "123.45.6789.1", "2.16.840.123.45.6789", "1:123:45:6789",
                                      "123:45:6789:1", "12:30:45", "12:30:45.6789"}) {
    EXPECT_FALSE(finds(Detector::kSsn, text)) << text;
  }
  for (const std::string_view text :
       {"1_123_45_6789", "123_45_6789_1", "1~123~45~6789", "123~45~6789~1", "123.45.6789.", "123:45:6789:"}) {
    EXPECT_TRUE(finds(Detector::kSsn, text)) << text;
  }
  EXPECT_FALSE(finds(Detector::kSsn, "123.45.6789", "version"));
  EXPECT_FALSE(finds(Detector::kSsn, "version 123.45.6789"));
  EXPECT_TRUE(finds(Detector::kSsn, "123-45-6789", "version"));
  EXPECT_TRUE(finds(Detector::kSsn, "123_45_6789", "version"));
}

TEST(PhiSsn, WithoutSeparatorsNeedsAHint) {
  for (const std::string_view name : {"ssn", "SSN", "patientSSN", "patient_ssn", "social_security_number", "taxId",
                                      "https://idp.example/claims/ssn"}) {
    EXPECT_TRUE(finds(Detector::kSsn, "123456789", name)) << name;
    EXPECT_TRUE(finds(Detector::kSsn, "123.45.6789", name)) << name;
    EXPECT_FALSE(finds(Detector::kSsn, "000456789", name)) << name;
    EXPECT_FALSE(finds(Detector::kSsn, "1234567890", name)) << name;
    EXPECT_FALSE(finds(Detector::kSsn, "12345678", name)) << name;
  }
  for (const std::string_view name : {"", "sub", "id", "ssnapshot", "lessn", "assn"}) {
    EXPECT_FALSE(finds(Detector::kSsn, "123456789", name)) << name;
  }
  EXPECT_TRUE(finds(Detector::kSsn, "http://hl7.org/fhir/sid/us-ssn|123456789"));
  EXPECT_TRUE(finds(Detector::kSsn, "SSN is 123456789"));
  EXPECT_TRUE(finds(Detector::kSsn, "ssn=123456789"));
  EXPECT_TRUE(finds(Detector::kSsn, "SSN123456789"));
  EXPECT_TRUE(finds(Detector::kSsn, "SSN123-45-6789"));
  EXPECT_FALSE(finds(Detector::kSsn, "SSN1234567890"));
  EXPECT_FALSE(finds(Detector::kSsn, "assn123456789"));
  EXPECT_FALSE(finds(Detector::kSsn, "ssnx123456789"));
}

// A word speaks of what begins at most 16 characters after it.
TEST(PhiSsn, AWordBeforeItReaches16Characters) {
  EXPECT_TRUE(finds(Detector::kSsn, "ssn" + std::string(16, '.') + "123456789"));
  EXPECT_FALSE(finds(Detector::kSsn, "ssn" + std::string(17, '.') + "123456789"));
  EXPECT_FALSE(finds(Detector::kSsn, "123456789 ssn"));
  EXPECT_TRUE(finds(Detector::kSsn, "ssn, phone: 123456789"));
  EXPECT_TRUE(finds(Detector::kPhone, "ssn, phone: 2125551234"));
}

TEST(PhiMbi, IsFoundInTheFormOfCmsWithAndWithoutDashes) {
  for (const std::string_view text : {"1EG4-TE5-MK73", "1EG4TE5MK73", "1eg4te5mk73", "1EG4 TE5 MK73", "9AA0-AA0-AA00",
                                      "1A00A00AA00", "3HC5-E10-QX49"}) {
    EXPECT_TRUE(finds(Detector::kMbi, text)) << text;
  }
}

TEST(PhiMbi, EveryPlaceTakesItsOwnKindOfCharacter) {
  const std::string good = "1EG4TE5MK73";
  ASSERT_TRUE(finds(Detector::kMbi, good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char letter : std::string_view("sloibzSLOIBZ")) {
      std::string text = good;
      text[i] = letter;
      EXPECT_FALSE(finds(Detector::kMbi, text)) << text;
    }
    const bool digit_fits = i != 1 && i != 4 && i != 7 && i != 8;
    const bool letter_fits = i == 1 || i == 2 || i == 4 || i == 5 || i == 7 || i == 8;
    std::string text = good;
    text[i] = '5';
    EXPECT_EQ(finds(Detector::kMbi, text), digit_fits) << text;
    text[i] = 'A';
    EXPECT_EQ(finds(Detector::kMbi, text), letter_fits) << text;
  }
  for (const std::string_view text :
       {"0EG4TE5MK73", "1EG4TE5MK7", "1EG4TE5MK733", "1EG-4TE5-MK73", "1EG4--TE5-MK73", "1EG4+TE5+MK73"}) {
    EXPECT_FALSE(finds(Detector::kMbi, text)) << text;
  }
}

TEST(PhiMbi, IsFoundPartedByASeparatorOfIds) {
  for (const char separator : std::string_view("._~:/")) {
    const std::string one(1, separator);
    for (const std::string& text :
         {"1EG4" + one + "TE5" + one + "MK73", "mbi" + one + "1eg4" + one + "te5" + one + "mk73" + one + "1"}) {
      EXPECT_TRUE(finds(Detector::kMbi, text)) << text;
    }
    for (const std::string& text :
         {"1EG4" + one + "TE5-MK73", "1EG4-TE5" + one + "MK73", "1EG4" + one + one + "TE5" + one + "MK73",
          "1EG" + one + "4TE5" + one + "MK73", "1EG4" + one + "TE5" + one + "MK7", "0EG4" + one + "TE5" + one + "MK73",
          "1EG4" + one + "TE5" + one + "MK733"}) {
      EXPECT_FALSE(finds(Detector::kMbi, text)) << text;
    }
  }
}

TEST(PhiNpi, IsTenDigitsWithTheRightCheckDigitAndAHint) {
  for (const std::string_view name : {"npi", "provider_npi", "providerNPI", "nppes"}) {
    EXPECT_TRUE(finds(Detector::kNpi, "1234567893", name)) << name;
    EXPECT_TRUE(finds(Detector::kNpi, "2000000002", name)) << name;
    for (int digit = 0; digit < 10; ++digit) {
      const std::string text = "123456789" + std::to_string(digit);
      EXPECT_EQ(finds(Detector::kNpi, text, name), digit == 3) << text;
    }
    EXPECT_FALSE(finds(Detector::kNpi, "3000000000", name));
    EXPECT_FALSE(finds(Detector::kNpi, "3000000001", name));
    EXPECT_FALSE(finds(Detector::kNpi, "12345678930", name));
    EXPECT_FALSE(finds(Detector::kNpi, "123456789", name));
  }
  EXPECT_FALSE(finds(Detector::kNpi, "1234567893"));
  EXPECT_FALSE(finds(Detector::kNpi, "1234567893", "practitioner"));
  EXPECT_TRUE(finds(Detector::kNpi, "http://hl7.org/fhir/sid/us-npi|1234567893"));
  EXPECT_TRUE(finds(Detector::kNpi, "NPI: 1234567893"));
}

// One epoch time in ten passes the check of an NPI: so many tokens would be refused without the hint.
TEST(PhiNpi, TimesPassWithoutAHintThoughATenthOfThemHasTheCheckDigit) {
  int hits = 0;
  for (long long time = 1'800'000'000; time < 1'800'001'000; ++time) {
    EXPECT_FALSE(find_number(time, "exp", DetectorSet::all())) << time;
    hits += find_number(time, "npi", DetectorSet::all()) == Detector::kNpi ? 1 : 0;
  }
  EXPECT_EQ(hits, 100);
}

TEST(PhiCard, IsFoundByPrefixLengthAndCheckDigit) {
  for (const std::string_view text :
       {"4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111  1111 - 1111  1111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "5555555555554444", "5105105105105100", "2221000000000009",
        "2720990000000007", "378282246310005", "3782 822463 10005", "341111111111111", "6011111111111117",
        "3530111333300000", "30569309025904", "36148900647913", "38520000023237", "6212345678900000003"}) {
    EXPECT_TRUE(finds(Detector::kCard, text)) << text;
  }
  for (const std::string_view text :
       {"4111111111111112", "411111111111111", "41111111111111111", "1111111111111117", "0000000000000000",
        "9999999999999995", "2220000000000000", "2721000000000004", "5600000000000003", "4111+1111+1111+1111",
        "4111----1111-1111-1111", "378282246310006"}) {
    EXPECT_FALSE(finds(Detector::kCard, text)) << text;
  }
}

TEST(PhiCard, IsFoundPartedByASeparatorOfIds) {
  for (const char separator : std::string_view("._~:/")) {
    const std::string one(1, separator);
    const auto parted = [&one](std::initializer_list<std::string_view> groups) {
      std::string text;
      for (const std::string_view group : groups) text += (text.empty() ? "" : one) + std::string(group);
      return text;
    };
    for (const std::string& text :
         {parted({"4111", "1111", "1111", "1111"}), parted({"card", "4111", "1111", "1111", "1111", "x"}),
          parted({"3782", "822463", "10005"}), parted({"4222", "2222", "22222"}),
          parted({"4000", "0000", "0000", "0000", "006"})}) {
      EXPECT_TRUE(finds(Detector::kCard, text)) << text;
    }
    for (const std::string& text :
         {parted({"4111", "1111", "1111", "1112"}), parted({"4111", "1111", "1111"}) + "-1111",
          "4111-" + parted({"1111", "1111", "1111"}), parted({"41", "11", "11", "11", "11", "11", "11", "11"}),
          parted({"411111", "1111", "111111"}), parted({"4111", "111", "11111", "1111"}),
          parted({"4111", one, one, "1111", "1111", "1111"})}) {
      EXPECT_FALSE(finds(Detector::kCard, text)) << text;
    }
  }
  for (const std::string_view text : {"1.4111.1111.1111.1111", "4111.1111.1111.1111.1", "fe80:1:4111:1111:1111:1111"}) {
    EXPECT_FALSE(finds(Detector::kCard, text)) << text;
  }
  EXPECT_TRUE(finds(Detector::kCard, "1_4111_1111_1111_1111"));
}

// Just inside and just outside of what each issuer gives out, with the right check digit.
TEST(PhiCard, PrefixesEndWhereTheyEnd) {
  struct Row {
    std::string_view prefix;
    std::size_t size;
    bool card;
  };
  constexpr Row kRows[] = {
      {"3999", 16, true},  {"4000", 16, true},  {"4999", 16, true},  {"5000", 16, false}, {"5099", 16, false},
      {"5100", 16, true},  {"5599", 16, true},  {"5600", 16, false}, {"2220", 16, false}, {"2221", 16, true},
      {"2720", 16, true},  {"2721", 16, false}, {"2199", 16, false}, {"2200", 16, true},  {"2204", 16, true},
      {"2205", 16, false}, {"3399", 15, false}, {"3400", 15, true},  {"3500", 15, false}, {"3600", 14, true},
      {"3699", 16, true},  {"3700", 15, true},  {"3700", 16, false}, {"3799", 15, true},  {"3800", 14, true},
      {"3999", 14, true},  {"2999", 14, false}, {"3000", 14, true},  {"3059", 14, true},  {"3060", 14, false},
      {"6010", 16, false}, {"6011", 16, true},  {"6012", 16, false}, {"6439", 16, false}, {"6440", 16, true},
      {"6499", 16, true},  {"6500", 16, true},  {"6599", 16, true},  {"6600", 16, false}, {"3527", 16, false},
      {"3528", 16, true},  {"3589", 16, true},  {"3590", 16, false}, {"6199", 16, false}, {"6200", 15, false},
      {"6200", 16, true},  {"6299", 19, true},  {"6300", 16, false}, {"5018", 16, true},  {"6763", 16, true},
      {"6764", 16, false}, {"4000", 15, false}, {"4000", 14, false}, {"5100", 15, false}, {"6011", 19, false}};
  for (const Row& row : kRows) {
    std::string number(row.prefix);
    while (number.size() + 1 < row.size) number += "7";
    number += test::PhiSamples::check_digit(number);
    EXPECT_EQ(finds(Detector::kCard, number), row.card) << number;
  }
}

// Thirteen and nineteen digits beginning with 4 are as often counters as cards.
TEST(PhiCard, UnusualLengthsNeedSeparatorsOrAHint) {
  for (const std::string_view text : {"4222222222222", "4000000000000000006"}) {
    EXPECT_FALSE(finds(Detector::kCard, text)) << text;
    EXPECT_TRUE(finds(Detector::kCard, text, "credit_card")) << text;
    EXPECT_TRUE(finds(Detector::kCard, "card " + std::string(text))) << text;
  }
  EXPECT_TRUE(finds(Detector::kCard, "4222 2222 22222"));
  EXPECT_TRUE(finds(Detector::kCard, "4000 0000 0000 0000 006"));
}

TEST(PhiCard, IsFoundAmongOtherGroupsOfDigits) {
  EXPECT_TRUE(finds(Detector::kCard, "paid 12 4111 1111 1111 1111 2026"));
  EXPECT_TRUE(finds(Detector::kCard, "4111111111111111 123"));
  EXPECT_FALSE(finds(Detector::kCard, "123 4111111111111112 123"));
  EXPECT_TRUE(finds(Detector::kCard, "00000000-0000-4000-8000-4111111111111111")) << "longer than a UUID";
}

TEST(PhiIcd10, NeedsAHint) {
  for (const std::string_view text :
       {"E11", "E11.9", "e11.9", "E119", "S72.001A", "S72001A", "C4A.9", "U07.1", "Z3A.28", "M1A.9XX1"}) {
    EXPECT_TRUE(finds(Detector::kIcd10, text, "diagnosis")) << text;
    EXPECT_TRUE(finds(Detector::kIcd10, "http://hl7.org/fhir/sid/icd-10-cm|" + std::string(text))) << text;
    EXPECT_TRUE(finds(Detector::kIcd10, "ICD10: " + std::string(text))) << text;
    EXPECT_FALSE(finds(Detector::kIcd10, text)) << text;
    EXPECT_FALSE(finds(Detector::kIcd10, text, "sub")) << text;
  }
  for (const std::string_view text : {"E1", "EE1.9", "E1C", "S72.001AB", "S72001ABC", "11.9", "condition"}) {
    EXPECT_FALSE(finds(Detector::kIcd10, text, "diagnosis")) << text;
  }
  for (const std::string_view name :
       {"icd10", "ICD-10-CM", "dx", "diagnosisCode", "diagnosis_codes", "conditions", "problem"}) {
    EXPECT_TRUE(finds(Detector::kIcd10, "I10", name)) << name;
  }
}

TEST(PhiNumber, IsJudgedAsItsDigits) {
  EXPECT_EQ(find_number(123456789, "ssn", DetectorSet::all()), Detector::kSsn);
  EXPECT_EQ(find_number(19800229, "birthDate", DetectorSet::all()), Detector::kBirthDate);
  EXPECT_EQ(find_number(2125551234, "phone", DetectorSet::all()), Detector::kPhone);
  EXPECT_EQ(find_number(4111111111111111, "n", DetectorSet::all()), Detector::kCard);
  EXPECT_EQ(find_number(-4111111111111111, "n", DetectorSet::all()), Detector::kCard);
  EXPECT_EQ(find_number(1234567893, "npi", DetectorSet::all()), Detector::kNpi);
  EXPECT_EQ(find_number(1234567893, "npi", DetectorSet::all().without(Detector::kNpi)), std::nullopt);
  for (const long long value :
       {0LL, -1LL, 1LL, 123456789LL, 1'732'600'000LL, 1'732'600'000'123LL, 1'732'600'000'123'456LL,
        9'223'372'036'854'775'807LL, -9'223'372'036'854'775'807LL - 1}) {
    EXPECT_EQ(find_number(value, "exp", DetectorSet::all()), std::nullopt) << value;
  }
}

}  // namespace
}  // namespace signer::phi
