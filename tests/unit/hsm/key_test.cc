// SPDX-License-Identifier: Apache-2.0
//
// Invariant 4 at the token: what a generated key lets nobody do, and what happens when a token makes a weaker one.
#include <gtest/gtest.h>

#include "hsm/attributes.h"
#include "hsm/ckr.h"
#include "hsm/key_template.h"
#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using fault::Function;
using test::control;
using test::key_request;

class Key : public ::testing::Test {
 protected:
  void SetUp() override {
    auto beside = test::session_beside();
    module_ = std::move(beside.module);
    session_ = std::move(beside.session);
  }

  CK_OBJECT_HANDLE private_key(std::string_view id = "key-1") {
    const auto found = find_objects(session_, CKO_PRIVATE_KEY, bytes_of(id));
    return found && found->size() == 1 ? found->front() : CK_INVALID_HANDLE;
  }

  std::size_t objects(std::string_view id = "key-1") {
    return find_objects(session_, CKO_PRIVATE_KEY, bytes_of(id))->size() +
           find_objects(session_, CKO_PUBLIC_KEY, bytes_of(id))->size();
  }

  void destroy(std::string_view id) {
    for (const CK_OBJECT_CLASS object_class : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
      const auto found = find_objects(session_, object_class, bytes_of(id));
      for (const CK_OBJECT_HANDLE object : *found) module_->api().C_DestroyObject(session_.handle(), object);
    }
  }

  test::TestToken token_;
  std::unique_ptr<Pkcs11Driver> driver_ = test::opened(token_);
  std::unique_ptr<Module> module_;
  Session session_;
};

TEST_F(Key, Invariant04_ReadsBackWithEveryAttributeThatKeepsItIn) {
  const auto key = driver_->generate_key(key_request(jose::KeyKind::kRsa2048));
  ASSERT_TRUE(key) << key.error().text;
  for (const char* attribute :
       {"CKA_SENSITIVE=1", "CKA_ALWAYS_SENSITIVE=1", "CKA_EXTRACTABLE=0", "CKA_NEVER_EXTRACTABLE=1", "CKA_LOCAL=1",
        "CKA_PRIVATE=1", "CKA_TOKEN=1", "CKA_SIGN=1", "CKA_DECRYPT=0", "CKA_UNWRAP=0", "CKA_SIGN_RECOVER=0",
        "CKA_DERIVE=0", "CKA_MODIFIABLE=0", "CKA_COPYABLE=0", "CKA_KEY_GEN_MECHANISM=CKM_RSA_PKCS_KEY_PAIR_GEN",
        "CKA_ALLOWED_MECHANISMS=CKM_RSA_PKCS,CKM_SHA256_RSA_PKCS"}) {
    EXPECT_NE(key->attributes.find(attribute), std::string::npos) << attribute << " in " << key->attributes;
  }
}

TEST_F(Key, Invariant04_CannotBeReadWrappedCopiedOrChanged) {
  for (const auto kind : {jose::KeyKind::kRsa2048, jose::KeyKind::kP256}) {
    const std::string id = kind == jose::KeyKind::kP256 ? "ec" : "rsa";
    ASSERT_TRUE(driver_->generate_key(key_request(kind, id)));
    const CK_OBJECT_HANDLE key = private_key(id);
    const CK_FUNCTION_LIST& api = module_->api();

    CK_BYTE buffer[4096]{};
    for (const CK_ATTRIBUTE_TYPE type : {CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_VALUE}) {
      CK_ATTRIBUTE attribute{type, buffer, sizeof buffer};
      const CK_RV rv = api.C_GetAttributeValue(session_.handle(), key, &attribute, 1);
      EXPECT_TRUE(rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID) << ckr_name(rv);
    }

    CK_MECHANISM generate_aes{CKM_AES_KEY_GEN, nullptr, 0};
    CK_ULONG size = 32;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE wrapping[] = {
        {CKA_VALUE_LEN, &size, sizeof size}, {CKA_WRAP, &yes, sizeof yes}, {CKA_TOKEN, &no, sizeof no}};
    CK_OBJECT_HANDLE wrapper = CK_INVALID_HANDLE;
    ASSERT_EQ(api.C_GenerateKey(session_.handle(), &generate_aes, wrapping, 3, &wrapper), CKR_OK);
    CK_MECHANISM wrap{CKM_AES_KEY_WRAP_PAD, nullptr, 0};
    CK_ULONG wrapped_size = sizeof buffer;
    EXPECT_EQ(api.C_WrapKey(session_.handle(), &wrap, wrapper, key, buffer, &wrapped_size), CKR_KEY_UNEXTRACTABLE);

    CK_ATTRIBUTE extractable{CKA_EXTRACTABLE, &yes, sizeof yes};
    CK_ATTRIBUTE decrypt{CKA_DECRYPT, &yes, sizeof yes};
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    EXPECT_NE(api.C_CopyObject(session_.handle(), key, &extractable, 1, &copy), CKR_OK);
    EXPECT_NE(api.C_CopyObject(session_.handle(), key, &decrypt, 1, &copy), CKR_OK);
    EXPECT_NE(api.C_SetAttributeValue(session_.handle(), key, &extractable, 1), CKR_OK);
    EXPECT_NE(api.C_SetAttributeValue(session_.handle(), key, &decrypt, 1), CKR_OK);
  }
}

