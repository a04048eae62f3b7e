// SPDX-License-Identifier: Apache-2.0
//
// A distinguished name from the command line.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string_view>

#include "signer/result.h"

namespace signer::p11 {

struct NameFree {
  void operator()(X509_NAME* name) const noexcept { ::X509_NAME_free(name); }
};
using NamePtr = std::unique_ptr<X509_NAME, NameFree>;

inline constexpr std::size_t kSubjectBytesMax = 1024;

// Reads "/C=DE/O=Example/CN=issuer", in that order.  A backslash makes the next character an ordinary one; "+" is one
// always.  Types: C, ST, L, O, OU, CN, DC, UID, serialNumber, emailAddress.  Values are UTF-8 without control
// characters, no longer than X.520 allows (C: two letters, CN: 64 characters).  All else is kInvalidRequest.
[[nodiscard]] Result<NamePtr> parse_subject(std::string_view text);

}  // namespace signer::p11
