// SPDX-License-Identifier: Apache-2.0
// Target functions: KeySet::from_jwks (and jose::from_jwk, verify::VerificationKey::make below it).
//
// A set that loads has keys with distinct names and holds no private member; a refusal names the set.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "jose/json.h"
#include "signer/key_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using namespace signer::fuzz;
  const std::string_view text = text_of({data, size});
  const auto keys = KeySet::from_jwks(text);
  if (!keys) {
    require(keys.error().text.starts_with("key set: "), "a refusal says what was refused");
    require(keys.error().code == ErrorCode::kInvalidRequest, "a bad set is the sender's fault");
    return 0;
  }
  const std::vector<std::string> kids = keys->kids();
  require(keys->size() > 0 && kids.size() == keys->size(), "a set that loads has keys");
  require(std::is_sorted(kids.begin(), kids.end()) && std::adjacent_find(kids.begin(), kids.end()) == kids.end(),
          "kids are distinct and in order");
  const auto set = jose::parse_json_object(text, {.bytes_max = size, .depth_max = 8, .members_max = 16384});
  require(set.has_value(), "a set that loads is strict JSON");
  for (const jose::Json& jwk : (*set)["keys"]) {
    for (const char* secret : {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}) {
      require(!jwk.contains(secret), "no private member in a set that loads");
    }
  }
  return 0;
}
