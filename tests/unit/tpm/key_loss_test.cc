// SPDX-License-Identifier: Apache-2.0
//
// Keys that are evicted, replaced or cleared away: the key comes back from its blob if this TPM can still read it, or
// its request is refused; files are never rewritten to suit a TPM that looks wrong (invariants 6, 8, 9).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "test_token.h"
#include "tpm/token_admin.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using test::sign_request;

class KeyLoss : public ::testing::TestWithParam<const char*> {
 protected:
  KeyLoss() {
    const auto key = driver_->generate_key(test::key_request());
    EXPECT_TRUE(key) << key.error().text;
    if (key) key_ = key->public_key;
    EXPECT_TRUE(signs());
  }

  bool signs() {
    const auto signature = driver_->sign(sign_request());
    EXPECT_TRUE(signature) << signature.error().text;
    return signature && test::verifies(key_, "header.payload", *signature);
  }

  channel::HostError refusal() {
    const auto signature = driver_->sign(sign_request());
    return signature ? channel::HostError{HostStatus::kOk, ""} : signature.error();
  }

  void reopen() {
    driver_.reset();
    driver_ = test::opened(token_, GetParam());
  }

  bool is_persistent(std::uint32_t handle) {
    return std::ranges::count(test::handles_from(token_.tpm(), test::kPersistentFirst), handle) == 1;
  }

  void evict(std::uint32_t handle) { ASSERT_TRUE(token_.tpm().run(test::evict_control(handle, handle)).ok()); }

  // Somebody else's key, at this persistent handle.
  void put_another_key_at(std::uint32_t handle) {
    const auto made = token_.tpm().run(signer::test::create_rsa_key(signer::test::kOwnerHierarchy, "other"));
    ASSERT_TRUE(made.ok());
    ASSERT_TRUE(token_.tpm().run(test::evict_control(made.handle, handle)).ok());
    ASSERT_TRUE(token_.tpm().run(test::flush_context(made.handle)).ok());
  }

  test::TestToken token_;
  std::unique_ptr<Tpm2Driver> driver_ = test::opened(token_, GetParam());
  jose::PublicKey key_;
};

INSTANTIATE_TEST_SUITE_P(Authorization, KeyLoss, ::testing::Values("hmac", "password"),
                         [](const auto& mode) { return std::string(mode.param); });

TEST_P(KeyLoss, Invariant09_MakesAnEvictedKeyPersistentAgain) {
  ASSERT_TRUE(is_persistent(kFirstKeyHandle));
  evict(kFirstKeyHandle);
  EXPECT_TRUE(signs());
  EXPECT_TRUE(is_persistent(kFirstKeyHandle));
  EXPECT_TRUE(test::handles_from(token_.tpm(), test::kTransientFirst).empty()) << "the loaded copy was left";
  evict(kFirstKeyHandle);
  reopen();
  EXPECT_TRUE(signs());
}

TEST_P(KeyLoss, Invariant06_NeverSignsWithAnotherKeyAtItsHandle) {
  const std::string blob = test::read_text(token_.key_file("key-1", ".pem"));
  for (const bool while_open : {true, false}) {
    const std::uint32_t handle = while_open ? kFirstKeyHandle : kFirstKeyHandle + 1;
    evict(handle);
    put_another_key_at(handle);
    if (!while_open) reopen();
    EXPECT_TRUE(signs());
    EXPECT_TRUE(is_persistent(handle)) << "the other key is not ours to remove";
    EXPECT_TRUE(is_persistent(handle + 1));
    EXPECT_TRUE(signs());
  }
  EXPECT_EQ(test::read_text(token_.key_file("key-1", ".pem")), blob);
}

TEST_P(KeyLoss, Invariant05_AsksNothingOfAKeyThatTookThePlaceOfALostOne) {
  // With a password, asking is telling it.
  reopen();  // so that the library knows the handle from reading it
  EXPECT_TRUE(signs());
  evict(kFirstKeyHandle);
  put_another_key_at(kFirstKeyHandle);
  (void)token_.bus().answer({.code = test::cc::kSign, .times = 1}, 0x18b);
  token_.bus().forget_counts();
  EXPECT_TRUE(signs());
  EXPECT_EQ(token_.bus().count(test::cc::kSign), 2U) << "the one answered, and ours at its new handle";
  EXPECT_EQ(token_.bus().count(test::cc::kReadPublic), 2U) << "the context was given up";
}

