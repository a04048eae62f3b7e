// SPDX-License-Identifier: Apache-2.0
//
// Days that may be birthdays, and times that are a token's own.
#include <gtest/gtest.h>

#include "tests/unit/phi/finds.h"

namespace signer::phi {
namespace {

TEST(PhiBirthDate, ADayIsFoundInTheUsualForms) {
  for (const std::string_view text :
       {"1980-02-29", "1900-01-01", "2099-12-31", "2/29/1980", "02/29/1980", "29/02/1980", "29.2.1980", "29.02.1980",
        "02-29-1980", "29-02-1980", "12/31/1999", "1980/02/29", "1980.02.29", "2009/12/31"}) {
    EXPECT_TRUE(finds(Detector::kBirthDate, text)) << text;
    EXPECT_TRUE(finds(Detector::kBirthDate, "born on " + std::string(text) + ".")) << text;
    EXPECT_TRUE(finds(Detector::kBirthDate, "smith-" + std::string(text) + "-x")) << text;
  }
  for (const std::string_view text :
       {"1981-02-29",  "1900-02-29", "2000-02-30", "1899-12-31", "2100-01-01", "1980-13-01",   "1980-00-10",
        "1980-01-00",  "1980-01-32", "1980-2-29",  "1980-02",    "1980",       "1980-02-",     "11980-02-29",
        "1980-02-290", "31/04/1980", "13/13/1980", "0/1/1980",   "2/29/80",    "2/29/19800",   "2/29/980",
        "2/29.1980",   "2010/02/28", "2010.02.28", "1980/02-29", "1980/2/29",  "1.1980.02.28", "1980.02.28.1",
        "19800229",    "100/2/1980", "1980-02-29x"}) {
    EXPECT_FALSE(finds(Detector::kBirthDate, text)) << text;
  }
}

TEST(PhiBirthDate, WithAHintPartsAndOtherFormsAreFoundToo) {
  for (const std::string_view name : {"birthdate", "birthDate", "date_of_birth", "dob", "patientDOB", "birth_year"}) {
    for (const std::string_view text :
         {"19800229", "1980", "1980-02", "1980-2-29", "1980/02/29", "1980.2.29", "2/29/80", "29.2.80",
          "1980-02-28T22:15:00Z", "2026-11-26T05:50:03Z", "19800229T101112"}) {
      EXPECT_TRUE(finds(Detector::kBirthDate, text, name)) << name << " " << text;
    }
    for (const std::string_view text :
         {"19810229", "19801301", "198002290", "1899", "2100", "1980-13", "30/2/80", "1980a", "17326"}) {
      EXPECT_FALSE(finds(Detector::kBirthDate, text, name)) << name << " " << text;
    }
  }
  EXPECT_TRUE(finds(Detector::kBirthDate, "DOB 19800229"));
  EXPECT_TRUE(finds(Detector::kBirthDate, "birthdate=1980-02"));
  EXPECT_TRUE(finds(Detector::kBirthDate, "born 1980"));
  EXPECT_TRUE(finds(Detector::kBirthDate, "DOB19800229"));
  EXPECT_FALSE(finds(Detector::kBirthDate, "DOB19810229"));
  EXPECT_FALSE(finds(Detector::kBirthDate, "19800229", "updated"));
}

// A token's own times are of now and have a time of day; a birthday has none, or is older, or midnight, which is how
// programs write a day.
TEST(PhiBirthDate, ATimeOfNowIsNone) {
  for (const std::string_view text :
       {"2026-11-26T05:50:03Z", "2026-11-26t05:50:03z", "2026-11-26T05:50:03.123+01:00", "2026-11-26 05:50:03",
        "2010-01-01T00:00:01Z", "2026-11-26T00:01Z", "2026-11-26T10", "2026-11-26T055003Z", "2026-11-26T00:10:00"}) {
    EXPECT_FALSE(finds(Detector::kBirthDate, text)) << text;
  }
  for (const std::string_view text :
       {"2026-11-26T00:00:00Z", "2026-11-26T00:00Z", "2026-11-26 00:00:00.000", "2026-11-26T00:00:00+02:00",
        "2009-12-31T23:59:59Z", "1980-02-29T05:50:03Z", "2026-11-26 12", "2026-11-26 at 5:50"}) {
    EXPECT_TRUE(finds(Detector::kBirthDate, text)) << text;
  }
}

TEST(PhiBirthDate, DottedVersionsAndOidsAreNone) {
  EXPECT_FALSE(finds(Detector::kBirthDate, "1.2.840.10008.1.2.1999"));
  EXPECT_FALSE(finds(Detector::kBirthDate, "1.2.2000.4"));
  EXPECT_FALSE(finds(Detector::kBirthDate, "v1.2.2000"));
  EXPECT_FALSE(finds(Detector::kBirthDate, "1.2.2000", "version"));
  EXPECT_FALSE(finds(Detector::kBirthDate, "version 1.2.2000"));
  EXPECT_TRUE(finds(Detector::kBirthDate, "1.2.2000"));
  EXPECT_TRUE(finds(Detector::kBirthDate, "1.2.2000. Next"));
}

}  // namespace
}  // namespace signer::phi
