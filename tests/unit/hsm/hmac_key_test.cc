// SPDX-License-Identifier: Apache-2.0
//
// HMAC keys at the token.  Without these a key that somebody can read out, or another key than the one that pseudonyms
// were made with, would make pseudonyms, and nobody would see it: a MAC has no public key to be checked with.
#include "hsm/hmac_key.h"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include <numeric>

#include "base/hex.h"
#include "hsm/attributes.h"
#include "hsm/ckr.h"
#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostResult;
using channel::HostStatus;
using channel::KnownAnswer;
using channel::Mac;
using fault::Function;
using test::control;

constexpr std::string_view kDocumentedAnswer = "19c0b530f994bcbe4357bbe17b0def565904ebbe3049475b16071ba8a687c49b";

Bytes bytes_from(std::string_view text) {
  const ByteView bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

channel::HmacKeyRequest hmac_request(std::string_view id = "hmac-1", std::string label = "pairwise") {
  return {std::move(label), bytes_from(id)};
}

channel::MacRequest mac_request(const KnownAnswer& answer, std::string message = "message",
                                std::string_view id = "hmac-1") {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  return {bytes_from(id), answer,
          std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count(),
          std::move(message)};
}

// As OpenSSL computes it.
Mac expected_mac(const Bytes& key, std::string_view message) {
  Mac mac{};
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(message).data(), message.size(), mac.data(),
         &size);
  return mac;
}

// The bytes 00, 01, ... of the pages' example.
Bytes counting_key() {
  Bytes key(32);
  std::iota(key.begin(), key.end(), std::uint8_t{0});
  return key;
}

struct Import {
  Bytes value = counting_key();
  bool sensitive = true;
  bool extractable = false;
  CK_KEY_TYPE type = CKK_GENERIC_SECRET;
  CK_BBOOL sign = CK_TRUE;
};

class HmacKey : public ::testing::Test {
 protected:
  [[nodiscard]] const CK_FUNCTION_LIST& api() const { return beside_.module->api(); }

  [[nodiscard]] CK_SESSION_HANDLE session() const { return beside_.session.handle(); }

  std::vector<CK_OBJECT_HANDLE> secrets(std::string_view id = "hmac-1") {
    return find_objects(beside_.session, CKO_SECRET_KEY, bytes_of(id)).value();
  }

  void destroy() {
    for (const CK_OBJECT_HANDLE key : secrets()) ASSERT_EQ(api().C_DestroyObject(session(), key), CKR_OK);
  }

  // What no code of ours can do: puts a secret into the token from outside.
  void import(const Import& wanted = {}) {
    CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = wanted.type;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL sensitive = wanted.sensitive ? CK_TRUE : CK_FALSE;
    CK_BBOOL extractable = wanted.extractable ? CK_TRUE : CK_FALSE;
    CK_BBOOL sign = wanted.sign;
    const std::string id = "hmac-1";
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class},
                                 {CKA_KEY_TYPE, &type, sizeof type},
                                 {CKA_TOKEN, &yes, sizeof yes},
                                 {CKA_PRIVATE, &yes, sizeof yes},
                                 {CKA_SENSITIVE, &sensitive, sizeof sensitive},
                                 {CKA_EXTRACTABLE, &extractable, sizeof extractable},
                                 {CKA_SIGN, &sign, sizeof sign},
                                 {CKA_ID, read_only(id), id.size()},
                                 {CKA_VALUE, read_only(ByteView(wanted.value)), wanted.value.size()}};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    ASSERT_EQ(api().C_CreateObject(session(), attributes, std::size(attributes), &key), CKR_OK);
  }

  HostStatus status_of_description() {
    const auto described = driver_->describe_hmac_key(bytes_of("hmac-1"));
    return described ? HostStatus::kOk : described.error().status;
  }

  test::TestToken token_;
  std::unique_ptr<Pkcs11Driver> driver_ = test::opened(token_);
  test::SessionBeside beside_ = test::session_beside();
};

TEST_F(HmacKey, Invariant04_ReadsBackWithEveryAttributeThatKeepsItIn) {
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_TRUE(key) << key.error().text;
  for (const char* attribute :
       {"CKA_SENSITIVE=1", "CKA_ALWAYS_SENSITIVE=1", "CKA_EXTRACTABLE=0", "CKA_NEVER_EXTRACTABLE=1", "CKA_LOCAL=1",
        "CKA_PRIVATE=1", "CKA_TOKEN=1", "CKA_SIGN=1", "CKA_DECRYPT=0", "CKA_UNWRAP=0", "CKA_DERIVE=0",
        "CKA_MODIFIABLE=0", "CKA_COPYABLE=0", "CKA_ALLOWED_MECHANISMS=CKM_SHA256_HMAC"}) {
    EXPECT_NE(key->attributes.find(attribute), std::string::npos) << attribute << " in " << key->attributes;
  }
  ASSERT_EQ(secrets().size(), 1U);
  EXPECT_EQ(read_number(beside_.session, secrets().front(), CKA_VALUE_LEN).value(), CK_ULONG{32});
  for (const CK_ATTRIBUTE_TYPE type : {CKA_VERIFY, CKA_ENCRYPT, CKA_WRAP})
    EXPECT_EQ(read_flag(beside_.session, secrets().front(), type).value(), false) << attribute_name(type);
}

