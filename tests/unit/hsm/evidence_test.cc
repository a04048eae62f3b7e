// SPDX-License-Identifier: Apache-2.0
//
// Evidence of a good key: what it says, what it leaves untouched, what it never holds, and what faults do to it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "base/hex.h"
#include "evidence_reader.h"
#include "hsm/attribute_list.h"
#include "hsm/ckr.h"
#include "jose/base64url.h"
#include "jose/hash.h"
#include "test_token.h"
#include "tests/support/gallery.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using channel::Probes;
using fault::Function;
using test::attested;
using test::attribute_of;
using test::control;
using test::Json;

class Evidence : public ::testing::Test {
 protected:
  // Of P-256 where the kind does not matter: an RSA key takes a hundred times as long.
  void make_key(jose::KeyKind kind) {
    const auto made = driver_->generate_key(test::key_request(kind));
    ASSERT_TRUE(made) << made.error().text;
    key_ = made->public_key;
  }

  bool signs() {
    const auto request = test::sign_request("key-1", "header.payload", key_.algorithm);
    const auto signature = driver_->sign(request);
    return signature && test::verifies(key_, request.signing_input, *signature);
  }

  std::size_t open_sessions() {
    return control().calls(Function::C_OpenSession) - control().calls(Function::C_CloseSession);
  }

  // Every attribute of every key that a session sees.
  static std::map<CK_OBJECT_CLASS, std::vector<std::string>> everything(const Session& session) {
    std::map<CK_OBJECT_CLASS, std::vector<std::string>> all;
    for (const CK_OBJECT_CLASS object_class : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY}) {
      const auto objects = find_all(session, object_class);
      for (const CK_OBJECT_HANDLE object : *objects) {
        all[object_class].push_back(attribute_list(session, object, private_key_attributes(true)).dump());
      }
    }
    return all;
  }

  test::TestToken token_;
  std::unique_ptr<Pkcs11Driver> driver_ = test::opened(token_);
  jose::PublicKey key_;
};

std::map<std::string, std::size_t> counted(const Json& part) {
  std::map<std::string, std::size_t> counts;
  for (const Json& line : part["tried"]) ++counts[line["probe"]];
  return counts;
}

TEST_F(Evidence, Invariant04_EveryProbeOfAGoodKeyIsMadeAndRefusedAndNothingChanges) {
  make_key(jose::KeyKind::kRsa2048);
  const auto beside = test::session_beside();
  const auto before = everything(beside.session);
  const std::size_t sessions = open_sessions();

  const Json part = attested(*driver_, "key-1", Probes::kFull);

  EXPECT_EQ(test::not_passed(part), std::vector<std::string>{}) << part["tried"].dump(1);
  auto counts = counted(part);
  EXPECT_GE(counts["wrap"], 2U);
  EXPECT_EQ(counts["wrap"], counts["throwaway-wrap"]);
  EXPECT_EQ(counts["read"], 6U);
  EXPECT_EQ(counts["throwaway-read"], 6U);
  EXPECT_EQ(counts["wrap-public"], 2U);
  EXPECT_EQ(counts["decrypt"], 2U);
  EXPECT_EQ(counts["set-attribute"], 9U);
  EXPECT_EQ(counts["copy"], 4U);
  for (const char* once :
       {"read-mixed", "unwrap", "sign-recover", "sign-raw", "sign-other", "digest-key", "operation-state"}) {
    EXPECT_EQ(counts[once], 1U) << once;
  }
  for (const Json& line : part["tried"]) {
    EXPECT_NE(line["call"], "C_OpenSession") << line;
    EXPECT_NE(line["call"], "C_GenerateKey") << line;
    EXPECT_NE(line["call"], "C_GenerateKeyPair") << line;
  }
  EXPECT_EQ(part["throwaway"]["rv"], "CKR_OK");
  EXPECT_EQ(attribute_of(part["throwaway"]["attributes"], "CKA_TOKEN"), "00");
  EXPECT_EQ(attribute_of(part["throwaway"]["attributes"], "CKA_MODIFIABLE"), "00") << "the template of the key";

  EXPECT_EQ(everything(beside.session), before);
  EXPECT_LE(open_sessions(), sessions);
  EXPECT_EQ(control().calls(Function::C_Login), 1U);
  EXPECT_EQ(control().calls(Function::C_Initialize), 1U);
  EXPECT_EQ(control().violations, 0U);
  EXPECT_TRUE(signs());
}

