// SPDX-License-Identifier: Apache-2.0
//
// Verifies a JWT (RFC 7519 §7.2) as RFC 8725 asks: signature first, then every claim that decides whether it is meant
// for us, now.
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "signer/jws.h"
#include "signer/key_set.h"
#include "signer/key_source.h"
#include "signer/result.h"
#include "signer/verify_error.h"

namespace signer {

class DecryptionKeys;

}  // namespace signer

namespace signer::jwt {

/// Who may have issued a token.  A type of its own, so that it cannot be swapped with Audiences.
struct Issuers {
  /// {"a", "b"}, byte for byte as the claim has them.
  Issuers(std::initializer_list<std::string> list) : names(list) {}
  /// The same of a list.
  explicit Issuers(std::vector<std::string> list) : names(std::move(list)) {}
  std::vector<std::string> names;  ///< not empty, none of them ""
};

/// Whom tokens must be meant for: one of these.
struct Audiences {
  /// {"a", "b"}, byte for byte as the claim has them.
  Audiences(std::initializer_list<std::string> list) : names(list) {}
  /// The same of a list.
  explicit Audiences(std::vector<std::string> list) : names(std::move(list)) {}
  std::vector<std::string> names;  ///< not empty, none of them ""
};

/// What one kind of token looks like.  What decides about trust has no default; the caps have safe ones.
struct TokenProfile {
  /// What has no default.  Verifier::make judges it.
  TokenProfile(std::vector<Algorithm> algorithms, Issuers expected_issuers, Audiences own_audiences, jws::TypeRule type)
      : signature(std::move(algorithms), std::move(type)),
        issuers(std::move(expected_issuers)),
        audiences(std::move(own_audiences)) {}

  jws::Policy signature;  ///< algorithms, typ, token and header size
  Issuers issuers;        ///< iss must be one of these, byte for byte
  Audiences audiences;    ///< aud must name one of these, byte for byte

  /// Besides iss, aud and exp: there, and neither null nor "".  Of what type is not asked, so look before you use them.
  /// Required or not, iss, sub, jti and client_id must be text if they are there,
  /// and exp, nbf and iat numbers.
  std::vector<std::string> required_claims = {"iat"};
  std::chrono::seconds leeway{30};          ///< 0 to 300: for clocks that differ
  std::chrono::seconds lifetime_max{3600};  ///< exp - iat; exp - now if iat is absent
  std::size_t depth_max = 16;               ///< 1 to 128; {"a":[]} is 2
  std::size_t members_max = 256;            ///< names and array elements of the whole payload
};

/// RFC 9068 §2.2, §4: OAuth 2.0 access tokens.  typ is at+jwt; sub, client_id, iat and jti are required besides.
[[nodiscard]] TokenProfile access_token_profile(std::vector<Algorithm> algorithms, Issuers expected_issuers,
                                                Audiences own_audiences);

/// The claims of a token that was verified; only Verifier makes one.  Immutable; a copy shares the claims.  Views and
/// references live as long as any copy.
class Claims {
 public:
  /// iss: one of the profile's.
  [[nodiscard]] const std::string& issuer() const noexcept;
  /// All of aud, others than the profile's among them.
  [[nodiscard]] const std::vector<std::string>& audiences() const noexcept;

  [[nodiscard]] std::chrono::sys_seconds expires_at() const noexcept;                ///< fractions are cut off
  [[nodiscard]] std::optional<std::chrono::sys_seconds> issued_at() const noexcept;  ///< fractions are cut off

  /// sub, if it is there.
  [[nodiscard]] std::optional<std::string_view> subject() const noexcept { return string("sub"); }
  /// jti, if it is there.
  [[nodiscard]] std::optional<std::string_view> jwt_id() const noexcept { return string("jti"); }

  /// The claim, if it is there and is text.
  [[nodiscard]] std::optional<std::string_view> string(std::string_view name) const noexcept;

  /// The bytes that were signed: one JSON object, already checked for duplicate names, depth and size.  Of
  /// open_encrypted_claims: one that says the same, with the claims that were encrypted in it.
  [[nodiscard]] std::string_view payload_json() const noexcept;

