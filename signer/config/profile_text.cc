// SPDX-License-Identifier: Apache-2.0

#include "config/config.h"
#include "jose/base64url.h"
#include "jose/hash.h"
#include "jose/json.h"

namespace signer::config {

namespace {

using claims::Rule;
using claims::Type;
using jose::Json;

Json rule_json(const Rule& rule) {
  Json json = {{"type", claims::to_string(rule.type)}};
  if (!rule.name.empty()) json["name"] = rule.name;
  if (rule.required) json["required"] = true;
  if (!rule.values.empty()) json["values"] = rule.values;
  if (rule.pattern) json["pattern"] = rule.pattern->expression();
  for (const Rule& part : rule.parts) json["parts"].push_back(rule_json(part));
  for (const phi::Detector detector : phi::kDetectors) {
    if (rule.exempt.contains(detector)) json["exempt"].push_back(phi::rule_of(detector));
  }
  switch (rule.type) {
    case Type::kNumber:
      json["min"] = rule.minimum;
      json["max"] = rule.maximum;
      break;
    case Type::kArray:
      json["max_items"] = rule.items_max;
      break;
    case Type::kTime:
    case Type::kBoolean:
    case Type::kObject:
      break;
    default:
      json["max_length"] = rule.length_max;
  }
  return json;
}

}  // namespace

std::string profile_text(const Profile& profile) {
  Json json = {{"audiences", profile.audiences},
               {"claims", Json::array()},
               {"issuer", profile.issuer},
               {"kind", profile.kind},
               {"max_bytes", profile.bytes_max},
               {"max_ttl", profile.max_ttl.count()},
               {"name", profile.name},
               {"phi", profile.phi == claims::PhiMode::kEnforce ? "enforce" : "report"},
               {"typ", profile.typ},
               {"version", profile.version}};
  for (const Rule& rule : profile.rules) json["claims"].push_back(rule_json(rule));
  for (const Exemption& one : profile.exemptions) {
    json["exempt"].push_back({{"claim", one.claim}, {"rule", phi::rule_of(one.detector)}, {"reason", one.reason}});
  }
  if (!profile.required.empty()) json["required"] = profile.required;
  if (profile.set_nbf) json["set"] = {"nbf"};
  if (profile.pairwise) json["pairwise_sector"] = profile.pairwise->sector;
  if (profile.pairwise && !profile.pairwise->secret_key.empty()) json["pairwise_key"] = profile.pairwise->secret_key;
  if (!profile.encrypt_to.empty()) json["encrypt_to"] = profile.encrypt_to;
  if (!profile.certificate_chain.empty()) json["certificate_chain"] = profile.certificate_chain;
  if (!profile.encrypt_claims.empty()) json["encrypt_claims"] = profile.encrypt_claims;
  return jose::dump_json(json);
}

std::string profile_sha256(const Profile& profile) {
  return jose::base64url_encode(jose::sha256(bytes_of(profile_text(profile))));
}

}  // namespace signer::config
