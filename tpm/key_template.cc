// SPDX-License-Identifier: Apache-2.0

#include "tpm/key_template.h"

#include <algorithm>
#include <array>

#include "tpm/public_area.h"

namespace signer::tpm {

namespace {

constexpr TPMA_OBJECT kMadeHereAndStaysHere =
    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH;

// PolicyA of the profile: TPM2_PolicySecret of the endorsement hierarchy.
constexpr std::array<std::uint8_t, 32> kEndorsementPolicy = {
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};

constexpr std::size_t kEndorsementModulusBytes = 256;

}  // namespace

TPM2B_PUBLIC signing_template(jose::KeyKind kind) {
  TPM2B_PUBLIC made{};
  TPMT_PUBLIC& key = made.publicArea;
  key.nameAlg = TPM2_ALG_SHA256;
  // Exempt from lockout: the auth value is 256 random bits, and others' wrong guesses must not stop us.
  key.objectAttributes = kMadeHereAndStaysHere | TPMA_OBJECT_NODA | TPMA_OBJECT_SIGN_ENCRYPT;
  if (kind == jose::KeyKind::kP256) {
    key.type = TPM2_ALG_ECC;
    TPMS_ECC_PARMS& ecc = key.parameters.eccDetail;
    ecc.symmetric.algorithm = TPM2_ALG_NULL;
    ecc.scheme.scheme = TPM2_ALG_ECDSA;
    ecc.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    ecc.curveID = TPM2_ECC_NIST_P256;
    ecc.kdf.scheme = TPM2_ALG_NULL;
  } else {
    key.type = TPM2_ALG_RSA;
    TPMS_RSA_PARMS& rsa = key.parameters.rsaDetail;
    rsa.symmetric.algorithm = TPM2_ALG_NULL;
    rsa.scheme.scheme = TPM2_ALG_RSASSA;
    rsa.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
    rsa.keyBits = static_cast<std::uint16_t>(jose::rsa_bits(kind));
    rsa.exponent = 0;  // 65537; some TPMs refuse the number itself
  }
  return made;
}

TPM2B_PUBLIC storage_root_template() {
  TPM2B_PUBLIC made{};
  TPMT_PUBLIC& key = made.publicArea;
  key.type = TPM2_ALG_ECC;
  key.nameAlg = TPM2_ALG_SHA256;
  key.objectAttributes = kMadeHereAndStaysHere | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  TPMS_ECC_PARMS& ecc = key.parameters.eccDetail;
  ecc.symmetric.algorithm = TPM2_ALG_AES;
  ecc.symmetric.keyBits.aes = 128;
  ecc.symmetric.mode.aes = TPM2_ALG_CFB;
  ecc.scheme.scheme = TPM2_ALG_NULL;
  ecc.curveID = TPM2_ECC_NIST_P256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  return made;
}

TPM2B_PUBLIC endorsement_key_template() {
  TPM2B_PUBLIC made{};
  TPMT_PUBLIC& key = made.publicArea;
  key.type = TPM2_ALG_RSA;
  key.nameAlg = TPM2_ALG_SHA256;
  key.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                         TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  key.authPolicy.size = kEndorsementPolicy.size();
  std::ranges::copy(kEndorsementPolicy, key.authPolicy.buffer);
  TPMS_RSA_PARMS& rsa = key.parameters.rsaDetail;
  rsa.symmetric.algorithm = TPM2_ALG_AES;
  rsa.symmetric.keyBits.aes = 128;
  rsa.symmetric.mode.aes = TPM2_ALG_CFB;
  rsa.scheme.scheme = TPM2_ALG_NULL;
  rsa.keyBits = 2048;
  rsa.exponent = 0;
  key.unique.rsa.size = kEndorsementModulusBytes;  // zeros: with another `unique` the TPM makes another key
  return made;
}

TPM2B_PUBLIC attestation_key_template() {
  TPM2B_PUBLIC made = signing_template(jose::KeyKind::kRsa2048);
  made.publicArea.objectAttributes |= TPMA_OBJECT_RESTRICTED;
  return made;
}

bool has_template(const TPM2B_PUBLIC& area, const TPM2B_PUBLIC& wanted) {
  TPM2B_PUBLIC asked = area;
  asked.publicArea.unique = wanted.publicArea.unique;
  const auto left = write_public_area(asked);
  const auto right = write_public_area(wanted);
  return left && right && *left == *right;
}

TpmResult<void> check_offered(EsysContext& context, const TPM2B_PUBLIC& key) {
  TPMT_PUBLIC_PARMS parameters{};
  parameters.type = key.publicArea.type;
  parameters.parameters = key.publicArea.parameters;
  const TSS2_RC code = ::Esys_TestParms(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &parameters);
  auto offered = context.judge("Esys_TestParms", code);
  if (offered || offered.error().action != Action::kRefused) return offered;
  return verdict(channel::HostStatus::kUnsupported, "the TPM does not offer this kind of key: " + offered.error().text);
}

}  // namespace signer::tpm
