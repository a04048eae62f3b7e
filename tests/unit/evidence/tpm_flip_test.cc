// SPDX-License-Identifier: Apache-2.0
//
// Every byte of what a TPM signed, and of what signatures and certificates are compared with, changed in turn.  One
// that may change unnoticed is one that whoever carries the evidence may choose.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "jose/base64url.h"
#include "tests/support/seed.h"
#include "tpm_model.h"

namespace signer::evidence {
namespace {

using jose::Json;
using test::TpmModel;

// One random bit of each byte, or of every `step`th, of the member; how many there were.
std::size_t flip_each_byte(const Json& part, const std::string& path, std::size_t step, const Trust& trust,
                           std::initializer_list<Grade> noticed, std::mt19937& random) {
  const TpmModel model;
  const TpmExpectation expectation{.nonce = model.nonce, .context = model.context};
  const Json::json_pointer at(path);
  const Bytes bytes = jose::base64url_decode(part.at(at).get<std::string>()).value();
  std::size_t count = 0;
  Json changed = part;
  for (std::size_t i = random() % step; i < bytes.size(); i += step) {
    Bytes other = bytes;
    other[i] ^= static_cast<std::uint8_t>(1U << random() % 8);
    changed[at] = jose::base64url_encode(other);
    const Grade grade = judge_tpm(changed, model.published(), expectation, trust).grade;
    EXPECT_NE(std::ranges::find(noticed, grade), noticed.end()) << path << ": byte " << i << ": " << to_string(grade);
    ++count;
  }
  return count;
}

class TpmFlip : public ::testing::Test {
 protected:
  unsigned seed_ = signer::test::seed();
  ::testing::ScopedTrace trace_{__FILE__, __LINE__, "SIGNER_TEST_SEED=" + std::to_string(seed_)};
  std::mt19937 random_{seed_};
  const Json good_ = TpmModel().part();
};

// Each byte of one statement; of the others, which the same code reads, and of signatures and keys every few.
TEST_F(TpmFlip, NoByteThatIsSignedCanChange) {
  const TpmModel model;
  const Trust nobody;  // the chains are the next test's
  ASSERT_EQ(judge_tpm(good_, model.published(), {.nonce = model.nonce, .context = model.context}, nobody).grade,
            Grade::kClaimed);
  std::size_t bytes = 0;
  for (const auto& [path, step] : {std::pair{"/attStmt/certInfo", 1U},
                                   {"/attStmt/sig", 16U},
                                   {"/attStmt/pubArea", 11U},
                                   {"/ak/pubArea", 11U},
                                   {"/ek/pubArea", 11U},
                                   {"/storage_root/pubArea", 3U},
                                   {"/creation/certInfo", 4U},
                                   {"/creation/data", 4U},
                                   {"/creation/sig", 16U},
                                   {"/quote/certInfo", 3U},
                                   {"/quote/sig", 16U},
                                   {"/quote/pcrs/0", 8U},
                                   {"/quote/pcrs/7", 8U}}) {
    bytes += flip_each_byte(good_, path, step, nobody, {Grade::kFailed}, random_);
  }
  EXPECT_GT(bytes, 400U);
}

// One that was changed is another key's, or not signed, or none at all.
TEST_F(TpmFlip, NoByteOfACertificateCanChange) {
  for (const char* path : {"/attStmt/x5c/0", "/ek/certificates/0", "/ek/certificates/1"}) {
    EXPECT_GT(flip_each_byte(good_, path, 19, TpmModel::trust(), {Grade::kFailed, Grade::kClaimed}, random_), 10U);
  }
}

}  // namespace
}  // namespace signer::evidence
