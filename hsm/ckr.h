// SPDX-License-Identifier: Apache-2.0
//
// The one place where a CK_RV becomes a name and a HostStatus.  Exact codes differ from module to module for the same
// event ("token gone" has five spellings), so there are only three classes: the PIN, the request, and the rest.
#pragma once

#include <string>
#include <string_view>

#include "channel/values.h"
#include "hsm/pkcs11.h"

namespace signer::hsm {

// "CKR_PIN_INCORRECT"; "CKR_VENDOR_DEFINED+0x12"; "CKR_0x1234" for what no standard names.
[[nodiscard]] std::string ckr_name(CK_RV rv);

// kOk; kPinRefused if no further login may be tried; kUnsupported if the same call will fail again on a healthy token;
// kUnavailable for everything else: the recovery ladder may help.
[[nodiscard]] channel::HostStatus host_status(CK_RV rv) noexcept;

// "hsm: <call> <subject>: CKR_...[; <advice>]" with the status above.
[[nodiscard]] channel::HostError host_error(std::string_view call, std::string_view subject, CK_RV rv,
                                            std::string_view advice = {});

// True for answers by which a module refuses an attribute it does not know or does not let us set.
[[nodiscard]] bool refuses_template(CK_RV rv) noexcept;

}  // namespace signer::hsm
