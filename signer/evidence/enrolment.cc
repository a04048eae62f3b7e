// SPDX-License-Identifier: Apache-2.0

#include "evidence/enrolment.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <optional>

#include "base/hex.h"
#include "evidence/certificates.h"
#include "evidence/tpm_origin.h"
#include "jose/base64url.h"
#include "jose/json.h"

namespace signer::evidence {

namespace {

using jose::Json;

constexpr std::size_t kSecretBytes = 32;

Failure<Error> no_card(const std::string& what) {
  return fail(ErrorCode::kInvalidRequest, "evidence: " + what + " is not what `enroll-ak show` writes");
}

// The bytes of a member in base64url; nothing if it is anything else.
std::optional<Bytes> bytes_in(const Json& object, const char* name, std::size_t size_max) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (found == object.end() || !found->is_string()) return std::nullopt;
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() > size_max / 3 * 4 + 4) return std::nullopt;
  return jose::base64url_decode(text);
}

std::optional<std::vector<Bytes>> certificates_in(const Json& endorsement) {
  const auto found = endorsement.find("certificates");
  if (found == endorsement.end() || !found->is_array() || found->size() > kBundledCertificatesMax) return std::nullopt;
  std::vector<Bytes> certificates;
  for (const Json& one : *found) {
    if (!one.is_string()) return std::nullopt;
    auto der = jose::base64url_decode(one.get_ref<const std::string&>());
    if (!der || der->size() > kCertificateBytesMax) return std::nullopt;
    certificates.push_back(*std::move(der));
  }
  return certificates;
}

// Two keys and no more: their areas and the endorsement key's certificates.
struct CardParts {
  Bytes attestation_area;
  Bytes endorsement_area;
  std::vector<Bytes> certificates;
};

Result<CardParts> parts_of(std::string_view text) {
  jose::JsonLimits limits;
  limits.bytes_max = kCardBytesMax;
  auto card = jose::parse_json_object(text, limits);
  if (!card) return no_card(card.error().text + ": this");
  if (card->size() != 2 || !card->contains("ak") || !card->contains("ek")) return no_card("this");
  const Json& attestation = (*card)["ak"];
  const Json& endorsement = (*card)["ek"];
  if (!attestation.is_object() || !endorsement.is_object()) return no_card("this");
  auto area = bytes_in(attestation, "pubArea", 1024);
  const auto name = bytes_in(attestation, "name", kNameBytes);
  auto endorsement_area = bytes_in(endorsement, "pubArea", 1024);
  auto certificates = certificates_in(endorsement);
  if (!area || !name || !endorsement_area || !certificates) return no_card("a member of this");
  if (!std::ranges::equal(*name, name_of(*area))) return no_card("the Name in this");
  return CardParts{*std::move(area), *std::move(endorsement_area), *std::move(certificates)};
}

// The three members; nothing if one is anything else.
std::optional<EnrolledKey> enrolled_in(const Json& object) {
  const auto name_in = [&object](const char* member) -> std::optional<Bytes> {
    const auto found = object.find(member);
    if (found == object.end() || !found->is_string()) return std::nullopt;
    auto name = from_hex(found->get_ref<const std::string&>());
    return name && name->size() == kNameBytes ? std::move(name) : std::nullopt;
  };
  auto name = name_in("name");
  auto endorsement_name = name_in("ek_name");
  const auto simulator = object.find("simulator");
  if (!name || !endorsement_name || simulator == object.end() || !simulator->is_boolean()) return std::nullopt;
  return EnrolledKey{*std::move(name), *std::move(endorsement_name), simulator->get<bool>()};
}

Json json_of(const EnrolledKey& key) {
  return {{"name", to_hex(key.name)}, {"ek_name", to_hex(key.endorsement_name)}, {"simulator", key.simulator}};
}

}  // namespace

