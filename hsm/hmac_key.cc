// SPDX-License-Identifier: Apache-2.0

#include "hsm/hmac_key.h"

#include "base/log.h"
#include "hsm/attribute_template.h"
#include "hsm/attributes.h"
#include "hsm/ckr.h"
#include "hsm/key_store.h"

namespace signer::hsm {

using channel::HmacKeyRequest;
using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

constexpr CK_ULONG kHmacKeyBytes = 32;  // as many as the hash has (RFC 2104 §3)

Template secret_template(const HmacKeyRequest& request, Leniency leniency) {
  Template t(leniency);
  t.number(CKA_CLASS, CKO_SECRET_KEY, Leniency::kUsage);
  t.number(CKA_KEY_TYPE, CKK_GENERIC_SECRET, Leniency::kUsage);
  t.number(CKA_VALUE_LEN, kHmacKeyBytes);
  t.flag(CKA_TOKEN, CK_TRUE);
  t.flag(CKA_PRIVATE, CK_TRUE);
  t.bytes(CKA_LABEL, bytes_of(request.label));
  t.bytes(CKA_ID, request.key_id);
  t.flag(CKA_SENSITIVE, CK_TRUE, Leniency::kAll);
  t.flag(CKA_EXTRACTABLE, CK_FALSE, Leniency::kAll);
  t.flag(CKA_SIGN, CK_TRUE);
  t.flag(CKA_VERIFY, CK_FALSE, Leniency::kUsage);
  t.flag(CKA_ENCRYPT, CK_FALSE, Leniency::kUsage);
  t.flag(CKA_DECRYPT, CK_FALSE, Leniency::kUsage);
  t.flag(CKA_WRAP, CK_FALSE, Leniency::kUsage);
  t.flag(CKA_UNWRAP, CK_FALSE, Leniency::kUsage);
  t.flag(CKA_DERIVE, CK_FALSE, Leniency::kRareFlags);
  t.flag(CKA_MODIFIABLE, CK_FALSE, Leniency::kModifiable);
  t.flag(CKA_COPYABLE, CK_FALSE, Leniency::kModifiable);
  t.bytes(CKA_ALLOWED_MECHANISMS, raw_bytes({CKM_SHA256_HMAC}), Leniency::kMechanisms);
  return t;
}

// What must hold whenever a key is used.  One that came back from the vendor's backup is no longer CKA_LOCAL, and is
// the same key.
constexpr Requirement kGuards[] = {
    {CKA_SENSITIVE, true, false}, {CKA_EXTRACTABLE, false, false}, {CKA_PRIVATE, true, false}};

// What must hold of a new one.
constexpr Requirement kNewKeyRequirements[] = {
    {CKA_SENSITIVE, true, false},
    {CKA_ALWAYS_SENSITIVE, true, false},
    {CKA_EXTRACTABLE, false, false},
    {CKA_PRIVATE, true, false},
    {CKA_NEVER_EXTRACTABLE, true, false},
    {CKA_LOCAL, true, false},
    {CKA_TOKEN, true, false},
    {CKA_SIGN, true, false},
    {CKA_VERIFY, false, true},
    {CKA_ENCRYPT, false, true},
    {CKA_DECRYPT, false, true},
    {CKA_WRAP, false, true},
    {CKA_UNWRAP, false, true},
    {CKA_DERIVE, false, true},
};

HostResult<void> check_new_key(const Session& session, CK_OBJECT_HANDLE key) {
  SIGNER_ASSIGN_OR_RETURN(std::string faults, flag_faults(session, key, kNewKeyRequirements));
  SIGNER_ASSIGN_OR_RETURN(const auto size, read_number(session, key, CKA_VALUE_LEN));
  if (size != kHmacKeyBytes) faults += " CKA_VALUE_LEN=" + (size ? std::to_string(*size) : "-");
  SIGNER_ASSIGN_OR_RETURN(const auto generator, read_number(session, key, CKA_KEY_GEN_MECHANISM));
  if (generator && *generator != CKM_GENERIC_SECRET_KEY_GEN)
    faults += " CKA_KEY_GEN_MECHANISM=" + mechanism_name(*generator);
  if (faults.empty()) return {};
  return host_failure(HostStatus::kUnsupported, "hsm: the HMAC key reads back weaker than asked:" + faults);
}

HostResult<CK_OBJECT_HANDLE> generate_secret(const Session& session, const HmacKeyRequest& request) {
  CK_MECHANISM mechanism{CKM_GENERIC_SECRET_KEY_GEN, nullptr, 0};
  CK_RV rv = CKR_OK;
  for (const Leniency leniency : kLeniencies) {
    Template wanted = secret_template(request, leniency);
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    rv = session.api().C_GenerateKey(session.handle(), &mechanism, wanted.data(), wanted.size(), &key);
    if (rv == CKR_OK) {
      if (leniency != Leniency::kNone) {
        log::warn("hsm_template_reduced", {{"label", request.label}, {"leniency", static_cast<int>(leniency)}});
      }
      return key;
    }
    if (!refuses_template(rv)) break;
  }
  return fail(host_error("C_GenerateKey", "", rv));
}

// Only ever called with a key that this very call has made and nobody has used.
std::string discard_secret(const Session& session, CK_OBJECT_HANDLE key) {
  const CK_RV rv = session.api().C_DestroyObject(session.handle(), key);
  if (rv == CKR_OK) return "; the new, unused key was destroyed";
  return "; the new, unused key stays on the token (C_DestroyObject: " + ckr_name(rv) + "), remove it by hand";
}

HostResult<void> check_name_is_free(const Session& session, const HmacKeyRequest& request) {
  SIGNER_ASSIGN_OR_RETURN(const auto taken, find_objects(session, CKO_SECRET_KEY, request.key_id));
  if (!taken.empty()) return host_failure(HostStatus::kInvalid, "hsm: the CKA_ID is taken; nothing was generated");
  SIGNER_ASSIGN_OR_RETURN(const auto labelled, find_labelled(session, CKO_SECRET_KEY, request.label));
  if (labelled.empty()) return {};
  return host_failure(
      HostStatus::kInvalid,
      "hsm: the token holds a secret key labelled " + request.label +
          " already and nothing was generated, for a new key would change every pseudonym; restore the "
          "key's metadata from the backup, or, if that key never served, remove it with the token's tool");
}

}  // namespace

