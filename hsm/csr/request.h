// SPDX-License-Identifier: Apache-2.0
//
// What is signed through libp11: a PKCS#10 certificate request (RFC 2986), a second opinion.
#pragma once

#include <string>
#include <string_view>

#include "channel/values.h"
#include "hsm/csr/subject.h"
#include "hsm/csr/token_key.h"

namespace signer::p11 {

// A version 1 request for `key`, signed by it with SHA-256 (one C_Sign), in PEM.  The request that is returned has been
// read back from its own encoding: the public key in it has the thumbprint `kid` (RFC 7638), and its signature verifies
// with that key.  Else kMismatch, and no request is returned.
[[nodiscard]] channel::HostResult<std::string> make_request(const TokenKey& key, const X509_NAME& subject,
                                                            const std::string& kid);

// The signature by `key` over `input`, in base64url (one C_Sign), as a second opinion on one that signerd made. `input`
// is the signing input of an evidence bundle's JWS (docs/evidence-format.md §1); kInvalid for any other, for a token
// that is made here would have no record.  kMismatch, and nothing is signed, if the key's thumbprint is not `kid`.
[[nodiscard]] channel::HostResult<std::string> sign_again(const TokenKey& key, std::string_view input,
                                                          const std::string& kid);

}  // namespace signer::p11
