// SPDX-License-Identifier: Apache-2.0

#include "signer/key_set.h"

#include <algorithm>
#include <set>
#include <utility>

#include "jose/algorithms.h"
#include "jose/json.h"
#include "jose/public_key.h"
#include "verify/keys.h"

namespace signer {

namespace {

using jose::Json;

constexpr jose::JsonLimits kJwksLimits{.bytes_max = KeySet::kJwksBytesMax, .depth_max = 8, .members_max = 16384};

const std::string* text_member(const Json& jwk, const char* name) {
  const auto member = jwk.find(name);
  return member == jwk.end() ? nullptr : member->get_ptr<const std::string*>();
}

// RFC 7517 §4.2 and §4.3: what the key's owner says it is for.
bool is_for_verification(const Json& jwk) {
  if (jwk.contains("use")) {
    const std::string* use = text_member(jwk, "use");
    if (use == nullptr || *use != "sig") return false;
  }
  if (!jwk.contains("key_ops")) return true;
  const Json& operations = jwk["key_ops"];
  if (!operations.is_array()) return false;
  std::set<std::string> named;
  for (const Json& operation : operations) {
    const auto* name = operation.get_ptr<const std::string*>();
    if (name == nullptr || !named.insert(*name).second) return false;  // "Duplicate key operation values MUST NOT be"
  }
  return named.contains("verify");
}

// Whether a row has this kty and, where the row names a curve, this crv.
bool fits(const jose::AlgorithmRow& row, const Json& jwk, const std::string& kty) {
  const std::string* crv = text_member(jwk, "crv");
  return row.kty == kty && (row.crv.empty() || (crv != nullptr && *crv == row.crv));
}

bool is_known_kind_of_key(const Json& jwk, const std::string& kty) {
  return std::ranges::any_of(jose::kAlgorithms, [&](const auto& row) { return fits(row, jwk, kty); });
}

// The row of a JWK's alg; "EdDSA" names a curve only together with crv (RFC 8037 §3.1).
const jose::AlgorithmRow* row_of(const Json& jwk, const std::string& alg) {
  const std::string* crv = text_member(jwk, "crv");
  if (alg == "EdDSA" && crv != nullptr) return jose::find_algorithm(*crv == "Ed25519" ? *crv : std::string());
  return jose::find_algorithm(alg);
}

Failure<Error> refused(std::size_t place, std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "key set: key " + std::to_string(place) + ": " + std::string(why));
}

// RFC 8725 §3.1: "each key MUST be used with exactly one algorithm".
Result<void> insert(const jose::PublicKey& numbers, verify::VerificationKey key, std::size_t place,
                    const std::string& kid, KeySet::Keys& keys) {
  const std::string thumbprint = jose::thumbprint(numbers);
  const std::string identity = std::string(to_string(numbers.algorithm)) + " " + thumbprint;
  for (const auto& [other, entry] : keys.by_kid) {
    if (entry.identity != identity && entry.identity.ends_with(" " + thumbprint)) {
      return refused(place, "the same key as that with kid " + other + ", for another algorithm");
    }
  }
  if (!keys.by_kid.emplace(kid, KeySet::Keys::Entry{std::move(key), identity}).second) {
    return refused(place, "another key has the same kid");
  }
  return {};
}

jose::RsaLimit limit_of(const KeyRules& rules) {
  return rules.rsa_8192 ? jose::RsaLimit::k8192 : jose::RsaLimit::k4096;
}

// Adds keys[place] to `keys`, or leaves it out if it serves another purpose.
Result<void> add_key(Json jwk, std::size_t place, const KeyRules& rules, std::set<std::string>& kids,
                     KeySet::Keys& keys) {
  const std::string* kty = jwk.is_object() ? text_member(jwk, "kty") : nullptr;
  if (kty == nullptr) return refused(place, "no JWK with a kty");
  if (*kty == "oct") return refused(place, "a symmetric key in a public key set");
  if (jose::has_private_member(jwk)) return refused(place, "private members in a public key set; replace the key");
  const std::string* kid = text_member(jwk, "kid");
  if (jwk.contains("kid") && (kid == nullptr || !jose::is_acceptable_kid(*kid))) {
    return refused(place, "kid is not 1 to 256 printable ASCII characters without spaces");
  }
  if (kid != nullptr && !kids.insert(*kid).second) return refused(place, "another key has the same kid");

  if (!is_known_kind_of_key(jwk, *kty) || !is_for_verification(jwk)) return {};
  if (kid == nullptr) return refused(place, "no kid");
  // RFC 8725 §3.1: "each key MUST be used with exactly one algorithm".
  if (!jwk.contains("alg") && rules.default_algorithm) {
    const jose::AlgorithmRow* row = jose::find_algorithm(*rules.default_algorithm);
    if (row == nullptr || !fits(*row, jwk, *kty)) return {};
    jwk["alg"] = row->name;
    kty = text_member(jwk, "kty");  // both may have moved
    kid = text_member(jwk, "kid");
  }
  const std::string* alg = text_member(jwk, "alg");
  if (alg == nullptr) return refused(place, "no alg; add the one that the issuer signs with, or name a default");
  const jose::AlgorithmRow* row = row_of(jwk, *alg);
  if (row == nullptr) return {};
  if (row->kty != *kty) return refused(place, "alg does not fit kty");

  const jose::RsaLimit limit = limit_of(rules);
  const auto numbers = jose::numbers_from_jwk(jwk, limit);
  if (!numbers) return refused(place, numbers.error().text);
  auto key = verify::VerificationKey::make(*numbers, limit);
  if (!key) return refused(place, key.error().text);
  return insert(*numbers, *std::move(key), place, *kid, keys);
}

}  // namespace

