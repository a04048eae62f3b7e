// SPDX-License-Identifier: Apache-2.0

#include "policy/claims.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/hex.h"
#include "claims/judge.h"
#include "claims/shipped.h"
#include "jose/base64url.h"
#include "jose/jwe.h"
#include "jose/object_writer.h"
#include "signer/encrypted_claims.h"

namespace signer::policy {

namespace {

using jose::Json;

constexpr long long kClockSlack = 60;  // seconds between a token server's clock and ours
constexpr std::size_t kJtiRandomBytes = 16;
constexpr std::size_t kSignatureCharsMax = 1 + 683;  // "." and a 4096-bit signature
constexpr std::size_t kTokenMembersMax = 256;        // what jwt::TokenProfile takes by default

Failure<Refusal> refuse_breach(claims::Breach breach) {
  Refusal refusal{ErrorCode::kClaimPolicy, claims::describe(breach), "", {}};
  refusal.rule = std::move(breach.rule);
  refusal.pointer = std::move(breach.pointer);
  return {std::move(refusal)};
}

Failure<Refusal> breaks(std::string_view claim, std::string_view rule, std::string problem) {
  return refuse_breach({std::string(rule), "/" + std::string(claim), std::move(problem)});
}

// A rule of the claims as a whole.
Failure<Refusal> breaks_whole(std::string_view rule, std::string problem) {
  Refusal refusal{ErrorCode::kClaimPolicy, std::move(problem), "", {}};
  refusal.rule = rule;
  return {std::move(refusal)};
}

// RFC 9562 §5.4: version 4.
std::string uuid_of(std::array<std::uint8_t, kJtiRandomBytes> bytes) {
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3fU) | 0x80U);
  std::string text = to_hex(bytes);
  for (const std::size_t at : {20UL, 16UL, 12UL, 8UL}) text.insert(at, 1, '-');
  return text;
}

// Of a form that the profile takes from callers: a configuration with any other makes them send one.
Judged<std::string> fresh_jti(const config::Profile& settings) {
  std::array<std::uint8_t, kJtiRandomBytes> bytes{};
  if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return refuse(ErrorCode::kInternal, "internal error", "policy: RAND_bytes failed");
  }
  const auto rule = std::ranges::find(settings.rules, "jti", &claims::Rule::name);
  const bool uuid = rule != settings.rules.end() && rule->type == claims::Type::kUuid;
  return uuid ? uuid_of(bytes) : jose::base64url_encode(bytes);
}

Failure<Refusal> too_large(const config::Profile& settings) {
  return breaks_whole("claims.size",
                      "the claims would be larger than the profile's " + std::to_string(settings.bytes_max) + " bytes");
}

// Names and texts, in bytes: no more than the claims will be as JSON.
std::size_t text_size(const Json& value) {
  if (const auto* text = value.get_ptr<const std::string*>()) return text->size();
  std::size_t size = 0;
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) size += name.size() + text_size(member);
  } else if (value.is_array()) {
    for (const Json& element : value) size += text_size(element);
  }
  return size;
}

// A certificate of another key, or one that is not valid now, would only be found out by whoever receives the token.
Judged<void> check_chain(const jose::CertificateChain& chain, const std::string& kid, WallTime now) {
  const char* problem = chain.leaf_thumbprint != kid ? "the profile's certificate is of another key"
                        : now < chain.not_before     ? "the profile's certificate is not valid yet"
                        : now > chain.not_after      ? "the profile's certificate has expired"
                                                     : nullptr;
  if (problem == nullptr) return {};
  return refuse(ErrorCode::kTokenUnavailable, "the key has no certificate that is valid now", problem);
}

}  // namespace

// One request on its way from what was sent to the claims of a token.
class Shaper {
 public:
  Shaper(const AuthorizedRequest& request, WallTime now)
      : profile_(request.profile()),
        settings_(profile_.settings()),
        claims_(request.claims()),
        exact_(request.payload() != nullptr),
        now_(unix_seconds(now)) {}

  Judged<std::variant<ShapedClaims, PairwiseClaims>> run() {
    SIGNER_RETURN_IF_ERROR(check_sent());
    set_constants();
    if (auto breach = claims::judge(claims_, settings_.rules, settings_.phi, findings_)) {
      return refuse_breach(*std::move(breach));
    }
    if (auto breach = strict_finding(findings_)) return refuse_breach(*std::move(breach));
    SIGNER_RETURN_IF_ERROR(set_issuer());
    SIGNER_RETURN_IF_ERROR(set_audience());
    SIGNER_RETURN_IF_ERROR(set_times());
    SIGNER_RETURN_IF_ERROR(set_jti());
    if (auto breach = claims::judge_subject(claims_, settings_.subject)) return refuse_breach(*std::move(breach));
    if (jose::count_members(claims_) > kTokenMembersMax) {
      return breaks_whole("claims.members", "the token would hold more than 256 names and elements");
    }
    return with_subject();
  }

