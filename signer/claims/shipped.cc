// SPDX-License-Identifier: Apache-2.0

#include "claims/shipped.h"

#include <algorithm>
#include <array>
#include <utility>

namespace signer::claims {

namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr std::size_t kIdBytesMax = 128;
constexpr std::size_t kScopeBytesMax = 1024;
constexpr std::size_t kUriBytesMax = 256;
constexpr std::string_view kExtensions = "extensions";
constexpr std::string_view kKubernetes = "kubernetes.io";

Rule rule(std::string_view name, Type type, std::size_t length_max = kTextBytesDefault) {
  Rule made;
  made.name = name;
  made.type = type;
  made.length_max = length_max;
  return made;
}

Rule id(std::string_view name) {
  return rule(name, Type::kOpaqueId, kIdBytesMax);
}

Rule uri(std::string_view name) {
  return rule(name, Type::kUri, kUriBytesMax);
}

Rule required(Rule made) {
  made.required = true;
  return made;
}

// The expressions are ours and compile; a test goes through them all.
Rule pattern(std::string_view name, std::string_view expression, std::size_t length_max) {
  Rule made = rule(name, Type::kPattern, length_max);
  if (auto compiled = Pattern::compile(expression)) made.pattern = *std::move(compiled);
  return made;
}

Rule array_of(std::string_view name, Rule element, std::size_t items_max) {
  Rule made = rule(name, Type::kArray);
  made.parts.push_back(std::move(element));
  made.items_max = items_max;
  return made;
}

Rule object_of(std::string_view name, std::vector<Rule> members) {
  Rule made = rule(name, Type::kObject);
  made.parts = std::move(members);
  return made;
}

Rule constant(std::string_view name, std::string_view value) {
  Rule made = rule(name, Type::kConst);
  made.values.emplace_back(value);
  return made;
}

// An opaque id, or a URI (UDAP's, and those of clients that are known by their URL).
Rule client_id(std::string_view name) {
  return pattern(name, R"([A-Za-z0-9._~:-]{1,128}|https://[A-Za-z0-9._~:/\-]{1,240})", kUriBytesMax);
}

// base64url of a SHA-256, or of its left half, without padding.
Rule digest(std::string_view name) {
  return pattern(name, "[A-Za-z0-9_-]{43}", 43);
}

Rule half_digest(std::string_view name) {
  return pattern(name, "[A-Za-z0-9_-]{22}", 22);
}

// FHIR R4 §2.24.0.1: id.
Rule fhir_id(std::string_view name) {
  return pattern(name, R"([A-Za-z0-9\-.]{1,64})", 64);
}

// SMART App Launch 2: a reference to the user's own resource, absolute or relative.
Rule fhir_user() {
  return pattern("fhirUser",
                 R"((https://[A-Za-z0-9.:/_~-]{1,150}/)?)"
                 R"((Patient|Practitioner|PractitionerRole|RelatedPerson|Person)/[A-Za-z0-9\-.]{1,64})",
                 kUriBytesMax);
}

std::vector<Rule> with_base(std::vector<Rule> more) {
  std::vector<Rule> rules = base_rules();
  for (Rule& one : more) {
    const auto same = std::ranges::find(rules, one.name, &Rule::name);
    if (same != rules.end()) {
      *same = std::move(one);
    } else {
      rules.push_back(std::move(one));
    }
  }
  sort_by_name(rules);
  return rules;
}

// RFC 9068 §2.2, with RFC 9449 and RFC 8705 confirmation and the FHIR context of SMART.
Kind access_token() {
  return {"rfc9068-access-token", "at+jwt", Subject::kNotIssuer, hours(1),
          with_base({required(id("sub")), required(client_id("client_id")), rule("scope", Type::kScope, kScopeBytesMax),
                     rule("auth_time", Type::kTime), uri("acr"), array_of("amr", id(""), 8), id("azp"), id("sid"),
                     fhir_id("patient"), fhir_id("encounter"), fhir_user(), array_of("roles", id(""), 32),
                     array_of("groups", id(""), 32), array_of("entitlements", id(""), 32),
                     object_of("cnf", {digest("jkt"), digest("x5t#S256")})})};
}

// OpenID Connect Core 1.0 §2.  Of the standard claims of §5.1, which are a person's name, address and the like, none.
Kind id_token() {
  return {"oidc-id-token", "JWT", Subject::kNotIssuer, hours(24),
          with_base({required(id("sub")), pattern("nonce", "[!-~]{1,255}", 255), rule("auth_time", Type::kTime),
                     uri("acr"), array_of("amr", id(""), 8), id("azp"), id("sid"), half_digest("at_hash"),
                     half_digest("c_hash"), half_digest("s_hash"), fhir_user()})};
}

// SMART App Launch 2, client-confidential-asymmetric: nothing but the registered claims; at most five minutes.
Kind smart_client_assertion() {
  return {"smart-client-assertion", "JWT", Subject::kIssuer, minutes(5), with_base({required(client_id("sub"))})};
}

// HL7 UDAP Security 2 (FAST), B2B: `extensions` with the B2B authorisation object.  Names of persons are left out.
Kind udap_client_assertion() {
  Rule b2b =
      object_of("hl7-b2b", {required(constant("version", "1")), id("subject_id"), uri("subject_role"),
                            required(uri("organization_id")), rule("organization_name", Type::kText, kUriBytesMax),
                            required(array_of("purpose_of_use", uri(""), 16)), array_of("consent_policy", uri(""), 16),
                            array_of("consent_reference", uri(""), 16)});
  return {"udap-client-assertion",
          "JWT",
          Subject::kIssuer,
          minutes(5),
          with_base({required(client_id("sub")), required(object_of(kExtensions, {required(std::move(b2b))}))}),
          true};
}

// Kubernetes' bound service account tokens.
Kind kubernetes_service_account() {
  // The names of Kubernetes' objects, not of people.
  const auto name = [](std::string_view member) {
    Rule made = pattern(member, R"([a-z0-9]([a-z0-9.\-]{0,251}[a-z0-9])?)", 253);
    made.exempt = made.exempt.with(phi::Detector::kName);
    return made;
  };
  const auto reference = [&name](std::string_view member) {
    return object_of(member, {required(name("name")), rule("uid", Type::kUuid)});
  };
  return {
      "kubernetes-service-account", "JWT", Subject::kNotIssuer, hours(24),
      with_base({required(pattern("sub", R"(system:serviceaccount:[a-z0-9\-]{1,63}:[a-z0-9.\-]{1,253})", 340)),
                 required(object_of(
                     kKubernetes, {required(name("namespace")), required(reference("serviceaccount")), reference("pod"),
                                   reference("node"), reference("secret"), rule("warnafter", Type::kTime)}))})};
}

// Between services of one house.
Kind internal_service() {
  return {"internal-service", "service+jwt", Subject::kNotIssuer, hours(1),
          with_base({required(id("sub")), id("azp"), id("client_id"), id("tenant"),
                     rule("scope", Type::kScope, kScopeBytesMax), array_of("roles", id(""), 32)})};
}

std::vector<Kind> make_kinds() {
  return {
      access_token(),    id_token(), smart_client_assertion(), udap_client_assertion(), kubernetes_service_account(),
      internal_service()};
}

}  // namespace

std::span<const Kind> shipped_kinds() {
  static const std::vector<Kind> kKinds = make_kinds();
  return kKinds;
}

const Kind* find_kind(std::string_view name) {
  const auto kinds = shipped_kinds();
  const auto found = std::ranges::find(kinds, name, &Kind::name);
  return found == kinds.end() ? nullptr : &*found;
}

std::vector<Rule> base_rules() {
  return {id("jti"), id("sub")};
}

bool is_marker(std::string_view claim) noexcept {
  return claim == kExtensions || claim == kKubernetes;
}

std::optional<Breach> judge_subject(const jose::Json& claims, Subject subject) {
  if (subject == Subject::kAny) return std::nullopt;
  const auto sub = claims.find("sub");
  const auto iss = claims.find("iss");
  const bool same = sub != claims.end() && iss != claims.end() && *sub == *iss;
  if (same == (subject == Subject::kIssuer)) return std::nullopt;
  return Breach{"claim.subject", "/sub",
                subject == Subject::kIssuer ? "must be the profile's issuer" : "must not be the profile's issuer"};
}

}  // namespace signer::claims
