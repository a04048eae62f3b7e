// SPDX-License-Identifier: Apache-2.0
//
// A module that claims good keys and gives them away: every attribute is right, so the probes alone can tell.
#include <gtest/gtest.h>

#include <algorithm>

#include "evidence_reader.h"
#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::Probes;
using test::control;
using test::Json;

class LyingModule : public ::testing::Test {
 protected:
  // Evidence of a key that such a module has made, for which it vouches in every attribute.
  Json evidence(fault::WeakPair weak, Probes probes) {
    control().weak_pairs = weak;
    control().good_claims = 1;
    const auto made = driver_->generate_key(test::key_request(jose::KeyKind::kRsa2048));
    EXPECT_TRUE(made) << "the lie must be believed: " << made.error().text;
    EXPECT_TRUE(driver_->inspect_key(bytes_of("key-1"))) << "attributes alone cannot tell";
    return again(probes);
  }

  Json again(Probes probes) {
    Json part = test::attested(*driver_, "key-1", probes);
    for (const char* name : {"CKA_SENSITIVE", "CKA_ALWAYS_SENSITIVE", "CKA_NEVER_EXTRACTABLE", "CKA_LOCAL"}) {
      EXPECT_EQ(test::attribute_of(part["private_key"], name), "01") << name;
    }
    EXPECT_EQ(test::attribute_of(part["private_key"], "CKA_EXTRACTABLE"), "00");
    return part;
  }

  test::TestToken token_;
  std::unique_ptr<Pkcs11Driver> driver_ = test::opened(token_);
};

using Names = std::vector<std::string>;

TEST_F(LyingModule, Invariant04_IsCaughtByEveryProbeThatTakesWhatItGives) {
  const Json part = evidence(fault::kReadable, Probes::kFull);
  EXPECT_EQ(test::not_passed(part),
            (Names{"read", "read-mixed", "wrap", "set-attribute", "copy", "throwaway-read", "throwaway-wrap"}));
  const auto reads = test::tries(part, "read");
  ASSERT_EQ(reads.size(), 6U);
  EXPECT_EQ(reads.front()["attribute"], "CKA_PRIVATE_EXPONENT");
  EXPECT_NEAR(reads.front()["length"].get<double>(), 256, 4);  // without leading zeros
  EXPECT_NEAR(test::tries(part, "read-mixed").front()["length"].get<double>(), 256 + 5 * 128, 12);

  // The same, refused in words: what came in spite of the refusal is seen.
  control().leaks_quietly = 1;
  const Json quiet = again(Probes::kReadOnly);
  EXPECT_EQ(test::tries(quiet, "read").front()["rv"], "CKR_ATTRIBUTE_SENSITIVE");
  EXPECT_NEAR(test::tries(quiet, "read").front()["length"].get<double>(), 256, 4);
  EXPECT_EQ(test::not_passed(quiet), (Names{"read", "read-mixed", "wrap"}));

  // Refused one by one, given among others.
  control().leaks_quietly = 0;
  control().leaks_mixed = 1;
  EXPECT_EQ(test::not_passed(again(Probes::kReadOnly)), (Names{"read-mixed", "wrap"}));
}

TEST_F(LyingModule, Invariant04_IsCaughtWhenItOnlyWraps) {
  const Json part = evidence(fault::kWrappable, Probes::kReadOnly);
  EXPECT_EQ(test::not_passed(part), Names{"wrap"});
  const auto wraps = test::tries(part, "wrap");
  EXPECT_TRUE(std::ranges::any_of(wraps, [](const Json& line) {
    return line["mechanism"] == "CKM_AES_KEY_WRAP_PAD" && line["rv"] == "CKR_OK" && line["length"] > 1100;
  })) << part["tried"].dump(1);
}

TEST_F(LyingModule, Invariant04_IsCaughtWhenItOnlyCopiesAndChanges) {
  const Json part = evidence(fault::kCopyable, Probes::kFull);
  EXPECT_EQ(test::not_passed(part), (Names{"set-attribute", "copy"}));
  const auto copies = test::tries(part, "copy");
  ASSERT_EQ(copies.size(), 4U);
  EXPECT_EQ(copies.back()["attribute"], "CKA_DECRYPT");
  EXPECT_EQ(copies.back()["rv"], "CKR_OK");
}

}  // namespace
}  // namespace signer::hsm
