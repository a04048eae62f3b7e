// SPDX-License-Identifier: Apache-2.0
//
// Which public key each key id had when this process first saw it.  Handles come and go; a key under a known id that
// is suddenly another key must never sign (invariants 6 and 8).
#pragma once

#include <map>
#include <mutex>
#include <shared_mutex>

#include "channel/values.h"

namespace signer::channel {

// Thread-safe.  Grows by what signerd asks for; never forgets.
class KeyPins {
 public:
  // True, and remembered, unless another public key is known under this id.
  [[nodiscard]] bool agree(const Bytes& key_id, const jose::PublicKey& key) {
    const std::lock_guard lock(mutex_);
    return pins_.emplace(key_id, key).first->second == key;
  }

  [[nodiscard]] bool knows(const Bytes& key_id) const {
    const std::shared_lock lock(mutex_);
    return pins_.contains(key_id);
  }

 private:
  mutable std::shared_mutex mutex_;
  std::map<Bytes, jose::PublicKey> pins_;
};

}  // namespace signer::channel
