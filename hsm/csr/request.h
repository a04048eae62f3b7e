// SPDX-License-Identifier: Apache-2.0
//
// A PKCS#10 certificate request (RFC 2986).
#pragma once

#include <string>

#include "channel/values.h"
#include "hsm/csr/subject.h"
#include "hsm/csr/token_key.h"

namespace signer::p11 {

// A version 1 request for `key`, signed by it with SHA-256 (one C_Sign), in PEM.  The request that is returned has been
// read back from its own encoding: the public key in it has the thumbprint `kid` (RFC 7638), and its signature verifies
// with that key.  Else kMismatch, and no request is returned.
[[nodiscard]] channel::HostResult<std::string> make_request(const TokenKey& key, const X509_NAME& subject,
                                                            const std::string& kid);

}  // namespace signer::p11