TEST_F(HmacKey, Invariant04_CannotBeReadWrappedCopiedOrChanged) {
  ASSERT_TRUE(driver_->generate_hmac_key(hmac_request()));
  const CK_OBJECT_HANDLE key = secrets().front();
  CK_BYTE buffer[64]{};
  CK_ATTRIBUTE value{CKA_VALUE, buffer, sizeof buffer};
  EXPECT_EQ(api().C_GetAttributeValue(session(), key, &value, 1), CKR_ATTRIBUTE_SENSITIVE);

  CK_MECHANISM generate_aes{CKM_AES_KEY_GEN, nullptr, 0};
  CK_ULONG size = 32;
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  CK_ATTRIBUTE wrapping[] = {
      {CKA_VALUE_LEN, &size, sizeof size}, {CKA_WRAP, &yes, sizeof yes}, {CKA_TOKEN, &no, sizeof no}};
  CK_OBJECT_HANDLE wrapper = CK_INVALID_HANDLE;
  ASSERT_EQ(api().C_GenerateKey(session(), &generate_aes, wrapping, 3, &wrapper), CKR_OK);
  CK_MECHANISM wrap{CKM_AES_KEY_WRAP_PAD, nullptr, 0};
  CK_ULONG wrapped_size = sizeof buffer;
  EXPECT_EQ(api().C_WrapKey(session(), &wrap, wrapper, key, buffer, &wrapped_size), CKR_KEY_UNEXTRACTABLE);

  CK_ATTRIBUTE extractable{CKA_EXTRACTABLE, &yes, sizeof yes};
  CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
  EXPECT_NE(api().C_CopyObject(session(), key, &extractable, 1, &copy), CKR_OK);
  EXPECT_NE(api().C_SetAttributeValue(session(), key, &extractable, 1), CKR_OK);
}

TEST_F(HmacKey, GivesTheMacThatAnotherImplementationComputes) {
  import();
  const auto key = driver_->describe_hmac_key(bytes_of("hmac-1"));
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_EQ(to_hex(key->known_answer), kDocumentedAnswer) << "docs/channel.md";
  EXPECT_EQ(key->known_answer, expected_mac(counting_key(), channel::kKnownAnswerMessage));
  for (const std::string& message :
       {std::string("x"), std::string("api.example\0u-1", 15), std::string(channel::kMacMessageMax, 'm')}) {
    const auto mac = driver_->mac(mac_request(key->known_answer, message));
    ASSERT_TRUE(mac) << mac.error().text;
    EXPECT_EQ(*mac, expected_mac(counting_key(), message)) << message.size();
  }
  const auto long_message = driver_->mac(mac_request(key->known_answer, std::string(channel::kMacMessageMax + 1, 'm')));
  EXPECT_EQ(long_message.error().status, HostStatus::kInvalid);
}

TEST_F(HmacKey, EachKeyHasAnAnswerOfItsOwnThatOutlivesTheHost) {
  const auto first = driver_->generate_hmac_key(hmac_request("hmac-1", "one"));
  const auto second = driver_->generate_hmac_key(hmac_request("hmac-2", "two"));
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->known_answer, second->known_answer);
  const auto mac = driver_->mac(mac_request(first->known_answer));
  ASSERT_TRUE(mac);
  driver_->close();
  driver_ = test::opened(token_);
  EXPECT_EQ(driver_->describe_hmac_key(bytes_of("hmac-1"))->known_answer, first->known_answer);
  EXPECT_EQ(driver_->mac(mac_request(first->known_answer)).value(), *mac);
}

// Two calls for each, and the look at the key once: the answer is asked for when the key is looked up and never again.
TEST_F(HmacKey, AMacCostsTwoTokenCallsOnceTheKeyIsKnown) {
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_TRUE(key && driver_->mac(mac_request(key->known_answer)));
  const auto all_calls = [] {
    std::uint64_t calls = 0;
    for (auto& function : control().functions) calls += function.calls;
    return calls;
  };
  const std::uint64_t before = all_calls();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(driver_->mac(mac_request(key->known_answer)));
  EXPECT_EQ(all_calls() - before, 20U);
}

