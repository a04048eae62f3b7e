// SPDX-License-Identifier: Apache-2.0

#include "hsm/login.h"

#include "base/log.h"
#include "hsm/ckr.h"
#include "hsm/token_select.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

constexpr CK_FLAGS kPinWasWrong = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;

Failure<channel::HostError> refuse(const CK_TOKEN_INFO& info, const std::string& why) {
  return host_failure(HostStatus::kPinRefused, "hsm: login not tried: token " + token_text(info) + " " + why);
}

// What the token says of its PIN before any attempt.
HostResult<void> check_flags(const CK_TOKEN_INFO& info) {
  if ((info.flags & CKF_USER_PIN_INITIALIZED) == 0) return refuse(info, "has no user PIN; let the SO set one");
  if ((info.flags & CKF_USER_PIN_LOCKED) != 0) {
    return refuse(info, "reports CKF_USER_PIN_LOCKED; let the SO unlock the PIN, then remove the latch file");
  }
  if ((info.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
    return refuse(info,
                  "reports CKF_USER_PIN_FINAL_TRY; log in once by hand with the right PIN to clear it, then restart");
  }
  if ((info.flags & CKF_USER_PIN_COUNT_LOW) != 0) {
    log::warn("hsm_pin_count_low", {{"token", token_text(info)}, {"flag", "CKF_USER_PIN_COUNT_LOW"}});
  }
  if ((info.flags & CKF_USER_PIN_TO_BE_CHANGED) != 0) {
    log::warn("hsm_pin_to_be_changed", {{"token", token_text(info)}, {"flag", "CKF_USER_PIN_TO_BE_CHANGED"}});
  }
  return {};
}

// Answers that come before a token has looked at the PIN.  All others may stand for a wrong one (some tokens say
// CKR_GENERAL_ERROR or CKR_FUNCTION_FAILED, some a code of their own), so they count as an attempt.
bool pin_was_not_looked_at(CK_RV rv) {
  switch (rv) {
    case CKR_CRYPTOKI_NOT_INITIALIZED:
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_MEMORY:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SESSION_CLOSED:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_COUNT:
    case CKR_ARGUMENTS_BAD:
    case CKR_HOST_MEMORY:
    case CKR_CANT_LOCK:
    case CKR_OPERATION_NOT_INITIALIZED:
      return true;
    default:
      return false;
  }
}

// A counter that shows a wrong PIN after an answer that does not.
bool counter_moved(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot, CK_FLAGS before) {
  CK_TOKEN_INFO info{};
  return api.C_GetTokenInfo(slot, &info) == CKR_OK && (info.flags & kPinWasWrong & ~before) != 0;
}

}  // namespace

HostResult<void> Login::log_in(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot, CK_SESSION_HANDLE session) {
  CK_TOKEN_INFO info{};
  const CK_RV rv = api.C_GetTokenInfo(slot, &info);
  if (rv != CKR_OK) return fail(host_error("C_GetTokenInfo", "", rv));
  if ((info.flags & CKF_LOGIN_REQUIRED) == 0) return {};
  SIGNER_RETURN_IF_ERROR(check_flags(info));
  if (!pin_ && pin_source_.empty()) {
    if ((info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0) {
      return host_failure(HostStatus::kInvalid, "hsm: login not tried: token " + token_text(info) +
                                                    " wants a PIN and no pin_file is configured; add one");
    }
    pin_.emplace();  // the PIN is entered on the device
  }
  if (!pin_) {
    SIGNER_ASSIGN_OR_RETURN(pin_, read_pin(pin_source_));
  }
  return try_once(api, slot, session, info);
}

HostResult<void> Login::try_once(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot, CK_SESSION_HANDLE session,
                                 const CK_TOKEN_INFO& info) {
  SIGNER_RETURN_IF_ERROR(latch_.begin(pin_->fingerprint));
  const std::string_view pin = pin_->secret.reveal();
  const CK_RV rv = api.C_Login(session, CKU_USER, pin.empty() ? nullptr : read_only(pin), pin.size());
  if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) {
    latch_.answered_yes();
    return {};
  }
  if (host_status(rv) == HostStatus::kPinRefused || counter_moved(api, slot, info.flags)) {
    latch_.answered_no(pin_->fingerprint, ckr_name(rv));
    auto error = host_error("C_Login", "token " + token_text(info), rv,
                            "not retried; correct the PIN file, or remove " + latch_.path() + " if the PIN is right");
    error.status = HostStatus::kPinRefused;
    return fail(std::move(error));
  }
  if (pin_was_not_looked_at(rv)) {
    latch_.not_answered(pin_->fingerprint);
  } else {
    latch_.no_answer_yet();
  }
  auto error = host_error("C_Login", "token " + token_text(info), rv);
  error.status = HostStatus::kUnavailable;
  return fail(std::move(error));
}

}  // namespace signer::hsm
