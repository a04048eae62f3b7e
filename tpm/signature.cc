// SPDX-License-Identifier: Apache-2.0

#include "tpm/signature.h"

#include <algorithm>

#include "jose/hash.h"

namespace signer::tpm {

using channel::HostStatus;

namespace {

constexpr std::size_t kScalarBytes = 32;

TPM2B_DIGEST digest_of(std::string_view signing_input) {
  TPM2B_DIGEST digest{};
  const jose::Sha256Digest bytes = jose::sha256(bytes_of(signing_input));
  digest.size = bytes.size();
  std::ranges::copy(bytes, digest.buffer);
  return digest;
}

TPMT_SIG_SCHEME scheme_of(Algorithm algorithm) {
  TPMT_SIG_SCHEME scheme{};
  scheme.scheme = algorithm == Algorithm::kRs256 ? TPM2_ALG_RSASSA : TPM2_ALG_ECDSA;
  scheme.details.any.hashAlg = TPM2_ALG_SHA256;
  return scheme;
}

// Says that the TPM need not have made the digest itself, which holds for keys that are not restricted.
TPMT_TK_HASHCHECK no_ticket() {
  TPMT_TK_HASHCHECK ticket{};
  ticket.tag = TPM2_ST_HASHCHECK;
  ticket.hierarchy = TPM2_RH_NULL;
  return ticket;
}

// False if the number is longer than the curve's order.
bool append_scalar(const TPM2B_ECC_PARAMETER& number, Bytes& out) {
  if (number.size > kScalarBytes) return false;
  out.insert(out.end(), kScalarBytes - number.size, 0);
  out.insert(out.end(), number.buffer, number.buffer + number.size);
  return true;
}

}  // namespace

TpmResult<Bytes> make_signature(EsysContext& context, ESYS_TR key, ESYS_TR authorization,
                                const jose::PublicKey& public_key, std::string_view signing_input) {
  const TPM2B_DIGEST digest = digest_of(signing_input);
  const TPMT_SIG_SCHEME scheme = scheme_of(public_key.algorithm);
  const TPMT_TK_HASHCHECK ticket = no_ticket();
  EsysOut<TPMT_SIGNATURE> made;
  const TSS2_RC code = ::Esys_Sign(context.get(), key, authorization, ESYS_TR_NONE, ESYS_TR_NONE, &digest, &scheme,
                                   &ticket, made.fill());
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_Sign", code));
  if (public_key.algorithm == Algorithm::kRs256 && made->sigAlg == TPM2_ALG_RSASSA) {
    const TPM2B_PUBLIC_KEY_RSA& number = made->signature.rsassa.sig;
    if (number.size == public_key.modulus.size()) return Bytes(number.buffer, number.buffer + number.size);
  }
  if (public_key.algorithm == Algorithm::kEs256 && made->sigAlg == TPM2_ALG_ECDSA) {
    Bytes signature;
    const TPMS_SIGNATURE_ECDSA& pair = made->signature.ecdsa;
    if (append_scalar(pair.signatureR, signature) && append_scalar(pair.signatureS, signature)) return signature;
  }
  return verdict(HostStatus::kUnavailable, "Esys_Sign gave a signature of another shape than the key's");
}

}  // namespace signer::tpm
