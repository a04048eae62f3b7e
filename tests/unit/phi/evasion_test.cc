// SPDX-License-Identifier: Apache-2.0
//
// The cheap ways round, which are closed, and those that docs/phi.md says are open: if one of these is closed one day,
// the document is to say so.
#include <gtest/gtest.h>

#include "tests/unit/phi/finds.h"

namespace signer::phi {
namespace {

std::string utf8(char32_t c) {
  const auto byte = [](char32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xc0 | (c >> 6U)), byte(0x80 | (c & 0x3fU))};
  if (c < 0x10000) return {byte(0xe0 | (c >> 12U)), byte(0x80 | ((c >> 6U) & 0x3fU)), byte(0x80 | (c & 0x3fU))};
  return {byte(0xf0 | (c >> 18U)), byte(0x80 | ((c >> 12U) & 0x3fU)), byte(0x80 | ((c >> 6U) & 0x3fU)),
          byte(0x80 | (c & 0x3fU))};
}

// `text` with each digit written by the script whose zero this is.
std::string in_digits_of(char32_t zero, std::string_view text) {
  std::string other;
  for (const char c : text)
    other += c >= '0' && c <= '9' ? utf8(zero + static_cast<char32_t>(c - '0')) : std::string(1, c);
  return other;
}

std::string replaced(std::string_view text, char from, const std::string& to) {
  std::string other;
  for (const char c : text) other += c == from ? to : std::string(1, c);
  return other;
}

TEST(PhiEvasion, DigitsOfOtherScriptsAreDigits) {
  for (const char32_t zero : {U'\uff10', U'\u0660', U'\u06f0', U'\u0966', U'\u09e6', U'\u0e50', U'\u17e0', U'\u1040',
                              U'\U0001d7ce', U'\U0001d7d8', U'\U0001d7f6', U'\u2080', U'\ua8d0'}) {
    EXPECT_EQ(found(in_digits_of(zero, "123-45-6789")), "phi.ssn") << utf8(zero);
    EXPECT_EQ(found(in_digits_of(zero, "4111111111111111")), "phi.card") << utf8(zero);
    EXPECT_EQ(found(in_digits_of(zero, "1980-02-29")), "phi.birth_date") << utf8(zero);
    EXPECT_EQ(found(in_digits_of(zero, "4111111111111112")), "") << utf8(zero);
  }
  EXPECT_EQ(found("\xc2\xb9\xc2\xb2\xc2\xb3-45-6789"), "phi.ssn");      // superscripts
  EXPECT_EQ(found(in_digits_of(U'\u245f', "123-45-6789")), "phi.ssn");  // circled
}

TEST(PhiEvasion, HyphensSpacesAndDotsThatLookAlikeAreTheSame) {
  for (const char32_t hyphen :
       {U'\u2010', U'\u2011', U'\u2012', U'\u2013', U'\u2014', U'\u2015', U'\u2212', U'\ufe58', U'\ufe63', U'\uff0d'}) {
    EXPECT_EQ(found(replaced("123-45-6789", '-', utf8(hyphen))), "phi.ssn") << utf8(hyphen);
  }
  for (const char32_t space : {U'\u00a0', U'\u2000', U'\u2002', U'\u2007', U'\u2009', U'\u200a', U'\u202f', U'\u205f',
                               U'\u3000', U'\t', U'\n'}) {
    EXPECT_EQ(found(replaced("123 45 6789", ' ', utf8(space))), "phi.ssn") << static_cast<unsigned>(space);
  }
  for (const char32_t dot : {U'\u3002', U'\uff0e', U'\uff61', U'\u2024'}) {
    EXPECT_EQ(found(replaced("mary@example.com", '.', utf8(dot))), "phi.email") << utf8(dot);
    EXPECT_EQ(found(replaced("10.1.2.3", '.', utf8(dot))), "phi.ip_address") << utf8(dot);
  }
  for (const char32_t at : {U'\uff20', U'\ufe6b'}) {
    EXPECT_EQ(found(replaced("mary@example.com", '@', utf8(at))), "phi.email") << utf8(at);
  }
  EXPECT_EQ(found("2\xe2\x81\x84"
                  "29\xe2\x88\x95"
                  "1980"),
            "phi.birth_date");
}

TEST(PhiEvasion, WhatHasNoWidthNeitherPartsAValueNorHidesItsEdge) {
  for (const char32_t invisible :
       {U'\u00ad', U'\u200b', U'\u200c', U'\u200d', U'\u200e', U'\u202e', U'\u2060', U'\u2066', U'\ufeff', U'\u034f',
        U'\u0301', U'\ufe0f', U'\u061c', U'\U000e0041', U'\U000e0100'}) {
    const std::string mark = utf8(invisible);
    EXPECT_EQ(found("12" + mark + "3-4" + mark + "5-67" + mark + "89"), "phi.ssn") << static_cast<unsigned>(invisible);
    EXPECT_EQ(found("mary" + mark + "@" + mark + "example.com"), "phi.email") << static_cast<unsigned>(invisible);
    EXPECT_EQ(found("1EG4" + mark + "TE5MK73"), "phi.mbi") << static_cast<unsigned>(invisible);
    // A letter or a digit before the mark is not part of the value.
    EXPECT_EQ(found("x" + mark + "123-45-6789"), "phi.ssn") << static_cast<unsigned>(invisible);
    EXPECT_EQ(found("123-45-6789" + mark + "0"), "phi.ssn") << static_cast<unsigned>(invisible);
  }
}

TEST(PhiEvasion, PercentEncodingIsUndoneThreeTimesAndReadBothWays) {
  EXPECT_EQ(found("mary%2540example.com"), "phi.email");
  EXPECT_EQ(found("mary%252540example.com"), "phi.email");
  EXPECT_EQ(found("mary%25252540example.com"), "");
  EXPECT_EQ(found("mary%40example.com"), "phi.email");
  EXPECT_EQ(found("mary%40example%2ecom"), "phi.email");
  EXPECT_EQ(found("%31%32%33-45-6789"), "phi.ssn");
  EXPECT_EQ(found("123%2D45%2D6789"), "phi.ssn");
  EXPECT_EQ(found("123%2045%206789"), "phi.ssn");
  EXPECT_EQ(found("mary%EF%BC%A0example.com"), "phi.email");  // a fullwidth at sign
  EXPECT_EQ(found("tel:%2B493012345678"), "phi.phone");
  EXPECT_EQ(found("x%20123-45-6789"), "phi.ssn");
  // The digits after a percent sign are digits, too.
  EXPECT_EQ(found("%123-45-6789"), "phi.ssn");
  EXPECT_EQ(found("%4111111111111111"), "phi.card");
  EXPECT_EQ(found("%"), "");
  EXPECT_EQ(found("%4"), "");
  EXPECT_EQ(found("%zz%40"), "");
}

TEST(PhiEvasion, OfFullwidthLettersAndMathematicalOnesWordsAreMade) {
  EXPECT_EQ(found("\xef\xbc\xb3\xef\xbc\xb3\xef\xbc\xae 123456789"), "phi.ssn");
  EXPECT_EQ(found("123456789", "\xef\xbd\x93\xef\xbd\x93\xef\xbd\x8e"), "phi.ssn");
  EXPECT_EQ(found("\xf0\x9d\x90\xac\xf0\x9d\x90\xac\xf0\x9d\x90\xa7 123456789"), "phi.ssn");
}

TEST(PhiEvasion, BytesThatAreNoUtf8AreDelimiters) {
  for (const std::string_view bytes : {"\xff", "\xc0\xaf", "\xe2\x80", "\xf0\x9d", "\x80", "\xed\xa0\x80", "\xf8"}) {
    EXPECT_EQ(found(std::string(bytes) + "123-45-6789"), "phi.ssn");
    EXPECT_EQ(found("123-45-6789" + std::string(bytes)), "phi.ssn");
  }
  EXPECT_EQ(found("\xe2\x80"
                  "123-45-6789"),
            "phi.ssn");  // a character cut short eats no digit
}

// docs/phi.md, "What gets past".
TEST(PhiEvasion, WhatIsNotCoveredIsSaid) {
  for (const std::string_view text : {"MTIzLTQ1LTY3ODk",                                   // base64
                                      "3132332d34352d36373839",                            // hex
                                      "mary%25252540example.com",                          // percent-encoded four times
                                      "mary&#64;example.com",                              // an HTML entity
                                      "mary at example dot com",                           // words
                                      "one two three - four five - six seven eight nine",  // words
                                      "9876-54-321",                                       // backwards
                                      "x123-45-6789",                                      // a letter that touches it
                                      "123+45+6789",                                       // spaces of HTML forms
                                      "123/45/6789",                                       // the parts of a path
                                      "415/555/2671",                                      // the parts of a path
                                      "2015/03/01",                                        // the parts of a path
                                      "2015.03.01",                                        // the form of a version
                                      "123.45_6789",                                       // two separators of ids
                                      "7.123.45.6789",                                     // the form of an OID
                                      "7:1980:02:29",                                      // the form of an address
                                      "2015_03_01_12",                                     // the form of a time
                                      "41.11.11.11.11.11.11.11",                           // a card in other groups
                                      "1EG4-T\xd0\x95"
                                      "5-MK73",                                // a Cyrillic letter
                                      "41111111-1111-4111-8111-411111111111",  // in the form of a UUID
                                      "0x0a010203",                            // an IP address as a number
                                      "29 February 1980",                      // months by name
                                      "2015-03-01T22:00:00Z"}) {               // midnight of another zone
    EXPECT_EQ(found(text), "") << text;
  }
}

}  // namespace
}  // namespace signer::phi
