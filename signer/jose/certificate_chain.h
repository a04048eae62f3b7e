// SPDX-License-Identifier: Apache-2.0
//
// The certificates that a header's `x5c` carries (RFC 7515 §4.1.6).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "signer/result.h"

namespace signer::jose {

inline constexpr std::size_t kCertificatesMax = 8;

// Immutable once read.  Nobody has checked that one certificate signs the other but read_certificate_chain.
struct CertificateChain {
  std::vector<std::string> certificates;  // standard base64 of the DER, the leaf first
  std::string leaf_thumbprint;            // RFC 7638, of the leaf's RSA key: the kid that it is for
  std::chrono::sys_seconds not_before;    // of the leaf
  std::chrono::sys_seconds not_after;
};

// From PEM, the leaf first, each signed by the next; the last need not be a root.  kInvalidRequest, with what is wrong
// and what to do, if it is none: no certificate, more than kCertificatesMax, a leaf that is not for an RSA key that
// check_shape takes, one that the next did not sign, or text that OpenSSL cannot read.  Private keys in the text are
// refused unread.  Whether anybody trusts the chain is for its readers to say.
[[nodiscard]] Result<CertificateChain> read_certificate_chain(std::string_view pem);

}  // namespace signer::jose
