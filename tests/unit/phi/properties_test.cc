// SPDX-License-Identifier: Apache-2.0
//
// Made-up values in made-up texts: what must always be found, and what never.
#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

#include "tests/support/phi_samples.h"
#include "tests/support/seed.h"
#include "tests/unit/phi/finds.h"

namespace signer::phi {
namespace {

using test::PhiSamples;

constexpr int kRounds = 4000;

// Words of a kind that hint at nothing, so that the value alone is judged.
std::string in_context(PhiSamples& samples, const std::string& value) {
  constexpr std::array<std::string_view, 8> kBefore = {
      "", "see ", "(", "id=", "urn:example:", "https://host.example/x/", "a b, c; ", "\xe2\x80\x9c"};
  constexpr std::array<std::string_view, 7> kAfter = {"", ".", ", and more", ")", "&x=1", " 7 8 9", "\xe2\x80\x9d"};
  return std::string(samples.pick(kBefore)) + value + std::string(samples.pick(kAfter));
}

class PhiProperty : public testing::Test {
 protected:
  void always(Detector detector, std::string_view claim_name, const std::function<std::string()>& make) {
    for (int round = 0; round < kRounds; ++round) {
      const std::string text = in_context(samples_, make());
      ASSERT_TRUE(finds(detector, text, claim_name)) << text << ", seed " << seed_;
      ASSERT_NE(found(text, claim_name), "") << text << ", seed " << seed_;
    }
  }

  void never(const std::function<std::string()>& make) {
    for (int round = 0; round < kRounds; ++round) {
      const std::string text = make();
      for (const std::string_view name : {"sub", "jti", "id"}) {
        ASSERT_EQ(found(text, name), "") << text << ", seed " << seed_;
      }
    }
  }

  unsigned seed_ = test::seed();
  PhiSamples samples_{seed_};
};

TEST_F(PhiProperty, EverySsnIsFound) {
  always(Detector::kSsn, "note", [this] { return samples_.ssn(samples_.below(2) == 0 ? "-" : " "); });
  always(Detector::kSsn, "note", [this] { return samples_.ssn(std::string(1, samples_.one("._~:"))); });
  always(Detector::kSsn, "ssn", [this] { return samples_.ssn(""); });
}

TEST_F(PhiProperty, EveryMbiIsFound) {
  always(Detector::kMbi, "note", [this] { return samples_.mbi(samples_.below(2) == 0 ? "-" : ""); });
  always(Detector::kMbi, "note", [this] { return samples_.mbi(std::string(1, samples_.one("._~:/"))); });
}

TEST_F(PhiProperty, EveryNpiIsFoundWithItsHint) {
  always(Detector::kNpi, "npi", [this] { return samples_.npi(); });
  always(Detector::kNpi, "note", [this] { return "us-npi|" + samples_.npi(); });
}

TEST_F(PhiProperty, EveryCardIsFound) {
  always(Detector::kCard, "note", [this] { return samples_.card(); });
  always(Detector::kCard, "note", [this] { return samples_.grouped_card(samples_.one(" -")); });
  always(Detector::kCard, "note", [this] { return samples_.grouped_card(samples_.one("._~:/")); });
}

TEST_F(PhiProperty, EveryEmailAddressIsFound) {
  always(Detector::kEmail, "note", [this] { return samples_.email(); });
}

TEST_F(PhiProperty, EveryPhoneNumberIsFound) {
  always(Detector::kPhone, "note", [this] { return samples_.phone(); });
  always(Detector::kPhone, "note", [this] { return samples_.e164(); });
  always(Detector::kPhone, "note", [this] { return samples_.phone_parted(samples_.one("._~:")); });
}

TEST_F(PhiProperty, EveryBirthDateIsFound) {
  always(Detector::kBirthDate, "note", [this] { return samples_.birth_date(); });
  always(Detector::kBirthDate, "note", [this] { return samples_.birth_date_parted(samples_.one("_~:")); });
}

TEST_F(PhiProperty, EveryIpAddressIsFound) {
  always(Detector::kIpAddress, "note", [this] { return samples_.ipv4(); });
  always(Detector::kIpAddress, "note", [this] { return samples_.ipv6(); });
}

TEST_F(PhiProperty, EveryIcd10CodeIsFoundWithItsHint) {
  always(Detector::kIcd10, "diagnosis", [this] { return samples_.icd10(); });
}

// Whatever hint there is: a UUID's digits are random.
TEST_F(PhiProperty, NoUuidIsEverFound) {
  never([this] { return samples_.uuid(); });
  for (const std::string_view name : {"ssn", "npi", "birthdate", "phone", "card", "diagnosis", "email"}) {
    for (int round = 0; round < kRounds; ++round) {
      for (const std::string& text : {samples_.uuid(), "urn:uuid:" + samples_.uuid(), "Patient/" + samples_.uuid()}) {
        ASSERT_EQ(found(text, name), "") << text << ", seed " << seed_;
      }
    }
  }
  never([this] {
    std::string digits = samples_.uuid();
    for (char& c : digits) c = c >= 'a' && c <= 'f' ? '1' : c;  // all digits, as one in a million is
    return digits;
  });
}

TEST_F(PhiProperty, NoTimeScopeVersionOrUrlIsEverFound) {
  never([this] { return std::to_string(samples_.epoch()); });
  never([this] { return std::to_string(samples_.epoch()) + "000"; });
  never([this] { return samples_.scope(); });
  never([this] { return samples_.version(); });
  never([this] { return samples_.url(); });
  never([this] { return samples_.time_of_day(); });
  never([this] { return samples_.joined_id(); });
  for (int round = 0; round < kRounds; ++round) {
    const long long time = samples_.epoch();
    for (const std::string_view name : {"iat", "exp", "auth_time", "updated_at"}) {
      ASSERT_EQ(find_number(time, name, DetectorSet::all()), std::nullopt) << time << ", seed " << seed_;
    }
  }
}

// What is found with all detectors wanted, the one that found it finds alone; what none finds, all do not find.
TEST_F(PhiProperty, ADetectorsVerdictDoesNotDependOnTheOthers) {
  constexpr std::string_view kCharacters = "0123456789011122-- ..//::__~~@+()ssnABCDEFabcdef%4\xc2\xad\xe2\x80\x8b";
  constexpr std::array<std::string_view, 6> kNames = {"note", "ssn", "npi", "birthdate", "phone", "icd"};
  int findings = 0;
  for (int round = 0; round < 10 * kRounds; ++round) {
    const std::string text = samples_.many(kCharacters, 1 + samples_.below(24));
    const std::string_view name = samples_.pick(kNames);
    const auto all = find(text, name, DetectorSet::all());
    bool any = false;
    for (const Detector detector : kDetectors) any = any || finds(detector, text, name);
    ASSERT_EQ(all.has_value(), any) << text << ", seed " << seed_;
    if (!all) continue;
    ++findings;
    ASSERT_TRUE(finds(*all, text, name)) << text << ", seed " << seed_;
  }
  // About one in forty of such texts: far enough below that no seed comes near.
  EXPECT_GT(findings, kRounds / 8) << "too few texts in which something is found, seed " << seed_;
}

}  // namespace
}  // namespace signer::phi
