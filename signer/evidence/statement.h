// SPDX-License-Identifier: Apache-2.0
//
// The statement of an evidence bundle as values (docs/evidence-format.md §2): its form is right, nothing is judged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "jose/json.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::evidence {

struct Statement {
  std::string fmt;  // "pkcs11" or "tpm"
  std::int64_t made = 0;
  std::string nonce;  // as it stands there
  Bytes nonce_bytes;  // 16 to 32
  std::string key;
  std::string kid;
  jose::Json jwk;
  std::string daemon_version;
  std::string build_id;
  std::string config_sha256;
  std::optional<std::string> checkpoint;
  std::string vkey;  // empty without a checkpoint
  std::optional<Bytes> vendor_data;
  jose::Json part;  // the member that `fmt` names
};

// kInvalidRequest, naming the place, for a missing or unknown member, a wrong type, what is too long, a nonce of
// another length, vendor data with another hash than beside it.
[[nodiscard]] Result<Statement> read_statement(const jose::Json& value);

}  // namespace signer::evidence