TEST_F(HmacKey, AnotherKeyUnderTheSameIdMakesNothing) {
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_TRUE(key);
  destroy();
  import();
  for (int i = 0; i < 2; ++i) {
    const auto mac = driver_->mac(mac_request(key->known_answer));
    ASSERT_FALSE(mac);
    EXPECT_EQ(mac.error().status, HostStatus::kMismatch) << mac.error().text;
  }
  EXPECT_NE(driver_->describe_hmac_key(bytes_of("hmac-1"))->known_answer, key->known_answer);
}

// The handle that the host remembers is of an object that is gone: the ladder must not end at the new one.
TEST_F(HmacKey, AKeyThatIsReplacedUnderARunningHostMakesNothing) {
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_TRUE(key && driver_->mac(mac_request(key->known_answer)));
  destroy();
  import();
  const auto mac = driver_->mac(mac_request(key->known_answer));
  ASSERT_FALSE(mac);
  EXPECT_EQ(mac.error().status, HostStatus::kMismatch) << mac.error().text;
}

TEST_F(HmacKey, IsMissingOrOneOfTwoAndThenMakesNothing) {
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_TRUE(key);
  import();
  EXPECT_EQ(status_of_description(), HostStatus::kAmbiguous);
  EXPECT_EQ(driver_->mac(mac_request(key->known_answer)).error().status, HostStatus::kAmbiguous);
  destroy();
  EXPECT_EQ(status_of_description(), HostStatus::kNotFound);
  beside_.session.close();  // the ladder initialises the module anew
  EXPECT_EQ(driver_->mac(mac_request(key->known_answer)).error().status, HostStatus::kNotFound);
  beside_ = test::session_beside();
  EXPECT_TRUE(secrets().empty()) << "nothing was made in its place";
}

TEST_F(HmacKey, Invariant04_AKeyThatCouldBeReadOutMakesNothing) {
  const KnownAnswer answer = expected_mac(counting_key(), channel::kKnownAnswerMessage);
  for (const auto& [wanted, why] : {std::pair{Import{.sensitive = false}, "CKA_SENSITIVE=0"},
                                    std::pair{Import{.extractable = true}, "CKA_EXTRACTABLE=1"}}) {
    import(wanted);
    const auto mac = driver_->mac(mac_request(answer));
    ASSERT_FALSE(mac) << why;
    EXPECT_EQ(mac.error().status, HostStatus::kMismatch);
    EXPECT_NE(mac.error().text.find(why), std::string::npos) << mac.error().text;
    EXPECT_EQ(status_of_description(), HostStatus::kMismatch);
    destroy();
  }
}

TEST_F(HmacKey, ASecretKeyForSomethingElseMakesNothing) {
  const KnownAnswer answer = expected_mac(counting_key(), channel::kKnownAnswerMessage);
  import({.type = CKK_AES});
  EXPECT_EQ(driver_->mac(mac_request(answer)).error().status, HostStatus::kMismatch);
  destroy();
  import({.sign = CK_FALSE});
  EXPECT_EQ(driver_->mac(mac_request(answer)).error().status, HostStatus::kUnsupported);
}

// A second key of the name would take the place of the one whose metadata was lost, and change every pseudonym.
TEST_F(HmacKey, IsNotMadeWhereItsIdOrNameIsTaken) {
  ASSERT_TRUE(driver_->generate_hmac_key(hmac_request("hmac-1", "pairwise")));
  const auto same_id = driver_->generate_hmac_key(hmac_request("hmac-1", "other"));
  const auto same_name = driver_->generate_hmac_key(hmac_request("hmac-2", "pairwise"));
  ASSERT_FALSE(same_id);
  ASSERT_FALSE(same_name);
  EXPECT_EQ(same_id.error().status, HostStatus::kInvalid);
  EXPECT_EQ(same_name.error().status, HostStatus::kInvalid);
  EXPECT_NE(same_name.error().text.find("would change every pseudonym"), std::string::npos) << same_name.error().text;
  EXPECT_EQ(control().calls(Function::C_GenerateKey), 1U);
  EXPECT_TRUE(driver_->generate_hmac_key(hmac_request("hmac-2", "other")));
}

TEST_F(HmacKey, Invariant04_IsRefusedWhenAnyGuardingAttributeReadsBackWrong) {
  for (const auto& [type, bad] :
       {std::pair{CKA_SENSITIVE, 0U}, std::pair{CKA_ALWAYS_SENSITIVE, 0U}, std::pair{CKA_EXTRACTABLE, 1U},
        std::pair{CKA_NEVER_EXTRACTABLE, 0U}, std::pair{CKA_LOCAL, 0U}, std::pair{CKA_PRIVATE, 0U},
        std::pair{CKA_SIGN, 0U}, std::pair{CKA_VERIFY, 1U}, std::pair{CKA_ENCRYPT, 1U}, std::pair{CKA_DECRYPT, 1U},
        std::pair{CKA_WRAP, 1U}, std::pair{CKA_UNWRAP, 1U}, std::pair{CKA_DERIVE, 1U}}) {
    control().forced_attribute = type;
    control().forced_value = bad;
    const auto key = driver_->generate_hmac_key(hmac_request(attribute_name(type), attribute_name(type)));
    ASSERT_FALSE(key) << attribute_name(type);
    EXPECT_EQ(key.error().status, HostStatus::kUnsupported);
    EXPECT_NE(key.error().text.find(attribute_name(type)), std::string::npos) << key.error().text;
    EXPECT_TRUE(secrets(attribute_name(type)).empty()) << "the weak key must not stay";
  }
}

