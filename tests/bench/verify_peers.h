// SPDX-License-Identifier: Apache-2.0
//
// Other verifiers that the distribution packages, for verify-bench: those whose headers were found.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace signer::bench {

struct Peer {
  std::string name;
  std::function<bool(const std::string& token)> verify;  // signature, iss, aud, exp at the bench's time
};

struct PeerInput {
  std::string pem;
  std::string jwk;
  std::string issuer;
  std::string audience;
  long long now = 0;
};

[[nodiscard]] std::vector<Peer> peers(const PeerInput& input);

}  // namespace signer::bench
