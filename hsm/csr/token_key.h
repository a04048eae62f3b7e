// SPDX-License-Identifier: Apache-2.0
//
// A private key in a token as an EVP_PKEY, by way of libp11.  For programs that live for one signature and hold no
// PKCS#11 session of their own: libp11 closes every session of the process on the module (docs/adr/0003).
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "channel/values.h"
#include "signer/bytes.h"

namespace signer::p11 {

struct TokenKeySpec {
  std::string module;      // absolute path of the PKCS#11 driver
  std::string token_uri;   // RFC 7512; exactly one initialized token matches it, as hsm/token_select.h judges
  Bytes key_id;            // CKA_ID of exactly one private key
  std::string pin_file;    // as hsm/pin.h reads it
  std::string latch_file;  // hsm/login_latch.h; empty: none
};

// A CKA_ID from hexadecimal digits: 1 to kKeyIdMax bytes, two digits each, else kInvalidRequest.
[[nodiscard]] Result<Bytes> parse_key_id(std::string_view hex);

// Not thread-safe.
class TokenKey {
 public:
  // Finds the token, makes sure that it answers, logs in at most once, finds the key.  kPinRefused: no further login
  // until an operator acts; the text says how.  Has no time limit of its own: see deadline.h.
  [[nodiscard]] static channel::HostResult<TokenKey> open(const TokenKeySpec& spec);

  TokenKey(TokenKey&& other) noexcept;
  TokenKey& operator=(TokenKey&&) = delete;

  // Logs out and unloads the module.
  ~TokenKey();

  // Takes another key of the same token, with the login that there is.  The one before is gone.
  [[nodiscard]] channel::HostResult<void> change_to(const Bytes& key_id);

  // A legacy key of OpenSSL (RSA_METHOD, EC_KEY_METHOD): it does not outlive this object.
  [[nodiscard]] EVP_PKEY* get() const noexcept;

  // SHA-256 and the key's signature, RSASSA-PKCS1-v1_5 or DER-coded ECDSA: one C_Sign.
  [[nodiscard]] channel::HostResult<Bytes> sign(ByteView message) const;

  // Why the signature that failed just now did: from OpenSSL's error queue, which it empties.
  [[nodiscard]] static channel::HostError signing_error();

 private:
  class Connection;

  explicit TokenKey(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace signer::p11