 private:
  // Where even a profile that only reports refuses: a jti is written to the audit log, and a pseudonym of PHI is PHI.
  [[nodiscard]] std::optional<claims::Breach> strict_finding(const claims::Findings& findings) const {
    for (const claims::Finding& one : findings.reported) {
      if (one.pointer != "/jti" && !(settings_.pairwise && one.pointer == "/sub")) continue;
      return claims::Breach{std::string(phi::rule_of(one.detector)), one.pointer,
                            "looks like protected health information, which must not be here"};
    }
    return std::nullopt;
  }

  // What the profile wants from the caller, and of a payload that is kept as it is also what would else be set.
  [[nodiscard]] Judged<void> check_sent() const {
    for (const std::string& name : settings_.required) {
      if (!claims_.contains(name)) return breaks(name, "claim.missing", "is missing; the profile requires it");
    }
    if (!exact_) return {};
    for (const char* name : {"aud", "exp", "iat", "iss", "jti"}) {
      if (!claims_.contains(name)) return breaks(name, "claim.missing", "is missing; nothing is added to a payload");
    }
    if (settings_.set_nbf && !claims_.contains("nbf"))
      return breaks("nbf", "claim.missing", "is missing; nothing is added to a payload");
    return {};
  }

  void set_constants() {
    if (exact_) return;
    for (const claims::Rule& rule : settings_.rules) {
      if (rule.type == claims::Type::kConst && rule.required && !claims_.contains(rule.name))
        claims_[rule.name] = rule.values.front();
    }
  }

  [[nodiscard]] Judged<void> set_issuer() {
    const auto sent = claims_.find("iss");
    if (sent != claims_.end() && (!sent->is_string() || *sent != settings_.issuer)) {
      return breaks("iss", "claim.issuer", "must be the profile's issuer, or left out");
    }
    claims_["iss"] = settings_.issuer;
    return {};
  }

  [[nodiscard]] Judged<void> set_audience() {
    const auto sent = claims_.find("aud");
    if (sent == claims_.end()) {
      if (settings_.audiences.size() != 1)
        return breaks("aud", "claim.missing", "must be sent: the profile has several audiences");
      claims_["aud"] = settings_.audiences.front();
      audiences_ = settings_.audiences;
      return {};
    }
    const auto add = [this](const Json& one) {
      const auto* name = one.get_ptr<const std::string*>();
      if (name == nullptr || std::ranges::find(settings_.audiences, *name) == settings_.audiences.end()) return false;
      audiences_.push_back(*name);
      return true;
    };
    if (!(sent->is_array() ? std::ranges::all_of(*sent, add) : add(*sent)))
      return breaks("aud", "claim.audience", "must hold audiences of the profile alone");
    if (audiences_.empty()) return breaks("aud", "claim.audience", "must not be empty");
    return {};
  }

  // RFC 7519 §4.1.4-§4.1.6.  The expiry is explicit in every token and never further away than the profile lets it.
  [[nodiscard]] Judged<void> set_times() {
    if (!claims_.contains("iat")) claims_["iat"] = now_;
    if (!bounded("iat", now_ - kClockSlack, now_ + kClockSlack))
      return breaks("iat", "claim.time", "must be a whole number of seconds within 60 s of now");
    const long long exp_max = now_ + settings_.max_ttl.count();
    if (!claims_.contains("exp")) claims_["exp"] = exp_max;
    if (!bounded("exp", now_ + 1, exp_max)) {
      return breaks("exp", "claim.time",
                    "must be a whole number of seconds after now and within the profile's max_ttl");
    }
    if (settings_.set_nbf && !claims_.contains("nbf")) claims_["nbf"] = now_;
    if (claims_.contains("nbf") && !bounded("nbf", now_ - kClockSlack, claims_["exp"].get<long long>() - 1)) {
      return breaks("nbf", "claim.time", "must be a whole number of seconds, at most 60 s before now and before exp");
    }
    return {};
  }

  bool bounded(const char* name, long long low, long long high) {
    const auto value = jose::json_integer(claims_[name]);
    if (!value || *value < low || *value > high) return false;
    claims_[name] = *value;
    return true;
  }

  [[nodiscard]] Judged<void> set_jti() {
    if (const auto sent = claims_.find("jti"); sent != claims_.end()) {
      if (!sent->is_string()) return breaks("jti", "claim.type", "must be a text");
      return {};
    }
    SIGNER_ASSIGN_OR_RETURN(claims_["jti"], fresh_jti(settings_));
    return {};
  }

