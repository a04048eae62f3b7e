// SPDX-License-Identifier: Apache-2.0
//
// JSON Web Encryption in compact form (RFC 7516 §3.1, §5.1) with one key management algorithm, RSA-OAEP-256 (RFC 7518
// §4.3), and one content encryption, A256GCM (RFC 7518 §5.3).  This is the side that encrypts; verify/ opens.
#pragma once

#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "jose/evp_key.h"
#include "signer/result.h"

namespace signer::jose {

inline constexpr std::string_view kJweAlgorithm = "RSA-OAEP-256";
inline constexpr std::string_view kJweEncryption = "A256GCM";
inline constexpr std::size_t kContentKeyBytes = 32;
inline constexpr std::size_t kJweIvBytes = 12;
inline constexpr std::size_t kJweTagBytes = 16;

// The cty of what we encrypt.  A nested token: RFC 7519 §5.2.  A JSON object of claims: the media type
// application/json, without its prefix as RFC 7515 §4.1.10 asks.  Neither can be taken for the other.
inline constexpr std::string_view kNestedTokenContent = "JWT";
inline constexpr std::string_view kClaimsContent = "json";

inline constexpr std::size_t kJwePlaintextBytesMax = 64UL * 1024;

// The 32 bytes of a content encryption key, cleansed when they go.
struct ContentKey {
  std::array<std::uint8_t, kContentKeyBytes> bytes{};

  ContentKey() = default;
  ContentKey(const ContentKey&) = delete;
  ContentKey& operator=(const ContentKey&) = delete;
  ~ContentKey() { ::OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

// Whom to encrypt to: a public RSA key of 2048 to 4096 bits.  Immutable; a copy shares the key; may be used from many
// threads.
class JweRecipient {
 public:
  // From one public JWK (RFC 7517 §4).  kInvalidRequest, with a text that says what to do, unless it is one strict JSON
  // object with kty "RSA" and an acceptable key (load_rsa_key) that says nothing against this use: use absent or "enc",
  // alg absent or "RSA-OAEP-256", key_ops absent or with "encrypt" or "wrapKey".  Private members and kty "oct" are
  // refused whatever else stands there.  Takes milliseconds.
  [[nodiscard]] static Result<JweRecipient> from_jwk(std::string_view json);

  // The key of that kid in a JWK Set (RFC 7517 §5), or without `kid` the only key in it that from_jwk would take.
  // kInvalidRequest if there is none or more than one, or if any key of the set is private or symmetric.
  [[nodiscard]] static Result<JweRecipient> from_jwks(std::string_view json, const std::optional<std::string>& kid);

  // As the JWK has it.
  [[nodiscard]] const std::optional<std::string>& kid() const noexcept { return kid_; }

  // base64url of the RFC 7638 SHA-256 thumbprint: names the key even if its JWK has no kid.
  [[nodiscard]] const std::string& thumbprint() const noexcept { return thumbprint_; }

  // For jwe_encrypt.
  [[nodiscard]] EVP_PKEY* key() const noexcept { return key_.get(); }

 private:
  JweRecipient(std::shared_ptr<EVP_PKEY> key, std::optional<std::string> kid, std::string thumbprint)
      : key_(std::move(key)), kid_(std::move(kid)), thumbprint_(std::move(thumbprint)) {}

  [[nodiscard]] static Result<JweRecipient> from_json(const Json& jwk);

  std::shared_ptr<EVP_PKEY> key_;
  std::optional<std::string> kid_;
  std::string thumbprint_;
};

// What the caller says of the content; "" leaves the member out.  alg and enc are ours, kid is the recipient's, and
// there is no zip (RFC 8725 §3.6).
struct JweHeader {
  std::string_view cty;
  std::string_view typ;
};

// The compact JWE of `plaintext`, under a content encryption key and an initialisation vector that are fresh for each
// call; the key is cleansed before this returns.  The same text never encrypts to the same JWE.  Its length gives away
// that of the plaintext.  kInvalidRequest if the plaintext is larger than kJwePlaintextBytesMax, kInternal if OpenSSL
// fails, its random generator among that.  The plaintext is the caller's to cleanse.  May be called from many threads.
[[nodiscard]] Result<std::string> jwe_encrypt(const JweRecipient& recipient, const JweHeader& header,
                                              std::string_view plaintext);

}  // namespace signer::jose
