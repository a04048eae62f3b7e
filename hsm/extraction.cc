// SPDX-License-Identifier: Apache-2.0

#include "hsm/extraction.h"

#include <deque>

#include "hsm/attribute_template.h"
#include "hsm/attributes.h"
#include "hsm/ckr.h"

namespace signer::hsm {

using jose::Json;

namespace {

constexpr std::size_t kNumberBytesMax = 4096;
constexpr std::size_t kBlobBytes = 16'384;
constexpr std::size_t kBlobBytesMax = 1'048'576;
constexpr std::size_t kWrapsMax = 64;

constexpr CK_ATTRIBUTE_TYPE kRsaPrivateNumbers[] = {CKA_PRIVATE_EXPONENT, CKA_PRIME_1,    CKA_PRIME_2,
                                                    CKA_EXPONENT_1,       CKA_EXPONENT_2, CKA_COEFFICIENT};
constexpr CK_ATTRIBUTE_TYPE kEcPrivateNumbers[] = {CKA_VALUE};

std::span<const CK_ATTRIBUTE_TYPE> private_numbers(bool rsa) {
  return rsa ? std::span<const CK_ATTRIBUTE_TYPE>(kRsaPrivateNumbers)
             : std::span<const CK_ATTRIBUTE_TYPE>(kEcPrivateNumbers);
}

// The ciphers that modules wrap with, whatever they say of their flags; else what says CKF_WRAP and is not asymmetric.
bool may_wrap(const OfferedMechanism& offered) {
  switch (offered.type) {
    case CKM_AES_ECB:
    case CKM_AES_CBC:
    case CKM_AES_CBC_PAD:
    case CKM_AES_CTR:
    case CKM_AES_GCM:
    case CKM_AES_CCM:
    case CKM_AES_KEY_WRAP:
    case CKM_AES_KEY_WRAP_PAD:
    case CKM_AES_KEY_WRAP_KWP:
    case CKM_AES_KEY_WRAP_PKCS7:
    case CKM_DES3_ECB:
    case CKM_DES3_CBC:
    case CKM_DES3_CBC_PAD:
      return true;
    case CKM_RSA_PKCS:
    case CKM_RSA_X_509:
    case CKM_RSA_PKCS_OAEP:
    case CKM_RSA_AES_KEY_WRAP:
    case CKM_RSA_PKCS_TPM_1_1:
    case CKM_RSA_PKCS_OAEP_TPM_1_1:
    case CKM_ECDH_AES_KEY_WRAP:
      return false;
    default:
      return (offered.info.flags & CKF_WRAP) != 0;
  }
}

// What makes a key for a wrapping mechanism.  The numbers of a cipher's mechanisms lie together (PKCS#11 2.40 §A.1).
struct WrapKeyKind {
  CK_MECHANISM_TYPE first;
  CK_MECHANISM_TYPE last;
  CK_MECHANISM_TYPE generator;
  CK_ULONG bytes;  // 0: the type has one length
};

constexpr WrapKeyKind kWrapKeyKinds[] = {{0x131, 0x13f, CKM_DES3_KEY_GEN, 0},
                                         {0x550, 0x55f, CKM_CAMELLIA_KEY_GEN, 32},
                                         {0x560, 0x56f, CKM_ARIA_KEY_GEN, 32},
                                         {0x650, 0x65f, CKM_SEED_KEY_GEN, 0}};
constexpr WrapKeyKind kAesWrapKey{0, 0, CKM_AES_KEY_GEN, 32};

CK_RV make_wrap_key(const Session& session, CK_MECHANISM_TYPE wrapping, CK_OBJECT_HANDLE& key) {
  const auto* known = std::ranges::find_if(
      kWrapKeyKinds, [&](const WrapKeyKind& kind) { return kind.first <= wrapping && wrapping <= kind.last; });
  const WrapKeyKind kind = known != std::end(kWrapKeyKinds) ? *known : kAesWrapKey;
  CK_MECHANISM generator{kind.generator, nullptr, 0};
  CK_RV rv = CKR_OK;
  for (const Leniency leniency : {Leniency::kNone, Leniency::kAll}) {
    Template wanted(leniency);
    wanted.flag(CKA_TOKEN, CK_FALSE);
    wanted.flag(CKA_WRAP, CK_TRUE);
    if (kind.bytes > 0) wanted.number(CKA_VALUE_LEN, kind.bytes);
    wanted.flag(CKA_PRIVATE, CK_TRUE, Leniency::kAll);
    wanted.flag(CKA_SENSITIVE, CK_TRUE, Leniency::kAll);
    wanted.flag(CKA_EXTRACTABLE, CK_FALSE, Leniency::kAll);
    wanted.flag(CKA_DECRYPT, CK_FALSE, Leniency::kAll);
    wanted.flag(CKA_UNWRAP, CK_FALSE, Leniency::kAll);
    rv = ask(session.api().C_GenerateKey, session.handle(), &generator, wanted.data(), wanted.size(), &key);
    if (!refuses_template(rv)) break;
  }
  return rv;
}

CK_RV make_wrap_pair(const Session& session, CK_OBJECT_HANDLE& public_key) {
  constexpr std::array<std::uint8_t, 3> kExponent65537{1, 0, 1};
  CK_MECHANISM generator{CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
  CK_RV rv = CKR_OK;
  for (const Leniency leniency : {Leniency::kNone, Leniency::kAll}) {
    Template public_part(leniency);
    public_part.flag(CKA_TOKEN, CK_FALSE);
    public_part.flag(CKA_WRAP, CK_TRUE);
    public_part.number(CKA_MODULUS_BITS, 2048);
    public_part.bytes(CKA_PUBLIC_EXPONENT, kExponent65537);
    Template private_part(leniency);
    private_part.flag(CKA_TOKEN, CK_FALSE);
    private_part.flag(CKA_PRIVATE, CK_TRUE, Leniency::kAll);
    private_part.flag(CKA_SENSITIVE, CK_TRUE, Leniency::kAll);
    private_part.flag(CKA_EXTRACTABLE, CK_FALSE, Leniency::kAll);
    private_part.flag(CKA_DECRYPT, CK_FALSE, Leniency::kAll);
    private_part.flag(CKA_UNWRAP, CK_FALSE, Leniency::kAll);
    rv = ask(session.api().C_GenerateKeyPair, session.handle(), &generator, public_part.data(), public_part.size(),
             private_part.data(), private_part.size(), &public_key, &private_key);
    if (!refuses_template(rv)) break;
  }
  return rv;
}

void record_wrap(ProbeLog& log, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE wrapper, CK_OBJECT_HANDLE key) {
  ProbeMechanism mechanism(type);
  CK_RV rv = CKR_OK;
  std::size_t came = 0;
  CK_ULONG size = kBlobBytes;
  for (int attempt = 0; attempt < 2; ++attempt) {  // the second with as much room as the first asked for
    WipedBuffer blob(size);
    rv = ask(log.api().C_WrapKey, log.session().handle(), mechanism.get(), wrapper, key, blob.data(), &size);
    came = std::max(came, blob.came(rv, size));
    if (rv != CKR_BUFFER_TOO_SMALL || size > kBlobBytesMax) break;
  }
  log.record_length("C_WrapKey", rv, came);
}

}  // namespace

void try_reads(ProbeLog& log, std::string_view probe, CK_OBJECT_HANDLE key, bool rsa) {
  for (const CK_ATTRIBUTE_TYPE type : private_numbers(rsa)) {
    if (!log.begin(probe, attribute_detail(type))) continue;
    WipedBuffer number(kNumberBytesMax);
    CK_ATTRIBUTE attribute{type, number.data(), number.size()};
    const CK_RV rv = ask(log.api().C_GetAttributeValue, log.session().handle(), key, &attribute, CK_ULONG{1});
    log.record_length("C_GetAttributeValue", rv, number.came(rv, attribute.ulValueLen));
  }
}

void try_mixed_read(ProbeLog& log, CK_OBJECT_HANDLE key, bool rsa) {
  if (!log.begin("read-mixed")) return;
  Bytes public_number(kNumberBytesMax);
  std::vector<CK_ATTRIBUTE> query{{rsa ? CKA_MODULUS : CKA_EC_POINT, public_number.data(), public_number.size()}};
  std::deque<WipedBuffer> numbers;
  for (const CK_ATTRIBUTE_TYPE type : private_numbers(rsa)) {
    WipedBuffer& number = numbers.emplace_back(kNumberBytesMax);
    query.push_back({type, number.data(), number.size()});
  }
  const CK_RV rv = ask(log.api().C_GetAttributeValue, log.session().handle(), key, query.data(), query.size());
  std::size_t came = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) came += numbers[i].came(rv, query[i + 1].ulValueLen);
  log.record_length("C_GetAttributeValue", rv, came);
}

void try_wraps(ProbeLog& log, std::string_view probe, CK_OBJECT_HANDLE key, std::span<const OfferedMechanism> offered) {
  std::size_t tried = 0;
  for (const OfferedMechanism& mechanism : offered) {
    if (!may_wrap(mechanism) || ++tried > kWrapsMax) continue;
    if (!log.begin(probe, mechanism_detail(mechanism.type))) continue;
    CK_OBJECT_HANDLE wrapper = CK_INVALID_HANDLE;
    const CK_RV rv = make_wrap_key(log.session(), mechanism.type, wrapper);
    if (rv != CKR_OK) {
      log.record("C_GenerateKey", rv);
      continue;
    }
    record_wrap(log, mechanism.type, wrapper, key);
    [[maybe_unused]] const CK_RV gone = ask(log.api().C_DestroyObject, log.session().handle(), wrapper);
  }
}

void try_public_wraps(ProbeLog& log, CK_OBJECT_HANDLE key) {
  constexpr std::string_view kProbe = "wrap-public";
  CK_OBJECT_HANDLE wrapper = CK_INVALID_HANDLE;
  if (!log.begin(kProbe)) return;
  const CK_RV rv = make_wrap_pair(log.session(), wrapper);
  for (const CK_MECHANISM_TYPE type : {CKM_RSA_PKCS, CKM_RSA_PKCS_OAEP}) {
    log.go_on(kProbe, mechanism_detail(type));
    if (rv == CKR_OK) {
      record_wrap(log, type, wrapper, key);
    } else {
      log.record("C_GenerateKeyPair", rv);
    }
  }
}

}  // namespace signer::hsm
