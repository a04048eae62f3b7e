// SPDX-License-Identifier: Apache-2.0
//
// Texts made to cost time.  Each is a megabyte; a scanner that looks from every place to the end would need hours for
// one of them, so that finishing is the test.
#include <gtest/gtest.h>

#include "tests/unit/phi/finds.h"

namespace signer::phi {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20U;

std::string repeated(std::string_view part, std::size_t size) {
  std::string text;
  text.reserve(size + part.size());
  while (text.size() < size) text += part;
  return text;
}

constexpr std::string_view kParts[] = {"1",
                                       "1-",
                                       "1 ",
                                       "1.",
                                       "4111111111111112 ",
                                       "4-",
                                       "1:",
                                       "1_",
                                       "1~",
                                       "4111.",
                                       "123:45:",
                                       "1980_02_",
                                       "2001:",
                                       "2001::",
                                       "f:",
                                       "a@",
                                       "@",
                                       "a",
                                       "a.",
                                       "a-",
                                       "//a",
                                       "//a@",
                                       "+1",
                                       "+1 ",
                                       "(",
                                       "(2",
                                       "1/",
                                       "123-45-",
                                       "ssn ",
                                       "ssn1",
                                       "%",
                                       "%41",
                                       "\xc2\xad",
                                       "1\xe2\x80\x8b",
                                       "\xff",
                                       "Aa1"};

TEST(PhiLongText, AdversarialMegabytesEnd) {
  for (const std::string_view part : kParts) {
    const std::string text = repeated(part, kMegabyte) + "g";  // no address ends so
    // Hinted, and to the end: what these texts do hold is not wanted.
    const auto wanted = DetectorSet::all().without(Detector::kPhone).without(Detector::kEmail).without(Detector::kCard);
    EXPECT_EQ(find(text, "phone", wanted), std::nullopt) << part;
    EXPECT_EQ(names_phi(text), part.starts_with("ssn")) << part;
  }
}

TEST(PhiLongText, AValueIsFoundBehindAMegabyteOfAnything) {
  for (const std::string_view part : {"a", "@ ", "x ", "\xc2\xad", "\xff", "%", "1x", "- "}) {
    const std::string text = repeated(part, kMegabyte);
    EXPECT_TRUE(finds(Detector::kSsn, text + " 123-45-6789")) << part;
    EXPECT_TRUE(finds(Detector::kSsn, "123-45-6789 " + text)) << part;
    EXPECT_TRUE(finds(Detector::kEmail, text + " mary@example.com")) << part;
  }
}

TEST(PhiLongText, ANameIsFoundBehindAMegabyteOfWords) {
  EXPECT_TRUE(names_phi(repeated("word_", kMegabyte) + "ssn"));
  EXPECT_TRUE(names_phi(repeated("Word", kMegabyte) + "_social_security_number"));
  EXPECT_TRUE(names_phi("ssn" + repeated("_word", kMegabyte)));
  EXPECT_FALSE(names_phi(repeated("word_", kMegabyte) + "sn"));
}

}  // namespace
}  // namespace signer::phi
