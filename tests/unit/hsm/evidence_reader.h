// SPDX-License-Identifier: Apache-2.0
//
// Reads evidence as an auditor's tool would, and probes by the words of docs/evidence-format.md §3.2.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "channel/values.h"
#include "hsm/pkcs11_driver.h"
#include "jose/json.h"

namespace signer::hsm::test {

using jose::Json;

inline channel::AttestRequest attest_request(std::string_view id, channel::Probes probes) {
  const ByteView bytes = bytes_of(id);
  return {.key_id = Bytes(bytes.begin(), bytes.end()), .nonce = Bytes(16, 7), .context = {}, .probes = probes};
}

// The evidence, read with the strict reader; null, and a failure of the test, if there is none.
inline Json attested(Pkcs11Driver& driver, std::string_view id, channel::Probes probes) {
  const auto answer = driver.attest_key(attest_request(id, probes));
  EXPECT_TRUE(answer) << answer.error().text;
  if (!answer) return nullptr;
  EXPECT_LE(answer->json.size(), channel::kAttestationMax);
  EXPECT_EQ(answer->json.find('\n'), std::string::npos);
  auto part = jose::parse_json_object(answer->json, {.bytes_max = channel::kAttestationMax, .members_max = 1'000'000});
  EXPECT_TRUE(part) << part.error().text;
  return part ? *part : Json();
}

// The value in a list, in hexadecimal digits; "rv:CKR_..." if the token gave none; "" if it was not asked for.
inline std::string attribute_of(const Json& list, std::string_view name) {
  for (const Json& entry : list) {
    if (entry["name"] != name) continue;
    return entry.contains("value") ? entry["value"].get<std::string>() : "rv:" + entry["rv"].get<std::string>();
  }
  return "";
}

// The records of a probe, in their order.
inline std::vector<Json> tries(const Json& part, std::string_view probe) {
  std::vector<Json> found;
  for (const Json& line : part["tried"]) {
    if (line["probe"] == probe) found.push_back(line);
  }
  return found;
}

// §3.2, "passes if"; what is a warning there counts as not passed.
inline bool passes(const Json& line) {
  const std::string rv = line["rv"];
  const std::string probe = line["probe"];
  if (probe == "read-mixed") return line["length"] == 0;
  if (line.contains("length") && line["length"] != 0) return false;
  if (probe == "unwrap" && (rv.starts_with("CKR_WRAPPED_KEY_") || rv.starts_with("CKR_ENCRYPTED_DATA_"))) return false;
  if (line.contains("before") && line["before"] != line["after"]) return false;
  return rv != "CKR_OK";
}

// The names of the probes that do not pass, each once, in their order.
inline std::vector<std::string> not_passed(const Json& part) {
  std::vector<std::string> names;
  for (const Json& line : part["tried"]) {
    if (!passes(line) && (names.empty() || line["probe"] != names.back())) names.push_back(line["probe"]);
  }
  return names;
}

}  // namespace signer::hsm::test
