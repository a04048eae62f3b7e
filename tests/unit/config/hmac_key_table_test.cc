// SPDX-License-Identifier: Apache-2.0
//
// [[hmac_key]] and what may name one.  Without these pseudonyms could be made with another secret than the operator
// means, or a grant could promise tokens from a key that signs none.
#include <gtest/gtest.h>

#include "config/config.h"
#include "tests/unit/config/problems.h"

namespace signer::config {
namespace {

using test::kConfigText;
using test::problems_of;
using test::with;

constexpr std::string_view kTable = "[[hmac_key]]\nname = \"pairwise\"\ntoken = \"main\"\n\n";

std::string with_table(std::string_view table = kTable) {
  return with(kConfigText, "[[profile]]\n", std::string(table) + "[[profile]]\n");
}

std::string with_pairwise(std::string_view members, std::string_view table = kTable) {
  return with(with_table(table), "max_ttl = \"15m\"\n",
              "max_ttl = \"15m\"\npairwise = { sector = \"s\", " + std::string(members) + " }\n");
}

void expect_one_problem(const std::string& text, std::string_view says) {
  const std::string problems = problems_of(text);
  EXPECT_NE(problems.find(says), std::string::npos) << problems;
  EXPECT_EQ(test::lines_in(problems), 1) << problems;
}

TEST(HmacKeyTable, HasANameAndATokenAndIsNoSigningKey) {
  const auto config = parse(with_table(), "f");
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_EQ(config->hmac_keys.size(), 1U);
  EXPECT_EQ(config->hmac_keys[0].name, "pairwise");
  EXPECT_EQ(config->hmac_keys[0].token, "main");
  ASSERT_EQ(config->keys.size(), 1U);
  EXPECT_EQ(config->keys[0].name, "issuer");
}

TEST(HmacKeyTable, WhatIsWrongInItIsSaid) {
  expect_one_problem(with_table("[[hmac_key]]\nname = \"pairwise\"\n"), "hmac_key.token: is missing");
  expect_one_problem(with_table("[[hmac_key]]\ntoken = \"main\"\n"), "hmac_key.name: is missing");
  expect_one_problem(with_table("[[hmac_key]]\nname = \"pairwise\"\ntoken = \"other\"\n"), "hmac_key.token: ");
  expect_one_problem(with_table("[[hmac_key]]\nname = \"pairwise\"\ntoken = \"main\"\nalg = \"HS256\"\n"),
                     "hmac_key.alg: is not known");
  expect_one_problem(with_table(std::string(kTable) + std::string(kTable)), "'pairwise' is already in use");
  EXPECT_NE(problems_of(with_table("[[hmac_key]]\nname = \"issuer\"\ntoken = \"main\"\n"))
                .find("hmac_key.name: 'issuer' is already in use"),
            std::string::npos)
      << "by a signing key";
}

TEST(HmacKeyTable, ATpmIsRefusedWithTheWayOut) {
  const std::string text = with(
      with_table("[[hmac_key]]\nname = \"pairwise\"\ntoken = \"tpm0\"\n"), "[[key]]\n",
      "[[token]]\nname = \"tpm0\"\ndriver = \"tpm2\"\ntcti = \"device:/dev/tpmrm0\"\nauth_file = \"/a\"\n\n[[key]]\n");
  expect_one_problem(text, "hmac_key.token: 'tpm0' is a TPM, in which this version keeps no HMAC keys");
  EXPECT_NE(problems_of(text).find("secret_file"), std::string::npos);
}

TEST(HmacKeyTable, APairwiseSubjectNamesTheKeyOrAFileAndNotBoth) {
  const auto config = parse(with_pairwise("secret_key = \"pairwise\""), "f");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->profiles[0].pairwise->secret_key, "pairwise");
  EXPECT_EQ(config->profiles[0].pairwise->secret_file, "");
  expect_one_problem(with_pairwise("secret_key = \"pairwise\", secret_file = \"/s\""),
                     "profile.pairwise.secret_key: stands beside secret_file");
  expect_one_problem(with_pairwise("secret_key = \"other\""), "profile.pairwise.secret_key: ");
  expect_one_problem(with_pairwise("secret_key = \"issuer\""), "profile.pairwise.secret_key: ");
  expect_one_problem(with_pairwise("secret_key = \"pairwise\"", ""), "profile.pairwise.secret_key: ");
}

TEST(HmacKeyTable, ASectorIsAtMost1024Bytes) {
  const auto with_sector = [](std::size_t size) {
    return with(with_pairwise("secret_key = \"pairwise\""), "\"s\"", "\"" + std::string(size, 's') + "\"");
  };
  EXPECT_EQ(problems_of(with_sector(1024)), "");
  expect_one_problem(with_sector(1025), "profile.pairwise.sector: must be at most 1024 bytes");
}

TEST(HmacKeyTable, AGrantLetsItBeMadeAndNeverMinted) {
  const auto grant = [](const std::string& keys, const std::string& verbs) {
    return with(with(with_table(), "keys = [\"issuer\"]", "keys = " + keys), "[\"issue\"]", verbs);
  };
  EXPECT_EQ(problems_of(grant("[\"pairwise\"]", "[\"create\"]")), "");
  EXPECT_EQ(problems_of(grant("[\"issuer\", \"pairwise\"]", "[\"create\", \"status\"]")), "");
  for (const char* verb : {"issue", "sign-payload"}) {
    expect_one_problem(grant("[\"issuer\", \"pairwise\"]", "[\"create\", \"" + std::string(verb) + "\"]"),
                       "grant.keys: 'pairwise' is an [[hmac_key]], with which nothing is signed");
  }
}

// The audit record says which profile made a token: with a key, with which one, and not where a file lies.
TEST(HmacKeyTable, TheProfilesHashSaysWhichKey) {
  const auto hash = [](const std::string& text) { return profile_sha256(parse(text, "f").value().profiles.at(0)); };
  const std::string other = std::string(kTable) + "[[hmac_key]]\nname = \"other\"\ntoken = \"main\"\n";
  const std::string with_file = hash(with_pairwise("secret_file = \"/s\""));
  EXPECT_NE(hash(with_pairwise("secret_key = \"pairwise\"")), with_file);
  EXPECT_NE(hash(with_pairwise("secret_key = \"pairwise\"", other)),
            hash(with_pairwise("secret_key = \"other\"", other)));
  EXPECT_EQ(hash(with_pairwise("secret_file = \"/other\"")), with_file);
}

}  // namespace
}  // namespace signer::config
