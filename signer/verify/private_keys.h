// SPDX-License-Identifier: Apache-2.0
//
// What DecryptionKeys holds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jose/evp_key.h"
#include "signer/decryption_keys.h"

namespace signer {

struct DecryptionKeys::Keys {
  struct Entry {
    std::optional<std::string> kid;
    std::shared_ptr<EVP_PKEY> key;  // OpenSSL cleanses the private numbers when it goes
  };

  std::vector<Entry> entries;  // one, or several with a kid each

  // nullptr if no key serves a token with this kid, or with none.
  [[nodiscard]] EVP_PKEY* find(const std::optional<std::string>& kid) const noexcept {
    const bool only = entries.size() == 1 && (!kid || !entries.front().kid);
    if (only) return entries.front().key.get();
    for (const Entry& entry : entries) {
      if (kid && entry.kid == kid) return entry.key.get();
    }
    return nullptr;
  }
};

}  // namespace signer