Result<AttestationKeyCard> read_card(std::string_view text, const Trust& trust) {
  SIGNER_ASSIGN_OR_RETURN(CardParts parts, parts_of(text));
  TpmKeys keys;
  SIGNER_ASSIGN_OR_RETURN(keys.attestation.area, read_public_area(parts.attestation_area));
  SIGNER_ASSIGN_OR_RETURN(keys.endorsement.area, read_public_area(parts.endorsement_area));
  keys.attestation.name = name_of(parts.attestation_area);
  keys.endorsement.name = name_of(parts.endorsement_area);
  TpmPart part;
  part.endorsement_key_certificates = std::move(parts.certificates);
  AttestationKeyCard card;
  const TpmOrigin origin = judge_tpm_origin(part, keys, trust, card.judgement);
  // Those of the attestation key are not asked for here: this is how it comes to be known.
  std::erase_if(card.judgement.checks, [](const Check& check) { return check.name.starts_with("tpm.ak."); });
  card.name = keys.attestation.name;
  card.endorsement_name = keys.endorsement.name;
  card.is_simulator = origin.is_simulator;
  card.endorsement_key = numbers_of(keys.endorsement.area);
  for (const Check& check : card.judgement.checks) {
    if (check.name == "tpm.ek.manufacturer") card.manufacturer = check.found;
  }
  const bool known = origin.has_manufacturer && !card.judgement.has_bad();
  card.judgement.grade = !known ? Grade::kFailed : origin.is_simulator ? Grade::kSoftware : Grade::kAttested;
  card.judgement.reason = known ? (origin.is_simulator ? "A simulated TPM, whose certificates were to be believed."
                                                       : "A manufacturer's root stands behind the endorsement key.")
                                : "No manufacturer's root stands behind the endorsement key: a challenge to it would "
                                  "show nothing.";
  return card;
}

Result<ChallengeFiles> challenge_card(const AttestationKeyCard& card) {
  SIGNER_ASSIGN_OR_RETURN(const Challenge challenge, make_challenge(card.endorsement_key, card.name));
  const Json sent = {{"credential", jose::base64url_encode(challenge.credential)},
                     {"secret", jose::base64url_encode(challenge.encrypted_secret)}};
  Json kept = json_of({Bytes(card.name.begin(), card.name.end()),
                       Bytes(card.endorsement_name.begin(), card.endorsement_name.end()), card.is_simulator});
  kept["secret"] = jose::base64url_encode(bytes_of(challenge.secret.reveal()));
  return ChallengeFiles{jose::dump_json(sent) + "\n", jose::dump_json(kept) + "\n"};
}

Result<EnrolledKey> accept_answer(std::string_view answer, std::string_view kept) {
  jose::JsonLimits limits;
  limits.bytes_max = kAnswerBytesMax;
  const auto given = jose::parse_json_object(answer, limits);
  const auto own = jose::parse_json_object(kept, limits);
  const auto answered = given ? bytes_in(*given, "secret", kSecretBytes) : std::nullopt;
  const auto secret = own ? bytes_in(*own, "secret", kSecretBytes) : std::nullopt;
  auto key = own ? enrolled_in(*own) : std::nullopt;
  if (!answered || given->size() != 1)
    return fail(ErrorCode::kInvalidRequest, "evidence: the answer is not what `enroll-ak answer` writes");
  if (!secret || secret->size() != kSecretBytes || !key || own->size() != 4)
    return fail(ErrorCode::kInvalidRequest,
                "evidence: the file that was kept is not what `enroll-ak challenge` writes");
  if (answered->size() != secret->size() || ::CRYPTO_memcmp(answered->data(), secret->data(), secret->size()) != 0) {
    return fail(ErrorCode::kDenied,
                "evidence: the answer is another secret: this attestation key is not in the TPM that was challenged");
  }
  return *std::move(key);
}

std::string enrolled_text(const EnrolledKey& key) {
  return jose::dump_json(json_of(key)) + "\n";
}

Result<EnrolledKey> read_enrolled(std::string_view text) {
  const auto object = jose::parse_json_object(text);
  auto key = object && object->size() == 3 ? enrolled_in(*object) : std::nullopt;
  if (!key) return fail(ErrorCode::kInvalidRequest, "evidence: this is not what `enroll-ak accept` writes");
  return *std::move(key);
}

}  // namespace signer::evidence
