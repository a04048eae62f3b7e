// SPDX-License-Identifier: Apache-2.0

#include "hsm/probes.h"

#include <openssl/rand.h>

#include "hsm/attribute_template.h"

namespace signer::hsm {

using jose::Json;

namespace {

constexpr CK_ULONG kSecretBytes = 16;
constexpr std::size_t kCiphertextBytes = 256;  // where the key has no modulus
constexpr std::size_t kSignatureBytesMax = 2048;
constexpr std::size_t kStateBytesMax = 65'536;

// A secret key that a derivation or an unwrapping would give: a session object that keeps to itself.
Template secret_offspring() {
  Template wanted(Leniency::kNone);
  wanted.number(CKA_CLASS, CKO_SECRET_KEY);
  wanted.number(CKA_KEY_TYPE, CKK_GENERIC_SECRET);
  wanted.flag(CKA_TOKEN, CK_FALSE);
  wanted.flag(CKA_PRIVATE, CK_TRUE);
  wanted.flag(CKA_SENSITIVE, CK_TRUE);
  wanted.flag(CKA_EXTRACTABLE, CK_FALSE);
  return wanted;
}

void destroy_offspring(const ProbeLog& log, CK_RV rv, CK_OBJECT_HANDLE object) {
  if (rv != CKR_OK) return;
  [[maybe_unused]] const CK_RV gone = ask(log.api().C_DestroyObject, log.session().handle(), object);
}

void try_derivations(ProbeLog& log, const ProbedKey& key, std::span<const OfferedMechanism> offered) {
  for (const CK_MECHANISM_TYPE type :
       {CKM_EXTRACT_KEY_FROM_KEY, CKM_XOR_BASE_AND_DATA, CKM_CONCATENATE_BASE_AND_DATA}) {
    if (std::ranges::find(offered, type, &OfferedMechanism::type) == offered.end()) continue;
    if (!log.begin("derive", mechanism_detail(type))) continue;
    ProbeMechanism mechanism(type);
    Template wanted = secret_offspring();
    wanted.number(CKA_VALUE_LEN, kSecretBytes);
    CK_OBJECT_HANDLE derived = CK_INVALID_HANDLE;
    const CK_RV rv = ask(log.api().C_DeriveKey, log.session().handle(), mechanism.get(), key.private_key, wanted.data(),
                         wanted.size(), &derived);
    destroy_offspring(log, rv, derived);
    log.record("C_DeriveKey", rv);
  }
}

void try_decryptions(ProbeLog& log, const ProbedKey& key) {
  for (const CK_MECHANISM_TYPE type : {CKM_RSA_PKCS, CKM_RSA_PKCS_OAEP}) {
    if (!log.begin("decrypt", mechanism_detail(type))) continue;
    ProbeMechanism mechanism(type);
    log.record("C_DecryptInit", ask(log.api().C_DecryptInit, log.session().handle(), mechanism.get(), key.private_key));
  }
}

void try_unwrapping(ProbeLog& log, const ProbedKey& key) {
  if (!log.begin("unwrap", mechanism_detail(CKM_RSA_PKCS))) return;
  Bytes ciphertext(key.modulus_bytes > 0 ? key.modulus_bytes : kCiphertextBytes);
  // Not random after all is as good: what it decrypts to is nobody's.
  ::RAND_bytes(ciphertext.data(), static_cast<int>(ciphertext.size()));
  ciphertext.front() = 0;  // below the modulus
  ProbeMechanism mechanism(CKM_RSA_PKCS);
  Template wanted = secret_offspring();
  CK_OBJECT_HANDLE unwrapped = CK_INVALID_HANDLE;
  const CK_RV rv = ask(log.api().C_UnwrapKey, log.session().handle(), mechanism.get(), key.private_key,
                       ciphertext.data(), CK_ULONG{ciphertext.size()}, wanted.data(), wanted.size(), &unwrapped);
  destroy_offspring(log, rv, unwrapped);
  log.record("C_UnwrapKey", rv);
}

void try_sign_recover(ProbeLog& log, const ProbedKey& key) {
  if (!log.begin("sign-recover", mechanism_detail(CKM_RSA_PKCS))) return;
  ProbeMechanism mechanism(CKM_RSA_PKCS);
  log.record("C_SignRecoverInit",
             ask(log.api().C_SignRecoverInit, log.session().handle(), mechanism.get(), key.private_key));
}

// The number 1 is its own signature under every key: it says nothing of anything.
void try_raw_signature(ProbeLog& log, const ProbedKey& key) {
  if (!log.begin("sign-raw", mechanism_detail(CKM_RSA_X_509))) return;
  ProbeMechanism mechanism(CKM_RSA_X_509);
  CK_RV rv = ask(log.api().C_SignInit, log.session().handle(), mechanism.get(), key.private_key);
  if (rv != CKR_OK) return log.record("C_SignInit", rv);
  CK_BYTE one = 1;
  WipedBuffer signature(kSignatureBytesMax);
  CK_ULONG size = signature.size();
  rv = ask(log.api().C_Sign, log.session().handle(), &one, CK_ULONG{1}, signature.data(), &size);
  log.record_length("C_Sign", rv, signature.came(rv, size));
}

void try_other_signature(ProbeLog& log, const ProbedKey& key) {
  if (!log.begin("sign-other", mechanism_detail(CKM_SHA1_RSA_PKCS))) return;
  ProbeMechanism mechanism(CKM_SHA1_RSA_PKCS);
  log.record("C_SignInit", ask(log.api().C_SignInit, log.session().handle(), mechanism.get(), key.private_key));
}

void try_digest(ProbeLog& log, const ProbedKey& key) {
  if (!log.begin("digest-key", mechanism_detail(CKM_SHA256))) return;
  ProbeMechanism mechanism(CKM_SHA256);
  const CK_RV rv = ask(log.api().C_DigestInit, log.session().handle(), mechanism.get());
  if (rv != CKR_OK) return log.record("C_DigestInit", rv);
  log.record("C_DigestKey", ask(log.api().C_DigestKey, log.session().handle(), key.private_key));
}

void try_operation_state(ProbeLog& log, const ProbedKey& key, const Mechanisms& mechanisms) {
  const CK_MECHANISM_TYPE type = key.rsa ? mechanisms.rs256.value_or(CKM_SHA256_RSA_PKCS) : CKM_ECDSA;
  if (!log.begin("operation-state", mechanism_detail(type))) return;
  ProbeMechanism mechanism(type);
  CK_RV rv = ask(log.api().C_SignInit, log.session().handle(), mechanism.get(), key.private_key);
  if (rv != CKR_OK) return log.record("C_SignInit", rv);
  WipedBuffer state(kStateBytesMax);
  CK_ULONG size = state.size();
  rv = ask(log.api().C_GetOperationState, log.session().handle(), state.data(), &size);
  log.record_length("C_GetOperationState", rv, state.came(rv, size));
}

}  // namespace

Json probe_key(SessionPool::Lease& lease, const ProbedKey& key, std::span<const OfferedMechanism> offered,
               const Mechanisms& mechanisms) {
  ProbeLog log(lease, ProbeTarget::kKey);
  try_reads(log, "read", key.private_key, key.rsa);
  try_mixed_read(log, key.private_key, key.rsa);
  try_wraps(log, "wrap", key.private_key, offered);
  try_public_wraps(log, key.private_key);
  try_derivations(log, key, offered);
  try_decryptions(log, key);
  try_unwrapping(log, key);
  try_sign_recover(log, key);
  try_raw_signature(log, key);
  try_other_signature(log, key);
  try_digest(log, key);
  try_operation_state(log, key, mechanisms);
  return std::move(log.tried());
}

}  // namespace signer::hsm
