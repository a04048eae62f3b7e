// SPDX-License-Identifier: Apache-2.0
//
// What every configuration that is only asked begins with; profiles and grants are the test's.
#pragma once

#include <string>

namespace signer::test {

inline const std::string kConfigurationHead = R"(state_dir = "/var/lib/signer"
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
)";

}  // namespace signer::test
