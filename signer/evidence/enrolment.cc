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

}  // namespace

Result<AttestationKeyCard> read_card(std::string_view text, const Trust& trust) {
  SIGNER_ASSIGN_OR_RETURN(CardParts parts, parts_of(text));
  TpmKeys keys;
  SIGNER_ASSIGN_OR_RETURN(keys.attestation.area, read_public_area(parts.attestation_area));
  SIGNER_ASSIGN_OR_RETURN(keys.endorsement.area, read_public_area(parts.endorsement_area));
  keys.attestation.name = name_of(parts.attestation_area);
  TpmPart part;
  part.endorsement_key_certificates = std::move(parts.certificates);
  AttestationKeyCard card;
  const TpmOrigin origin = judge_tpm_origin(part, keys, trust, card.judgement);
  // Those of the attestation key are not asked for here: this is how it comes to be known.
  std::erase_if(card.judgement.checks, [](const Check& check) { return check.name.starts_with("tpm.ak."); });
  card.name = keys.attestation.name;
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
  const Json kept = {{"name", to_hex(card.name)},
                     {"secret", jose::base64url_encode(bytes_of(challenge.secret.reveal()))}};
  return ChallengeFiles{jose::dump_json(sent) + "\n", jose::dump_json(kept) + "\n"};
}

Result<Name> accept_answer(std::string_view answer, std::string_view kept) {
  jose::JsonLimits limits;
  limits.bytes_max = kAnswerBytesMax;
  const auto given = jose::parse_json_object(answer, limits);
  const auto own = jose::parse_json_object(kept, limits);
  const auto answered = given ? bytes_in(*given, "secret", kSecretBytes) : std::nullopt;
  const auto secret = own ? bytes_in(*own, "secret", kSecretBytes) : std::nullopt;
  const auto hex = own && own->contains("name") && (*own)["name"].is_string()
                       ? from_hex((*own)["name"].get<std::string>())
                       : std::nullopt;
  if (!answered || given->size() != 1)
    return fail(ErrorCode::kInvalidRequest, "evidence: the answer is not what `enroll-ak answer` writes");
  if (!secret || secret->size() != kSecretBytes || !hex || hex->size() != kNameBytes || own->size() != 2)
    return fail(ErrorCode::kInvalidRequest,
                "evidence: the file that was kept is not what `enroll-ak challenge` writes");
  if (answered->size() != secret->size() || ::CRYPTO_memcmp(answered->data(), secret->data(), secret->size()) != 0) {
    return fail(ErrorCode::kDenied,
                "evidence: the answer is another secret: this attestation key is not in the TPM that was challenged");
  }
  Name name{};
  std::ranges::copy(*hex, name.begin());
  return name;
}

}  // namespace signer::evidence
