// SPDX-License-Identifier: Apache-2.0
//
// The grammars of claims.  Without these a profile's type would let through what it does not name.
#include "claims/rule.h"

#include <gtest/gtest.h>

namespace signer::claims {
namespace {

Rule of(Type type) {
  Rule rule;
  rule.type = type;
  return rule;
}

void expect_grammar(Type type, std::initializer_list<std::string_view> good,
                    std::initializer_list<std::string_view> bad) {
  for (const auto text : good) EXPECT_TRUE(fits_grammar(of(type), text)) << to_string(type) << ": " << text;
  for (const auto text : bad) EXPECT_FALSE(fits_grammar(of(type), text)) << to_string(type) << ": " << text;
}

TEST(ClaimRule, AUuidIsItsCanonicalForm) {
  expect_grammar(Type::kUuid, {"3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a77", "3B0F5C7E-9A51-4C58-8F0E-2F6F6F0C1A77"},
                 {"", "3b0f5c7e9a514c588f0e2f6f6f0c1a77", "3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a7",
                  "3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a777", "3b0f5c7g-9a51-4c58-8f0e-2f6f6f0c1a77",
                  "{3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a77}", "3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a7\n"});
}

TEST(ClaimRule, AnOpaqueIdHasNoBlankAndNoAt) {
  expect_grammar(Type::kOpaqueId, {"a", "AZaz09._~:-", "system:serviceaccount:ns:name"},
                 {"", "a b", "a@b", "a/b", "a\n", "\xc3\xa9", std::string_view("a\0b", 3), "John Doe"});
}

TEST(ClaimRule, AScopeIsRfc6749) {
  expect_grammar(Type::kScope, {"a", "a b", "patient/Observation.rs launch/patient", "!", "~", "user/*.*"},
                 {"", " ", " a", "a ", "a  b", "a\tb", "a\"b", "a\\b", "\xc3\xa9", "a\x7f"});
}

TEST(ClaimRule, AUriHasASchemeAndUriCharacters) {
  expect_grammar(
      Type::kUri, {"https://a.example/x?y=1#z", "urn:oid:2.16.840.1.113883", "a:b", "x+y.z-1:q"},
      {"", "a", ":a", "https:", "1a:b", "https://a b", "https://\xc3\xa9", "/relative", "ht/tp:x", "a:\"b\""});
}

TEST(ClaimRule, ATextIsPrintable) {
  expect_grammar(Type::kText, {"", "a b", "\xc3\xa9\xc2\xa0", "\"\\"}, {"a\nb", "\x7f", "\xc2\x80", "\xc2\x9f", "\t"});
}

TEST(ClaimRule, AnEnumAndAConstantAreExact) {
  Rule rule = of(Type::kEnum);
  rule.values = {"nurse", "doctor"};
  EXPECT_TRUE(fits_grammar(rule, "nurse"));
  for (const char* bad : {"Nurse", "nurse ", "", "nursedoctor"}) EXPECT_FALSE(fits_grammar(rule, bad)) << bad;
}

TEST(ClaimRule, ValuesThatAreNoTextsFitNoTextGrammar) {
  for (const Type type : {Type::kNumber, Type::kTime, Type::kBoolean, Type::kArray, Type::kObject})
    EXPECT_FALSE(fits_grammar(of(type), "1"));
}

TEST(ClaimRule, EveryTypeHasAWordThatLeadsBack) {
  for (int i = 0; i <= static_cast<int>(Type::kObject); ++i) {
    const auto type = static_cast<Type>(i);
    EXPECT_EQ(type_of(to_string(type)), type);
  }
  EXPECT_FALSE(type_of("string"));
  EXPECT_FALSE(type_of(""));
}

TEST(ClaimPattern, MatchesTheWholeTextAlone) {
  const Pattern pattern = Pattern::compile("[a-c]{2}|x").value();
  EXPECT_TRUE(pattern.matches("ab"));
  EXPECT_TRUE(pattern.matches("x"));
  for (const char* bad : {"", "a", "abc", "xab", "ab\n", " ab"}) EXPECT_FALSE(pattern.matches(bad)) << bad;
  EXPECT_EQ(pattern.expression(), "[a-c]{2}|x");
}

TEST(ClaimPattern, WhatIsNoPatternIsRefusedWithWords) {
  for (const char* bad : {"(", "[a", "a{2,1}", "(?<x", "\\p{Nope}", "(a)\\1", "(?=a)", "x{100000}"}) {
    const auto refused = Pattern::compile(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
    EXPECT_FALSE(refused.error().text.empty());
  }
  EXPECT_FALSE(Pattern::compile(std::string(1025, 'a')));
  EXPECT_TRUE(Pattern::compile(std::string(1024, 'a')));
}

// With backtracking this text would take longer than the universe has existed.
TEST(ClaimPattern, TakesTimeLinearInTheText) {
  const Pattern pattern = Pattern::compile("(a+)+b").value();
  EXPECT_FALSE(pattern.matches(std::string(100'000, 'a')));
  EXPECT_TRUE(pattern.matches(std::string(100'000, 'a') + "b"));
}

}  // namespace
}  // namespace signer::claims
