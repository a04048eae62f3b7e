// SPDX-License-Identifier: Apache-2.0
//
// What was tried on a key.  A module can report the best attributes and give the key away all the same; a try that was
// left out, or that never came to the point, must not look like one that was refused.
#include <gtest/gtest.h>

#include <algorithm>

#include "evidence/judge_pkcs11.h"
#include "tests/unit/evidence/model_pkcs11.h"

namespace signer::evidence {
namespace {

using namespace signer::test;

struct Answered {
  const char* probe;
  const char* subject;
  std::function<void(Json&)> answer;
};

void expect_answers(const std::vector<Answered>& rows, Finding finding, Grade grade) {
  for (const Answered& row : rows) {
    SCOPED_TRACE(std::string(row.probe) + " " + row.subject);
    Json part = good_pkcs11(made_up_key());
    row.answer(*tries(part, row.probe, row.subject).front());
    const Judgement judgement = judge_pkcs11(part, made_up_key());
    EXPECT_EQ(judgement.grade, grade) << judgement.reason;
    EXPECT_EQ(finding_of(judgement, "probe." + std::string(row.probe)), finding);
    EXPECT_EQ(bad_checks(judgement), grade == Grade::kFailed ? "probe." + std::string(row.probe) : "");
  }
}

void ok(Json& one) {
  one["rv"] = "CKR_OK";
}

void ok_with_bytes(Json& one) {
  one["rv"] = "CKR_OK";
  one["length"] = 1232;
}

TEST(JudgeTries, Invariant04_AKeyThatGetsOutFailsHoweverGoodItsAttributes) {
  const auto bytes_behind_a_refusal = [](Json& one) { one["length"] = 128; };
  expect_answers(
      {{"read", "CKA_PRIVATE_EXPONENT", ok_with_bytes},
       {"read", "CKA_COEFFICIENT", ok},
       {"read", "CKA_PRIME_1", bytes_behind_a_refusal},
       {"read-mixed", "", bytes_behind_a_refusal},
       {"wrap", "CKM_AES_CBC_PAD", ok_with_bytes},
       {"wrap", "CKM_AES_KEY_WRAP", ok},
       {"wrap-public", "CKM_RSA_PKCS_OAEP", ok_with_bytes},
       {"derive", "", ok},
       {"decrypt", "CKM_RSA_PKCS", ok},
       {"unwrap", "", ok},
       {"unwrap", "", [](Json& one) { one["rv"] = "CKR_WRAPPED_KEY_INVALID"; }},
       {"unwrap", "", [](Json& one) { one["rv"] = "CKR_ENCRYPTED_DATA_LEN_RANGE"; }},
       {"sign-recover", "", ok},
       {"digest-key", "", ok},
       {"copy", "CKA_EXTRACTABLE", ok},
       {"copy", "CKA_SENSITIVE", ok},
       {"copy", "CKA_PRIVATE", ok},
       {"set-attribute", "CKA_EXTRACTABLE", [](Json& one) { set_flag(one["after"], "CKA_EXTRACTABLE", true); }},
       {"set-attribute", "CKA_DECRYPT", [](Json& one) { set_flag(one["after"], "CKA_DECRYPT", true); }},
       {"throwaway-read", "CKA_PRIME_2", ok_with_bytes},
       {"throwaway-wrap", "CKM_AES_KEY_WRAP", ok_with_bytes}},
      Finding::kBad, Grade::kFailed);
}

TEST(JudgeTries, WhatIsWeakAndKeepsTheKeyInIsAWarning) {
  expect_answers({{"sign-raw", "", ok},
                  {"sign-other", "", ok},
                  {"wrap", "", [](Json& one) { one["rv"] = "CKR_KEY_SIZE_RANGE"; }},
                  {"wrap-public", "", [](Json& one) { one["rv"] = "CKR_DATA_LEN_RANGE"; }},
                  {"operation-state", "", ok_with_bytes}},
                 Finding::kWarning, Grade::kProbed);
}

TEST(JudgeTries, AChangeThatIsTakenIsBadOnlyOfAKeyThatIsCalledUnchangeable) {
  for (const bool changeable : {false, true}) {
    Json part = good_pkcs11(made_up_key());
    for (Json* list : {&part["private_key"], &part["throwaway"]["attributes"]}) {
      set_flag(*list, "CKA_MODIFIABLE", changeable);
      set_flag(*list, "CKA_COPYABLE", changeable);
    }
    for (Json& one : part["tried"]) {
      if (one["probe"] == "copy" && one["attribute"] == "CKA_DECRYPT") one["rv"] = "CKR_OK";
      if (one["probe"] == "set-attribute" && one["attribute"] == "CKA_LOCAL") one["rv"] = "CKR_OK";
    }
    const Judgement judgement = judge_pkcs11(part, made_up_key());
    EXPECT_EQ(judgement.grade, changeable ? Grade::kProbed : Grade::kFailed) << judgement.reason;
    for (const char* name : {"probe.copy", "probe.set-attribute"}) {
      const auto check = std::ranges::find(judgement.checks, name, &Check::name);
      ASSERT_NE(check, judgement.checks.end());
      EXPECT_EQ(check->finding, changeable ? Finding::kWarning : Finding::kBad) << name;
    }
  }
}

TEST(JudgeTries, WhatSpeaksOfTheKeyOrTheCallIsARefusal) {
  const auto answers = [](const char* rv) { return [rv](Json& one) { one["rv"] = rv; }; };
  expect_answers({{"wrap", "", answers("CKR_MECHANISM_INVALID")},
                  {"wrap", "", answers("CKR_FUNCTION_NOT_SUPPORTED")},
                  {"wrap", "", answers("CKR_KEY_NOT_WRAPPABLE")},
                  {"read", "", answers("CKR_ATTRIBUTE_TYPE_INVALID")},
                  {"read-mixed", "", ok},
                  {"derive", "", answers("CKR_TEMPLATE_INCONSISTENT")},
                  {"digest-key", "", [](Json& one) { one["call"] = "C_DigestInit"; }},
                  {"sign-raw", "", [](Json& one) { one["call"] = "C_Sign"; }},
                  {"sign-recover", "", answers("CKR_FUNCTION_NOT_SUPPORTED")},
                  {"set-attribute", "CKA_LOCAL", answers("CKR_ATTRIBUTE_READ_ONLY")},
                  {"copy", "CKA_EXTRACTABLE", answers("CKR_TEMPLATE_INCONSISTENT")},
                  {"unwrap", "", answers("CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT")}},
                 Finding::kGood, Grade::kProbed);
}

TEST(JudgeTries, Invariant04_AnAnswerThatIsNoRefusalIsNoTryOfAnyProbe) {
  const Json good = good_pkcs11(made_up_key());
  // One of each probe, each with every answer that says nothing of the key.
  for (const char* probe :
       {"read", "read-mixed", "wrap", "wrap-public", "derive", "decrypt", "unwrap", "sign-recover", "sign-raw",
        "sign-other", "digest-key", "operation-state", "set-attribute", "copy", "throwaway-read", "throwaway-wrap"}) {
    for (const char* rv : {"CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED", "CKR_DEVICE_ERROR", "CKR_ARGUMENTS_BAD",
                           "CKR_PIN_EXPIRED", "CKR_KEY_HANDLE_INVALID", "CKR_OBJECT_HANDLE_INVALID",
                           "CKR_TOKEN_NOT_RECOGNIZED", "CKR_OPERATION_NOT_INITIALIZED", "CKR_NO_SUCH_NAME"}) {
      Json part = good;
      (*tries(part, probe).front())["rv"] = rv;
      const Judgement judgement = judge_pkcs11(part, made_up_key());
      EXPECT_EQ(judgement.grade, Grade::kClaimed) << probe << " " << rv << ": " << judgement.reason;
      EXPECT_EQ(finding_of(judgement, "probe." + std::string(probe)), Finding::kNotReported) << probe << " " << rv;
      const auto check = std::ranges::find(judgement.checks, "probe." + std::string(probe), &Check::name);
      ASSERT_NE(check, judgement.checks.end());
      EXPECT_NE(check->found.find(rv), std::string::npos) << "the answer is shown: " << check->found;
    }
  }
}

TEST(JudgeTries, Invariant04_ACallForMoreRoomIsConsent) {
  const auto more_room = [](Json& one) { one["rv"] = "CKR_BUFFER_TOO_SMALL"; };
  expect_answers({{"read", "", more_room},
                  {"wrap", "", more_room},
                  {"wrap-public", "", more_room},
                  {"throwaway-read", "", more_room},
                  {"throwaway-wrap", "", more_room}},
                 Finding::kBad, Grade::kFailed);
  expect_answers({{"decrypt", "", more_room}, {"read-mixed", "", more_room}}, Finding::kNotReported, Grade::kClaimed);
}

TEST(JudgeTries, ATryThatDidNotComeToThePointIsNoTry) {
  const auto answers = [](const char* rv) { return [rv](Json& one) { one["rv"] = rv; }; };
  expect_answers({{"wrap", "", answers("CKR_SESSION_HANDLE_INVALID")},
                  {"wrap", "", answers("CKR_WRAPPING_KEY_HANDLE_INVALID")},
                  {"read", "", answers("CKR_DEVICE_REMOVED")},
                  {"decrypt", "", answers("CKR_USER_NOT_LOGGED_IN")},
                  {"wrap", "", [](Json& one) { one["call"] = "C_GenerateKey"; }},
                  {"wrap", "", [](Json& one) { one["call"] = ""; }},
                  {"read", "", [](Json& one) { one.erase("length"); }},
                  {"read-mixed", "", [](Json& one) { one.erase("length"); }},
                  {"operation-state", "", [](Json& one) { one.erase("length"); }},
                  {"unwrap", "", answers("CKR_TEMPLATE_INCONSISTENT")},
                  {"set-attribute", "CKA_PRIVATE", [](Json& one) { one.erase("after"); }},
                  {"set-attribute", "CKA_PRIVATE",
                   [](Json& one) {
                     for (const char* list : {"before", "after"}) remove_attribute(one[list], "CKA_PRIVATE");
                   }},
                  {"set-attribute", "CKA_PRIVATE",
                   [](Json& one) {
                     for (const char* list : {"before", "after"}) make_absent(one[list], "CKA_PRIVATE");
                   }},
                  {"set-attribute", "CKA_PRIVATE",
                   [](Json& one) {
                     one["before"] = Json::array();
                     one["after"] = Json::array();
                   }}},
                 Finding::kNotReported, Grade::kClaimed);
}

TEST(JudgeTries, Invariant04_EachTryThatIsLeftOutKeepsTheGradeAtClaimed) {
  const Json good = good_pkcs11(made_up_key());
  const std::size_t count = good.at("tried").size();
  ASSERT_GT(count, 40U);
  for (std::size_t i = 0; i < count; ++i) {
    Json part = good;
    const std::string probe = part["tried"][i].at("probe");
    part["tried"].erase(i);
    const Judgement judgement = judge_pkcs11(part, made_up_key());
    EXPECT_EQ(judgement.grade, Grade::kClaimed) << probe << " " << i;
    EXPECT_EQ(finding_of(judgement, "probe." + probe), Finding::kNotReported) << probe << " " << i;
    EXPECT_NE(judgement.reason.find("probe." + probe), std::string::npos) << judgement.reason;
  }
}

TEST(JudgeTries, WhatATokenOffersIsWhatMustBeTried) {
  for (const std::uint64_t flags : {0x20300U, 0x300U, 0U}) {
    Json part = good_pkcs11(made_up_key());
    part["mechanisms"].push_back(
        {{"name", "CKM_AES_KEY_WRAP_KWP"}, {"type", 0x210b}, {"flags", flags}, {"min", 0}, {"max", 0}});
    EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kClaimed) << "it may wrap, and was not tried: " << flags;
  }
  Json part = good_pkcs11(made_up_key());
  part["mechanisms"] = Json::array();
  EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kClaimed) << "no mechanism at all";
  part = good_pkcs11(made_up_key());
  remove_tries(part, "derive");
  const auto derive = std::ranges::find_if(part["mechanisms"], [](const Json& one) { return one["type"] == 0x364; });
  part["mechanisms"].erase(derive);
  EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kProbed) << "nothing derives, so there is nothing to try";
  EXPECT_EQ(finding_of(judge_pkcs11(part, made_up_key()), "probe.derive"), Finding::kInformation);
}