TEST_P(KeyLoss, FindsAKeyThatACrashLeftWithoutANoteOfItsPlace) {
  driver_.reset();
  std::filesystem::remove(token_.key_file("key-1", ".json"));
  driver_ = test::opened(token_, GetParam());
  token_.bus().forget_counts();
  EXPECT_TRUE(signs());
  EXPECT_EQ(token_.bus().count(test::cc::kEvictControl), 0U) << "it was there already";
  EXPECT_TRUE(std::filesystem::exists(token_.key_file("key-1", ".json")));
}

TEST_P(KeyLoss, SignsFromATransientKeyWhereTheOwnerDoesNotLetItPersist) {
  evict(kFirstKeyHandle);
  ASSERT_TRUE(token_.tpm().run(test::change_auth(signer::test::kOwnerHierarchy, "owner")).ok());
  reopen();
  EXPECT_TRUE(signs());
  EXPECT_FALSE(is_persistent(kFirstKeyHandle));
  EXPECT_EQ(test::handles_from(token_.tpm(), test::kTransientFirst).size(), 1U);
  token_.tpm().reset();
  EXPECT_TRUE(signs()) << "it is loaded again";
  driver_.reset();
  EXPECT_TRUE(test::handles_from(token_.tpm(), test::kTransientFirst).empty()) << "it was left behind";
}

TEST_P(KeyLoss, Invariant08_StopsAfterClearAndKeepsBlobAndPlace) {
  const std::string files = token_.key_directory_content();
  ASSERT_TRUE(token_.tpm().run(test::clear_owner()).ok());
  const auto cleared = refusal();
  EXPECT_TRUE(cleared.status == HostStatus::kMismatch || cleared.status == HostStatus::kNotFound) << cleared.text;
  Tpm2Driver fresh;
  const auto absent = fresh.open(token_.spec(GetParam()));
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().status, HostStatus::kNotFound) << absent.error().text;
  EXPECT_NE(absent.error().text.find("cleared"), std::string::npos) << absent.error().text;
  ASSERT_TRUE(initialize_token({.tcti = token_.tpm().tcti(), .auth_file = token_.auth_file(), .generate_auth = false}));
  EXPECT_TRUE(test::eventually([&] { return refusal().status == HostStatus::kMismatch; })) << refusal().text;
  Tpm2Driver later;
  const auto other = later.open(token_.spec(GetParam()));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().status, HostStatus::kMismatch) << other.error().text;
  EXPECT_EQ(token_.key_directory_content(), files);
}

TEST_P(KeyLoss, Invariant08_RefusesAnotherTpmBehindTheSameDirectory) {
  const std::string files = token_.key_directory_content();
  token_.replace_tpm();
  EXPECT_TRUE(test::eventually([&] { return refusal().status == HostStatus::kMismatch; })) << refusal().text;
  EXPECT_EQ(driver_->generate_key(test::key_request(jose::KeyKind::kP256, "new")).error().status,
            HostStatus::kMismatch);
  Tpm2Driver fresh;
  const auto refused = fresh.open(token_.spec(GetParam()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kMismatch) << refused.error().text;
  EXPECT_EQ(token_.key_directory_content(), files);
  EXPECT_EQ(test::handles_from(token_.tpm(), kFirstKeyHandle).size(), 0U);
}

TEST_P(KeyLoss, Invariant08_RefusesTheBlobOfAnotherTpmAndKeepsIt) {
  test::TestToken other;
  const auto driver = test::opened(other, GetParam());
  ASSERT_TRUE(driver->generate_key(test::key_request(jose::KeyKind::kP256, "stray")));
  const std::string blob = other.key_file("stray", ".pem");
  std::filesystem::copy_file(blob, token_.key_file("stray", ".pem"));
  auto request = sign_request(std::chrono::seconds(10), "stray");
  request.algorithm = Algorithm::kEs256;
  const auto signature = driver_->sign(request);
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().status, HostStatus::kMismatch) << signature.error().text;
  EXPECT_EQ(test::read_text(token_.key_file("stray", ".pem")), test::read_text(blob));
  EXPECT_FALSE(std::filesystem::exists(token_.key_file("stray", ".json")));
  EXPECT_TRUE(signs()) << "other keys go on";
}

TEST_P(KeyLoss, Invariant06_StopsAKeyWhoseFilesBecomeAnotherKeys) {
  ASSERT_TRUE(driver_->generate_key(test::key_request(jose::KeyKind::kRsa2048, "key-2")));
  for (const char* suffix : {".pem", ".json"}) {
    std::filesystem::copy_file(token_.key_file("key-2", suffix), token_.key_file("key-1", suffix),
                               std::filesystem::copy_options::overwrite_existing);
  }
  evict(kFirstKeyHandle);  // so that the files are read again
  const auto refused = refusal();
  EXPECT_EQ(refused.status, HostStatus::kMismatch) << refused.text;
}

}  // namespace
}  // namespace signer::tpm
