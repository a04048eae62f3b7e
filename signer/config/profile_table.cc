// SPDX-License-Identifier: Apache-2.0

#include "config/profile_table.h"

#include <algorithm>
#include <array>

#include "config/claim_table.h"
#include "config/references.h"
#include "signer/encrypted_claims.h"

namespace signer::config {

namespace {

// docs/evidence-format.md §1.
constexpr std::string_view kEvidenceType = "signer-evidence";

using claims::Kind;
using claims::Rule;
using std::chrono::seconds;

constexpr std::chrono::hours kTtlMax(24 * 366);
constexpr std::int64_t kPayloadBytesMin = 256;
constexpr std::int64_t kPayloadBytesMax = 11L * 1024;  // a token of 16 KiB
constexpr std::int64_t kVersionMax = 1'000'000'000;
constexpr std::size_t kReasonBytesMax = 200;

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string kinds_joined() {
  std::string all;
  for (const Kind& kind : claims::shipped_kinds()) all += (all.empty() ? "" : ", ") + std::string(kind.name);
  return all;
}

// The kind comes first: what the table says beside it narrows it or adds to it.
const Kind* read_kind(TableReader& reader, Profile& profile) {
  reader.text("kind", profile.kind);
  if (profile.kind.empty()) return nullptr;
  const Kind* kind = claims::find_kind(profile.kind);
  if (kind == nullptr) {
    reader.problem("kind", "is not known; known: " + kinds_joined());
    return nullptr;
  }
  profile.typ = kind->typ;
  profile.subject = kind->subject;
  profile.rules = kind->rules;
  return kind;
}

void read_header_and_time(TableReader& reader, const Kind* kind, Profile& profile) {
  std::optional<std::int64_t> version;
  reader.number("version", 1, kVersionMax, version);
  profile.version = version.value_or(1);
  std::string typ = profile.typ;
  reader.text("typ", typ);
  if (kind != nullptr && typ != kind->typ) {
    reader.problem("typ", "is \"" + std::string(kind->typ) + "\" for this kind; take the line out");
  }
  if (typ == kEvidenceType) reader.problem("typ", "is that of evidence, which no token may be taken for");
  profile.typ = typ;
  reader.text("issuer", profile.issuer, true);
  reader.texts("audiences", profile.audiences, true);
  std::optional<seconds> ttl;
  reader.seconds("max_ttl", seconds(1), kTtlMax, ttl);
  if (!ttl && !reader.has("max_ttl")) reader.problem("max_ttl", "is missing; every token has an end, say \"15m\"");
  profile.max_ttl = ttl.value_or(profile.max_ttl);
  if (kind != nullptr && profile.max_ttl > kind->ttl_max) {
    reader.problem("max_ttl", "is more than the " + std::to_string(kind->ttl_max.count()) + "s that this kind allows");
  }
}

constexpr std::size_t kJtiBytesMax = 128;
constexpr std::size_t kOwnJtiBytes = 22;  // of signerd: base64url of 128 bits

// What signerd itself reads must be what it takes it for.
const char* problem_of_identifier(const Rule& rule) {
  if (rule.name == "sub" && !claims::is_text(rule.type)) return "'sub' must be of a type of text";
  if (rule.name != "jti") return nullptr;
  const bool plain =
      rule.type == claims::Type::kOpaqueId || rule.type == claims::Type::kUuid || rule.type == claims::Type::kPattern;
  return plain ? nullptr : R"('jti' must be an "opaque_id", "uuid" or "pattern")";
}

// Puts a claim of the file beside those that are there, or makes one that is there narrower.
void add_claim(TableReader& reader, const Kind* kind, Profile& profile, Rule rule) {
  if (std::ranges::find(claims::kJudgedElsewhere, rule.name) != std::end(claims::kJudgedElsewhere)) {
    return reader.problem("claim", "'" + rule.name + "' is set and bounded by the profile itself");
  }
  // Whoever could send it could put another token's hidden claims into this one.
  if (rule.name == kEncryptedClaims) {
    return reader.problem("claim", "'" + rule.name + "' is signerd's alone; encrypt_claims fills it");
  }
  if (claims::is_marker(rule.name)) return reader.problem("claim", "'" + rule.name + "' marks tokens of a kind");
  if (const char* problem = problem_of_identifier(rule)) return reader.problem("claim", problem);
  if (rule.name == "jti") rule.length_max = std::min(rule.length_max, kJtiBytesMax);
  const auto same = std::ranges::find(profile.rules, rule.name, &Rule::name);
  if (same == profile.rules.end()) {
    profile.rules.push_back(std::move(rule));
  } else if (kind == nullptr) {
    *same = std::move(rule);
  } else if (auto narrow = claims::narrowed(*same, rule)) {
    *same = *std::move(narrow);
  } else {
    reader.problem("claim", "'" + rule.name + "' would be wider than the kind has it; it is of type \"" +
                                std::string(claims::to_string(same->type)) + "\" there");
  }
}

void read_allow_list(TableReader& reader, Problems& problems, const Kind* kind, Profile& profile) {
  for (Rule& rule : read_claims(reader, "claim", "profile.claim", problems)) {
    add_claim(reader, kind, profile, std::move(rule));
  }
  std::vector<std::string> without;
  reader.texts("without", without);
  for (const std::string& name : without) {
    const auto found = std::ranges::find(profile.rules, name, &Rule::name);
    if (found == profile.rules.end()) {
      reader.problem("without", "'" + name + "' is not allowed anyway");
    } else if (found->required) {
      reader.problem("without", "'" + name + "' is required");
    } else {
      profile.rules.erase(found);
    }
  }
  claims::sort_by_name(profile.rules);
}

void read_required_and_set(TableReader& reader, Profile& profile) {
  std::vector<std::string> names;
  reader.texts("required", names);
  for (const std::string& name : names) {
    const auto rule = std::ranges::find(profile.rules, name, &Rule::name);
    if (rule != profile.rules.end()) {
      rule->required = true;
    } else if (name != "iss" &&
               std::ranges::find(claims::kJudgedElsewhere, name) != std::end(claims::kJudgedElsewhere)) {
      profile.required.push_back(name);
    } else {
      reader.problem("required", name == "iss" ? "'iss' is set by signerd" : "'" + name + "' is not on the allow-list");
    }
  }
  const auto jti = std::ranges::find(profile.rules, "jti", &Rule::name);
  const bool unlike_ours = jti != profile.rules.end() && jti->type != claims::Type::kUuid &&
                           (jti->pattern || jti->length_max < kOwnJtiBytes);
  if (unlike_ours && !jti->required)
    reader.problem("claim", "'jti' must be required: signerd's own, 22 characters of base64url, might not be so");
  std::vector<std::string> set;
  reader.texts("set", set);
  for (const std::string& name : set) {
    if (name != "nbf")
      reader.problem("set", "'" + name + "' cannot be chosen here; iss, iat, exp and jti are always set");
    profile.set_nbf = true;
  }
  if (profile.set_nbf && holds(profile.required, "nbf"))
    reader.problem("set", "'nbf' is required of callers already; keep one");
}

// The rule that a pointer without indexes leads to: elements of arrays have no name, so a step goes through them.
Rule* rule_at(std::vector<Rule>& rules, std::string_view pointer) {
  const std::size_t slash = pointer.find('/');
  std::string name;
  for (std::size_t i = 0; i < std::min(slash, pointer.size()); ++i) {
    const bool escape = pointer[i] == '~' && i + 1 < pointer.size() && (pointer[i + 1] == '0' || pointer[i + 1] == '1');
    name += escape ? (pointer[i + 1] == '1' ? '/' : '~') : pointer[i];
    if (escape) ++i;
  }
  const auto found = std::ranges::find(rules, name, &Rule::name);
  if (found == rules.end()) return nullptr;
  Rule* rule = &*found;
  while (rule->type == claims::Type::kArray) rule = rule->parts.data();
  return slash == std::string_view::npos ? rule : rule_at(rule->parts, pointer.substr(slash + 1));
}

void read_exemption(const toml::table& table, Problems& problems, Profile& profile) {
  TableReader reader(table, "profile.exempt", problems);
  Exemption exemption;
  std::string detector;
  reader.text("claim", exemption.claim, true);
  reader.text("rule", detector, true);
  reader.text("reason", exemption.reason, true);
  // It stands in every record of a token that makes use of it.
  const bool plain = std::ranges::none_of(exemption.reason, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
  if (exemption.reason.size() > kReasonBytesMax || !plain)
    reader.problem("reason", "must be at most 200 bytes without control characters");
  const auto known = phi::detector_of(detector);
  if (!detector.empty() && !known) {
    std::string all;
    for (const phi::Detector one : phi::kDetectors) all += (all.empty() ? "" : ", ") + std::string(phi::rule_of(one));
    reader.problem("rule", "is not known; known: " + all);
  }
  // A jti stands in every record; a pseudonym of a social security number is one.
  if (exemption.claim == "jti") reader.problem("claim", "'jti' is in the audit log and cannot be exempt");
  if (exemption.claim == "sub" && profile.pairwise)
    reader.problem("claim", "'sub' is what a pseudonym is made from and cannot be exempt");
  Rule* rule = rule_at(profile.rules, exemption.claim);
  if (!exemption.claim.empty() && rule == nullptr) reader.problem("claim", "is not a claim of this profile");
  if (rule != nullptr && known) {
    if (std::ranges::find(rule->reasons, *known, &claims::Reason::detector) != rule->reasons.end())
      reader.problem("rule", "is taken off this claim twice; keep one of the two reasons");
    rule->exempt = rule->exempt.with(*known);
    rule->reasons.push_back({*known, exemption.reason});
    exemption.detector = *known;
    profile.exemptions.push_back(std::move(exemption));
  }
  reader.finish();
}

// A name is decided about when the file is read, not when somebody is at the desk.
void check_names(TableReader& reader, const std::vector<Rule>& rules, const std::string& path) {
  for (const Rule& rule : rules) {
    const std::string name = rule.name.empty() ? path : path + (path.empty() ? "" : "/") + rule.name;
    const Rule* value = &rule;
    while (value->type == claims::Type::kArray) value = value->parts.data();
    if (!rule.name.empty() && phi::names_phi(rule.name) && !value->exempt.contains(phi::Detector::kName)) {
      reader.problem("claim", "'" + name +
                                  "' is a name of protected health information; leave the claim out, or add a "
                                  "[[profile.exempt]] with claim = \"" +
                                  name + "\", rule = \"phi.name\" and the reason");
    }
    check_names(reader, rule.parts, name);
  }
}

void read_phi(TableReader& reader, Problems& problems, Profile& profile) {
  std::string mode = "enforce";
  reader.text("phi", mode);
  profile.phi = mode == "report" ? claims::PhiMode::kReport : claims::PhiMode::kEnforce;
  if (mode != "report" && mode != "enforce") reader.problem("phi", R"(must be "enforce" or "report")");
  for (const toml::table* table : reader.tables("exempt")) read_exemption(*table, problems, profile);
  check_names(reader, profile.rules, "");
}

// What pseudonyms are made with: a key in a token or a file, and never a choice between the two.
void read_pairwise_secret(TableReader& inner, const Config& so_far, Pairwise& pairwise) {
  inner.text("secret_file", pairwise.secret_file);
  inner.text("secret_key", pairwise.secret_key);
  const bool credential = pairwise.secret_file.starts_with("credential:");
  if (!pairwise.secret_file.empty() && !credential && pairwise.secret_file[0] != '/')
    inner.problem("secret_file", "must be an absolute path, or \"credential:NAME\"");
  if (!pairwise.secret_key.empty())
    check_references(inner, "secret_key", {pairwise.secret_key}, names_of(so_far.hmac_keys));
  if (inner.has("secret_file") && inner.has("secret_key"))
    inner.problem("secret_key", "stands beside secret_file, and they would make different pseudonyms; keep one");
  if (!inner.has("secret_file") && !inner.has("secret_key"))
    inner.problem("secret_key", "is missing; name an [[hmac_key]], or a file with secret_file = \"...\"");
}

void read_pairwise(TableReader& reader, Problems& problems, const Config& so_far, Profile& profile) {
  const toml::table* table = reader.table("pairwise");
  if (table == nullptr) return;
  TableReader inner(*table, "profile.pairwise", problems);
  Pairwise pairwise;
  inner.text("sector", pairwise.sector, true);
  if (pairwise.sector.size() > kSectorBytesMax) inner.problem("sector", "must be at most 1024 bytes");
  read_pairwise_secret(inner, so_far, pairwise);
  inner.finish();
  if (profile.subject == claims::Subject::kIssuer)
    reader.problem("pairwise", "does not fit this kind, whose 'sub' is the issuer");
  profile.pairwise = std::move(pairwise);
}

void read_encryption(TableReader& reader, const Config& so_far, Profile& profile) {
  reader.text("encrypt_to", profile.encrypt_to);
  if (!profile.encrypt_to.empty())
    check_references(reader, "encrypt_to", {profile.encrypt_to}, names_of(so_far.recipients));
  reader.texts("encrypt_claims", profile.encrypt_claims);
  if (!profile.encrypt_claims.empty() && profile.encrypt_to.empty())
    reader.problem("encrypt_claims", "needs encrypt_to, the recipient");
  const Kind* kind = claims::find_kind(profile.kind);
  for (const std::string& name : profile.encrypt_claims) {
    const auto rule = std::ranges::find(profile.rules, name, &Rule::name);
    if (rule == profile.rules.end() || name == "jti") {
      reader.problem("encrypt_claims", "'" + name + "' is not a claim that can be encrypted");
    } else if (name == "client_id" && !claims::is_text(rule->type)) {  // whoever opens it would refuse it
      reader.problem("encrypt_claims", "'client_id' must be of a type of text to be encrypted");
    } else if (kind != nullptr && std::ranges::any_of(kind->rules, [&name](const Rule& one) {
                 return one.name == name && one.required;
               })) {
      reader.problem("encrypt_claims", "'" + name + "' must be readable in tokens of this kind");
    }
  }
}

void read_certificate_chain(TableReader& reader, const Kind* kind, Profile& profile) {
  reader.text("certificate_chain", profile.certificate_chain);
  if (!profile.certificate_chain.empty() && profile.certificate_chain[0] != '/')
    reader.problem("certificate_chain", "must be an absolute path");
  if (kind != nullptr && kind->certificate_chain && profile.certificate_chain.empty() &&
      !reader.has("certificate_chain")) {
    reader.problem("certificate_chain",
                   "is missing; tokens of this kind carry their certificates, say \"/etc/signer/chain.pem\"");
  }
}

}  // namespace

void read_profile(TableReader& reader, Problems& problems, const Config& so_far, Profile& profile) {
  const Kind* kind = read_kind(reader, profile);
  read_header_and_time(reader, kind, profile);
  read_allow_list(reader, problems, kind, profile);
  read_required_and_set(reader, profile);
  std::optional<std::int64_t> bytes;
  reader.number("max_bytes", kPayloadBytesMin, kPayloadBytesMax, bytes);
  if (bytes) profile.bytes_max = static_cast<std::size_t>(*bytes);
  read_pairwise(reader, problems, so_far, profile);
  read_phi(reader, problems, profile);
  read_encryption(reader, so_far, profile);
  read_certificate_chain(reader, kind, profile);
}

}  // namespace signer::config