TEST(JudgeTries, AWayOfWrappingThatNobodyTriedIsSaid) {
  Json part = good_pkcs11(made_up_key());
  part["mechanisms"].push_back(
      {{"name", "CKM_0x80000170"}, {"type", 0x80000170}, {"flags", 0x20000}, {"min", 0}, {"max", 0}});
  const Judgement judgement = judge_pkcs11(part, made_up_key());
  EXPECT_EQ(finding_of(judgement, "mechanisms.wrapping"), Finding::kWarning);
  EXPECT_EQ(judgement.grade, Grade::kProbed);
}

TEST(JudgeTries, FewerProbesAreAClaimAtBestAndTheReasonSaysSo) {
  Json part = good_pkcs11(made_up_key());
  part["probes"] = "read-only";
  for (const char* probe : {"set-attribute", "copy", "throwaway-read", "throwaway-wrap"}) remove_tries(part, probe);
  part.erase("throwaway");
  Judgement judgement = judge_pkcs11(part, made_up_key());
  EXPECT_EQ(judgement.grade, Grade::kClaimed);
  EXPECT_NE(judgement.reason.find("read-only"), std::string::npos) << judgement.reason;
  EXPECT_EQ(finding_of(judgement, "probe.wrap"), Finding::kGood);
  ok(*tries(part, "wrap").front());
  EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kFailed) << "a leak is a leak";
  judgement = judge_pkcs11(small_pkcs11(made_up_key()), made_up_key());
  EXPECT_EQ(judgement.grade, Grade::kClaimed);
  EXPECT_NE(judgement.reason.find("none"), std::string::npos) << judgement.reason;
  part = good_pkcs11(made_up_key());
  part["probes"] = "none";
  EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kClaimed) << "tries that nobody asked for do not lift it";
}

