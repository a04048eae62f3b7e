// SPDX-License-Identifier: Apache-2.0
//
// What holds of all detectors: their names, their sets, and where in a text a value may stand.
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "tests/unit/phi/finds.h"

namespace signer::phi {
namespace {

struct Example {
  Detector detector;
  std::string_view text;
  std::string_view claim_name = "claim";
};

constexpr std::array kExamples = {
    Example{Detector::kSsn, "123-45-6789"},         Example{Detector::kSsn, "123456789", "ssn"},
    Example{Detector::kMbi, "1EG4-TE5-MK73"},       Example{Detector::kMbi, "1EG4TE5MK73"},
    Example{Detector::kNpi, "1234567893", "npi"},   Example{Detector::kBirthDate, "1980-02-29"},
    Example{Detector::kBirthDate, "2/29/1980"},     Example{Detector::kBirthDate, "19800229", "birthdate"},
    Example{Detector::kEmail, "mary@example.com"},  Example{Detector::kPhone, "212-555-1234"},
    Example{Detector::kPhone, "+493012345678"},     Example{Detector::kPhone, "2125551234", "phone"},
    Example{Detector::kCard, "4111111111111111"},   Example{Detector::kCard, "4111 1111 1111 1111"},
    Example{Detector::kIpAddress, "10.1.2.3"},      Example{Detector::kIpAddress, "2001:db8::1"},
    Example{Detector::kIcd10, "E11.9", "diagnosis"}};

TEST(Phi, EveryDetectorHasARuleOfItsOwnAndTheRuleLeadsBack) {
  std::set<std::string_view> rules;
  for (const Detector detector : kDetectors) {
    EXPECT_TRUE(rule_of(detector).starts_with("phi."));
    EXPECT_EQ(detector_of(rule_of(detector)), detector);
    rules.insert(rule_of(detector));
  }
  EXPECT_EQ(rules.size(), kDetectors.size());
  EXPECT_EQ(rule_of(Detector::kName), "phi.name");
  EXPECT_EQ(rule_of(Detector::kBirthDate), "phi.birth_date");
  EXPECT_EQ(rule_of(Detector::kIpAddress), "phi.ip_address");
  EXPECT_EQ(rule_of(Detector::kIcd10), "phi.icd10");
  for (const std::string_view text : {"", "phi", "phi.", "phi.nam", "phi.names", "PHI.NAME", "name", "phi.name "}) {
    EXPECT_FALSE(detector_of(text)) << text;
  }
}

TEST(Phi, ASetHoldsWhatWasPutIntoIt) {
  EXPECT_TRUE(DetectorSet::none().empty());
  EXPECT_FALSE(DetectorSet::all().empty());
  DetectorSet set = DetectorSet::none();
  for (const Detector one : kDetectors) {
    EXPECT_FALSE(DetectorSet::none().contains(one));
    EXPECT_TRUE(DetectorSet::all().contains(one));
    EXPECT_FALSE(set.contains(one));
    set = set.with(one).with(one);
    EXPECT_TRUE(set.contains(one));
    const DetectorSet others = DetectorSet::all().without(one).without(one);
    for (const Detector other : kDetectors) EXPECT_EQ(others.contains(other), other != one);
    EXPECT_EQ(others.with(one), DetectorSet::all());
  }
  EXPECT_EQ(set, DetectorSet::all());
}

// By the detector that is asked, and by no other than what the example is of.
TEST(Phi, ADetectorThatIsNotWantedFindsNothing) {
  for (const Example& example : kExamples) {
    EXPECT_TRUE(finds(example.detector, example.text, example.claim_name)) << example.text;
    EXPECT_EQ(find(example.text, example.claim_name, DetectorSet::none()), std::nullopt) << example.text;
    EXPECT_EQ(find(example.text, "claim", DetectorSet::all().without(example.detector)), std::nullopt) << example.text;
  }
}

TEST(Phi, AValueIsFoundBetweenDelimitersAndAtBothEnds) {
  for (const Example& example : kExamples) {
    const std::string text(example.text);
    for (const char delimiter : std::string_view(" \t\n,;|()[]<>{}\"'=_!?#&*~\\")) {
      const std::string mark(1, delimiter);
      for (const std::string& longer :
           {mark + text, text + mark, mark + text + mark, "word" + mark + text + mark + "word"}) {
        EXPECT_TRUE(finds(example.detector, longer, example.claim_name)) << longer;
      }
    }
    for (const std::string& longer : {text + ".", text + ":", "/" + text, "x/" + text, text + "/x",
                                      "\xe2\x82\xac" + text, text + "\xe2\x82\xac", "see: " + text + ". Next"}) {
      EXPECT_TRUE(finds(example.detector, longer, example.claim_name)) << longer;
    }
  }
}

// Of values whose length is fixed: one more letter or digit makes something else of them.
TEST(Phi, AValueThatLettersOrDigitsTouchIsNone) {
  constexpr std::array kOfFixedSize = {
      Example{Detector::kSsn, "123-45-6789"},       Example{Detector::kSsn, "123456789", "ssn"},
      Example{Detector::kMbi, "1EG4-TE5-MK73"},     Example{Detector::kMbi, "1EG4TE5MK73"},
      Example{Detector::kNpi, "1234567893", "npi"}, Example{Detector::kBirthDate, "1980-02-29"},
      Example{Detector::kBirthDate, "12/29/1980"},  Example{Detector::kBirthDate, "19800229", "birthdate"},
      Example{Detector::kPhone, "212-555-1234"},    Example{Detector::kCard, "4111111111111111"},
      Example{Detector::kIpAddress, "210.1.2.255"}, Example{Detector::kCard, "4111 1111 1111 1111"}};
  for (const Example& example : kOfFixedSize) {
    for (const std::string_view touching : {"0", "7", "x", "Z"}) {
      const std::string after = std::string(example.text) + std::string(touching);
      const std::string before = std::string(touching) + std::string(example.text);
      EXPECT_TRUE(finds(example.detector, example.text, example.claim_name)) << example.text;
      EXPECT_FALSE(finds(example.detector, after, example.claim_name)) << after;
      EXPECT_FALSE(finds(example.detector, before, example.claim_name)) << before;
    }
  }
}

TEST(Phi, WhatStandsFirstIsAnswered) {
  for (const Example& first : kExamples) {
    for (const Example& second : kExamples) {
      if (first.claim_name != "claim" || second.claim_name != "claim" || first.detector == second.detector) continue;
      const std::string text = std::string(first.text) + ", " + std::string(second.text);
      EXPECT_EQ(find(text, "claim", DetectorSet::all()), first.detector) << text;
    }
  }
}

// A claim set is refused by its first finding, and an exempted detector must not hide what others find.
TEST(Phi, AnExemptedDetectorHidesNothing) {
  for (const Example& first : kExamples) {
    for (const Example& second : kExamples) {
      if (second.claim_name != "claim" || first.detector == second.detector) continue;
      const std::string text = std::string(first.text) + "; " + std::string(second.text);
      EXPECT_EQ(find(text, "claim", DetectorSet::all().without(first.detector)), second.detector) << text;
    }
  }
}

TEST(Phi, NothingIsFoundInNothing) {
  EXPECT_EQ(find("", "", DetectorSet::all()), std::nullopt);
  EXPECT_EQ(find("", "ssn", DetectorSet::all()), std::nullopt);
  EXPECT_EQ(find(std::string_view("\0", 1), "ssn", DetectorSet::all()), std::nullopt);
  EXPECT_EQ(find(std::string_view("\0"
                                  "123-45-6789\0",
                                  13),
                 "claim", DetectorSet::all()),
            Detector::kSsn);
}

}  // namespace
}  // namespace signer::phi