  // The internal id has been judged like every text, so nothing that looks like PHI is what a pseudonym is made from.
  [[nodiscard]] Judged<std::variant<ShapedClaims, PairwiseClaims>> with_subject() {
    using Shaped = std::variant<ShapedClaims, PairwiseClaims>;
    const auto sub = claims_.find("sub");
    const bool replaced = settings_.pairwise && sub != claims_.end();
    if (replaced && !sub->is_string()) return breaks("sub", "claim.type", "must be a text");
    const std::string message = replaced ? profile_.pairwise_message(sub->get_ref<const std::string&>()) : "";
    ShapedClaims shaped;
    shaped.claims_ = std::move(claims_);
    shaped.audiences_ = std::move(audiences_);
    shaped.findings_ = std::move(findings_);
    if (!replaced) return Shaped(std::move(shaped));
    PairwiseClaims pairwise(std::move(shaped), message);
    if (profile_.pairwise_key() != nullptr) return Shaped(std::move(pairwise));
    const auto mac = profile_.pairwise_mac(message);
    if (!mac) return refuse(ErrorCode::kInternal, "internal error", "policy: HMAC failed");
    return Shaped(std::move(pairwise).with(*mac));
  }

  const Profile& profile_;
  const config::Profile& settings_;
  Json claims_;
  bool exact_;
  long long now_;
  std::vector<std::string> audiences_;
  claims::Findings findings_;
};

ShapedClaims PairwiseClaims::with(const PairwiseMac& mac) && {
  shaped_.claims_["sub"] = pseudonym_of(mac);
  return std::move(shaped_);
}

Judged<std::variant<ShapedClaims, PairwiseClaims>> shape_claims(const AuthorizedRequest& request, WallTime now) {
  const config::Profile& settings = request.profile().settings();
  // Before anything looks into them: what is refused for its size in the end must cost no more than it can.
  if ((request.payload() != nullptr ? request.payload()->size() : text_size(request.claims())) > settings.bytes_max)
    return too_large(settings);
  return Shaper(request, now).run();
}

namespace {

// Moves the claims that the profile encrypts into one claim.
Judged<void> encrypt_claims(const Profile& profile, Json& claims) {
  if (profile.recipient() == nullptr || profile.settings().encrypt_claims.empty()) return {};
  Json hidden = Json::object();
  for (const std::string& name : profile.settings().encrypt_claims) {
    const auto claim = claims.find(name);
    if (claim == claims.end()) continue;
    hidden[name] = std::move(*claim);
    claims.erase(claim);
  }
  if (hidden.empty()) return {};
  auto encrypted = jose::jwe_encrypt(*profile.recipient(), {jose::kClaimsContent, ""}, jose::dump_json(hidden));
  if (!encrypted) return refuse(ErrorCode::kInternal, "internal error", "policy: " + encrypted.error().text);
  claims[std::string(kEncryptedClaims)] = *std::move(encrypted);
  return {};
}

}  // namespace

Judged<SigningInput> make_signing_input(const AuthorizedRequest& request, ShapedClaims shaped, const std::string& kid,
                                        WallTime now) {
  const config::Profile& settings = request.profile().settings();
  SigningInput input;
  if (const auto sub = shaped.claims_.find("sub"); sub != shaped.claims_.end() && sub->is_string())
    input.subject_ = sub->get<std::string>();
  SIGNER_RETURN_IF_ERROR(encrypt_claims(request.profile(), shaped.claims_));
  input.findings_ = std::move(shaped.findings_);
  input.exp_ = shaped.claims_["exp"].get<long long>();
  input.jti_ = shaped.claims_["jti"].get<std::string>();
  input.audiences_ = std::move(shaped.audiences_);
  const std::string payload = request.payload() != nullptr ? *request.payload() : jose::dump_json(shaped.claims_);
  if (payload.size() > settings.bytes_max) return too_large(settings);
  const jose::CertificateChain* chain = request.profile().certificate_chain();
  if (chain != nullptr) SIGNER_RETURN_IF_ERROR(check_chain(*chain, kid, now));
  jose::ObjectWriter header(160);
  header.text("alg", "RS256").text("kid", kid).text("typ", settings.typ);
  if (chain != nullptr) header.texts("x5c", chain->certificates);
  input.text_ = jose::base64url_encode(std::move(header).finish()) + "." + jose::base64url_encode(payload);
  if (input.text_.size() + kSignatureCharsMax > kTokenBytesMax)
    return breaks_whole("claims.size", "the token would be larger than 16 KiB");
  return input;
}

}  // namespace signer::policy
