// SPDX-License-Identifier: Apache-2.0

#include "evidence/tpm_keys.h"

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "base/hex.h"

namespace signer::evidence {

namespace {

constexpr std::uint32_t kUsualExponent = 65537;
constexpr unsigned kRsaBitsMin = 2048;

struct AttributeRow {
  std::uint32_t bit;
  std::string_view name;
  bool wanted;
  std::string_view if_so;
  std::string_view if_not;
};

// What makes a key stay where it was made, whatever it is for.
constexpr std::array<AttributeRow, 4> kStays{{
    {kFixedTpm, "fixedTPM", true, "It can never leave its TPM.", "It may be moved to another TPM."},
    {kFixedParent, "fixedParent", true, "It stays under its parent.", "It may be moved under another parent."},
    {kSensitiveDataOrigin, "sensitiveDataOrigin", true, "The TPM made its private part.",
     "Its private part was made elsewhere and brought in."},
    {kEncryptedDuplication, "encryptedDuplication", false, "It is not made for copies.", "It is made for copies."},
}};

constexpr std::array<AttributeRow, 3> kSigningKey{{
    {kSign, "sign", true, "It signs.", "It cannot sign, so it is not the key that signs tokens."},
    {kDecrypt, "decrypt", false, "It decrypts nothing.", "It also decrypts: with an RSA key that is one operation."},
    {kRestricted, "restricted", false, "It is no attestation key.",
     "It is restricted, as attestation keys are; it must not serve as one."},
}};

constexpr std::array<AttributeRow, 3> kAttestationKey{{
    {kRestricted, "restricted", true, "It signs no statement that a TPM did not make.",
     "It signs whatever it is given, also statements that no TPM made."},
    {kSign, "sign", true, "It signs.", "It cannot sign."},
    {kDecrypt, "decrypt", false, "It decrypts nothing.", "It also decrypts."},
}};

constexpr std::array<AttributeRow, 3> kParentKey{{
    {kRestricted, "restricted", true, "It handles keys of the TPM alone.",
     "It handles data of others, so it can protect no key."},
    {kDecrypt, "decrypt", true, "It protects the keys under it.", "It protects no keys."},
    {kSign, "sign", false, "It signs nothing.", "It also signs, as no parent of keys does."},
}};

// Adds a check of `holds`: its meaning is one of the two.
void add_row(Judgement& judgement, std::string name, bool holds, std::string found, std::string_view if_so,
             std::string_view if_not) {
  judgement.add(std::move(name), holds ? Finding::kGood : Finding::kBad, std::move(found),
                std::string(holds ? if_so : if_not));
}

void judge_attributes(Judgement& judgement, const std::string& prefix, const PublicArea& area,
                      std::span<const AttributeRow> purpose, std::uint32_t free_to_choose) {
  std::uint32_t known = free_to_choose;
  for (const std::span<const AttributeRow> rows : {std::span<const AttributeRow>(kStays), purpose}) {
    for (const AttributeRow& row : rows) {
      known |= row.bit;
      const bool set = area.has(row.bit);
      add_row(judgement, prefix + ".attribute." + std::string(row.name), set == row.wanted, set ? "1" : "0", row.if_so,
              row.if_not);
    }
  }
  const std::uint32_t others = area.attributes & ~known;
  add_row(judgement, prefix + ".attribute.others", others == 0, others == 0 ? "none" : std::to_string(others),
          "No other attribute changes what it is.", "An attribute that such a key does not have.");
}

bool has_usual_exponent(const PublicArea& area) {
  return area.exponent == 0 || area.exponent == kUsualExponent;
}

std::string template_text(const PublicArea& area) {
  std::string scheme = "no scheme";
  if (area.scheme == kAlgRsaSsa) scheme = "RSASSA";
  if (area.scheme == kAlgEcdsa) scheme = "ECDSA";
  if (scheme == "no scheme" && area.scheme != kAlgNull) scheme = "another scheme";
  if (area.scheme_hash != 0) scheme += area.scheme_hash == kAlgSha256 ? " with SHA-256" : " with another hash";
  if (area.type == kAlgEcc) return "P-256, " + scheme;
  return "RSA-" + std::to_string(area.bits) + ", " + scheme + ", exponent " +
         std::to_string(area.exponent == 0 ? kUsualExponent : area.exponent);
}

bool is_rs256(const PublicArea& area) {
  return area.type == kAlgRsa && area.scheme == kAlgRsaSsa && area.scheme_hash == kAlgSha256 &&
         area.symmetric == kAlgNull && area.bits >= kRsaBitsMin && has_usual_exponent(area);
}

bool is_es256(const PublicArea& area) {
  return area.type == kAlgEcc && area.scheme == kAlgEcdsa && area.scheme_hash == kAlgSha256 &&
         area.symmetric == kAlgNull;
}

bool is_parent(const PublicArea& area) {
  return area.scheme == kAlgNull && area.symmetric == kAlgAes &&
         (area.type == kAlgEcc || (area.bits >= kRsaBitsMin && has_usual_exponent(area)));
}

bool read_key(Judgement& judgement, const std::string& prefix, const Bytes& bytes, TpmKey& key) {
  auto area = read_public_area(bytes);
  if (!area) {
    judgement.add(prefix + ".form", Finding::kBad, shown(area.error().text), "No public area that is known here.");
    return false;
  }
  key.area = *std::move(area);
  key.name = name_of(bytes);
  judgement.add(prefix + ".name", Finding::kInformation, to_hex(key.name), "What the TPM calls this key.");
  return true;
}

void judge_key(Judgement& judgement, const PublicArea& area, const jose::PublicKey& published) {
  const std::string prefix = "tpm.key";
  judge_attributes(judgement, prefix, area, kSigningKey, kUserWithAuth | kNoDa);
  add_row(judgement, prefix + ".template", is_rs256(area) || is_es256(area), template_text(area),
          "It signs with one algorithm alone.", "It is not locked to RS256 or ES256 with a key of enough bits.");
  add_row(judgement, prefix + ".policy", area.auth_policy.empty(), area.auth_policy.empty() ? "none" : "one",
          "Nothing but its auth value lets anybody use it.", "A policy lets others use it in ways that are not known.");
  add_row(judgement, prefix + ".published", numbers_of(area) == published, template_text(area),
          "These are the numbers of the published key.", "This is another key than the published one.");
}

}  // namespace

std::optional<TpmKeys> judge_tpm_keys(const TpmPart& part, const jose::PublicKey& published, Judgement& judgement) {
  TpmKeys keys;
  const bool all_read = read_key(judgement, "tpm.key", part.public_area, keys.key) &&
                        read_key(judgement, "tpm.ak", part.attestation_key, keys.attestation) &&
                        read_key(judgement, "tpm.ek", part.endorsement_key, keys.endorsement) &&
                        read_key(judgement, "tpm.storage_root", part.storage_root, keys.storage_root);
  if (!all_read) return std::nullopt;
  judge_key(judgement, keys.key.area, published);
  constexpr std::uint32_t kHowItIsUsed = kUserWithAuth | kAdminWithPolicy | kNoDa;
  judge_attributes(judgement, "tpm.ak", keys.attestation.area, kAttestationKey, kHowItIsUsed);
  add_row(judgement, "tpm.ak.template", is_rs256(keys.attestation.area), template_text(keys.attestation.area),
          "It signs with the algorithm that the evidence names.",
          "It is not locked to the algorithm that the evidence names.");
  judge_attributes(judgement, "tpm.ek", keys.endorsement.area, kParentKey, kHowItIsUsed);
  add_row(judgement, "tpm.ek.template", is_parent(keys.endorsement.area), template_text(keys.endorsement.area),
          "It is a key that other keys stand under.", "It is no key that other keys can stand under.");
  judge_attributes(judgement, "tpm.storage_root", keys.storage_root.area, kParentKey, kHowItIsUsed);
  add_row(judgement, "tpm.storage_root.template", is_parent(keys.storage_root.area),
          template_text(keys.storage_root.area), "It is a key that other keys stand under.",
          "It is no key that other keys can stand under.");
  keys.storage_root_place = qualified_name(kOwnerHierarchy, keys.storage_root.name);
  keys.key_place = qualified_name(keys.storage_root_place, keys.key.name);
  keys.attestation_place =
      qualified_name(qualified_name(kEndorsementHierarchy, keys.endorsement.name), keys.attestation.name);
  return keys;
}

}  // namespace signer::evidence
