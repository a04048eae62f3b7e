// SPDX-License-Identifier: Apache-2.0

#include "hsm/attachment.h"

#include <algorithm>
#include <cstring>

#include "hsm/ckr.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

HostResult<std::unique_ptr<Attachment>> Attachment::make(const CK_FUNCTION_LIST& api, const TokenUri& uri, Login& login,
                                                         channel::KeyPins& pins, const std::string& serial,
                                                         std::size_t sessions_max) {
  SIGNER_ASSIGN_OR_RETURN(const SlotToken token, uri.find(api));
  if (!serial.empty() && field_text(token.token_info.serialNumber) != serial) {
    return host_failure(HostStatus::kUnavailable,
                        "hsm: another token answers the URI: " + token_text(token.token_info) +
                            " instead of serial \"" + serial + "\"; not logged in");
  }
  std::unique_ptr<Attachment> made(new Attachment(api, token, pins, sessions_max));
  const CK_RV rv = Session::open(api, token.slot, made->anchor_);
  if (rv != CKR_OK) return fail(host_error("C_OpenSession", "token " + token_text(token.token_info), rv));
  SIGNER_RETURN_IF_ERROR(login.log_in(api, token.slot, made->anchor_.handle()));
  SIGNER_ASSIGN_OR_RETURN(made->mechanisms_, offered_mechanisms(api, token.slot));
  return made;
}

HostResult<std::shared_ptr<const StoredKey>> Attachment::key(const Session& session, const Bytes& key_id) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = keys_.find(key_id); known != keys_.end()) return known->second;
  }
  SIGNER_ASSIGN_OR_RETURN(StoredKey found, look_up_key(session, key_id));
  auto key = std::make_shared<const StoredKey>(std::move(found));
  const std::lock_guard lock(mutex_);
  keys_.emplace(key_id, key);
  return key;
}

HostResult<StoredKey> Attachment::look_up_key(const Session& session, const Bytes& key_id) {
  auto found = find_key(session, key_id);
  if (!found && found.error().status == HostStatus::kNotFound) SIGNER_RETURN_IF_ERROR(check_alive(session));
  if (found && !pins_.agree(key_id, found->public_key)) {
    return host_failure(HostStatus::kMismatch, "hsm: the token now holds another key under this CKA_ID");
  }
  return found;
}

HostResult<void> Attachment::check_present(const Session& session, const Bytes& key_id) const {
  SIGNER_ASSIGN_OR_RETURN(const auto found, find_objects(session, CKO_PRIVATE_KEY, key_id));
  if (!found.empty()) return {};
  SIGNER_RETURN_IF_ERROR(check_alive(session));
  return host_failure(HostStatus::kNotFound, "hsm: no private key under this CKA_ID");
}

HostResult<CK_OBJECT_HANDLE> Attachment::hmac_key(const Session& session, const Bytes& key_id,
                                                  const channel::KnownAnswer& known_answer) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = hmac_keys_.find(key_id);
    if (known != hmac_keys_.end() && known->second.known_answer == known_answer) return known->second.secret_key;
  }
  SIGNER_ASSIGN_OR_RETURN(const StoredHmacKey found, look_up_hmac_key(session, key_id));
  if (found.known_answer != known_answer) {
    return host_failure(HostStatus::kMismatch, "hsm: the token holds another HMAC key under this CKA_ID");
  }
  const std::lock_guard lock(mutex_);
  hmac_keys_.insert_or_assign(key_id, found);
  return found.secret_key;
}

HostResult<StoredHmacKey> Attachment::look_up_hmac_key(const Session& session, const Bytes& key_id) const {
  auto found = find_hmac_key(session, mechanisms_, key_id);
  if (!found && found.error().status == HostStatus::kNotFound) SIGNER_RETURN_IF_ERROR(check_alive(session));
  return found;
}

HostResult<void> Attachment::check_alive(const Session& session) const {
  CK_TOKEN_INFO info{};
  CK_RV rv = api_.C_GetTokenInfo(token_.slot, &info);
  if (rv != CKR_OK) return host_failure(HostStatus::kUnavailable, "hsm: C_GetTokenInfo: " + ckr_name(rv));
  if (!std::ranges::equal(info.serialNumber, token_.token_info.serialNumber)) {
    return host_failure(HostStatus::kUnavailable, "hsm: another token is in the slot: " + token_text(info));
  }
  CK_SESSION_INFO state{};
  rv = api_.C_GetSessionInfo(session.handle(), &state);
  if (rv != CKR_OK) return host_failure(HostStatus::kUnavailable, "hsm: C_GetSessionInfo: " + ckr_name(rv));
  const bool logged_in = state.state == CKS_RW_USER_FUNCTIONS || state.state == CKS_RO_USER_FUNCTIONS;
  if (!logged_in && (info.flags & CKF_LOGIN_REQUIRED) != 0) {
    return host_failure(HostStatus::kUnavailable, "hsm: no key visible and no longer logged in");
  }
  return {};
}

}  // namespace signer::hsm
