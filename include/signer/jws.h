// SPDX-License-Identifier: Apache-2.0
//
// Verifies a JWS in compact form (RFC 7515 §5.2): signature and header, nothing about what the payload says.  For JWTs
// use signer/jwt.h.  There is deliberately no call that reads a payload without verifying it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "signer/algorithm.h"
#include "signer/bytes.h"
#include "signer/key_set.h"
#include "signer/result.h"
#include "signer/verify_error.h"

namespace signer::jws {

/// What the header's typ must be, RFC 8725 §3.11.  There is no default: say which one you mean.
class TypeRule {
 public:
  /// typ is this media type, compared as RFC 7515 §4.1.9 says: without regard to ASCII case, and a value without "/"
  /// stands for "application/" and itself.
  [[nodiscard]] static TypeRule is(std::string_view media_type);

  /// The header has no typ.
  [[nodiscard]] static TypeRule absent() { return TypeRule(Kind::kAbsent, {}); }

  /// Any typ or none: only for payloads that cannot be taken for a token of another kind.
  [[nodiscard]] static TypeRule any() { return TypeRule(Kind::kAny, {}); }

  /// Whether it is any().
  [[nodiscard]] bool is_any() const noexcept { return kind_ == Kind::kAny; }

  /// False of is("") and is("text/"), which name no type and allow no token.
  [[nodiscard]] bool is_meaningful() const noexcept;

  /// `normalized` is the header's typ as normalized() returns it.
  [[nodiscard]] bool allows(const std::optional<std::string>& normalized) const noexcept;

  /// Lower case, with "application/" in front if it has no "/".
  [[nodiscard]] static std::string normalized(std::string_view media_type);

 private:
  enum class Kind { kExactly, kAbsent, kAny };

  TypeRule(Kind kind, std::string type) : kind_(kind), type_(std::move(type)) {}

  Kind kind_;
  std::string type_;
};

/// Which signatures and headers to take.
struct Policy {
  /// An empty set allows no token at all.
  Policy(std::vector<Algorithm> allowed_algorithms, TypeRule required_type)
      : algorithms(std::move(allowed_algorithms)), type(std::move(required_type)) {}

  std::vector<Algorithm> algorithms;  ///< of these the header must name the one that is the key's
  TypeRule type;                      ///< what the header's typ must be

  /// Take the header's deprecated alg "EdDSA" for "Ed25519" (RFC 9864).  Ed25519 must still be in `algorithms`.
  bool eddsa_means_ed25519 = false;
  /// Take a header without kid if the key set has exactly one key, for issuers that name none.
  bool kid_may_be_absent = false;
  std::size_t token_bytes_max = 16UL * 1024;  ///< judged before anything is read or allocated
  std::size_t header_bytes_max = 2UL * 1024;  ///< of the decoded header

  /// Header parameters to ignore besides alg, kid and typ, for issuers that add some ("x5t", "cty").  Others are
  /// refused.  These are refused even if listed: crit, b64, jku, jwk, x5u, x5c, zip, enc, epk, p2c, p2s.
  std::vector<std::string> ignored_parameters;
};

class Verified;

/// The payload, if the key whose kid the header names signed exactly these bytes with an algorithm that is the key's
/// and in the policy.  Nothing is allocated before the size check.  Never throws; safe from many threads.
[[nodiscard]] Result<Verified, VerifyError> verify(std::string_view compact, const KeySet& keys,
                                                   const Policy& policy) noexcept;

/// The proof that a JWS was verified; only verify() makes one.
class Verified {
 public:
  /// The bytes that were signed, decoded; they live as long as this.
  [[nodiscard]] ByteView payload() const& noexcept { return payload_; }
  ByteView payload() const&& = delete;

  /// The payload itself, for one who keeps it.
  [[nodiscard]] Bytes take_payload() && noexcept { return std::move(payload_); }

  /// Of the key that signed, whether or not the header named it.
  [[nodiscard]] const std::string& kid() const noexcept { return kid_; }

  /// Of that key, and of the header.
  [[nodiscard]] Algorithm algorithm() const noexcept { return algorithm_; }

 private:
  friend Result<Verified, VerifyError> verify(std::string_view, const KeySet&, const Policy&) noexcept;

  Verified(Bytes payload, std::string kid, Algorithm algorithm) noexcept
      : payload_(std::move(payload)), kid_(std::move(kid)), algorithm_(algorithm) {}

  Bytes payload_;
  std::string kid_;
  Algorithm algorithm_;
};

/// What the header says, believed by nobody: to choose a key set or to explain a refusal, never to decide.
struct UnverifiedHeader {
  std::string alg;                 ///< as it stands there: "none" too
  std::string kid;                 ///< empty if there is none and none need be
  std::optional<std::string> typ;  ///< as it stands there
};

/// kTooLarge, kMalformed or kHeaderRefused as verify() with this policy says of size, parts and header; payload and
/// signature are not looked at, and parameters that the policy does not know are let pass.
[[nodiscard]] Result<UnverifiedHeader, VerifyError> unverified_header(std::string_view compact,
                                                                      const Policy& policy) noexcept;

}  // namespace signer::jws
