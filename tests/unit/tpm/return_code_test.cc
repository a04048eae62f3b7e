// SPDX-License-Identifier: Apache-2.0
//
// Without these a lockout could be retried, a cleared TPM could look like a busy one, and a forged response could pass
// for a broken cable.
#include "tpm/return_code.h"

#include <gtest/gtest.h>
#include <tss2/tss2_common.h>
#include <tss2/tss2_tpm2_types.h>

#include <string>
#include <string_view>
#include <vector>

namespace signer::tpm {
namespace {

struct Row {
  std::uint32_t code;
  std::string_view name;
  Action action;
};

void expect_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const ReturnCode code = classify(row.code);
    EXPECT_EQ(code.code, row.code);
    EXPECT_EQ(code.name, row.name);
    EXPECT_EQ(code.action, row.action) << row.name;
    EXPECT_EQ(code.alarm, row.action == Action::kLockout) << row.name;
  }
}

TEST(ReturnCode, WaitsForATpmThatIsMerelyBusy) {
  expect_rows({{0x922, "TPM_RC_RETRY", Action::kBackOff},
               {0x90a, "TPM_RC_TESTING", Action::kBackOff},
               {0x908, "TPM_RC_YIELDED", Action::kBackOff},
               {0x923, "TPM_RC_NV_UNAVAILABLE", Action::kBackOff},
               {0x920, "TPM_RC_NV_RATE", Action::kBackOff},
               {0x909, "TPM_RC_CANCELED", Action::kRetryOnce}});
}

TEST(ReturnCode, MakesRoomWhereRoomIsShort) {
  expect_rows({{0x901, "TPM_RC_CONTEXT_GAP", Action::kFlushSessions},
               {0x903, "TPM_RC_SESSION_MEMORY", Action::kFlushSessions},
               {0x905, "TPM_RC_SESSION_HANDLES", Action::kFlushSessions},
               {0x902, "TPM_RC_OBJECT_MEMORY", Action::kReopenContext},
               {0x904, "TPM_RC_MEMORY", Action::kReopenContext},
               {0x906, "TPM_RC_OBJECT_HANDLES", Action::kReopenContext}});
}

TEST(ReturnCode, RebuildsAfterAResetWhicheverHandleIsStale) {
  for (std::uint32_t n = 0; n < 7; ++n) {
    EXPECT_EQ(classify(0x910 + n).action, Action::kRebuild) << n;
    EXPECT_EQ(classify(0x910 + n).name, "TPM_RC_REFERENCE_H" + std::to_string(n));
    EXPECT_EQ(classify(0x918 + n).action, Action::kRebuild) << n;
    EXPECT_EQ(classify(0x918 + n).name, "TPM_RC_REFERENCE_S" + std::to_string(n));
  }
  for (const std::uint32_t between : {0x90bU, 0x90fU, 0x917U, 0x91fU, 0x924U}) {
    EXPECT_EQ(classify(between).action, Action::kRefused) << between;
  }
}

TEST(ReturnCode, TellsAKeyThatIsGoneFromAWrongParameterAndAStaleSession) {
  for (const std::uint32_t handle : {0x08bU, 0x18bU, 0x28bU, 0x78bU}) {
    EXPECT_EQ(classify(handle).name, "TPM_RC_HANDLE");
    EXPECT_EQ(classify(handle).action, Action::kKeyGone) << handle;
  }
  EXPECT_EQ(classify(0x1cb).action, Action::kRefused);
  EXPECT_EQ(classify(0x98b).action, Action::kRebuild);
  expect_rows({{0x1df, "TPM_RC_INTEGRITY", Action::kKeyGone}});
}

TEST(ReturnCode, NeverTriesAgainInLockoutAndRaisesTheAlarm) {
  expect_rows({{0x921, "TPM_RC_LOCKOUT", Action::kLockout}, {0xc0921, "TPM_RC_LOCKOUT", Action::kLockout}});
  for (std::uint32_t code = 0; code < 0x1000; ++code) {
    EXPECT_EQ(classify(code).action == Action::kLockout, code == 0x921) << code;
    EXPECT_EQ(classify(code).alarm, code == 0x921) << code;
  }
}

TEST(ReturnCode, SeesARefusedAuthValueOnEverySession) {
  for (std::uint32_t n = 0; n < 8; ++n) {
    for (const std::uint32_t base : {0x08eU, 0x08fU, 0x0a2U}) {
      const ReturnCode code = classify(base + 0x800 + (n << 8U));
      EXPECT_EQ(code.action, Action::kAuthRefused) << code.name;
      EXPECT_EQ(code.subject, Subject::kSession);
      EXPECT_EQ(code.number, n);
    }
  }
  expect_rows({{0x98e, "TPM_RC_AUTH_FAIL", Action::kAuthRefused}, {0x9a2, "TPM_RC_BAD_AUTH", Action::kAuthRefused}});
}

