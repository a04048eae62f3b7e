// SPDX-License-Identifier: Apache-2.0

#include "tpm/key_template.h"

namespace signer::tpm {

namespace {

constexpr TPMA_OBJECT kMadeHereAndStaysHere =
    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH;

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
