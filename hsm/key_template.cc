// SPDX-License-Identifier: Apache-2.0

#include "hsm/key_template.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "hsm/attribute_template.h"
#include "hsm/attributes.h"
#include "hsm/ckr.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;
using channel::KeyRequest;

namespace {

constexpr std::array<std::uint8_t, 3> kExponent{0x01, 0x00, 0x01};

bool is_rsa(const KeyRequest& request) {
  return jose::algorithm_of(request.kind) == Algorithm::kRs256;
}

std::vector<CK_MECHANISM_TYPE> allowed_mechanisms(const KeyRequest& request) {
  if (!is_rsa(request)) return {CKM_ECDSA};
  if (request.mechanism_lock) return {CKM_SHA256_RSA_PKCS};
  return {CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS};
}

enum class Lifetime : CK_BBOOL { kSession = CK_FALSE, kToken = CK_TRUE };

Template public_template(const KeyRequest& request, Lifetime lifetime, Leniency leniency) {
  Template t(leniency);
  t.number(CKA_CLASS, CKO_PUBLIC_KEY, Leniency::kUsage);
  t.number(CKA_KEY_TYPE, is_rsa(request) ? CKK_RSA : CKK_EC, Leniency::kUsage);
  t.flag(CKA_TOKEN, static_cast<CK_BBOOL>(lifetime));
  t.flag(CKA_PRIVATE, CK_FALSE, Leniency::kUsage);
  t.bytes(CKA_LABEL, bytes_of(request.label));
  t.bytes(CKA_ID, request.key_id);
  t.flag(CKA_VERIFY, CK_TRUE, Leniency::kUsage);
  t.flag(CKA_ENCRYPT, CK_FALSE, Leniency::kRareFlags);
  t.flag(CKA_WRAP, CK_FALSE, Leniency::kRareFlags);
  if (is_rsa(request)) {
    t.number(CKA_MODULUS_BITS, jose::rsa_bits(request.kind));
    t.bytes(CKA_PUBLIC_EXPONENT, kExponent);
  } else {
    t.bytes(CKA_EC_PARAMS, kP256Params);
  }
  return t;
}

Template private_template(const KeyRequest& request, Lifetime lifetime, Leniency leniency) {
  Template t(leniency);
  t.number(CKA_CLASS, CKO_PRIVATE_KEY, Leniency::kUsage);
  t.number(CKA_KEY_TYPE, is_rsa(request) ? CKK_RSA : CKK_EC, Leniency::kUsage);
  t.flag(CKA_TOKEN, static_cast<CK_BBOOL>(lifetime));
  t.flag(CKA_PRIVATE, CK_TRUE);
  t.bytes(CKA_LABEL, bytes_of(request.label));
  t.bytes(CKA_ID, request.key_id);
  t.flag(CKA_SENSITIVE, CK_TRUE, Leniency::kAll);
  t.flag(CKA_EXTRACTABLE, CK_FALSE, Leniency::kAll);
  t.flag(CKA_SIGN, CK_TRUE);
  t.flag(CKA_DECRYPT, CK_FALSE, Leniency::kUsage);
  t.flag(CKA_UNWRAP, CK_FALSE, Leniency::kUsage);
  t.flag(CKA_SIGN_RECOVER, CK_FALSE, Leniency::kRareFlags);
  t.flag(CKA_DERIVE, CK_FALSE, Leniency::kRareFlags);
  t.flag(CKA_ALWAYS_AUTHENTICATE, CK_FALSE, Leniency::kRareFlags);
  t.flag(CKA_MODIFIABLE, CK_FALSE, Leniency::kModifiable);
  t.flag(CKA_COPYABLE, CK_FALSE, Leniency::kModifiable);
  t.bytes(CKA_ALLOWED_MECHANISMS, raw_bytes(allowed_mechanisms(request)),
          request.mechanism_lock ? kRequired : Leniency::kMechanisms);
  return t;
}

// The last answer of the token; CKR_OK with the pair's handles.
CK_RV generate(const Session& session, const KeyRequest& request, Lifetime lifetime, KeyPairHandles& pair) {
  CK_MECHANISM mechanism{is_rsa(request) ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  CK_RV rv = CKR_OK;
  for (const Leniency leniency : kLeniencies) {
    Template public_part = public_template(request, lifetime, leniency);
    Template private_part = private_template(request, lifetime, leniency);
    rv = session.api().C_GenerateKeyPair(session.handle(), &mechanism, public_part.data(), public_part.size(),
                                         private_part.data(), private_part.size(), &pair.public_key, &pair.private_key);
    if (rv == CKR_OK && leniency != Leniency::kNone) {
      log::warn("hsm_template_reduced", {{"label", request.label}, {"leniency", static_cast<int>(leniency)}});
    }
    if (!refuses_template(rv)) break;
  }
  return rv;
}

// Only ever called with a pair that this very call has made and nobody has used.
std::string discard(const Session& session, const KeyPairHandles& pair) {
  const CK_RV private_rv = session.api().C_DestroyObject(session.handle(), pair.private_key);
  const CK_RV public_rv = session.api().C_DestroyObject(session.handle(), pair.public_key);
  if (private_rv == CKR_OK && public_rv == CKR_OK) return "; the new, unused pair was destroyed";
  return "; the new, unused pair stays on the token (C_DestroyObject: " +
         ckr_name(private_rv != CKR_OK ? private_rv : public_rv) + "), remove it by hand";
}

constexpr Requirement kRequirements[] = {
    {CKA_SENSITIVE, true, false},
    {CKA_ALWAYS_SENSITIVE, true, false},
    {CKA_EXTRACTABLE, false, false},
    {CKA_NEVER_EXTRACTABLE, true, false},
    {CKA_LOCAL, true, false},
    {CKA_PRIVATE, true, false},
    {CKA_TOKEN, true, false},
    {CKA_SIGN, true, false},
    {CKA_DECRYPT, false, true},
    {CKA_UNWRAP, false, true},
    {CKA_SIGN_RECOVER, false, true},
    {CKA_DERIVE, false, true},
    {CKA_ALWAYS_AUTHENTICATE, false, true},
};

bool right_size(const jose::PublicKey& key, const KeyRequest& request) {
  if (key.algorithm != jose::algorithm_of(request.kind)) return false;
  if (!is_rsa(request)) return true;
  return key.modulus.size() * 8 == jose::rsa_bits(request.kind) && std::ranges::equal(key.exponent, kExponent);
}

HostResult<std::string> attribute_faults(const Session& session, CK_OBJECT_HANDLE private_key) {
  SIGNER_ASSIGN_OR_RETURN(std::string faults, flag_faults(session, private_key, kRequirements));
  SIGNER_ASSIGN_OR_RETURN(const auto generator, read_number(session, private_key, CKA_KEY_GEN_MECHANISM));
  if (generator && *generator != CKM_RSA_PKCS_KEY_PAIR_GEN && *generator != CKM_RSA_X9_31_KEY_PAIR_GEN &&
      *generator != CKM_EC_KEY_PAIR_GEN) {
    faults += " CKA_KEY_GEN_MECHANISM=" + mechanism_name(*generator);
  }
  return faults;
}

}  // namespace

HostResult<std::string> strength_faults(const Session& session, const StoredKey& key) {
  SIGNER_ASSIGN_OR_RETURN(std::string faults, attribute_faults(session, key.private_key));
  const bool rsa = key.public_key.algorithm == Algorithm::kRs256;
  if (rsa && !std::ranges::equal(key.public_key.exponent, kExponent)) faults += " CKA_PUBLIC_EXPONENT-is-not-65537";
  return faults;
}

HostResult<void> check_strength(const Session& session, const StoredKey& key, const KeyRequest& request) {
  SIGNER_ASSIGN_OR_RETURN(std::string faults, attribute_faults(session, key.private_key));
  if (request.mechanism_lock) {
    SIGNER_ASSIGN_OR_RETURN(const auto allowed, read_attribute(session, key.private_key, CKA_ALLOWED_MECHANISMS));
    if (!allowed || *allowed != raw_bytes(allowed_mechanisms(request))) {
      faults += " CKA_ALLOWED_MECHANISMS=" + (allowed ? mechanism_names(*allowed) : "-");
    }
  }
  if (!right_size(key.public_key, request)) faults += " size-or-exponent-not-as-asked";
  if (faults.empty()) return {};
  return host_failure(HostStatus::kUnsupported, "hsm: the key reads back weaker than asked:" + faults);
}

CK_RV make_session_pair(const Session& session, const KeyRequest& request, KeyPairHandles& out) {
  return generate(session, request, Lifetime::kSession, out);
}

HostResult<StoredKey> generate_key_pair(const Session& session, const KeyRequest& request) {
  for (const CK_OBJECT_CLASS object_class : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    SIGNER_ASSIGN_OR_RETURN(const auto taken, find_objects(session, object_class, request.key_id));
    if (!taken.empty()) return host_failure(HostStatus::kInvalid, "hsm: the CKA_ID is taken; nothing was generated");
  }
  KeyPairHandles pair;
  const CK_RV rv = generate(session, request, Lifetime::kToken, pair);
  if (rv != CKR_OK) return fail(host_error("C_GenerateKeyPair", "", rv));
  auto key = find_key(session, request.key_id);
  auto strong = key ? check_strength(session, *key, request) : HostResult<void>(fail(key.error()));
  if (strong) return key;
  channel::HostError error = std::move(strong).error();
  error.text += discard(session, pair);
  // A pair that cannot even be read back is no reason to restart the host and try again.
  if (error.status != HostStatus::kUnavailable) error.status = HostStatus::kUnsupported;
  return fail(std::move(error));
}

}  // namespace signer::hsm
