// SPDX-License-Identifier: Apache-2.0
//
// The order is the defence: size, shape, alphabet, header, key, signature, and only then does a caller see a byte.

#include "signer/jws.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "jose/base64url.h"
#include "verify/header.h"
#include "verify/keys.h"

namespace signer::jws {

namespace {

using verify::Header;

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signing_input;
};

// RFC 7515 §7.1: three parts, two dots.  Five parts are a JWE, which proves nothing about its sender (RFC 8725 §3.3).
Result<Parts, VerifyError> split(std::string_view compact, const Policy& policy) {
  if (compact.size() > policy.token_bytes_max) return fail(VerifyError::kTooLarge);
  const std::size_t first = compact.find('.');
  if (first == 0 || first == std::string_view::npos) return fail(VerifyError::kMalformed);
  const std::size_t second = compact.find('.', first + 1);
  if (second == std::string_view::npos || compact.find('.', second + 1) != std::string_view::npos) {
    return fail(VerifyError::kMalformed);
  }
  if (first * 3 / 4 > policy.header_bytes_max) return fail(VerifyError::kTooLarge);
  return Parts{compact.substr(0, first), compact.substr(first + 1, second - first - 1), compact.substr(second + 1),
               compact.substr(0, second)};
}

// An issuer's tokens share their header byte for byte, so each thread remembers the last ones that led to a valid
// signature, by their exact text.  What is remembered is what the text says; every policy is applied anew.
class HeaderCache {
 public:
  [[nodiscard]] const Header* find(std::string_view encoded) const noexcept {
    for (const Slot& slot : slots_) {
      if (slot.encoded == encoded) return &slot.header;
    }
    return nullptr;
  }

  void remember(std::string_view encoded, const Header& header) {
    if (encoded.size() > kEncodedBytesMax) return;
    slots_[next_] = {std::string(encoded), header};
    next_ = (next_ + 1) % slots_.size();
  }

 private:
  static constexpr std::size_t kEncodedBytesMax = 1024;

  struct Slot {
    std::string encoded;  // Empty in an unused slot; split() lets no empty header through.
    Header header;
  };

  std::array<Slot, 8> slots_;
  std::size_t next_ = 0;
};

// RFC 9864 §2.2 and §4.1.2: "EdDSA" says Ed25519 or Ed448 and is deprecated; a policy can take it for the former.
std::optional<Algorithm> algorithm_of(const Header& header, const Policy& policy) {
  if (header.algorithm != nullptr) return header.algorithm->algorithm;
  if (policy.eddsa_means_ed25519 && header.alg == "EdDSA") return Algorithm::kEd25519;
  return std::nullopt;
}

// Whether a key can be chosen by this header at all.
bool names_a_key(const Header& header, const Policy& policy) {
  return header.kid.has_value() || policy.kid_may_be_absent;
}

Result<Algorithm, VerifyError> check_policy(const Header& header, const Policy& policy) {
  if (!names_a_key(header, policy)) return fail(VerifyError::kHeaderRefused);
  for (const std::string& name : header.other_parameters) {
    if (std::ranges::find(policy.ignored_parameters, name) == policy.ignored_parameters.end()) {
      return fail(VerifyError::kHeaderRefused);
    }
  }
  if (!policy.type.allows(header.normalized_type)) return fail(VerifyError::kWrongType);
  const auto algorithm = algorithm_of(header, policy);
  if (!algorithm || std::ranges::find(policy.algorithms, *algorithm) == policy.algorithms.end()) {
    return fail(VerifyError::kWrongAlgorithm);
  }
  return *algorithm;
}

struct Accepted {
  Bytes payload;
  std::string kid;
  Algorithm algorithm;
};

Result<Accepted, VerifyError> verify_signature(std::string_view signing_input, ByteView signature, Bytes payload,
                                               const Header& header, const KeySet& keys, const Policy& policy) {
  SIGNER_ASSIGN_OR_RETURN(const Algorithm algorithm, check_policy(header, policy));
  const auto& by_kid = keys.keys().by_kid;
  const auto only = by_kid.size() == 1 ? by_kid.begin() : by_kid.end();
  const auto found = header.kid ? by_kid.find(*header.kid) : only;
  if (found == by_kid.end()) return fail(VerifyError::kUnknownKey);
  const verify::VerificationKey& key = found->second.key;
  if (key.algorithm() != algorithm) return fail(VerifyError::kWrongAlgorithm);
  if (!key.verify(bytes_of(signing_input), signature)) return fail(VerifyError::kBadSignature);
  return Accepted{std::move(payload), found->first, algorithm};
}

Result<Accepted, VerifyError> verify_compact(std::string_view compact, const KeySet& keys, const Policy& policy) {
  thread_local HeaderCache cache;
  thread_local Bytes signature;
  SIGNER_ASSIGN_OR_RETURN(const Parts parts, split(compact, policy));
  Bytes payload;
  if (!jose::base64url_decode_into(parts.payload, payload) ||
      !jose::base64url_decode_into(parts.signature, signature)) {
    return fail(VerifyError::kMalformed);
  }
  if (const Header* known = cache.find(parts.header); known != nullptr) {
    return verify_signature(parts.signing_input, signature, std::move(payload), *known, keys, policy);
  }
  SIGNER_ASSIGN_OR_RETURN(const Header header, verify::parse_header(parts.header));
  auto accepted = verify_signature(parts.signing_input, signature, std::move(payload), header, keys, policy);
  if (accepted) cache.remember(parts.header, header);
  return accepted;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string TypeRule::normalized(std::string_view media_type) {
  std::string type = media_type.find('/') == std::string_view::npos ? "application/" : "";
  type += media_type;
  std::ranges::transform(type, type.begin(), lower);
  return type;
}

TypeRule TypeRule::is(std::string_view media_type) {
  return {Kind::kExactly, normalized(media_type)};
}

bool TypeRule::is_meaningful() const noexcept {
  return kind_ != Kind::kExactly || !type_.ends_with('/');
}

bool TypeRule::allows(const std::optional<std::string>& normalized) const noexcept {
  switch (kind_) {
    case Kind::kExactly:
      return is_meaningful() && normalized.has_value() && *normalized == type_;
    case Kind::kAbsent:
      return !normalized.has_value();
    case Kind::kAny:
      return true;
  }
  return false;
}

Result<Verified, VerifyError> verify(std::string_view compact, const KeySet& keys, const Policy& policy) noexcept {
  try {
    SIGNER_ASSIGN_OR_RETURN(Accepted accepted, verify_compact(compact, keys, policy));
    return Verified(std::move(accepted.payload), std::move(accepted.kid), accepted.algorithm);
  } catch (const std::exception&) {
    return fail(VerifyError::kInternal);  // Nothing above throws but an allocation.
  }
}

Result<UnverifiedHeader, VerifyError> unverified_header(std::string_view compact, const Policy& policy) noexcept {
  try {
    SIGNER_ASSIGN_OR_RETURN(const Parts parts, split(compact, policy));
    SIGNER_ASSIGN_OR_RETURN(Header header, verify::parse_header(parts.header));
    if (!names_a_key(header, policy)) return fail(VerifyError::kHeaderRefused);
    return UnverifiedHeader{std::move(header.alg), std::move(header.kid).value_or(""), std::move(header.type)};
  } catch (const std::exception&) {
    return fail(VerifyError::kInternal);
  }
}

}  // namespace signer::jws