  /// The kid of the key that signed.
  [[nodiscard]] const std::string& kid() const noexcept;

  struct Data;  ///< opaque

 private:
  friend class Verifier;
  friend Result<Claims, VerifyError> open_encrypted_claims(const Claims&, const DecryptionKeys&) noexcept;

  explicit Claims(std::shared_ptr<const Data> data) noexcept : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

/// Claims that were encrypted inside a token (docs/encryption.md §4): those of `claims`, with the members of the JSON
/// object that its claim `encrypted_claims` (signer/encrypted_claims.h) is the JWE of, and without that claim.  Nobody
/// asked whether the claims that come out are there: look before you use them.  kClaimMissing if there is no
/// `encrypted_claims`; kDecryptFailed if it does not open, names a claim twice (outside and inside), or holds iss, aud,
/// exp, nbf, iat or `encrypted_claims`, or a sub, jti or client_id that is not text.  Never throws; safe from many
/// threads.
[[nodiscard]] Result<Claims, VerifyError> open_encrypted_claims(const Claims& claims,
                                                                const DecryptionKeys& keys) noexcept;

/// Immutable; verify() may be called from many threads at once.
class Verifier {
 public:
  /// kInvalidRequest, saying which, if the profile is no profile: no algorithm, issuer or audience, an empty name,
  /// TypeRule::any() or an empty typ, a leeway, lifetime or depth out of range.
  [[nodiscard]] static Result<Verifier> make(TokenProfile profile);

  /// The claims, if `keys` holds the key that signed the token, and the token is of this profile at the time `now`.
  /// `keys` are the keys of the profile's issuers and of nobody else (RFC 8725 §3.8).  Never throws.
  [[nodiscard]] Result<Claims, VerifyError> verify(std::string_view token, const KeySet& keys,
                                                   std::chrono::system_clock::time_point now) const noexcept;

  /// The same with keys that change.  A kid that is unknown, or a bad signature
  /// without a kid, makes the source look for newer keys, once a cooldown.
  [[nodiscard]] Result<Claims, VerifyError> verify(std::string_view token, KeySource& source,
                                                   std::chrono::system_clock::time_point now) const noexcept;

  /// The claims of a nested token: a JWE in compact form (RFC 7516 §7.1), RSA-OAEP-256 and A256GCM, whose plaintext is
  /// a JWS that verify() takes.  `private_keys` are the recipient's.  kDecryptFailed for whatever is wrong up to the
  /// inner signature, and always the same: not five parts, a header other than docs/encryption.md §2 has it, no key, a
  /// bad tag, an inner text that is no JWS of ours, an iss, sub or aud of the header that is not the inner one's.  What
  /// is wrong with the claims of a token with a good signature is told as verify() tells it.  The outer text may be
  /// four thirds as long as signature.token_bytes_max, and 4 KiB.  Never throws.
  [[nodiscard]] Result<Claims, VerifyError> verify_nested(std::string_view token, const DecryptionKeys& private_keys,
                                                          const KeySet& keys,
                                                          std::chrono::system_clock::time_point now) const noexcept;

  /// The same with issuer's keys that change.
  [[nodiscard]] Result<Claims, VerifyError> verify_nested(std::string_view token, const DecryptionKeys& private_keys,
                                                          KeySource& source,
                                                          std::chrono::system_clock::time_point now) const noexcept;

  /// One result for each token, in order; a token that is refused does not affect the others.
  [[nodiscard]] std::vector<Result<Claims, VerifyError>> verify_many(std::span<const std::string_view> tokens,
                                                                     const KeySet& keys,
                                                                     std::chrono::system_clock::time_point now) const;

 private:
  explicit Verifier(TokenProfile profile) : profile_(std::move(profile)) {}

  template <class Keys>
  [[nodiscard]] Result<Claims, VerifyError> open_and_verify(std::string_view token, const DecryptionKeys& private_keys,
                                                            Keys& keys,
                                                            std::chrono::system_clock::time_point now) const;

  TokenProfile profile_;
};

}  // namespace signer::jwt
