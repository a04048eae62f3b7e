// SPDX-License-Identifier: Apache-2.0
//
// The endorsement key: which TPM this is.  The manufacturer's certificate names it, and the attestation key is its
// child, so that what that one signs can be tied to a chip.
#pragma once

#include <optional>
#include <vector>

#include "tpm/esys_context.h"

namespace signer::tpm {

inline constexpr TPM2_HANDLE kEndorsementKeyHandle = 0x81010001;  // TCG Registry of reserved handles: RSA-2048

// Certificates alone beyond this are left out: the evidence must fit into a frame (channel::kAttestationMax).
inline constexpr std::size_t kEndorsementCertificatesBytesMax = 32UL * 1024;

// Gone before its context, and with it what was loaded for it.
class EndorsementKey {
 public:
  // What is at kEndorsementKeyHandle, if it has the template of endorsement_key_template() and is of the endorsement
  // hierarchy (the owner may put any key there).  Nothing otherwise.
  [[nodiscard]] static TpmResult<std::optional<EndorsementKey>> find(EsysContext& context);

  // Makes it from the template and keeps it loaded (TPM2_CreatePrimary): the same key each time, and on a chip some
  // seconds.  kUnsupported with advice if an endorsement auth is set.
  [[nodiscard]] static TpmResult<EndorsementKey> make(EsysContext& context);

  [[nodiscard]] ESYS_TR handle() const noexcept { return loaded_ ? loaded_.get() : known_.get(); }

  [[nodiscard]] const TPM2B_PUBLIC& area() const noexcept { return area_; }

 private:
  EndorsementKey() = default;

  LoadedHandle loaded_;
  KnownHandle known_;
  TPM2B_PUBLIC area_{};
};

// A policy session that lets one command use the endorsement key (TPM2_PolicySecret).  kUnsupported with advice if an
// endorsement auth is set.
[[nodiscard]] TpmResult<LoadedHandle> start_endorsement_policy(EsysContext& context);

// The certificates that the manufacturer left in the TPM for the key: at 0x01c00002 its own, at 0x01c00100 to
// 0x01c001ff those of its issuers (TCG EK Credential Profile 2.5 §2.2.1.5).
class EndorsementCertificates {
 public:
  // Reads one NV index more; true once all are read.  What cannot be read or is no certificate is left out, with a line
  // in the log.
  [[nodiscard]] TpmResult<bool> step(EsysContext& context);

  // DER, the key's own first.
  [[nodiscard]] const std::vector<Bytes>& all() const noexcept { return certificates_; }

 private:
  void take_certificates();

  std::optional<std::vector<TPM2_HANDLE>> indices_;  // still to be read, the last first
  std::size_t piece_bytes_ = 0;                      // how much the TPM gives at once
  Bytes unread_;                                     // a chain may go on in the next index
  std::size_t total_ = 0;
  std::vector<Bytes> certificates_;
};

}  // namespace signer::tpm
