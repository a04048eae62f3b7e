// SPDX-License-Identifier: Apache-2.0
//
// Without these a refused PIN could be taken for a passing fault and be tried again until the token locks.
#include "hsm/ckr.h"

#include <gtest/gtest.h>

namespace signer::hsm {
namespace {

using channel::HostStatus;

TEST(Ckr, NamesStandardVendorAndUnknownCodes) {
  EXPECT_EQ(ckr_name(CKR_OK), "CKR_OK");
  EXPECT_EQ(ckr_name(CKR_PIN_INCORRECT), "CKR_PIN_INCORRECT");
  EXPECT_EQ(ckr_name(CKR_VENDOR_DEFINED + 0x12), "CKR_VENDOR_DEFINED+0x12");
  EXPECT_EQ(ckr_name(0x1234), "CKR_0x1234");
}

TEST(Ckr, Invariant05_EveryAnswerAboutThePinIsFinal) {
  for (const CK_RV rv : {CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_PIN_LOCKED,
                         CKR_USER_PIN_NOT_INITIALIZED}) {
    EXPECT_EQ(host_status(rv), HostStatus::kPinRefused) << ckr_name(rv);
  }
}

TEST(Ckr, BlamesTheRequestOnlyForWhatWillFailAgain) {
  for (const CK_RV rv :
       {CKR_MECHANISM_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_TYPE_INVALID}) {
    EXPECT_EQ(host_status(rv), HostStatus::kUnsupported) << ckr_name(rv);
  }
}

TEST(Ckr, CallsEverySpellingOfTokenGoneUnavailable) {
  // SoftHSM, NSS, YubiHSM, pkcs11-proxy and vendors, in that order.
  for (const CK_RV rv : {CKR_OBJECT_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR,
                         CKR_SESSION_HANDLE_INVALID, CKR_VENDOR_DEFINED + 1}) {
    EXPECT_EQ(host_status(rv), HostStatus::kUnavailable) << ckr_name(rv);
  }
}

TEST(Ckr, WritesCallSubjectCodeAndAdvice) {
  const auto error = host_error("C_Login", "token \"a\"", CKR_PIN_LOCKED, "call the SO");
  EXPECT_EQ(error.text, "hsm: C_Login token \"a\": CKR_PIN_LOCKED; call the SO");
}

}  // namespace
}  // namespace signer::hsm