HostResult<channel::Mac> make_mac(const Session& session, CK_OBJECT_HANDLE secret_key, std::string_view message) {
  CK_MECHANISM mechanism{CKM_SHA256_HMAC, nullptr, 0};
  CK_RV rv = session.api().C_SignInit(session.handle(), &mechanism, secret_key);
  if (rv != CKR_OK) return fail(host_error("C_SignInit", "", rv));
  channel::Mac mac{};
  CK_ULONG size = mac.size();
  rv = session.api().C_Sign(session.handle(), read_only(message), message.size(), mac.data(), &size);
  if (rv != CKR_OK) return fail(host_error("C_Sign", "", rv));
  if (size != mac.size()) {
    return host_failure(HostStatus::kUnavailable,
                        "hsm: C_Sign gave a MAC of " + std::to_string(size) + " bytes instead of 32");
  }
  return mac;
}

HostResult<StoredHmacKey> find_hmac_key(const Session& session, const Mechanisms& mechanisms, ByteView key_id) {
  if (!mechanisms.hmac) return host_failure(HostStatus::kUnsupported, "hsm: the token offers no CKM_SHA256_HMAC");
  SIGNER_ASSIGN_OR_RETURN(const auto keys, find_objects(session, CKO_SECRET_KEY, key_id));
  if (keys.empty()) return host_failure(HostStatus::kNotFound, "hsm: no secret key under this CKA_ID");
  if (keys.size() > 1) {
    return host_failure(HostStatus::kAmbiguous,
                        "hsm: " + std::to_string(keys.size()) + " secret keys under one CKA_ID");
  }
  SIGNER_ASSIGN_OR_RETURN(const auto type, read_number(session, keys.front(), CKA_KEY_TYPE));
  if (type != CKK_GENERIC_SECRET && type != CKK_SHA256_HMAC) {
    return host_failure(HostStatus::kMismatch, "hsm: the secret key is neither CKK_GENERIC_SECRET nor CKK_SHA256_HMAC");
  }
  SIGNER_ASSIGN_OR_RETURN(const std::string faults, flag_faults(session, keys.front(), kGuards));
  if (!faults.empty()) {
    return host_failure(HostStatus::kMismatch, "hsm: the HMAC key could be read out of the token:" + faults);
  }
  SIGNER_ASSIGN_OR_RETURN(const channel::Mac answer, make_mac(session, keys.front(), channel::kKnownAnswerMessage));
  return StoredHmacKey{keys.front(), answer};
}

HostResult<StoredHmacKey> generate_hmac_key(const Session& session, const Mechanisms& mechanisms,
                                            const HmacKeyRequest& request) {
  if (!mechanisms.hmac) return host_failure(HostStatus::kUnsupported, "hsm: the token offers no CKM_SHA256_HMAC");
  SIGNER_RETURN_IF_ERROR(check_name_is_free(session, request));
  SIGNER_ASSIGN_OR_RETURN(const CK_OBJECT_HANDLE made, generate_secret(session, request));
  auto strong = check_new_key(session, made);
  auto key = strong ? find_hmac_key(session, mechanisms, request.key_id)
                    : HostResult<StoredHmacKey>(fail(std::move(strong).error()));
  if (key) return key;
  channel::HostError error = std::move(key).error();
  error.text += discard_secret(session, made);
  // A key that cannot even be read back is no reason to restart the host and try again.
  if (error.status != HostStatus::kUnavailable) error.status = HostStatus::kUnsupported;
  return fail(std::move(error));
}

}  // namespace signer::hsm
