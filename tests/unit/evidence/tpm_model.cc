// SPDX-License-Identifier: Apache-2.0

#include "tpm_model.h"

#include <algorithm>

#include "jose/base64url.h"
#include "jose/hash.h"
#include "tests/support/tpm_wire.h"

namespace signer::evidence::test {

using jose::Json;
using signer::test::put;
using signer::test::SigningKey;

namespace {

constexpr std::uint32_t kStaysHere = 0x32;    // fixedTPM, fixedParent, sensitiveDataOrigin
constexpr std::uint32_t kSigns = 0x40440;     // userWithAuth, noDA, sign
constexpr std::uint32_t kAttests = 0x50440;   // and restricted
constexpr std::uint32_t kStores = 0x30440;    // userWithAuth, noDA, restricted, decrypt
constexpr std::uint32_t kEndorses = 0x30080;  // adminWithPolicy, restricted, decrypt
constexpr std::uint32_t kOwner = 0x40000001;
constexpr std::uint32_t kEndorsement = 0x4000000b;

Bytes hashed(ByteView bytes) {
  const jose::Sha256Digest digest = jose::sha256(bytes);
  return {digest.begin(), digest.end()};
}

Bytes named(ByteView bytes) {
  const Bytes algorithm{0, 0x0b};
  return joined({algorithm, hashed(bytes)});
}

Bytes handle(std::uint32_t number) {
  Bytes bytes;
  put(bytes, number);
  return bytes;
}

// The qualified name of a key under a primary key.
Bytes place(std::uint32_t hierarchy, const AreaWords& primary, const AreaWords& key) {
  return named(joined({named(joined({handle(hierarchy), primary.name()})), key.name()}));
}

std::string text(ByteView bytes) {
  return jose::base64url_encode(bytes);
}

}  // namespace

Bytes sized(ByteView bytes) {
  Bytes out;
  put(out, static_cast<std::uint16_t>(bytes.size()));
  out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}

Bytes joined(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes pcr_selection(std::uint16_t hash, std::uint8_t pcrs_0_to_7) {
  Bytes out;
  put<std::uint32_t>(out, 1);
  put(out, hash);
  const Bytes selected{3, pcrs_0_to_7, 0, 0};
  return joined({out, selected});
}

Bytes AreaWords::bytes() const {
  Bytes out;
  put(out, type);
  put(out, name_hash);
  put(out, attributes);
  out = joined({out, sized(policy)});
  put(out, symmetric);
  if (symmetric != 0x0010) {
    put<std::uint16_t>(out, 128);
    put<std::uint16_t>(out, 0x0043);  // TPM_ALG_CFB
  }
  put(out, scheme);
  if (scheme != 0x0010) put(out, scheme_hash);
  if (type == 0x23) {
    put(out, curve);
    put<std::uint16_t>(out, 0x0010);  // no key derivation
    return joined({out, sized(numbers.x), sized(numbers.y)});
  }
  put(out, bits);
  put(out, exponent);
  return joined({out, sized(numbers.modulus)});
}

Bytes AreaWords::name() const {
  return named(bytes());
}

Bytes AttestWords::bytes() const {
  Bytes out;
  put(out, magic);
  put(out, type);
  out = joined({out, sized(signer), sized(extra_data)});
  put(out, clock);
  put(out, reset_count);
  put(out, restart_count);
  put(out, safe);
  put(out, firmware);
  return joined({out, attested});
}

jose::PublicKey made_up_numbers(const std::string& text) {
  jose::PublicKey key;
  for (unsigned i = 0; key.modulus.size() < 256; ++i) {
    const Bytes more = hashed(bytes_of(text + std::to_string(i)));
    key.modulus.insert(key.modulus.end(), more.begin(), more.end());
  }
  key.modulus.front() |= 0x80U;
  key.modulus.back() |= 1U;
  key.exponent = {1, 0, 1};
  return key;
}

const Authority& TpmModel::manufacturer_root() {
  static const Authority root("Chip Works Root");
  return root;
}

const Authority& TpmModel::manufacturer_intermediate() {
  static const Authority intermediate("Chip Works Line 4", manufacturer_root());
  return intermediate;
}

const Authority& TpmModel::organisation() {
  static const Authority organisation("Hospital Attestation");
  return organisation;
}

const Authority& TpmModel::stranger() {
  static const Authority stranger("Chip Works Root");  // the name proves nothing
  return stranger;
}

TpmModel::TpmModel() {
  key.attributes = kStaysHere | kSigns;
  key.scheme = 0x0014;  // RSASSA
  key.numbers = made_up_numbers("key");
  published_ = key.numbers;
  attestation_key.attributes = kStaysHere | kAttests;
  attestation_key.scheme = 0x0014;
  attestation_key.numbers = SigningKey::first().public_key();
  endorsement_key.attributes = kStaysHere | kEndorses;
  endorsement_key.policy = hashed(bytes_of("PolicySecret"));
  endorsement_key.symmetric = 6;
  endorsement_key.numbers = made_up_numbers("endorsement key");
  storage_root.type = 0x23;
  storage_root.attributes = kStaysHere | kStores;
  storage_root.symmetric = 6;
  storage_root.numbers = {.algorithm = Algorithm::kEs256,
                          .modulus = {},
                          .exponent = {},
                          .x = hashed(bytes_of("x")),
                          .y = hashed(bytes_of("y"))};
  nonce = hashed(bytes_of("nonce"));
  context = hashed(bytes_of("context"));
  endorsement_words = {.common_name = "endorsement key", .usage = "2.23.133.8.1", .manufacturer = {}};
  attestation_words = {.common_name = "attestation key of host 4", .usage = "2.23.133.8.3", .manufacturer = {}};
  for (unsigned pcr = 0; pcr < 8; ++pcr) pcrs.push_back(hashed(Bytes{static_cast<std::uint8_t>(pcr)}));
  properties = {{"manufacturer", "IFX"}, {"vendor", "SLB9672"}, {"firmware", "7.85"}, {"simulator", false}};
}

Bytes TpmModel::endorsement_certificate() const {
  CertificateWords words = endorsement_words;
  words.manufacturer = manufacturer;
  return manufacturer_intermediate().issue(certified_endorsement.value_or(endorsement_key.numbers), words);
}

Bytes TpmModel::attestation_certificate() const {
  return organisation().issue(certified_attestation.value_or(attestation_key.numbers), attestation_words);
}

Trust TpmModel::trust() {
  Trust trust;
  trust.roots = {manufacturer_root().certificate()};
  trust.attestation_roots = {organisation().certificate()};
  trust.now = kNow;
  return trust;
}

Json TpmModel::statement(const AttestWords& words) const {
  const Bytes info = words.bytes();
  return {{"certInfo", text(info)}, {"sig", statements_signer->signature(text_of(info))}};
}

Json TpmModel::creation() const {
  const Bytes parent_name = storage_root.name();
  Bytes data = joined({pcr_selection(0x000b, 0), sized({}), Bytes{1, 0, 0x0b}, sized(parent_name),
                       sized(named(joined({handle(kOwner), parent_name}))), sized(bytes_of("at birth"))});
  AttestWords words;
  words.type = 0x801a;
  words.signer = place(kEndorsement, endorsement_key, attestation_key);
  words.reset_count = 2;
  change_creation_data(data);
  words.attested = joined({sized(key.name()), sized(hashed(data))});
  change_creation(words);
  Json made = statement(words);
  made["data"] = text(data);
  return made;
}

Json TpmModel::quote() const {
  Bytes values;
  Json shown = Json::object();
  for (unsigned pcr = 0; pcr < pcrs.size(); ++pcr) {
    values = joined({values, pcrs[pcr]});
    shown[std::to_string(pcr)] = text(pcrs[pcr]);
  }
  AttestWords words;
  words.type = 0x8018;
  words.signer = place(kEndorsement, endorsement_key, attestation_key);
  words.extra_data = hashed(joined({nonce, context}));
  words.clock += 250;
  words.attested = joined({pcr_selection(0x000b, 0xff), sized(hashed(values))});
  change_quote(words);
  Json made = statement(words);
  made["pcrs"] = shown;
  return made;
}

Json TpmModel::part() const {
  AttestWords certify;
  certify.type = 0x8017;
  certify.signer = place(kEndorsement, endorsement_key, attestation_key);
  certify.extra_data = nonce;
  certify.attested = joined({sized(key.name()), sized(place(kOwner, storage_root, key))});
  change_certify(certify);
  Json attestation = statement(certify);
  attestation["ver"] = "2.0";
  attestation["alg"] = -257;
  attestation["x5c"] = Json::array({text(attestation_certificate())});
  attestation["pubArea"] = text(key.bytes());
  const Json certificates =
      Json::array({text(endorsement_certificate()), text(manufacturer_intermediate().certificate())});
  Json part = {{"attStmt", attestation},
               {"ak", {{"pubArea", text(attestation_key.bytes())}}},
               {"ek", {{"pubArea", text(endorsement_key.bytes())}, {"certificates", certificates}}},
               {"storage_root", {{"pubArea", text(storage_root.bytes())}}},
               {"quote", quote()},
               {"properties", properties}};
  if (has_creation) part["creation"] = creation();
  change_part(part);
  return part;
}

Judgement TpmModel::judge(const Trust& trust) const {
  return judge_tpm(part(), published_, {.nonce = nonce, .context = context}, trust);
}

std::vector<std::string> checks_with(const Judgement& judgement, Finding finding) {
  std::vector<std::string> names;
  for (const Check& check : judgement.checks) {
    if (check.finding == finding) names.push_back(check.name);
  }
  return names;
}

std::optional<Finding> finding_of(const Judgement& judgement, const std::string& name) {
  std::optional<Finding> found;
  for (const Check& check : judgement.checks) {
    if (check.name != name) continue;
    if (found) return std::nullopt;
    found = check.finding;
  }
  return found;
}

}  // namespace signer::evidence::test
