// SPDX-License-Identifier: Apache-2.0

#include "tpm/statement.h"

#include <tss2/tss2_mu.h>

#include <algorithm>

#include "jose/hash.h"

namespace signer::tpm {

using channel::HostStatus;

namespace {

constexpr std::uint8_t kPcrMask = 0xff;  // registers 0 to 7
constexpr std::size_t kPcrCount = 8;
constexpr int kReadingsMax = 3;

TPMT_SIG_SCHEME attestation_scheme() {
  TPMT_SIG_SCHEME scheme{};
  scheme.scheme = TPM2_ALG_RSASSA;
  scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
  return scheme;
}

TPM2B_DATA qualifying_data(ByteView bytes) {
  TPM2B_DATA data{};
  data.size = static_cast<std::uint16_t>(std::min(bytes.size(), sizeof data.buffer));
  std::ranges::copy(bytes.first(data.size), data.buffer);
  return data;
}

TpmResult<Statement> statement_of(const TPM2B_ATTEST& attest, const TPMT_SIGNATURE& signature) {
  if (signature.sigAlg != TPM2_ALG_RSASSA || attest.size > sizeof attest.attestationData ||
      signature.signature.rsassa.sig.size > sizeof signature.signature.rsassa.sig.buffer) {
    return verdict(HostStatus::kUnavailable, "a statement with a signature of another scheme than the key's");
  }
  const TPM2B_PUBLIC_KEY_RSA& number = signature.signature.rsassa.sig;
  return Statement{Bytes(attest.attestationData, attest.attestationData + attest.size),
                   Bytes(number.buffer, number.buffer + number.size)};
}

TPML_PCR_SELECTION selection_of(std::uint8_t mask) {
  TPML_PCR_SELECTION selection{};
  selection.count = 1;
  selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
  selection.pcrSelections[0].sizeofSelect = 3;  // a PC client's 24 registers
  selection.pcrSelections[0].pcrSelect[0] = mask;
  return selection;
}

// Some TPMs give less at once than they are asked for.
TpmResult<PcrValues> read_pcrs(EsysContext& context) {
  PcrValues values(kPcrCount);
  std::uint8_t left = kPcrMask;
  while (left != 0) {
    const TPML_PCR_SELECTION asked = selection_of(left);
    UINT32 counter = 0;
    EsysOut<TPML_PCR_SELECTION> given;
    EsysOut<TPML_DIGEST> digests;
    const TSS2_RC code = ::Esys_PCR_Read(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &asked, &counter,
                                         given.fill(), digests.fill());
    SIGNER_RETURN_IF_ERROR(context.judge("Esys_PCR_Read", code));
    const unsigned mask = given->count == 1 ? given->pcrSelections[0].pcrSelect[0] & left : 0U;
    std::size_t next = 0;
    for (std::size_t pcr = 0; pcr < kPcrCount; ++pcr) {
      if ((mask >> pcr & 1U) == 0 || next >= std::min<std::size_t>(digests->count, kPcrCount)) continue;
      const TPM2B_DIGEST& digest = digests->digests[next++];
      if (digest.size != sizeof(jose::Sha256Digest)) break;
      values[pcr].assign(digest.buffer, digest.buffer + digest.size);
      left = static_cast<std::uint8_t>(left & ~(1U << pcr));
    }
    if (next == 0) {
      return verdict(HostStatus::kUnsupported,
                     "the TPM keeps no PCRs in the bank SHA-256: switch it on in the firmware's setup, or with "
                     "tpm2_pcrallocate sha256:all and a restart of the machine");
    }
  }
  return values;
}

// TPMS_ATTEST of a quote ends with the digest of the values (TPM 2.0 Part 2 §10.12.5).
bool is_of(const Statement& statement, const PcrValues& values) {
  Bytes joined;
  for (const Bytes& value : values) joined.insert(joined.end(), value.begin(), value.end());
  const jose::Sha256Digest digest = jose::sha256(joined);
  const ByteView attest(statement.attest);
  return attest.size() >= digest.size() && std::ranges::equal(attest.last(digest.size()), digest);
}

}  // namespace

Creation creation_of(const TPM2B_CREATION_DATA& data, const TPM2B_DIGEST& hash, const TPMT_TK_CREATION& ticket) {
  Creation creation{Bytes(sizeof data), hash, ticket};
  std::size_t size = 0;
  const TSS2_RC code =
      ::Tss2_MU_TPMS_CREATION_DATA_Marshal(&data.creationData, creation.data.data(), creation.data.size(), &size);
  creation.data.resize(code == TSS2_RC_SUCCESS ? size : 0);
  return creation;
}

TpmResult<Statement> certify(EsysContext& context, ESYS_TR key, ESYS_TR authorization, ESYS_TR attestation_key,
                             ByteView nonce) {
  const TPM2B_DATA data = qualifying_data(nonce);
  const TPMT_SIG_SCHEME scheme = attestation_scheme();
  EsysOut<TPM2B_ATTEST> attest;
  EsysOut<TPMT_SIGNATURE> signature;
  const TSS2_RC code = ::Esys_Certify(context.get(), key, attestation_key, authorization, ESYS_TR_PASSWORD,
                                      ESYS_TR_NONE, &data, &scheme, attest.fill(), signature.fill());
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_Certify", code));
  return statement_of(*attest, *signature);
}

TpmResult<Statement> certify_creation(EsysContext& context, ESYS_TR key, ESYS_TR attestation_key,
                                      const Creation& creation) {
  const TPM2B_DATA no_nonce{};
  const TPMT_SIG_SCHEME scheme = attestation_scheme();
  EsysOut<TPM2B_ATTEST> attest;
  EsysOut<TPMT_SIGNATURE> signature;
  const TSS2_RC code =
      ::Esys_CertifyCreation(context.get(), attestation_key, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                             &no_nonce, &creation.hash, &scheme, &creation.ticket, attest.fill(), signature.fill());
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_CertifyCreation", code));
  return statement_of(*attest, *signature);
}

TpmResult<Quotation> quote(EsysContext& context, ESYS_TR attestation_key, ByteView nonce) {
  const TPM2B_DATA data = qualifying_data(nonce);
  const TPMT_SIG_SCHEME scheme = attestation_scheme();
  const TPML_PCR_SELECTION selection = selection_of(kPcrMask);
  for (int reading = 0; reading < kReadingsMax; ++reading) {
    SIGNER_ASSIGN_OR_RETURN(PcrValues values, read_pcrs(context));
    EsysOut<TPM2B_ATTEST> attest;
    EsysOut<TPMT_SIGNATURE> signature;
    const TSS2_RC code = ::Esys_Quote(context.get(), attestation_key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                      &data, &scheme, &selection, attest.fill(), signature.fill());
    SIGNER_RETURN_IF_ERROR(context.judge("Esys_Quote", code));
    SIGNER_ASSIGN_OR_RETURN(Statement statement, statement_of(*attest, *signature));
    if (is_of(statement, values)) return Quotation{std::move(statement), std::move(values)};
  }
  return verdict(HostStatus::kRefused, "the PCRs change while they are quoted: ask again");
}

}  // namespace signer::tpm
