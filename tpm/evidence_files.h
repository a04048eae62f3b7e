// SPDX-License-Identifier: Apache-2.0
//
// What evidence adds to a token's key directory (key_files.h): the attestation key's blob, what it said of each key at
// its birth, and certificates that an operator put there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jose/json.h"
#include "tpm/private_key_file.h"
#include "tpm/statement.h"
#include "tpm/tpm_error.h"

namespace signer::tpm {

// TPM2_CertifyCreation at a key's birth.
struct BirthCertificate {
  Bytes attestation_key;  // the Name of the key that signed it
  Statement statement;
  Bytes data;  // TPMS_CREATION_DATA
};

inline constexpr std::size_t kCertificatesTextMax = 64UL * 1024;

// Not thread-safe.  Files are written whole and are durable when a call returns.  None is ever removed or, once it is
// there, replaced.
class EvidenceFiles {
 public:
  explicit EvidenceFiles(std::string directory) : directory_(std::move(directory)) {}

  // The attestation key's blob; nothing if there is none.  kUnsupported, with what to do, if the file is no blob of an
  // attestation key; kRefused if it cannot be opened now.
  [[nodiscard]] TpmResult<std::optional<PrivateKeyFile>> read_attestation_key() const;
  [[nodiscard]] TpmResult<void> write_attestation_key(const PrivateKeyFile& file) const;

  // Where that is, for texts that say what to do.
  [[nodiscard]] std::string attestation_key_path() const { return directory_ + "/attestation-key.pem"; }

  // Nothing, with a line in the log if there is a file, if it cannot be read or is no birth certificate.
  [[nodiscard]] std::optional<BirthCertificate> read_birth(const Bytes& key_id) const;
  [[nodiscard]] TpmResult<void> write_birth(const Bytes& key_id, const BirthCertificate& birth) const;

  // The certificates of the attestation key, leaf first, in base64url of the DER: `attestation-key-certificates.pem`.
  // An empty array if there is no such file, and with a line in the log if it is no chain or too large.
  [[nodiscard]] jose::Json certificates() const;

 private:
  [[nodiscard]] std::string birth_path(const Bytes& key_id) const;

  std::string directory_;
};

}  // namespace signer::tpm