Result<KeySet> KeySet::from_jwks(std::string_view json, const KeyRules& rules) {
  auto set = jose::parse_json_object(json, kJwksLimits);
  if (!set) return fail(set.error().code, "key set: " + set.error().text);
  const auto list = set->find("keys");
  if (list == set->end() || !list->is_array()) {
    return fail(ErrorCode::kInvalidRequest, "key set: no array \"keys\"; a JWK Set is {\"keys\":[...]}");
  }
  if (rules.default_algorithm && jose::find_algorithm(*rules.default_algorithm) == nullptr) {
    return fail(ErrorCode::kInvalidRequest, "key set: default_algorithm is no algorithm");
  }
  Keys keys;
  std::set<std::string> kids;
  if (list->size() > KeySet::kKeysMax) {
    return fail(ErrorCode::kInvalidRequest, "key set: more than " + std::to_string(KeySet::kKeysMax) + " keys");
  }
  for (std::size_t place = 0; place < list->size(); ++place) {
    SIGNER_RETURN_IF_ERROR(add_key((*list)[place], place, rules, kids, keys));
  }
  if (keys.by_kid.empty()) return fail(ErrorCode::kInvalidRequest, "key set: no key to verify with");
  return KeySet(std::make_shared<const Keys>(std::move(keys)));
}

Result<KeySet> KeySet::from_pem(std::span<const PemKey> pems, const KeyRules& rules) {
  if (pems.empty() || pems.size() > kKeysMax) {
    return fail(ErrorCode::kInvalidRequest, "key set: not 1 to " + std::to_string(kKeysMax) + " keys");
  }
  Keys keys;
  for (std::size_t place = 0; place < pems.size(); ++place) {
    const auto numbers = verify::numbers_from_pem(pems[place].pem, pems[place].algorithm);
    if (!numbers) return refused(place, numbers.error().text);
    auto key = verify::VerificationKey::make(*numbers, limit_of(rules));
    if (!key) return refused(place, key.error().text);
    const std::string thumbprint = jose::thumbprint(*numbers);
    const std::string& kid = pems[place].kid.empty() ? thumbprint : pems[place].kid;
    if (!jose::is_acceptable_kid(kid)) {
      return refused(place, "kid is not 1 to 256 printable ASCII characters without spaces");
    }
    SIGNER_RETURN_IF_ERROR(insert(*numbers, *std::move(key), place, kid, keys));
  }
  return KeySet(std::make_shared<const Keys>(std::move(keys)));
}

std::size_t KeySet::size() const noexcept {
  return keys_->by_kid.size();
}

std::vector<std::string> KeySet::kids() const {
  std::vector<std::string> kids;
  kids.reserve(size());
  for (const auto& [kid, entry] : keys_->by_kid) kids.push_back(kid);
  return kids;
}

}  // namespace signer
