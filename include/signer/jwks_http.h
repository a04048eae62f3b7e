// SPDX-License-Identifier: Apache-2.0
//
// Fetches a JWK Set over HTTPS for a KeySource.  A library of its own (signer::jwks_http), so that the verifier itself
// has no network code; it needs libcurl.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "signer/key_set.h"
#include "signer/key_source.h"
#include "signer/result.h"

namespace signer {

/// Bounds of one fetch.
struct JwksHttpOptions {
  std::chrono::milliseconds connect_timeout{3000};  ///< names, TCP and TLS
  std::chrono::milliseconds total_timeout{5000};    ///< of the whole fetch, names and TLS included
  std::size_t bytes_max = KeySet::kJwksBytesMax;    ///< of the reply's body; a longer one is a failure
  std::string ca_file;                              ///< PEM, and then nobody else is trusted; the system's if empty
};

/// A function that fetches `url` anew each time: HTTPS alone (TLS 1.2 or later, certificate and name checked), no
/// redirects, no cookies, no credentials, status 200 or a failure.  A proxy of the environment
/// (https_proxy, no_proxy) is used, as by curl; TLS goes through it.  Its failures name the host, never the whole URL.
/// kInvalidRequest if `url` does not start with "https://", holds a user name, or an option is not above 0.
[[nodiscard]] Result<KeySource::Fetch> jwks_over_https(std::string url, JwksHttpOptions options = {});

}  // namespace signer