TEST_F(Key, LocksToTheHashingMechanismWhenAsked) {
  auto request = key_request(jose::KeyKind::kRsa2048);
  request.mechanism_lock = true;
  const auto key = driver_->generate_key(request);
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_NE(key->attributes.find("CKA_ALLOWED_MECHANISMS=CKM_SHA256_RSA_PKCS"), std::string::npos);
  EXPECT_EQ(key->attributes.find("CKM_RSA_PKCS,"), std::string::npos);
  CK_MECHANISM raw{CKM_RSA_X_509, nullptr, 0};
  EXPECT_EQ(module_->api().C_SignInit(session_.handle(), &raw, private_key()), CKR_MECHANISM_INVALID);
}

TEST_F(Key, IsRefusedWhenItsIdIsTaken) {
  const auto first = driver_->generate_key(key_request(jose::KeyKind::kRsa2048));
  ASSERT_TRUE(first);
  const auto second = driver_->generate_key(key_request(jose::KeyKind::kRsa2048));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().status, HostStatus::kInvalid);
  EXPECT_EQ(driver_->describe_key(bytes_of("key-1"))->public_key, first->public_key);
}

TEST_F(Key, IsGeneratedWithFewerAttributesWhereATokenRefusesSome) {
  for (const CK_ATTRIBUTE_TYPE type : {CKA_ALLOWED_MECHANISMS, CKA_COPYABLE, CKA_SIGN_RECOVER, CKA_UNWRAP}) {
    control().refused_attribute = type;
    const std::string id = attribute_name(type);
    const auto key = driver_->generate_key(key_request(jose::KeyKind::kP256, id));
    // Leaving out UNWRAP lets SoftHSM's default (true) in, which the read-back must catch.
    if (type == CKA_SIGN_RECOVER || type == CKA_UNWRAP) {
      ASSERT_FALSE(key) << id;
      EXPECT_EQ(key.error().status, HostStatus::kUnsupported);
      EXPECT_EQ(objects(id), 0U) << "the weak pair must not stay";
    } else {
      ASSERT_TRUE(key) << id << ": " << key.error().text;
    }
  }
}

TEST_F(Key, Invariant04_NeverDropsSensitiveWithoutSeeingItReadBack) {
  // SoftHSM's defaults without CKA_SENSITIVE are a readable key.
  control().refused_attribute = CKA_SENSITIVE;
  const auto key = driver_->generate_key(key_request(jose::KeyKind::kRsa2048));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().status, HostStatus::kUnsupported);
  EXPECT_NE(key.error().text.find("CKA_SENSITIVE=0"), std::string::npos) << key.error().text;
  EXPECT_NE(key.error().text.find("was destroyed"), std::string::npos) << key.error().text;
  EXPECT_EQ(objects(), 0U);
}

TEST_F(Key, Invariant04_IsRefusedWhenAnyGuardingAttributeReadsBackWrong) {
  for (const auto& [type, bad] :
       {std::pair{CKA_SENSITIVE, 0U}, std::pair{CKA_ALWAYS_SENSITIVE, 0U}, std::pair{CKA_EXTRACTABLE, 1U},
        std::pair{CKA_NEVER_EXTRACTABLE, 0U}, std::pair{CKA_LOCAL, 0U}, std::pair{CKA_PRIVATE, 0U},
        std::pair{CKA_SIGN, 0U}, std::pair{CKA_DECRYPT, 1U}, std::pair{CKA_UNWRAP, 1U}, std::pair{CKA_DERIVE, 1U}}) {
    control().forced_attribute = type;
    control().forced_value = bad;
    const auto key = driver_->generate_key(key_request(jose::KeyKind::kP256, attribute_name(type)));
    ASSERT_FALSE(key) << attribute_name(type);
    EXPECT_EQ(key.error().status, HostStatus::kUnsupported);
    EXPECT_NE(key.error().text.find(attribute_name(type)), std::string::npos) << key.error().text;
    EXPECT_EQ(objects(attribute_name(type)), 0U);
  }
}

TEST_F(Key, SaysWhenAWeakPairCouldNotBeDestroyed) {
  control().forced_attribute = CKA_SENSITIVE;
  control().fail_next(Function::C_DestroyObject, 2, CKR_ACTION_PROHIBITED);
  const auto key = driver_->generate_key(key_request(jose::KeyKind::kP256));
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().text.find("stays on the token (C_DestroyObject: CKR_ACTION_PROHIBITED)"), std::string::npos)
      << key.error().text;
}

