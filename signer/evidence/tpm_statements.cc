// SPDX-License-Identifier: Apache-2.0

#include "evidence/tpm_statements.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/hex.h"
#include "jose/hash.h"
#include "verify/verification_key.h"

namespace signer::evidence {

namespace {

// Certify and quote are made one after the other in one request, which may take minutes on a slow TPM.
constexpr std::uint64_t kBetweenStatementsMax = 600'000;  // milliseconds

// Adds a check of `holds`, with its meaning if so and if not.
void add_finding(Judgement& judgement, const std::string& name, bool holds, std::string found, std::string_view if_so,
                 std::string_view if_not) {
  judgement.add(name, holds ? Finding::kGood : Finding::kBad, std::move(found), std::string(holds ? if_so : if_not));
}

std::string number_text(std::uint64_t number, unsigned bytes) {
  Bytes big_endian;
  for (unsigned shift = 8 * bytes; shift > 0;) {
    shift -= 8;
    big_endian.push_back(static_cast<std::uint8_t>(number >> shift));
  }
  return to_hex(big_endian);
}

// What holds for all three statements.  Nothing if it cannot be read or is of another type.
std::optional<Attest> judge_statement(const std::string& prefix, const TpmPart::Statement& statement,
                                      std::uint16_t type, const verify::VerificationKey& signer,
                                      const Name& signer_place, Judgement& judgement) {
  add_finding(judgement, prefix + ".signature", signer.verify(statement.cert_info, statement.signature),
              std::to_string(statement.signature.size()) + " bytes", "The attestation key signed these very bytes.",
              "The attestation key did not sign these bytes.");
  auto attest = read_attest(statement.cert_info);
  if (!attest) {
    judgement.add(prefix + ".form", Finding::kBad, shown(attest.error().text), "No statement that is known here.");
    return std::nullopt;
  }
  add_finding(judgement, prefix + ".magic", attest->magic == kTpmGenerated, number_text(attest->magic, 4),
              "A TPM made this statement itself.", "A TPM did not make this statement: it lacks the mark of those.");
  add_finding(judgement, prefix + ".type", attest->type == type, number_text(attest->type, 2),
              "It is a statement of the kind that belongs here.", "It is a statement of another kind.");
  add_finding(judgement, prefix + ".signer", std::ranges::equal(attest->qualified_signer, signer_place),
              to_hex(attest->qualified_signer), "It was signed by a key under the endorsement key.",
              "It was not signed by this attestation key under this endorsement key.");
  if (attest->type != type) return std::nullopt;
  return *std::move(attest);
}

void judge_certify(const Attest& attest, const TpmKeys& keys, ByteView nonce, Judgement& judgement) {
  add_finding(judgement, "tpm.certify.nonce", !nonce.empty() && std::ranges::equal(attest.extra_data, nonce),
              to_hex(attest.extra_data), "It was made for the auditor's nonce.",
              "It was made for another nonce: it may be of any time.");
  const auto* certified = std::get_if<CertifiedKey>(&attest.attested);
  add_finding(judgement, "tpm.certify.name", certified != nullptr && std::ranges::equal(certified->name, keys.key.name),
              certified == nullptr ? "" : to_hex(certified->name),
              "It speaks of exactly this key, which is in the TPM.", "It speaks of another key.");
  add_finding(judgement, "tpm.certify.parent",
              certified != nullptr && std::ranges::equal(certified->qualified_name, keys.key_place),
              certified == nullptr ? "" : to_hex(certified->qualified_name),
              "The key stands under this storage root, in the owner hierarchy.",
              "The key stands under another storage root or in another hierarchy.");
}

void judge_creation_data(ByteView bytes, const CertifiedCreation& certified, const TpmKeys& keys,
                         Judgement& judgement) {
  const auto data = read_creation_data(bytes);
  if (!data) {
    judgement.add("tpm.creation.data", Finding::kBad, shown(data.error().text), "No creation data.");
    return;
  }
  add_finding(judgement, "tpm.creation.data", std::ranges::equal(certified.creation_hash, jose::sha256(bytes)),
              to_hex(certified.creation_hash), "The creation data is what the TPM wrote at the key's birth.",
              "The creation data is not what the TPM wrote at the key's birth.");
  const bool under_root = data->parent_name_hash == kAlgSha256 &&
                          std::ranges::equal(data->parent_name, keys.storage_root.name) &&
                          std::ranges::equal(data->parent_qualified_name, keys.storage_root_place);
  add_finding(judgement, "tpm.creation.parent", under_root, to_hex(data->parent_name),
              "The key was made under this storage root.", "The key was made under another parent.");
  judgement.add("tpm.creation.outside", Finding::kInformation,
                data->outside_info.empty() ? "none" : to_hex(data->outside_info),
                "What whoever made the key had put into its creation data.");
}

void judge_creation(const TpmPart& part, const TpmKeys& keys, const verify::VerificationKey& signer,
                    const std::optional<Attest>& certify, Judgement& judgement) {
  if (!part.creation) {
    judgement.add("tpm.creation.signature", Finding::kNotReported, "",
                  "Nothing was certified at the key's birth; that the TPM made it rests on its attributes alone.");
    return;
  }
  const auto attest =
      judge_statement("tpm.creation", *part.creation, kAttestCreation, signer, keys.attestation_place, judgement);
  if (!attest) return;
  const auto* certified = std::get_if<CertifiedCreation>(&attest->attested);
  if (certified == nullptr) return;  // judge_statement() said so
  add_finding(judgement, "tpm.creation.name", std::ranges::equal(certified->object_name, keys.key.name),
              to_hex(certified->object_name), "It speaks of exactly this key.", "It speaks of another key.");
  judge_creation_data(part.creation_data, *certified, keys, judgement);
  if (!certify) return;
  add_finding(judgement, "tpm.creation.clock", attest->clock.reset_count <= certify->clock.reset_count,
              "resetCount " + std::to_string(attest->clock.reset_count), "The key was made before it was certified.",
              "The key was made after it was certified, or in another life of the TPM.");
}

std::string selection_text(const std::vector<PcrBank>& banks) {
  std::string text;
  for (const PcrBank& bank : banks) {
    text += (text.empty() ? "bank " : ", bank ") + number_text(bank.hash, 2) + ": PCR";
    for (const unsigned pcr : bank.selected) text += " " + std::to_string(pcr);
  }
  return shown(text);
}

void judge_quote(const Attest& attest, const std::vector<Bytes>& pcrs, const TpmExpectation& expectation,
                 Judgement& judgement) {
  const jose::Sha256Digest asked = jose::sha256(expectation.nonce, expectation.context);
  add_finding(judgement, "tpm.quote.nonce", !expectation.nonce.empty() && std::ranges::equal(attest.extra_data, asked),
              to_hex(attest.extra_data),
              "It was made for the auditor's nonce and for this configuration, audit checkpoint and vendor evidence.",
              "It was made for another nonce, configuration, audit checkpoint or vendor evidence.");
  const auto* quoted = std::get_if<Quoted>(&attest.attested);
  if (quoted == nullptr) return;  // judge_statement() said so
  PcrBank wanted{kAlgSha256, {}};
  Bytes values;
  for (unsigned pcr = 0; pcr < pcrs.size(); ++pcr) {
    wanted.selected.push_back(pcr);
    values.insert(values.end(), pcrs[pcr].begin(), pcrs[pcr].end());
  }
  add_finding(judgement, "tpm.quote.selection", quoted->banks.size() == 1 && quoted->banks.front() == wanted,
              selection_text(quoted->banks), "It covers the PCRs that are shown.",
              "It covers other PCRs than those that are shown.");
  add_finding(judgement, "tpm.quote.pcrs", std::ranges::equal(quoted->pcr_digest, jose::sha256(values)),
              to_hex(quoted->pcr_digest), "The TPM measured these values of its PCRs.",
              "The values of the PCRs are not those that the TPM measured.");
}

std::string clock_text(const ClockInfo& clock) {
  return "clock " + std::to_string(clock.clock) + " ms, resetCount " + std::to_string(clock.reset_count) +
         ", restartCount " + std::to_string(clock.restart_count) + ", safe " + (clock.safe ? "1" : "0");
}

void judge_clock(const Attest& certify, const Attest& quote, Judgement& judgement) {
  const ClockInfo& first = certify.clock;
  const ClockInfo& second = quote.clock;
  const auto [earlier, later] = std::minmax(first.clock, second.clock);
  const bool one_life = first.reset_count == second.reset_count && first.restart_count == second.restart_count &&
                        first.safe == second.safe && later - earlier <= kBetweenStatementsMax;
  add_finding(judgement, "tpm.clock", one_life, clock_text(first) + "; quote: " + clock_text(second),
              "Both statements are of one time; keep the counts to compare with the next evidence.",
              "The statements are of different times: they were not made together.");
  add_finding(judgement, "tpm.firmware", certify.firmware == quote.firmware, number_text(certify.firmware, 8),
              "The firmware that the TPM says it runs.", "The statements are of different firmware.");
}

}  // namespace

void judge_tpm_statements(const TpmPart& part, const TpmKeys& keys, const TpmExpectation& expectation,
                          Judgement& judgement) {
  const auto signer = verify::VerificationKey::make(numbers_of(keys.attestation.area));
  if (!signer || signer->algorithm() != Algorithm::kRs256) {
    judgement.add("tpm.ak.numbers", Finding::kBad, signer ? "" : shown(signer.error().text),
                  "The attestation key is no key that can be relied on.");
    return;
  }
  const auto certify =
      judge_statement("tpm.certify", part.certify, kAttestCertify, *signer, keys.attestation_place, judgement);
  if (certify) judge_certify(*certify, keys, expectation.nonce, judgement);
  judge_creation(part, keys, *signer, certify, judgement);
  const auto quote = judge_statement("tpm.quote", part.quote, kAttestQuote, *signer, keys.attestation_place, judgement);
  if (quote) judge_quote(*quote, part.pcrs, expectation, judgement);
  if (certify && quote) judge_clock(*certify, *quote, judgement);
}

}  // namespace signer::evidence