TEST(ReturnCode, KnowsATpmThatIsDeadFromOneThatIsNotReady) {
  expect_rows({{0x101, "TPM_RC_FAILURE", Action::kDead},
               {0x12d, "TPM_RC_UPGRADE", Action::kNotReady},
               {0x100, "TPM_RC_INITIALIZE", Action::kNotReady},
               {0x130, "TPM_RC_REBOOT", Action::kNotReady},
               {0x153, "TPM_RC_NEEDS_TEST", Action::kNotReady}});
}

TEST(ReturnCode, DiscardsTheContextAfterEveryCodeThatIsNotTheTpms) {
  const std::vector<std::pair<std::uint32_t, Layer>> codes = {
      {0xa000a, Layer::kTcti},  {0x70007, Layer::kEsys},     {0x80009, Layer::kSys},
      {0x90010, Layer::kMu},    {0x60001, Layer::kOther},    {0xb0001, Layer::kOther},
      {0xd0922, Layer::kOther}, {0x01000922, Layer::kOther}, {0xffffffff, Layer::kOther}};
  for (const auto& [number, layer] : codes) {
    const ReturnCode code = classify(number);
    EXPECT_EQ(code.action, Action::kDiscardContext) << code.name;
    EXPECT_EQ(code.layer, layer) << code.name;
    EXPECT_FALSE(code.alarm) << code.name;
  }
}

TEST(ReturnCode, RaisesTheAlarmForAResponseThatTheTpmDidNotAuthenticate) {
  const ReturnCode code = classify(0x7001b);
  EXPECT_EQ(code.name, "TSS2_ESYS_RC_RSP_AUTH_FAILED");
  EXPECT_EQ(code.action, Action::kDiscardContext);
  EXPECT_TRUE(code.alarm);
}

// The kernel's /dev/tpmrm0 answers for the TPM in layer 11, tpm2-abrmd in layer 12; ESYS takes both for the TPM.
TEST(ReturnCode, ReadsResourceManagersAsTheTpmTheyStandFor) {
  for (const std::uint32_t layer : {0xb0000U, 0xc0000U}) {
    const ReturnCode code = classify(layer + 0x143);
    EXPECT_EQ(code.layer, Layer::kResourceManager);
    EXPECT_EQ(code.name, "TPM_RC_COMMAND_CODE");
    EXPECT_EQ(code.action, Action::kRefused);
    EXPECT_EQ(classify(layer + 0x902).action, Action::kReopenContext);
    EXPECT_EQ(classify(layer + 0x18b).action, Action::kKeyGone);
    EXPECT_EQ(classify(layer).action, Action::kDiscardContext) << "a failure that says success";
  }
  EXPECT_EQ(describe(0xb000a, "c"), "c: TSS2_RESMGR_RC_IO_ERROR (0xb000a)") << "tpm2-abrmd itself";
  EXPECT_EQ(classify(0xb000a).action, Action::kDiscardContext);
}

TEST(ReturnCode, TakesOnlyZeroForSuccess) {
  EXPECT_EQ(classify(0).action, Action::kDone);
  for (std::uint32_t code = 1; code < 0x20000; ++code) EXPECT_NE(classify(code).action, Action::kDone) << code;
  for (std::uint32_t layer = 1; layer < 0x10000; ++layer) EXPECT_NE(classify(layer << 16U).action, Action::kDone);
}

TEST(ReturnCode, DistrustsWhatNoTpm2Sends) {
  for (const std::uint32_t code : {0x01eU, 0x001U, 0x07fU, 0x300U, 0x200U, 0xb22U, 0x1000U, 0x1922U, 0xffffU}) {
    EXPECT_EQ(classify(code).action, Action::kDiscardContext) << code;
  }
  EXPECT_EQ(classify(0x01e).name, "TPM_RC_BAD_TAG");
  EXPECT_EQ(classify(0x501).action, Action::kRefused) << "a vendor's own code";
  EXPECT_EQ(classify(0xd22).action, Action::kRefused) << "a vendor's own warning, not RETRY";
}

