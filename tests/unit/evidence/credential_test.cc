// SPDX-License-Identifier: Apache-2.0
//
// Challenges: what they are made of.  That a TPM answers them, and only the right one, is shown by
// tpm_artefacts_test.cc.
#include <gtest/gtest.h>

#include "evidence/credential.h"
#include "tests/support/signing_key.h"
#include "tests/support/tpm_wire.h"

namespace signer::evidence {
namespace {

using signer::test::number_at;
using signer::test::SigningKey;

Bytes some_name() {
  Bytes name(34, 7);
  name[0] = 0;
  name[1] = 0x0b;
  return name;
}

TEST(Credential, AChallengeHasTheSizesThatATpmExpects) {
  const auto challenge = make_challenge(SigningKey::first().public_key(), some_name());
  ASSERT_TRUE(challenge) << challenge.error().text;
  EXPECT_EQ(challenge->secret.reveal().size(), 32U);
  EXPECT_EQ(challenge->encrypted_secret.size(), 2U + 256U);
  EXPECT_EQ(number_at<std::uint16_t>(challenge->encrypted_secret, 0), 256);
  ASSERT_EQ(challenge->credential.size(), 2U + 2U + 32U + 2U + 32U);
  EXPECT_EQ(number_at<std::uint16_t>(challenge->credential, 0), 68);
  EXPECT_EQ(number_at<std::uint16_t>(challenge->credential, 2), 32) << "the HMAC";
  EXPECT_EQ(text_of(challenge->credential).find(challenge->secret.reveal()), std::string_view::npos);
}

TEST(Credential, EachChallengeIsAnother) {
  const auto first = make_challenge(SigningKey::first().public_key(), some_name());
  const auto second = make_challenge(SigningKey::first().public_key(), some_name());
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->secret.reveal(), second->secret.reveal());
  EXPECT_NE(first->credential, second->credential);
  EXPECT_NE(first->encrypted_secret, second->encrypted_secret);
}

TEST(Credential, IsMadeForRsa2048AndForNamesAlone) {
  const jose::PublicKey good = SigningKey::first().public_key();
  jose::PublicKey curve{
      .algorithm = Algorithm::kEs256, .modulus = {}, .exponent = {}, .x = Bytes(32, 1), .y = Bytes(32, 1)};
  jose::PublicKey longer = good;
  longer.modulus.push_back(1);
  jose::PublicKey even = good;
  even.modulus.back() &= 0xfeU;
  jose::PublicKey three = good;
  three.exponent = {3};
  for (const jose::PublicKey& key : {curve, longer, even, three}) {
    const auto outcome = make_challenge(key, some_name());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidRequest);
  }
  Bytes short_name = some_name();
  short_name.pop_back();
  Bytes long_name = some_name();
  long_name.push_back(0);
  Bytes other_hash = some_name();
  other_hash[1] = 0x0c;
  for (const Bytes& name : {Bytes(), short_name, long_name, other_hash}) {
    const auto outcome = make_challenge(good, name);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidRequest);
  }
}

}  // namespace
}  // namespace signer::evidence
