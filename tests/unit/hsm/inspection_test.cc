// SPDX-License-Identifier: Apache-2.0
//
// What an inspection says of a key that was good when it was made.
#include <gtest/gtest.h>

#include "hsm/attributes.h"
#include "hsm/ckr.h"
#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using fault::Function;
using test::control;
using test::key_request;

class Inspection : public ::testing::Test {
 protected:
  HostStatus status(std::string_view id = "key-1") {
    const auto inspected = driver_->inspect_key(bytes_of(id));
    text_ = inspected ? "" : inspected.error().text;
    return inspected ? HostStatus::kOk : inspected.error().status;
  }

  test::TestToken token_;
  std::unique_ptr<Pkcs11Driver> driver_ = test::opened(token_);
  std::string text_;
};

TEST_F(Inspection, AnswersAsADescriptionForAKeyAsItWasMade) {
  for (const auto kind : {jose::KeyKind::kRsa2048, jose::KeyKind::kP256}) {
    const std::string id = kind == jose::KeyKind::kP256 ? "ec" : "rsa";
    const auto made = driver_->generate_key(key_request(kind, id));
    ASSERT_TRUE(made) << made.error().text;
    const auto inspected = driver_->inspect_key(bytes_of(id));
    ASSERT_TRUE(inspected) << inspected.error().text;
    EXPECT_EQ(inspected->public_key, made->public_key);
    EXPECT_EQ(inspected->attributes, made->attributes);
  }
}

TEST_F(Inspection, Invariant04_NamesEachAttributeThatTurnedWrongThoughTheKeyIsKnown) {
  ASSERT_TRUE(driver_->generate_key(key_request(jose::KeyKind::kP256)));
  ASSERT_TRUE(driver_->sign(test::sign_request("key-1", "a.b", Algorithm::kEs256)));
  for (const auto& [type, bad] :
       {std::pair{CKA_SENSITIVE, 0U}, std::pair{CKA_ALWAYS_SENSITIVE, 0U}, std::pair{CKA_EXTRACTABLE, 1U},
        std::pair{CKA_NEVER_EXTRACTABLE, 0U}, std::pair{CKA_LOCAL, 0U}, std::pair{CKA_PRIVATE, 0U},
        std::pair{CKA_TOKEN, 0U}, std::pair{CKA_SIGN, 0U}, std::pair{CKA_DECRYPT, 1U}, std::pair{CKA_UNWRAP, 1U},
        std::pair{CKA_SIGN_RECOVER, 1U}, std::pair{CKA_DERIVE, 1U}, std::pair{CKA_ALWAYS_AUTHENTICATE, 1U}}) {
    control().forced_attribute = type;
    control().forced_value = bad;
    EXPECT_EQ(status(), HostStatus::kWeakened) << attribute_name(type);
    EXPECT_NE(text_.find(attribute_name(type) + (bad != 0 ? "=1" : "=0")), std::string::npos) << text_;
    // Only what an inspection looks at anew can tell: the description stays what it was.
    EXPECT_TRUE(driver_->describe_key(bytes_of("key-1")));
  }
  control().forced_attribute = fault::kNone;
  EXPECT_EQ(status(), HostStatus::kOk) << text_;
  EXPECT_EQ(control().calls(Function::C_Login), 1U);
}

TEST_F(Inspection, CallsACopyUnderTheSameIdWeakenedAndAnotherKeyThereAmbiguous) {
  const auto beside = test::session_beside();
  const CK_FUNCTION_LIST& api = beside.module->api();
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  const ByteView id = bytes_of("twice");
  const auto generate = [&](CK_OBJECT_HANDLE& private_key) {
    CK_ULONG bits = 2048;
    CK_ATTRIBUTE public_part[] = {{CKA_MODULUS_BITS, &bits, sizeof bits}};
    CK_ATTRIBUTE private_part[] = {{CKA_TOKEN, &yes, sizeof yes},
                                   {CKA_SENSITIVE, &yes, sizeof yes},
                                   {CKA_DECRYPT, &no, sizeof no},
                                   {CKA_UNWRAP, &no, sizeof no},
                                   {CKA_ID, read_only(id), id.size()}};
    CK_MECHANISM mechanism{CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    return api.C_GenerateKeyPair(beside.session.handle(), &mechanism, public_part, 1, private_part, 5, &public_key,
                                 &private_key);
  };
  CK_OBJECT_HANDLE first = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
  ASSERT_EQ(generate(first), CKR_OK);
  CK_ATTRIBUTE kept{CKA_ID, read_only(id), id.size()};
  ASSERT_EQ(api.C_CopyObject(beside.session.handle(), first, &kept, 1, &copy), CKR_OK);

  EXPECT_EQ(status("twice"), HostStatus::kWeakened);
  EXPECT_NE(text_.find("2-private-keys-with-its-numbers"), std::string::npos) << text_;

  ASSERT_EQ(api.C_DestroyObject(beside.session.handle(), copy), CKR_OK);
  ASSERT_EQ(generate(copy), CKR_OK);
  EXPECT_EQ(status("twice"), HostStatus::kAmbiguous) << text_;
}

TEST_F(Inspection, Invariant06_FindsAnotherKeyUnderAKnownId) {
  ASSERT_TRUE(driver_->generate_key(key_request(jose::KeyKind::kP256)));
  const auto beside = test::session_beside();
  for (const CK_OBJECT_CLASS object_class : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    const auto found = find_objects(beside.session, object_class, bytes_of("key-1"));
    ASSERT_TRUE(found && found->size() == 1);
    ASSERT_EQ(beside.module->api().C_DestroyObject(beside.session.handle(), found->front()), CKR_OK);
  }
  [[maybe_unused]] const auto other = driver_->generate_key(key_request(jose::KeyKind::kP256));
  EXPECT_EQ(status(), HostStatus::kMismatch) << text_;
}

TEST_F(Inspection, ClimbsTheLadderAsADescriptionDoes) {
  ASSERT_TRUE(driver_->generate_key(key_request(jose::KeyKind::kP256)));
  ++control().sessions_lost;
  EXPECT_EQ(status(), HostStatus::kOk) << text_;
  ++control().logins_lost;
  EXPECT_EQ(status(), HostStatus::kOk) << text_;
  EXPECT_EQ(status("nobody"), HostStatus::kNotFound) << text_;
  EXPECT_EQ(driver_->inspect_key({}).error().status, HostStatus::kInvalid);
  EXPECT_EQ(control().violations, 0U);
}

}  // namespace
}  // namespace signer::hsm
