// SPDX-License-Identifier: Apache-2.0
//
// The only caller of C_Login for the user role: looks at the token's flags, takes the latch, tries once.
#pragma once

#include <optional>
#include <string>

#include "hsm/login_latch.h"
#include "hsm/pin.h"
#include "hsm/pkcs11.h"

namespace signer::hsm {

// Not thread-safe.  The PIN is read at the first login and kept for those that follow a lost connection.
class Login {
 public:
  Login(std::string pin_source, std::string latch_path)
      : pin_source_(std::move(pin_source)), latch_(std::move(latch_path), pin_source_) {}

  // Logs the application in through `session`, with at most one C_Login.  Success if the token wants no login or has
  // us logged in already.  kPinRefused: no more logins until an operator acts; the text says how.
  [[nodiscard]] channel::HostResult<void> log_in(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot,
                                                 CK_SESSION_HANDLE session);

 private:
  [[nodiscard]] channel::HostResult<void> try_once(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot,
                                                   CK_SESSION_HANDLE session, const CK_TOKEN_INFO& info);

  std::string pin_source_;
  LoginLatch latch_;
  std::optional<Pin> pin_;
};

}  // namespace signer::hsm
