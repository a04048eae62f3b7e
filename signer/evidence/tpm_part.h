// SPDX-License-Identifier: Apache-2.0
//
// The member `tpm` of a statement as bytes (docs/evidence-format.md §4): its form is right, nothing in it is judged.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "jose/json.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::evidence {

inline constexpr unsigned kQuotedPcrs = 8;  // PCR 0 to 7

struct TpmPart {
  struct Statement {
    Bytes cert_info;  // TPMS_ATTEST
    Bytes signature;
  };

  struct Properties {
    std::string manufacturer;
    std::string vendor;
    std::string firmware;
    bool simulator = false;
  };

  Statement certify;
  Bytes public_area;                                // TPMT_PUBLIC of the key
  std::vector<Bytes> attestation_key_certificates;  // DER, the attestation key's first
  Bytes attestation_key;                            // TPMT_PUBLIC
  Bytes endorsement_key;                            // TPMT_PUBLIC
  std::vector<Bytes> endorsement_key_certificates;  // DER
  Bytes storage_root;                               // TPMT_PUBLIC
  std::optional<Statement> creation;
  Bytes creation_data;  // TPMS_CREATION_DATA; empty without `creation`
  Statement quote;
  std::vector<Bytes> pcrs;  // kQuotedPcrs values of 32 bytes
  Properties properties;
};

// kInvalidRequest, naming the member, for anything that is not exactly as the page says: a member that is missing,
// unknown or of another type, base64url that is none, bytes that are more than they can be.
[[nodiscard]] Result<TpmPart> read_tpm_part(const jose::Json& value);

}  // namespace signer::evidence
