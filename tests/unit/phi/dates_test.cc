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

TEST(PhiBirthDate, ADayIsFoundPartedByASeparatorOfIds) {
  for (const char separator : std::string_view("_~:")) {
    const std::string one(1, separator);
    const std::string day = "1980" + one + "02" + one + "29";
    for (const std::string& text :
         {day, "patient" + one + day, day + one + "x", "urn:example:" + day, "2016" + one + "02" + one + "29",
          "29" + one + "02" + one + "1980", "2" + one + "29" + one + "1980", day + "T05:50:03Z", day + " 05:50:03"}) {
      EXPECT_TRUE(finds(Detector::kBirthDate, text)) << text;
    }
    for (const std::string& text :
         {"1981" + one + "02" + one + "29", "1980" + one + "13" + one + "01", "1899" + one + "12" + one + "31",
          "1980" + one + "2" + one + "29", "1980" + one + "02-29", "1980-02" + one + "29", "1980" + one + "0229",
          "1980" + one + "02" + one + "290", "1980" + one + "02", "30" + one + "02" + one + "1980",
          "2" + one + "29" + one + "80", "1980" + one + one + "02" + one + "29"}) {
      EXPECT_FALSE(finds(Detector::kBirthDate, text)) << text;
    }
    EXPECT_TRUE(finds(Detector::kBirthDate, "1980" + one + "2" + one + "29", "dob")) << day;
    EXPECT_TRUE(finds(Detector::kBirthDate, "dob" + one + "2" + one + "29" + one + "80")) << day;
    // A token's own time, parted by the same character all through.
    const std::string time = one + "05" + one + "50";
    EXPECT_FALSE(finds(Detector::kBirthDate, "2026" + one + "11" + one + "26" + time)) << time;
    EXPECT_FALSE(finds(Detector::kBirthDate, "26" + one + "11" + one + "2026" + time)) << time;
    EXPECT_FALSE(finds(Detector::kBirthDate, "2026" + one + "11" + one + "26 05:50:03")) << time;
    const std::string after_midnight = one + "00" + one + "30";
    EXPECT_FALSE(finds(Detector::kBirthDate, "2026" + one + "11" + one + "26" + after_midnight)) << after_midnight;
    EXPECT_TRUE(finds(Detector::kBirthDate, "2026" + one + "11" + one + "26" + time, "birthdate")) << time;
    EXPECT_EQ(finds(Detector::kBirthDate, "1980" + one + "02" + one + "29" + time), one != ":") << time;
    EXPECT_EQ(finds(Detector::kBirthDate, "7" + one + day), one != ":") << day;
  }
  for (const std::string_view text : {"2026-11-26-05-50", "26/11/2026/05", "2016_02_29_1", "2016_02_29_00_00_00",
                                      "2016~02~29~00~00", "2016_02_29_x", "2016_02_29~12"}) {
    EXPECT_TRUE(finds(Detector::kBirthDate, text)) << text << ": no time parted as its day is";
  }
  EXPECT_TRUE(finds(Detector::kBirthDate, "patient.1980.02.29"));
  EXPECT_TRUE(finds(Detector::kBirthDate, "1980.02.29.x"));
  EXPECT_FALSE(finds(Detector::kBirthDate, "12:30:45"));
  EXPECT_FALSE(finds(Detector::kBirthDate, "2001:db8:12:31:1980:1:2:3"));
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
  for (const std::string_view text : {"2026-11-26T00:00:00Z", "2026-11-26T00:00Z", "2026-11-26 00:00:00.000",
                                      "2026-11-26T00:00:00+02:00", "2026-11-26 00:00:00 5", "2009-12-31T23:59:59Z",
                                      "1980-02-29T05:50:03Z", "2026-11-26 12", "2026-11-26 at 5:50"}) {
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
