// SPDX-License-Identifier: Apache-2.0
// Target functions: protocol::parse_issue and parse_payload, policy::Policy::authorize, policy::shape_claims,
// policy::make_signing_input.
//
// Input: the body of an issue request.  Its claims are asked for as a token, as an exact payload, with a pairwise
// subject and with some of them encrypted.  What is signed in the end is what the profile promises and nothing else of
// the caller's making; a refusal says nothing that the caller sent (invariants 3 and 11).
#include <algorithm>

#include "fuzz/judgement.h"
#include "jose/base64url.h"
#include "policy/claims.h"
#include "protocol/messages.h"
#include "signer/jwt.h"

namespace signer::fuzz {
namespace {

using jose::Json;

constexpr long long kSlack = 60;

// The fixed texts of policy/ and what the configuration below puts into them.
constexpr std::string_view kOwnWords =
    "claim 'iss' must be the profile's issuer, or left out claim 'aud' must be sent: the profile has several audiences "
    "claim 'aud' must hold audiences of the profile alone claim 'aud' must not be empty claim 'iat' must be a whole "
    "number "
    "of seconds within 60 s of now claim 'exp' must be a whole number of seconds after now and within the profile's "
    "max_ttl "
    "claim 'nbf' must be a whole number of seconds, at most 60 s before now and before exp claim 'jti' must be of A-Z "
    "a-z "
    "0-9 . _ ~ : - the claims must hold nothing that the profile does not allow; see the member at index in the order "
    "of "
    "the alphabet must be the profile's value, or left out must match the profile's pattern must be a UUID must be "
    "scope "
    "tokens with one space between them must be an absolute URI must be printable UTF-8 must be true or false must be "
    "an "
    "object must be an array must be a text has more elements than the profile allows must be a whole number is not "
    "within the profile's range is longer than the profile allows looks like protected health information, which a "
    "token "
    "must not hold claim 'cnf/jkt' claim 'cnf/n' claim 'auth_time' claim 'fhirUser' claim 'tenant' claim 'scope' claim "
    "'list/ the claims would be larger than the profile's 11264 bytes 4096 bytes the token "
    "would hold more than 256 names and elements no grant "
    "allows "
    "this no grant lets this caller issue with this key no grant lets this caller issue with this profile name a "
    "profile: "
    "several are allowed for this key too many requests rate of grant limited policy: RAND_bytes failed internal error";

// With every name and number that these texts can have before and in them: an input can say "ex 0 i" as well.
const std::string& own_words() {
  static const std::string words = [] {
    std::string all(kOwnWords);
    std::vector<std::string> names = {"iss",  "aud",     "exp",       "iat",      "nbf",    "jti",  "sub",
                                      "cnf",  "cnf/jkt", "cnf/n",     "fhirUser", "tenant", "list", "scope",
                                      "note", "uuid",    "auth_time", "link",     "ok"};
    for (int i = 0; i <= 256; ++i) {
      names.push_back("list/" + std::to_string(i));
      all += " see the member at index " + std::to_string(i) + " in the order of the alphabet";
    }
    for (const std::string& name : names) {
      for (const char* problem : {"must be", "must hold", "must match", "must not", "has more", "is not", "is longer",
                                  "is missing", "looks like"})
        all += " claim '" + name + "' " + problem + " ";
    }
    return all;
  }();
  return words;
}

claims::Rule rule(std::string_view name, claims::Type type) {
  claims::Rule made;
  made.name = name;
  made.type = type;
  made.length_max = 4096;
  return made;
}

// Every type of claim, the detectors on.
config::Profile access_profile() {
  config::Profile profile;
  profile.name = "access";
  profile.typ = "at+jwt";
  profile.issuer = "https://idp.example";
  profile.audiences = {"https://api.example"};
  profile.max_ttl = std::chrono::minutes(15);
  profile.bytes_max = 11UL * 1024;
  claims::Rule pattern = rule("fhirUser", claims::Type::kPattern);
  pattern.pattern = claims::Pattern::compile("(a+)+b|Practitioner/[0-9a-z.-]{1,64}").value();
  claims::Rule constant = rule("tenant", claims::Type::kConst);
  constant.values = {"north"};
  claims::Rule list = rule("list", claims::Type::kArray);
  list.items_max = 256;
  list.parts = {rule("", claims::Type::kText)};
  claims::Rule object = rule("cnf", claims::Type::kObject);
  object.parts = {rule("jkt", claims::Type::kOpaqueId), rule("n", claims::Type::kNumber)};
  for (claims::Rule& one : std::vector<claims::Rule>{
           pattern, constant, list, object, rule("scope", claims::Type::kScope), rule("note", claims::Type::kText),
           rule("uuid", claims::Type::kUuid), rule("link", claims::Type::kUri), rule("auth_time", claims::Type::kTime),
           rule("ok", claims::Type::kBoolean)}) {
    profile.rules.push_back(std::move(one));
  }
  claims::sort_by_name(profile.rules);
  return profile;
}

config::Profile multi_profile() {
  config::Profile profile;
  profile.name = "multi";
  profile.issuer = "https://idp.example";
  profile.audiences = {"https://a.example", "https://b.example"};
  profile.max_ttl = std::chrono::seconds(1);
  profile.phi = claims::PhiMode::kReport;
  return profile;
}

// As access, with rewritten claims.
config::Profile rewriting_profile(const char* name) {
  config::Profile profile = access_profile();
  profile.name = name;
  return profile;
}

config::Profile pairwise_profile() {
  config::Profile profile = rewriting_profile("pairwise");
  profile.pairwise = config::Pairwise{"api.example", "/f"};
  profile.phi = claims::PhiMode::kReport;
  return profile;
}

config::Profile sealing_profile() {
  config::Profile profile = rewriting_profile("sealing");
  profile.encrypt_to = "r";
  profile.encrypt_claims = {"cnf", "list", "note", "sub"};
  return profile;
}

const policy::Policy& fixed_policy() {
  static const auto policy = [] {
    config::Config config;
    config.file = "fuzz.toml";
    config.profiles.push_back(access_profile());
    config.profiles.push_back(multi_profile());
    config.profiles.push_back(pairwise_profile());
    config.profiles.push_back(sealing_profile());
    config.recipients.push_back({"r", "/r", "", 0});
    config::Match anybody;
    anybody.uid = kCaller;
    config.grants.push_back({"both", anybody, {"issuer"}, {"access", "multi"}, {Verb::kIssue}, std::nullopt});
    config.grants.push_back({"one", anybody, {"other"}, {"access"}, {Verb::kIssue}, std::nullopt});
    config.grants.push_back({"exact", anybody, {"other"}, {"access"}, {Verb::kSignPayload}, std::nullopt});
    for (const char* name : {"pairwise", "sealing"})
      config.grants.push_back({name, anybody, {name}, {name}, {Verb::kIssue}, std::nullopt});
    auto built = policy::Policy::build(config, policy::Accounts{}, fixed_files());
    require(built.has_value(), "the fixed policy builds");
    return *std::move(built);
  }();
  return *policy;
}

void collect_texts(const Json& value, std::string& out) {
  if (value.is_string()) out += value.get_ref<const std::string&>() + '\n';
  if (value.is_structured()) {
    for (const Json& child : value) collect_texts(child, out);
  }
}

void check_refusal(const Refusal& refusal, const std::string& sent) {
  require(!refusal.detail.empty(), "a refusal has words");
  require(!quotes(refusal.detail, sent, own_words()), "the detail quotes no value of the caller's");
  require(!quotes(refusal.reason, sent, own_words()), "the reason quotes no value of the caller's");
}

long long whole_number(const Json& claims, const char* name) {
  const auto place = claims.find(name);
  require(place != claims.end() && place->is_number_integer(), "a time is a whole number");
  return place->get<long long>();
}

void check_audience(const Json& claims, const policy::SigningInput& input, const config::Profile& profile) {
  require(claims.contains("aud"), "there is an audience");
  const Json& aud = claims["aud"];
  const Json list = aud.is_array() ? aud : Json(std::vector<Json>{aud});
  require(!list.empty() && list == Json(input.audiences()), "the audience is what the record will say");
  for (const Json& one : list) {
    require(one.is_string() && std::find(profile.audiences.begin(), profile.audiences.end(), one.get<std::string>()) !=
                                   profile.audiences.end(),
            "an audience is one of the profile's");
  }
}

void check_claims(const Json& claims, const policy::SigningInput& input, const config::Profile& profile) {
  require(claims["iss"] == profile.issuer, "the issuer is the profile's");
  check_audience(claims, input, profile);
  const long long iat = whole_number(claims, "iat");
  const long long exp = whole_number(claims, "exp");
  require(iat >= kNow - kSlack && iat <= kNow + kSlack, "iat is about now");
  require(exp > kNow && exp <= kNow + profile.max_ttl.count() && exp == input.exp(), "exp is within max_ttl");
  if (claims.contains("nbf")) {
    const long long nbf = whole_number(claims, "nbf");
    require(nbf >= kNow - kSlack && nbf < exp, "nbf is about now and before exp");
  }
  require(!claims.contains("sub") || claims["sub"].is_string(), "sub is a text");
  require(claims["jti"] == input.jti() && !input.jti().empty() && input.jti().size() <= 128, "there is a jti");
}

void check_input(const policy::SigningInput& input, const policy::Profile& profile, const Json& sent) {
  const std::string_view text = input.text();
  const auto header = jose::base64url_decode(text.substr(0, text.find('.')));
  require(header.has_value(), "the header is base64url");
  require(jose::parse_json_object(text_of(*header)).has_value() &&
              *jose::parse_json_object(text_of(*header)) ==
                  Json({{"alg", "RS256"}, {"kid", kKid}, {"typ", profile.settings().typ}}),
          "the header is alg, kid and typ");
  const std::string payload = payload_of(input);
  const auto claims = jose::parse_json_object(payload, {.members_max = 300});
  require(claims.has_value(), "the payload is one strict JSON object");
  check_claims(opened(*claims, profile.settings()), input, profile.settings());
  check_allowed(sent, payload, profile);
  check_findings(input.findings(), profile.settings());
}

// The claims with what is required of a payload, if they lack it, signed byte for byte or refused.
void check_exact(const policy::Policy& policy, const PeerIdentity& peer, Json claims) {
  const Json needed = {{"aud", "https://api.example"},
                       {"exp", kNow + 60},
                       {"iat", kNow},
                       {"iss", "https://idp.example"},
                       {"jti", "id-1"}};
  for (const auto& [name, value] : needed.items()) {
    if (!claims.contains(name)) claims[name] = value;
  }
  const std::string text = claims.dump(1);  // not as we would write it
  auto request = protocol::parse_payload(protocol::payload_body(text, std::nullopt), "other");
  if (!request) return;
  policy::Limiter limiter;
  const auto authorized = policy.authorize(peer, *std::move(request), limiter, SteadyTime{});
  require(authorized.has_value(), "the grant is for payloads");
  const auto input = input_of(*authorized, WallTime{std::chrono::seconds(kNow)});
  if (!input) return check_told(input.error(), authorized->profile().settings());
  require(payload_of(*input) == text, "a payload is signed byte for byte");
  check_input(*input, authorized->profile(), claims);
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using namespace signer::fuzz;
  const policy::Policy& policy = fixed_policy();
  const WallTime now{std::chrono::seconds(kNow)};
  PeerIdentity peer;
  peer.uid = kCaller;

  for (const char* key : {"issuer", "other", "pairwise", "sealing"}) {
    auto request = protocol::parse_issue(text_of({data, size}), key);
    if (!request) return 0;
    if (key == std::string_view("pairwise") || key == std::string_view("sealing")) request->profile.reset();
    const Json sent = request->claims;
    std::string texts = request->profile.value_or("") + '\n';
    collect_texts(sent, texts);
    const IssueRequest copy = *request;

    policy::Limiter limiter;
    auto authorized = policy.authorize(peer, *std::move(request), limiter, SteadyTime{});
    PeerIdentity stranger = peer;
    stranger.uid = 1002;
    require(!policy.authorize(stranger, copy, limiter, SteadyTime{}), "a stranger gets nothing");
    if (!authorized) {
      check_refusal(authorized.error(), texts);
      continue;
    }
    require(!copy.profile || authorized->profile().settings().name == *copy.profile,
            "the profile is the one asked for");
    require(authorized->claims() == sent && authorized->key() == key, "authorising changes nothing");
    const auto input = input_of(*authorized, now);
    if (input) check_input(*input, authorized->profile(), sent);
    if (!input) {
      check_refusal(input.error(), texts);
      check_told(input.error(), authorized->profile().settings());
    }
    if (key == std::string_view("other")) check_exact(policy, peer, sent);
  }
  return 0;
}
