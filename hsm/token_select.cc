// SPDX-License-Identifier: Apache-2.0

#include "hsm/token_select.h"

#include "base/log.h"
#include "hsm/ckr.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

Failure<channel::HostError> refuse(const std::string& why) {
  return host_failure(HostStatus::kInvalid, "hsm: token URI: " + why);
}

HostResult<std::vector<CK_SLOT_ID>> list_slots(const CK_FUNCTION_LIST& api) {
  // The first call lets modules look for new tokens; the list may grow between the two.
  constexpr int kTriesMax = 3;
  CK_RV rv = CKR_BUFFER_TOO_SMALL;
  for (int tries = 0; rv == CKR_BUFFER_TOO_SMALL && tries < kTriesMax; ++tries) {
    CK_ULONG count = 0;
    rv = api.C_GetSlotList(CK_TRUE, nullptr, &count);
    if (rv != CKR_OK) break;
    std::vector<CK_SLOT_ID> slots(count);
    if (count == 0) return slots;
    rv = api.C_GetSlotList(CK_TRUE, slots.data(), &count);
    slots.resize(std::min<std::size_t>(count, slots.size()));
    if (rv == CKR_OK) return slots;
  }
  return fail(host_error("C_GetSlotList", "", rv));
}

std::string names_of(const std::vector<SlotToken>& tokens) {
  std::string names;
  for (const SlotToken& token : tokens) {
    if (!names.empty()) names += ", ";
    names += token_text(token.token_info);
  }
  return names;
}

}  // namespace

std::string token_text(const CK_TOKEN_INFO& info) {
  return "label \"" + field_text(info.label) + "\" serial \"" + field_text(info.serialNumber) + "\"";
}

HostResult<std::vector<SlotToken>> list_tokens(const CK_FUNCTION_LIST& api) {
  SIGNER_ASSIGN_OR_RETURN(const std::vector<CK_SLOT_ID> slots, list_slots(api));
  std::vector<SlotToken> tokens;
  for (const CK_SLOT_ID slot : slots) {
    SlotToken token{.slot = slot};
    CK_RV rv = api.C_GetSlotInfo(slot, &token.slot_info);
    if (rv == CKR_OK) rv = api.C_GetTokenInfo(slot, &token.token_info);
    if (rv == CKR_OK) {
      tokens.push_back(token);
    } else {
      log::warn("hsm_slot_unreadable", {{"slot", slot}, {"ckr", ckr_name(rv)}});
    }
  }
  return tokens;
}

HostResult<TokenUri> TokenUri::parse(const std::string& uri) {
  std::unique_ptr<P11KitUri, Free> parsed(::p11_kit_uri_new());
  if (!parsed) return refuse("out of memory");
  const int code = ::p11_kit_uri_parse(uri.c_str(), P11_KIT_URI_FOR_ANY, parsed.get());
  if (code == P11_KIT_URI_BAD_SCHEME) return refuse("does not start with \"pkcs11:\"");
  if (code != P11_KIT_URI_OK) return refuse(::p11_kit_uri_message(code));
  if (::p11_kit_uri_get_pin_value(parsed.get()) != nullptr || ::p11_kit_uri_get_pin_source(parsed.get()) != nullptr) {
    return refuse("holds pin-value or pin-source; use pin_file instead");
  }
  if (::p11_kit_uri_get_module_name(parsed.get()) != nullptr ||
      ::p11_kit_uri_get_module_path(parsed.get()) != nullptr) {
    return refuse("names a module; use the module setting instead");
  }
  constexpr CK_SLOT_ID kNoSlot = ~CK_SLOT_ID{0};
  if (::p11_kit_uri_get_slot_id(parsed.get()) != kNoSlot) {
    return refuse("holds slot-id, which changes from start to start; use token and serial");
  }
  CK_ULONG attributes = 0;
  ::p11_kit_uri_get_attributes(parsed.get(), &attributes);
  if (attributes != 0) return refuse("names an object (object, id or type); it selects a token");
  if (::p11_kit_uri_any_unrecognized(parsed.get()) != 0) {
    return refuse("holds an attribute that RFC 7512 does not know");
  }
  return TokenUri(std::move(parsed));
}

bool TokenUri::matches(const CK_INFO& module, const CK_SLOT_INFO& slot, const CK_TOKEN_INFO& token) const {
  return ::p11_kit_uri_match_token_info(uri_.get(), &token) == 1 &&
         ::p11_kit_uri_match_slot_info(uri_.get(), &slot) == 1 &&
         ::p11_kit_uri_match_module_info(uri_.get(), &module) == 1;
}

HostResult<SlotToken> TokenUri::find(const CK_FUNCTION_LIST& api) const {
  CK_INFO module_info{};
  const CK_RV rv = api.C_GetInfo(&module_info);
  if (rv != CKR_OK) return fail(host_error("C_GetInfo", "", rv));
  SIGNER_ASSIGN_OR_RETURN(std::vector<SlotToken> present, list_tokens(api));
  std::erase_if(present, [](const SlotToken& token) { return (token.token_info.flags & CKF_TOKEN_INITIALIZED) == 0; });
  std::vector<SlotToken> matching;
  for (SlotToken& token : present) {
    if (matches(module_info, token.slot_info, token.token_info)) matching.push_back(token);
  }
  if (matching.size() == 1) return matching.front();
  if (matching.empty()) {
    return host_failure(HostStatus::kUnavailable,
                        "hsm: no token matches the URI; present: " + (present.empty() ? "none" : names_of(present)));
  }
  return host_failure(HostStatus::kAmbiguous,
                      "hsm: several tokens match the URI: " + names_of(matching) + "; add serial= to the URI");
}

}  // namespace signer::hsm