TEST_F(HmacKey, IsGeneratedWithFewerAttributesWhereATokenRefusesSome) {
  for (const CK_ATTRIBUTE_TYPE type : {CKA_ALLOWED_MECHANISMS, CKA_COPYABLE}) {
    control().refused_attribute = type;
    const auto key = driver_->generate_hmac_key(hmac_request(attribute_name(type), attribute_name(type)));
    EXPECT_TRUE(key) << key.error().text;
  }
  // Without CKA_SENSITIVE this token's default is a key that can be read, which the read-back must catch.
  control().refused_attribute = CKA_SENSITIVE;
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().text.find("was destroyed"), std::string::npos) << key.error().text;
  EXPECT_TRUE(secrets().empty());
}

TEST_F(HmacKey, SaysWhenAWeakKeyCouldNotBeDestroyed) {
  control().forced_attribute = CKA_SENSITIVE;
  control().fail_next(Function::C_DestroyObject, 1, CKR_ACTION_PROHIBITED);
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().text.find("stays on the token (C_DestroyObject: CKR_ACTION_PROHIBITED)"), std::string::npos)
      << key.error().text;
}

TEST_F(HmacKey, ATokenWithoutTheMechanismSaysSoAndMakesNoKey) {
  control().hidden_mechanism = CKM_SHA256_HMAC;
  driver_->close();
  driver_ = test::opened(token_);
  EXPECT_EQ(driver_->generate_hmac_key(hmac_request()).error().status, HostStatus::kUnsupported);
  EXPECT_EQ(driver_->mac(mac_request({})).error().status, HostStatus::kUnsupported);
  EXPECT_EQ(control().calls(Function::C_GenerateKey), 0U);
}

// The same ladder as a signature's: whatever was lost, the same MAC comes within the request.
TEST_F(HmacKey, Invariant09_LostSessionsHandlesAndLoginsChangeNoMac) {
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_TRUE(key);
  const auto before = driver_->mac(mac_request(key->known_answer));
  ASSERT_TRUE(before);
  for (auto* loss : {&control().sessions_lost, &control().handles_lost, &control().logins_lost, &control().wedged}) {
    ++*loss;
    const auto after = driver_->mac(mac_request(key->known_answer));
    ASSERT_TRUE(after) << after.error().text;
    EXPECT_EQ(*after, *before);
  }
  EXPECT_EQ(control().violations, 0U);
}

TEST_F(HmacKey, AFailedCallIsTriedAgainAndAnExpiredOneIsNot) {
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_TRUE(key);
  control().fail_next(Function::C_Sign, 1, CKR_DEVICE_ERROR);
  EXPECT_TRUE(driver_->mac(mac_request(key->known_answer)));
  channel::MacRequest late = mac_request(key->known_answer);
  late.deadline_ns = 1;
  const std::uint64_t calls = control().calls(Function::C_Sign);
  EXPECT_EQ(driver_->mac(late).error().status, HostStatus::kExpired);
  EXPECT_EQ(control().calls(Function::C_Sign), calls);
}

TEST_F(HmacKey, IsNotGeneratedTwiceWhenTheAnswerIsLost) {
  control().fail_next(Function::C_GenerateKey, 1, CKR_DEVICE_ERROR);
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().status, HostStatus::kUnavailable);
  EXPECT_EQ(control().calls(Function::C_GenerateKey), 1U);
}

// Keys of the two sorts do not serve for each other, whatever id is asked for.
TEST_F(HmacKey, Invariant06_DoesNotSignAndASigningKeyMakesNoMac) {
  const auto key = driver_->generate_hmac_key(hmac_request());
  ASSERT_TRUE(key && driver_->generate_key(test::key_request(jose::KeyKind::kP256, "key-1")));
  EXPECT_EQ(driver_->sign(test::sign_request("hmac-1")).error().status, HostStatus::kNotFound);
  EXPECT_EQ(driver_->describe_key(bytes_of("hmac-1")).error().status, HostStatus::kNotFound);
  EXPECT_EQ(driver_->mac(mac_request(key->known_answer, "m", "key-1")).error().status, HostStatus::kNotFound);
}

}  // namespace
}  // namespace signer::hsm
