// SPDX-License-Identifier: Apache-2.0
//
// A small good configuration, and ways to spoil one line of it.
#pragma once

#include <string>
#include <string_view>

namespace signer::test {

// Line numbers in the tests count from the first line here.
inline constexpr std::string_view kConfigText = R"(state_dir = "/var/lib/signer"

[[listener]]
path = "/run/signer/signer.sock"

[[token]]
name = "main"
driver = "pkcs11"
module = "/usr/lib/softhsm/libsofthsm2.so"
uri = "pkcs11:token=demo"

[[key]]
name = "issuer"
tokens = ["main"]

[[profile]]
name = "access"
issuer = "https://idp.example"
audiences = ["https://api.example"]
max_ttl = "15m"

[[grant]]
name = "idp"
match = { uid = 1001 }
keys = ["issuer"]
profiles = ["access"]
verbs = ["issue"]
)";

// The text with the first `from` replaced; the tests rely on it being there.
inline std::string with(std::string_view text, std::string_view from, std::string_view to) {
  std::string changed(text);
  changed.replace(changed.find(from), from.size(), to);
  return changed;
}

}  // namespace signer::test