TEST(ReturnCode, SaysWhichParameterHandleOrSessionIsMeant) {
  EXPECT_EQ(describe(0x1d5, "Esys_Sign"), "Esys_Sign: TPM_RC_SIZE (0x1d5), parameter 1");
  EXPECT_EQ(describe(0x2c2, "Esys_Create"), "Esys_Create: TPM_RC_ATTRIBUTES (0x2c2), parameter 2");
  EXPECT_EQ(describe(0xfd5, "c"), "c: TPM_RC_SIZE (0xfd5), parameter 15");
  EXPECT_EQ(describe(0x18b, "c"), "c: TPM_RC_HANDLE (0x18b), handle 1");
  EXPECT_EQ(describe(0x78b, "c"), "c: TPM_RC_HANDLE (0x78b), handle 7");
  EXPECT_EQ(describe(0x9a2, "c"), "c: TPM_RC_BAD_AUTH (0x9a2), session 1");
  EXPECT_EQ(describe(0xfa2, "c"), "c: TPM_RC_BAD_AUTH (0xfa2), session 7");
  EXPECT_EQ(describe(0x0d5, "c"), "c: TPM_RC_SIZE (0x0d5)") << "a parameter, but not which";
  EXPECT_EQ(describe(0x08d, "c"), "c: TPM_RC_RANGE (0x08d)");
  EXPECT_EQ(describe(0x922, "c"), "c: TPM_RC_RETRY (0x922)");
  EXPECT_EQ(describe(0x91f, "c"), "c: TPM_RC_0x91f (0x91f)");
  EXPECT_EQ(describe(0xa000a, "c"), "c: TSS2_TCTI_RC_IO_ERROR (0xa000a)");
  EXPECT_EQ(describe(0x7fabc, "c"), "c: TSS2_ESYS_RC_0xfabc (0x7fabc)");
}

