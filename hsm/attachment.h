// SPDX-License-Identifier: Apache-2.0
//
// One life of the connection to a token: found, anchored, logged in.  Sessions and object handles die with it, so they
// live in it; recovery replaces the whole.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "channel/key_pins.h"
#include "channel/values.h"
#include "hsm/hmac_key.h"
#include "hsm/key_store.h"
#include "hsm/login.h"
#include "hsm/session_pool.h"
#include "hsm/signature.h"
#include "hsm/token_select.h"

namespace signer::hsm {

// Thread-safe once made.  Destroy with no caller inside: closing the last session logs the application out.
class Attachment {
 public:
  // The module is initialised.  One C_Login at most, and none on a token with another serial than `serial`, if that
  // is not empty: the PIN of the first token must not cost the second one a try.
  [[nodiscard]] static channel::HostResult<std::unique_ptr<Attachment>> make(const CK_FUNCTION_LIST& api,
                                                                             const TokenUri& uri, Login& login,
                                                                             channel::KeyPins& pins,
                                                                             const std::string& serial,
                                                                             std::size_t sessions_max);

  [[nodiscard]] SessionPool& sessions() noexcept { return sessions_; }

  [[nodiscard]] const SlotToken& token() const noexcept { return token_; }

  [[nodiscard]] const Mechanisms& mechanisms() const noexcept { return mechanisms_; }

  // The key under `key_id`, looked up once per attachment.  kNotFound only if the token is there and logged in; else a
  // missing key is kUnavailable, for a token that is gone shows no keys.  kMismatch if the pins disagree.
  [[nodiscard]] channel::HostResult<std::shared_ptr<const StoredKey>> key(const Session& session, const Bytes& key_id);

  // As key(), but as it is now: looked up anew.
  [[nodiscard]] channel::HostResult<StoredKey> look_up_key(const Session& session, const Bytes& key_id);

  // kNotFound as key() if the token shows no private key under `key_id`.  Neither numbers nor pins are looked at.
  [[nodiscard]] channel::HostResult<void> check_present(const Session& session, const Bytes& key_id) const;

  // The HMAC key under `key_id` with this known answer, looked up once per attachment; kMismatch if it has another one.
  // kNotFound as above.
  [[nodiscard]] channel::HostResult<CK_OBJECT_HANDLE> hmac_key(const Session& session, const Bytes& key_id,
                                                               const channel::KnownAnswer& known_answer);

  // As it is now: looked up anew.
  [[nodiscard]] channel::HostResult<StoredHmacKey> look_up_hmac_key(const Session& session, const Bytes& key_id) const;

 private:
  Attachment(const CK_FUNCTION_LIST& api, SlotToken token, channel::KeyPins& pins, std::size_t sessions_max)
      : api_(api), token_(token), pins_(pins), sessions_(api, token.slot, sessions_max) {}

  [[nodiscard]] channel::HostResult<void> check_alive(const Session& session) const;

  const CK_FUNCTION_LIST& api_;
  SlotToken token_;
  channel::KeyPins& pins_;
  Mechanisms mechanisms_;
  Session anchor_;  // holds the login while the pool may close all its sessions; used for nothing else
  SessionPool sessions_;
  std::mutex mutex_;
  std::map<Bytes, std::shared_ptr<const StoredKey>> keys_;
  std::map<Bytes, StoredHmacKey> hmac_keys_;
};

}  // namespace signer::hsm