TEST_F(Evidence, SaysWhatTheTokenIsAndWhatItHolds) {
  make_key(jose::KeyKind::kRsa2048);
  ::setenv("PKCS11_TEST_VARIABLE", "a-value-of-no-concern", 1);
  const auto answer = driver_->attest_key(test::attest_request("key-1", Probes::kNone));
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->json.find("a-value-of-no-concern"), std::string::npos);
  const Json part = attested(*driver_, "key-1", Probes::kNone);
  ::unsetenv("PKCS11_TEST_VARIABLE");

  EXPECT_EQ(part["ulong"], "0100000000000000");
  EXPECT_EQ(part["environment"], Json::parse(R"(["PKCS11_TEST_VARIABLE", "SOFTHSM2_CONF"])"));
  EXPECT_EQ(part["library"]["path"], test::fault_module_path());
  std::ifstream file(test::fault_module_path(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(part["library"]["sha256"], to_hex(jose::sha256(bytes_of(bytes))));
  EXPECT_EQ(part["library"]["manufacturer"], "SoftHSM");
  EXPECT_EQ(part["token"]["model"], "SoftHSM v2");
  EXPECT_EQ(part["token"]["label"], "unit");
  EXPECT_EQ(part["slot"]["flags"].get<CK_FLAGS>() & CKF_HW_SLOT, 0U);
  EXPECT_EQ(attribute_of(part["private_key"], "CKA_MODULUS"), to_hex(key_.modulus));
  EXPECT_EQ(attribute_of(part["private_key"], "CKA_ID"), to_hex(bytes_of("key-1")));
  EXPECT_EQ(attribute_of(part["public_key"], "CKA_MODULUS"), to_hex(key_.modulus));
  EXPECT_EQ(attribute_of(part["public_key"], "CKA_WRAP"), "00");
  EXPECT_EQ(attribute_of(part["private_key"], "CKA_TRUSTED"), "rv:CKR_ATTRIBUTE_TYPE_INVALID");
  EXPECT_EQ(part["same_id"], 1);
  EXPECT_EQ(part["objects"], Json::array());
  EXPECT_EQ(part["objects_more"], 0);
  EXPECT_EQ(part["validation"], Json::array());
  bool signs = false;
  for (const Json& mechanism : part["mechanisms"]) signs = signs || mechanism["name"] == "CKM_SHA256_RSA_PKCS";
  EXPECT_TRUE(signs);
}

TEST_F(Evidence, WithoutProbesAsksNothingOfTheKeyAndReadOnlyOnesMakeNoThrowaway) {
  make_key(jose::KeyKind::kP256);
  const Json none = attested(*driver_, "key-1", Probes::kNone);
  EXPECT_EQ(none["probes"], "none");
  EXPECT_EQ(none["tried"], Json::array());
  EXPECT_FALSE(none.contains("throwaway"));
  EXPECT_EQ(control().calls(Function::C_WrapKey) + control().calls(Function::C_GenerateKey), 0U);
  const std::uint64_t pairs = control().calls(Function::C_GenerateKeyPair);
  const Json read_only = attested(*driver_, "key-1", Probes::kReadOnly);
  EXPECT_EQ(read_only["probes"], "read-only");
  EXPECT_FALSE(read_only.contains("throwaway"));
  EXPECT_EQ(control().calls(Function::C_GenerateKeyPair), pairs + 1) << "the wrapping pair alone";
  EXPECT_EQ(control().calls(Function::C_SetAttributeValue) + control().calls(Function::C_CopyObject), 0U);
}

TEST_F(Evidence, Invariant04_HoldsNoByteOfAKeyThatTheTokenGivesAway) {
  const auto beside = test::session_beside();
  ASSERT_EQ(signer::test::import_readable_key(beside.session, bytes_of("leak")), CKR_OK);
  const auto answer = driver_->attest_key(test::attest_request("leak", Probes::kReadOnly));
  ASSERT_TRUE(answer) << answer.error().text;
  const Json part = Json::parse(answer->json);
  const std::vector<Bytes>& numbers = signer::test::imported_private_numbers();
  EXPECT_EQ(test::tries(part, "read").front()["length"], numbers.front().size()) << "it is given away";
  for (const Bytes& number : numbers) {
    for (std::size_t at = 0; at + 16 <= number.size(); at += 8) {
      const ByteView piece = ByteView(number).subspan(at, 16);
      EXPECT_EQ(answer->json.find(to_hex(piece)), std::string::npos);
      EXPECT_EQ(answer->json.find(text_of(piece)), std::string::npos);
    }
    for (const std::size_t skipped : {0U, 1U, 2U}) {  // base64url has three alignments
      const std::string text = jose::base64url_encode(ByteView(number).subspan(skipped));
      EXPECT_EQ(answer->json.find(text.substr(0, 20)), std::string::npos);
    }
  }
}

TEST_F(Evidence, OfAnEcKeyTriesItsOneNumber) {
  make_key(jose::KeyKind::kP256);
  const Json part = attested(*driver_, "key-1", Probes::kFull);
  // SoftHSM takes a private number into a digest of SHA-2 (2.6.1, C_DigestKey): the probe is right.
  EXPECT_EQ(test::not_passed(part), std::vector<std::string>{"digest-key"}) << part["tried"].dump(1);
  const auto reads = test::tries(part, "read");
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_EQ(reads.front()["attribute"], "CKA_VALUE");
  EXPECT_EQ(part["throwaway"]["rv"], "CKR_OK");
  EXPECT_EQ(attribute_of(part["public_key"], "CKA_EC_POINT").size(), 2 * 67U);
  EXPECT_EQ(attribute_of(part["private_key"], "CKA_MODULUS"), "");
}

TEST_F(Evidence, RecordsWhatADeviceAnswersAProbeAndGoesOn) {
  make_key(jose::KeyKind::kP256);
  for (const CK_RV rv : {CKR_DEVICE_ERROR, CKR_SESSION_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN}) {
    control().fail_next(Function::C_DecryptInit, 1, rv);
    control().fail_next(Function::C_WrapKey, 1, rv);
    control().fail_next(Function::C_GenerateKeyPair, 1, rv);
    const Json part = attested(*driver_, "key-1", Probes::kReadOnly);
    EXPECT_EQ(test::tries(part, "decrypt")[0]["rv"], ckr_name(rv));
    EXPECT_EQ(test::tries(part, "decrypt")[1]["rv"], "CKR_KEY_FUNCTION_NOT_PERMITTED") << "another session";
    EXPECT_EQ(test::tries(part, "wrap")[0]["rv"], ckr_name(rv));
    EXPECT_NE(test::tries(part, "wrap")[1]["rv"], ckr_name(rv));
    const auto never_begun = test::tries(part, "wrap-public");
    ASSERT_EQ(never_begun.size(), 2U);
    EXPECT_EQ(never_begun[0]["call"], "C_GenerateKeyPair");
    EXPECT_EQ(never_begun[0]["rv"], ckr_name(rv));
  }
  ASSERT_TRUE(signs());  // leaves a session in the pool, so that the next one opened is the first probe's
  control().fail_next(Function::C_OpenSession, 1, CKR_SESSION_COUNT);
  const Json part = attested(*driver_, "key-1", Probes::kReadOnly);
  EXPECT_EQ(part["tried"][0]["call"], "C_OpenSession");
  EXPECT_EQ(part["tried"][0]["rv"], "CKR_SESSION_COUNT");
  EXPECT_EQ(part["tried"][0]["probe"], "read");
  EXPECT_EQ(part["tried"][1]["call"], "C_GetAttributeValue");

  EXPECT_EQ(control().calls(Function::C_Login), 1U);
  EXPECT_EQ(control().calls(Function::C_Initialize), 1U) << "no probe is a reason to start over";
  EXPECT_TRUE(signs());
}

TEST_F(Evidence, SaysThatNoThrowawayCouldBeMade) {
  make_key(jose::KeyKind::kP256);
  control().fail_next(Function::C_GenerateKeyPair, 2, CKR_DEVICE_MEMORY);  // the wrapping pair and the throw-away
  const Json part = attested(*driver_, "key-1", Probes::kFull);
  EXPECT_EQ(part["throwaway"]["rv"], "CKR_DEVICE_MEMORY");
  EXPECT_EQ(part["throwaway"]["attributes"], Json::array());
  EXPECT_TRUE(test::tries(part, "copy").empty());
}

TEST_F(Evidence, ClimbsTheLadderUntilTheTokenSaysWhatItIs) {
  make_key(jose::KeyKind::kP256);
  ++control().sessions_lost;
  EXPECT_EQ(attested(*driver_, "key-1", Probes::kNone)["same_id"], 1);
  control().fail_next(Function::C_GetMechanismList, 1, CKR_DEVICE_ERROR);
  EXPECT_EQ(attested(*driver_, "key-1", Probes::kNone)["same_id"], 1);
  control().fail_next(Function::C_GetMechanismList, 100, CKR_DEVICE_ERROR);
  const auto dead = driver_->attest_key(test::attest_request("key-1", Probes::kFull));
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().status, HostStatus::kUnavailable) << dead.error().text;
  EXPECT_EQ(control().calls(Function::C_WrapKey), 0U) << "nothing was tried";
}