#define SIGNER_TPM(name) \
  { TPM2_RC_##name, "TPM_RC_" #name, Action::kDone }

TEST(ReturnCode, NamesEveryCodeAsTheStandardDoes) {
  const std::vector<Row> rows = {SIGNER_TPM(SUCCESS),
                                 SIGNER_TPM(BAD_TAG),
                                 SIGNER_TPM(INITIALIZE),
                                 SIGNER_TPM(FAILURE),
                                 SIGNER_TPM(SEQUENCE),
                                 SIGNER_TPM(PRIVATE),
                                 SIGNER_TPM(HMAC),
                                 SIGNER_TPM(DISABLED),
                                 SIGNER_TPM(EXCLUSIVE),
                                 SIGNER_TPM(AUTH_TYPE),
                                 SIGNER_TPM(AUTH_MISSING),
                                 SIGNER_TPM(POLICY),
                                 SIGNER_TPM(PCR),
                                 SIGNER_TPM(PCR_CHANGED),
                                 SIGNER_TPM(UPGRADE),
                                 SIGNER_TPM(TOO_MANY_CONTEXTS),
                                 SIGNER_TPM(AUTH_UNAVAILABLE),
                                 SIGNER_TPM(REBOOT),
                                 SIGNER_TPM(UNBALANCED),
                                 SIGNER_TPM(COMMAND_SIZE),
                                 SIGNER_TPM(COMMAND_CODE),
                                 SIGNER_TPM(AUTHSIZE),
                                 SIGNER_TPM(AUTH_CONTEXT),
                                 SIGNER_TPM(NV_RANGE),
                                 SIGNER_TPM(NV_SIZE),
                                 SIGNER_TPM(NV_LOCKED),
                                 SIGNER_TPM(NV_AUTHORIZATION),
                                 SIGNER_TPM(NV_UNINITIALIZED),
                                 SIGNER_TPM(NV_SPACE),
                                 SIGNER_TPM(NV_DEFINED),
                                 SIGNER_TPM(BAD_CONTEXT),
                                 SIGNER_TPM(CPHASH),
                                 SIGNER_TPM(PARENT),
                                 SIGNER_TPM(NEEDS_TEST),
                                 SIGNER_TPM(NO_RESULT),
                                 SIGNER_TPM(SENSITIVE),
                                 SIGNER_TPM(ASYMMETRIC),
                                 SIGNER_TPM(ATTRIBUTES),
                                 SIGNER_TPM(HASH),
                                 SIGNER_TPM(VALUE),
                                 SIGNER_TPM(HIERARCHY),
                                 SIGNER_TPM(KEY_SIZE),
                                 SIGNER_TPM(MGF),
                                 SIGNER_TPM(MODE),
                                 SIGNER_TPM(TYPE),
                                 SIGNER_TPM(HANDLE),
                                 SIGNER_TPM(KDF),
                                 SIGNER_TPM(RANGE),
                                 SIGNER_TPM(AUTH_FAIL),
                                 SIGNER_TPM(NONCE),
                                 SIGNER_TPM(PP),
                                 SIGNER_TPM(SCHEME),
                                 SIGNER_TPM(SIZE),
                                 SIGNER_TPM(SYMMETRIC),
                                 SIGNER_TPM(TAG),
                                 SIGNER_TPM(SELECTOR),
                                 SIGNER_TPM(INSUFFICIENT),
                                 SIGNER_TPM(SIGNATURE),
                                 SIGNER_TPM(KEY),
                                 SIGNER_TPM(POLICY_FAIL),
                                 SIGNER_TPM(INTEGRITY),
                                 SIGNER_TPM(TICKET),
                                 SIGNER_TPM(RESERVED_BITS),
                                 SIGNER_TPM(BAD_AUTH),
                                 SIGNER_TPM(EXPIRED),
                                 SIGNER_TPM(POLICY_CC),
                                 SIGNER_TPM(BINDING),
                                 SIGNER_TPM(CURVE),
                                 SIGNER_TPM(ECC_POINT),
                                 SIGNER_TPM(CONTEXT_GAP),
                                 SIGNER_TPM(OBJECT_MEMORY),
                                 SIGNER_TPM(SESSION_MEMORY),
                                 SIGNER_TPM(MEMORY),
                                 SIGNER_TPM(SESSION_HANDLES),
                                 SIGNER_TPM(OBJECT_HANDLES),
                                 SIGNER_TPM(LOCALITY),
                                 SIGNER_TPM(YIELDED),
                                 SIGNER_TPM(CANCELED),
                                 SIGNER_TPM(TESTING),
                                 SIGNER_TPM(REFERENCE_H0),
                                 SIGNER_TPM(REFERENCE_H6),
                                 SIGNER_TPM(REFERENCE_S0),
                                 SIGNER_TPM(REFERENCE_S6),
                                 SIGNER_TPM(NV_RATE),
                                 SIGNER_TPM(LOCKOUT),
                                 SIGNER_TPM(RETRY),
                                 SIGNER_TPM(NV_UNAVAILABLE)};
  for (const Row& row : rows) EXPECT_EQ(classify(row.code).name, row.name);
}

#undef SIGNER_TPM
#define SIGNER_TCTI(name) \
  { TSS2_TCTI_RC_LAYER | TSS2_BASE_RC_##name, "TSS2_TCTI_RC_" #name, Action::kDone }

TEST(ReturnCode, NamesEveryCodeOfTheLibraryAsItsHeadersDo) {
  const std::vector<Row> rows = {SIGNER_TCTI(GENERAL_FAILURE),
                                 SIGNER_TCTI(NOT_IMPLEMENTED),
                                 SIGNER_TCTI(BAD_CONTEXT),
                                 SIGNER_TCTI(ABI_MISMATCH),
                                 SIGNER_TCTI(BAD_REFERENCE),
                                 SIGNER_TCTI(INSUFFICIENT_BUFFER),
                                 SIGNER_TCTI(BAD_SEQUENCE),
                                 SIGNER_TCTI(NO_CONNECTION),
                                 SIGNER_TCTI(TRY_AGAIN),
                                 SIGNER_TCTI(IO_ERROR),
                                 SIGNER_TCTI(BAD_VALUE),
                                 SIGNER_TCTI(NOT_PERMITTED),
                                 SIGNER_TCTI(INVALID_SESSIONS),
                                 SIGNER_TCTI(NO_DECRYPT_PARAM),
                                 SIGNER_TCTI(NO_ENCRYPT_PARAM),
                                 SIGNER_TCTI(BAD_SIZE),
                                 SIGNER_TCTI(MALFORMED_RESPONSE),
                                 SIGNER_TCTI(INSUFFICIENT_CONTEXT),
                                 SIGNER_TCTI(INSUFFICIENT_RESPONSE),
                                 SIGNER_TCTI(INCOMPATIBLE_TCTI),
                                 SIGNER_TCTI(NOT_SUPPORTED),
                                 SIGNER_TCTI(BAD_TCTI_STRUCTURE),
                                 SIGNER_TCTI(MEMORY),
                                 SIGNER_TCTI(BAD_TR),
                                 SIGNER_TCTI(MULTIPLE_DECRYPT_SESSIONS),
                                 SIGNER_TCTI(MULTIPLE_ENCRYPT_SESSIONS),
                                 SIGNER_TCTI(RSP_AUTH_FAILED)};
  for (const Row& row : rows) EXPECT_EQ(classify(row.code).name, row.name);
}

#undef SIGNER_TCTI

TEST(ReturnCode, HasANameAndNoUnboundedTextForEveryNumber) {
  std::uint32_t code = 1;
  for (int i = 0; i < 100000; ++i) {
    code = code * 1664525U + 1013904223U;
    const std::string text = describe(code, "call");
    EXPECT_FALSE(classify(code).name.empty());
    EXPECT_LT(text.size(), 80U) << text;
  }
}

}  // namespace
}  // namespace signer::tpm