TEST(JudgeTries, TriesOnAKeyThatIsUnlikeThisOneDoNotCount) {
  for (const char* name : {"CKA_MODIFIABLE", "CKA_COPYABLE", "CKA_DECRYPT"}) {
    Json part = good_pkcs11(made_up_key());
    set_flag(part["throwaway"]["attributes"], name, true);
    const Judgement judgement = judge_pkcs11(part, made_up_key());
    EXPECT_EQ(judgement.grade, Grade::kClaimed) << name;
    EXPECT_EQ(finding_of(judgement, "throwaway"), Finding::kNotReported);
  }
  Json part = good_pkcs11(made_up_key());
  part["throwaway"] = {{"rv", "CKR_DEVICE_MEMORY"}};
  EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kClaimed);
  part.erase("throwaway");
  EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kClaimed);
}

TEST(JudgeTries, AnUnknownProbeOrTargetFails) {
  for (const auto& [member, value] : {std::pair{"probe", "wrap-twice"}, std::pair{"target", "throwaway"}}) {
    Json part = good_pkcs11(made_up_key());
    (*tries(part, "wrap").front())[member] = value;
    EXPECT_EQ(bad_checks(judge_pkcs11(part, made_up_key())), "probe.unknown");
  }
}

}  // namespace
}  // namespace signer::evidence