TEST_F(Evidence, IsNotGivenOfAKeyThatIsNotThere) {
  const auto unknown = driver_->attest_key(test::attest_request("nobody", Probes::kFull));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().status, HostStatus::kNotFound) << unknown.error().text;
  EXPECT_EQ(control().calls(Function::C_Initialize), 1U);
  EXPECT_EQ(driver_->attest_key(test::attest_request("", Probes::kFull)).error().status, HostStatus::kInvalid);
}

TEST_F(Evidence, LeavesOtherKeysOutRatherThanGrowingAndCountsThem) {
  make_key(jose::KeyKind::kP256);
  const auto beside = test::session_beside();
  const std::string label(1500, '\xff');  // no text, and long
  CK_BBOOL yes = CK_TRUE;
  CK_ULONG size = 16;
  CK_ATTRIBUTE wanted[] = {{CKA_VALUE_LEN, &size, sizeof size},
                           {CKA_DECRYPT, &yes, sizeof yes},
                           {CKA_LABEL, read_only(label), label.size()}};
  CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
  constexpr std::size_t kOthers = 60;
  for (std::size_t i = 0; i < kOthers; ++i) {
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    ASSERT_EQ(beside.module->api().C_GenerateKey(beside.session.handle(), &mechanism, wanted, 3, &key), CKR_OK);
  }
  const Json part = attested(*driver_, "key-1", Probes::kFull);
  EXPECT_GT(part["objects"].size(), 10U);
  EXPECT_LT(part["objects"].size(), kOthers);
  EXPECT_EQ(part["objects"].size() + part["objects_more"].get<std::size_t>(), kOthers);
  const Json& other = part["objects"].front();
  EXPECT_EQ(other["class"], "CKO_SECRET_KEY");
  EXPECT_EQ(other["same_modulus"], false);
  EXPECT_EQ(attribute_of(other["attributes"], "CKA_DECRYPT"), "01");
  EXPECT_EQ(attribute_of(other["attributes"], "CKA_LABEL"), to_hex(bytes_of(label)));
  EXPECT_EQ(test::tries(part, "copy").size(), 4U) << "what was tried is never left out";
}

}  // namespace
}  // namespace signer::hsm
