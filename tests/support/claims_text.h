// SPDX-License-Identifier: Apache-2.0
//
// The JSON text of a good payload, as is or spoilt in one place.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace signer::test {

// Issued at `now` for 600 seconds, iss https://idp.example, aud https://api.example; with the claim `name` replaced by
// the JSON text `value`, added, or (value "") removed.
inline std::string claims_text(long long now, std::string_view name = "", std::string_view value = "") {
  std::vector<std::pair<std::string, std::string>> members = {{"iss", R"("https://idp.example")"},
                                                              {"aud", R"("https://api.example")"},
                                                              {"sub", R"("user-1")"},
                                                              {"exp", std::to_string(now + 600)},
                                                              {"nbf", std::to_string(now)},
                                                              {"iat", std::to_string(now)},
                                                              {"jti", R"("id-1")"}};
  bool found = name.empty();
  for (auto& [known, text] : members) {
    if (known != name) continue;
    text = value;
    found = true;
  }
  if (!found) members.emplace_back(name, value);
  std::string json;
  for (const auto& [known, text] : members) {
    if (!text.empty()) json += (json.empty() ? "" : ",") + ("\"" + known + "\":" + text);
  }
  return "{" + json + "}";
}

}  // namespace signer::test