TEST_F(Key, KeepsItsLockOrIsNotMade) {
  auto request = key_request(jose::KeyKind::kRsa2048);
  request.mechanism_lock = true;
  control().refused_attribute = CKA_ALLOWED_MECHANISMS;
  const auto key = driver_->generate_key(request);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().status, HostStatus::kUnsupported);
  EXPECT_EQ(objects(), 0U);
}

TEST_F(Key, IsMadeBesideOneOfItsLabelWithAWarning) {
  ASSERT_TRUE(driver_->generate_key(key_request(jose::KeyKind::kP256)));
  auto again = key_request(jose::KeyKind::kP256);
  again.key_id.push_back(0);
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(driver_->generate_key(again));
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("hsm_label_in_use"), std::string::npos) << log;
}

TEST_F(Key, IsNotGeneratedTwiceWhenTheAnswerIsLost) {
  control().fail_next(Function::C_GenerateKeyPair, 1, CKR_DEVICE_ERROR);
  const auto key = driver_->generate_key(key_request(jose::KeyKind::kP256));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().status, HostStatus::kUnavailable);
  EXPECT_EQ(control().calls(Function::C_GenerateKeyPair), 1U);
}

TEST_F(Key, IsNotFoundUnderAnUnknownId) {
  const auto key = driver_->describe_key(bytes_of("nobody"));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().status, HostStatus::kNotFound);
  EXPECT_EQ(control().calls(Function::C_Initialize), 1U) << "a missing key is no reason to start over";
}

TEST_F(Key, IsAmbiguousWhenTwoPrivateKeysShareTheId) {
  ASSERT_TRUE(driver_->generate_key(key_request(jose::KeyKind::kP256)));
  CK_BBOOL yes = CK_TRUE;
  const std::string id = "key-1";
  CK_ATTRIBUTE private_part[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_ID, read_only(id), id.size()}};
  CK_ATTRIBUTE public_part[] = {{CKA_EC_PARAMS, read_only(ByteView(kP256Params)), kP256Params.size()}};
  CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE pair[2]{};
  ASSERT_EQ(module_->api().C_GenerateKeyPair(session_.handle(), &mechanism, public_part, 1, private_part, 2, &pair[0],
                                             &pair[1]),
            CKR_OK);
  driver_.reset();
  session_.close();
  driver_ = test::opened(token_);
  const auto key = driver_->describe_key(bytes_of("key-1"));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().status, HostStatus::kAmbiguous);
}

TEST_F(Key, Invariant06_NeverSignsOnceAnotherKeyHasItsId) {
  ASSERT_TRUE(driver_->generate_key(key_request(jose::KeyKind::kRsa2048)));
  ASSERT_TRUE(driver_->sign(test::sign_request()));
  destroy("key-1");

  const auto replaced = driver_->generate_key(key_request(jose::KeyKind::kRsa2048));
  ++control().handles_lost;
  const auto signature = driver_->sign(test::sign_request());

  EXPECT_FALSE(signature);
  EXPECT_EQ(signature.error().status, HostStatus::kMismatch) << signature.error().text;
}

TEST_F(Key, ThatVanishesIsNotFoundAfterTheLadderAndNotBefore) {
  ASSERT_TRUE(driver_->generate_key(key_request(jose::KeyKind::kRsa2048)));
  ASSERT_TRUE(driver_->sign(test::sign_request()));
  destroy("key-1");
  session_.close();

  const auto signature = driver_->sign(test::sign_request());

  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().status, HostStatus::kNotFound) << signature.error().text;
  EXPECT_EQ(control().calls(Function::C_Initialize), 2U);
}

TEST(P256Point, IsTakenBareOrWrappedAndNothingElse) {
  Bytes bare(65, 0x11);
  bare[0] = 0x04;
  Bytes wrapped(67, 0x11);
  wrapped[0] = 0x04;
  wrapped[1] = 65;
  wrapped[2] = 0x04;
  EXPECT_TRUE(p256_from_point(bare));
  ASSERT_TRUE(p256_from_point(wrapped));
  EXPECT_EQ(p256_from_point(wrapped)->x, Bytes(32, 0x11));
  Bytes compressed(33, 0x11);
  compressed[0] = 0x02;
  EXPECT_FALSE(p256_from_point(compressed));
  EXPECT_FALSE(p256_from_point({}));
  wrapped.push_back(0);
  EXPECT_FALSE(p256_from_point(wrapped));
  bare[0] = 0x03;
  EXPECT_FALSE(p256_from_point(bare));
}

}  // namespace
}  // namespace signer::hsm
