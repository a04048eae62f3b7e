// SPDX-License-Identifier: Apache-2.0
//
// Signatures that OpenSSL accepts, at two token calls each, and requests that must not reach the token.
#include <gtest/gtest.h>

#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using fault::Function;
using test::control;
using test::key_request;
using test::sign_request;

std::uint64_t all_calls() {
  std::uint64_t sum = 0;
  for (const auto& function : control().functions) sum += function.calls;
  return sum;
}

class Signing : public ::testing::Test {
 protected:
  jose::PublicKey generate(jose::KeyKind kind, std::string_view id = "key-1", bool lock = false) {
    auto request = key_request(kind, id);
    request.mechanism_lock = lock;
    auto key = driver_->generate_key(request);
    EXPECT_TRUE(key) << key.error().text;
    return key ? key->public_key : jose::PublicKey{};
  }

  test::TestToken token_;
  std::unique_ptr<Pkcs11Driver> driver_ = test::opened(token_);
};

TEST_F(Signing, MakesRs256OfEverySize) {
  for (const auto& [kind, id, bytes] :
       {std::tuple{jose::KeyKind::kRsa2048, "two", 256U}, std::tuple{jose::KeyKind::kRsa3072, "three", 384U},
        std::tuple{jose::KeyKind::kRsa4096, "four", 512U}}) {
    const auto key = generate(kind, id);
    const auto signature = driver_->sign(sign_request(id));
    ASSERT_TRUE(signature) << signature.error().text;
    EXPECT_EQ(signature->size(), bytes);
    EXPECT_TRUE(test::verifies(key, "header.payload", *signature));
    EXPECT_FALSE(test::verifies(key, "header.payloae", *signature));
  }
}

TEST_F(Signing, MakesEs256OverP256) {
  const auto key = generate(jose::KeyKind::kP256);
  const auto signature = driver_->sign(sign_request("key-1", "note", Algorithm::kEs256));
  ASSERT_TRUE(signature) << signature.error().text;
  EXPECT_EQ(signature->size(), 64U);
  EXPECT_TRUE(test::verifies(key, "note", *signature));
}

TEST_F(Signing, SignsInputsOfAnyAllowedLength) {
  const auto key = generate(jose::KeyKind::kRsa2048);
  for (const std::size_t size : {0UL, 1UL, 63UL, 64UL, 65UL, channel::kSigningInputMax}) {
    const std::string input(size, 'a');
    const auto signature = driver_->sign(sign_request("key-1", input));
    ASSERT_TRUE(signature) << size << ": " << signature.error().text;
    EXPECT_TRUE(test::verifies(key, input, *signature)) << size;
  }
}

TEST_F(Signing, UsesTheHashingMechanismWhereOffered) {
  const auto key = generate(jose::KeyKind::kRsa2048, "key-1", true);  // the key allows no other
  const auto signature = driver_->sign(sign_request());
  ASSERT_TRUE(signature) << signature.error().text;
  EXPECT_TRUE(test::verifies(key, "header.payload", *signature));
}

TEST(SigningWithoutHashingMechanism, BuildsTheDigestInfoItself) {
  const test::TestToken token;
  control().hidden_mechanism = CKM_SHA256_RSA_PKCS;
  Pkcs11Driver driver;
  const auto described = driver.open(token.spec());
  ASSERT_TRUE(described) << described.error().text;
  EXPECT_EQ(described->mechanism, "CKM_RSA_PKCS");
  const auto key = driver.generate_key(key_request(jose::KeyKind::kRsa2048));
  ASSERT_TRUE(key) << key.error().text;

  const auto signature = driver.sign(sign_request());

  ASSERT_TRUE(signature) << signature.error().text;
  EXPECT_TRUE(test::verifies(key->public_key, "header.payload", *signature));
}

TEST_F(Signing, CostsTwoTokenCalls) {
  generate(jose::KeyKind::kRsa2048);
  ASSERT_TRUE(driver_->sign(sign_request()));
  const std::uint64_t before = all_calls();
  constexpr int kSignatures = 10;
  for (int i = 0; i < kSignatures; ++i) ASSERT_TRUE(driver_->sign(sign_request()));
  EXPECT_EQ(all_calls() - before, 2 * kSignatures);
}

TEST_F(Signing, Invariant06_RefusesAnotherAlgorithmThanTheKeys) {
  generate(jose::KeyKind::kRsa2048);
  const auto signature = driver_->sign(sign_request("key-1", "x", Algorithm::kEs256));
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().status, HostStatus::kInvalid);
}

TEST_F(Signing, AnswersNotFoundForAKeyThatIsNotThere) {
  const auto signature = driver_->sign(sign_request("nobody"));
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().status, HostStatus::kNotFound) << signature.error().text;
}

TEST_F(Signing, RefusesBadRequestsBeforeTheToken) {
  const std::uint64_t before = all_calls();
  EXPECT_EQ(driver_->sign(sign_request("")).error().status, HostStatus::kInvalid);
  EXPECT_EQ(driver_->sign(sign_request(std::string(channel::kKeyIdMax + 1, 'k'))).error().status, HostStatus::kInvalid);
  const std::string long_input(channel::kSigningInputMax + 1, 'a');
  EXPECT_EQ(driver_->sign(sign_request("key-1", long_input)).error().status, HostStatus::kInvalid);
  EXPECT_EQ(all_calls(), before);
}

TEST_F(Signing, DoesNotAskTheTokenAfterTheDeadline) {
  generate(jose::KeyKind::kRsa2048);
  const std::uint64_t before = all_calls();
  auto request = sign_request();
  request.deadline_ns = 1;
  EXPECT_EQ(driver_->sign(request).error().status, HostStatus::kExpired);
  request.deadline_ns = 0;
  EXPECT_EQ(driver_->sign(request).error().status, HostStatus::kExpired);
  EXPECT_EQ(all_calls(), before);
}

TEST_F(Signing, PassesOnWhatTheTokenSaysToABadMechanism) {
  generate(jose::KeyKind::kRsa2048);
  control().fail_next(Function::C_SignInit, 1, CKR_KEY_FUNCTION_NOT_PERMITTED);
  const auto signature = driver_->sign(sign_request());
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().status, HostStatus::kUnsupported);
  EXPECT_EQ(signature.error().text, "hsm: C_SignInit: CKR_KEY_FUNCTION_NOT_PERMITTED");
  EXPECT_TRUE(driver_->sign(sign_request())) << "the next request is served";
}

TEST_F(Signing, DescribesTheToken) {
  Pkcs11Driver driver;
  driver_.reset();
  const auto described = driver.open(token_.spec());
  ASSERT_TRUE(described) << described.error().text;
  EXPECT_EQ(described->label, "unit");
  EXPECT_EQ(described->manufacturer, "SoftHSM project");
  EXPECT_EQ(described->model, "SoftHSM v2");
  EXPECT_EQ(described->serial.size(), 16U);
  EXPECT_EQ(described->library, "SoftHSM " + described->firmware);
  EXPECT_EQ(described->mechanism, "CKM_SHA256_RSA_PKCS");
  EXPECT_FALSE(described->hardware);
}

}  // namespace
}  // namespace signer::hsm
