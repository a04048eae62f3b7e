// SPDX-License-Identifier: Apache-2.0

#include "evidence/tpm_origin.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/hex.h"
#include "evidence/certificates.h"

namespace signer::evidence {

namespace {

// What simulators' certificates name as the chip's manufacturer: what swtpm_localca writes, and IBM's vendor number,
// which libtpms answers with.
constexpr std::array<std::string_view, 2> kSimulatorManufacturers{"id:00001014", "id:49424D00"};

// Parts of the vendor texts of libtpms and of Microsoft's simulator, in lower case and without spaces.
constexpr std::array<std::string_view, 3> kSimulatorTexts{"swtpm", "xcgftpm", "simulator"};

std::string without_spaces(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == ' ' || c == '\0') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return plain;
}

bool reads_like_a_simulator(std::string_view text) {
  const std::string plain = without_spaces(text);
  return std::ranges::any_of(kSimulatorTexts,
                             [&plain](std::string_view sign) { return plain.find(sign) != std::string::npos; });
}

// Those of a place, in order; nothing, with a kBad check, if one cannot be read.
std::optional<std::vector<Certificate>> read_all(const std::vector<Bytes>& bundled, const std::string& check,
                                                 Judgement& judgement) {
  std::vector<Certificate> read;
  for (const Bytes& der : bundled) {
    auto one = Certificate::read(der);
    if (!one) {
      judgement.add(check, Finding::kBad, shown(one.error().text), "A certificate of the evidence cannot be read.");
      return std::nullopt;
    }
    read.push_back(*std::move(one));
  }
  return read;
}

bool names_a_simulator(const std::vector<Certificate>& certificates) {
  return std::ranges::any_of(certificates, [](const Certificate& one) {
    const auto manufacturer = one.tpm_manufacturer();
    return manufacturer && std::ranges::any_of(kSimulatorManufacturers, [&](std::string_view simulator) {
             return without_spaces(*manufacturer) == without_spaces(simulator);
           });
  });
}

bool judge_simulator(const TpmPart& part, const std::vector<Certificate>& endorsement,
                     const std::vector<Certificate>& attestation, bool enrolled_as_one, Judgement& judgement) {
  const TpmPart::Properties& says = part.properties;
  const bool is_simulator = says.simulator || reads_like_a_simulator(says.vendor) || names_a_simulator(endorsement) ||
                            names_a_simulator(attestation) || enrolled_as_one;
  judgement.add("tpm.simulator", is_simulator ? Finding::kWarning : Finding::kInformation,
                shown("manufacturer " + says.manufacturer + ", vendor " + says.vendor + ", firmware " + says.firmware),
                is_simulator ? "This TPM is a program: no hardware keeps the key."
                             : "The TPM does not say that it is a program; only a manufacturer's chain shows that.");
  return is_simulator;
}

// Follows a chain with the other certificates of the bundle and those that were given.
bool judge_origin_chain(const std::string& check, const Certificate& leaf, const std::vector<Bytes>& bundled,
                        const std::vector<Bytes>& roots, const Trust& trust, Judgement& judgement) {
  if (roots.empty()) {
    judgement.add(check, Finding::kNotReported, "no roots given", "No root certificate was given to judge it by.");
    return false;
  }
  std::vector<Bytes> between = bundled;
  between.insert(between.end(), trust.intermediates.begin(), trust.intermediates.end());
  const auto root = follow_chain(leaf, between, roots, time_of_judgement(trust));
  judgement.add(check, root ? Finding::kGood : Finding::kWarning, shown(root ? *root : root.error().text),
                root ? "A root that was given stands behind the certificate."
                     : "The certificate leads to none of the roots that were given.");
  return root.has_value();
}

bool allows(const std::optional<std::vector<std::string>>& usages, std::string_view wanted) {
  return usages && std::ranges::find(*usages, wanted) != usages->end();
}

std::string usages_text(const std::optional<std::vector<std::string>>& usages) {
  if (!usages) return "none";
  std::string text;
  for (const std::string& usage : *usages) text += (text.empty() ? "" : " ") + usage;
  return shown(text);
}

const Certificate* certificate_of(const std::vector<Certificate>& certificates, const PublicArea& area) {
  const jose::PublicKey wanted = numbers_of(area);
  const auto found =
      std::ranges::find_if(certificates, [&wanted](const Certificate& one) { return one.key() == wanted; });
  return found == certificates.end() ? nullptr : &*found;
}

// Whether a root stands behind the endorsement key's certificate and the certificate names a manufacturer.
bool judge_endorsement(const TpmPart& part, const std::vector<Certificate>& certificates, const PublicArea& area,
                       bool is_simulator, const Trust& trust, Judgement& judgement) {
  if (certificates.empty()) {
    judgement.add("tpm.ek.certificate", Finding::kNotReported, "", "No manufacturer says whose TPM this is.");
    return false;
  }
  const Certificate* const own = certificate_of(certificates, area);
  if (own == nullptr && std::ranges::any_of(certificates, [](const Certificate& one) { return !one.key(); })) {
    judgement.add("tpm.ek.certificate", Finding::kNotReported, shown(certificates.front().subject()),
                  "The key of a certificate is of a kind that is not read here (id-RSAES-OAEP, say).");
    return false;
  }
  if (own == nullptr) {
    judgement.add("tpm.ek.certificate", Finding::kBad, shown(certificates.front().subject()),
                  "The certificates are for another endorsement key than this TPM's.");
    return false;
  }
  judgement.add("tpm.ek.certificate", Finding::kGood, shown(own->subject()), "It is for this endorsement key.");
  const auto usages = own->usages();
  Finding usage = allows(usages, kEndorsementKeyUsage) ? Finding::kGood : Finding::kBad;
  if (!usages) usage = Finding::kInformation;
  judgement.add("tpm.ek.usage", usage, usages_text(usages),
                usage == Finding::kBad ? "The certificate is for another purpose than an endorsement key."
                                       : "The certificate's purpose is no other than an endorsement key.");
  const auto manufacturer = own->tpm_manufacturer();
  judgement.add(
      "tpm.ek.manufacturer", manufacturer ? Finding::kInformation : Finding::kNotReported,
      shown(manufacturer.value_or("")),
      manufacturer ? "Who made the chip, by its certificate." : "The certificate does not say who made the chip.");
  if (is_simulator && !trust.allow_simulator) {
    judgement.add("tpm.ek.chain", Finding::kInformation, "not followed",
                  "The chain of a simulated TPM is looked at only if that is asked for.");
    return false;
  }
  return judge_origin_chain("tpm.ek.chain", *own, part.endorsement_key_certificates, trust.roots, trust, judgement) &&
         manufacturer.has_value() && usage != Finding::kBad;
}

// What was enrolled of this attestation key.
struct Enrolment {
  bool is_here = false;       // with this endorsement key
  bool is_elsewhere = false;  // with another endorsement key alone
  bool is_simulator = false;
};

Enrolment enrolment_of(const TpmKeys& keys, const Trust& trust) {
  Enrolment here;
  Enrolment elsewhere;
  for (const EnrolledKey& one : trust.enrolled) {
    if (!std::ranges::equal(one.name, keys.attestation.name)) continue;
    const bool same = std::ranges::equal(one.endorsement_name, keys.endorsement.name);
    Enrolment& found = same ? here : elsewhere;
    found.is_here = same;
    found.is_elsewhere = !same;
    found.is_simulator = found.is_simulator || one.simulator;
  }
  // Anybody can have the Name of somebody else's key enrolled at an endorsement key of software, so what was found
  // elsewhere says nothing against a key that was found here.
  return here.is_here ? here : elsewhere;
}

bool judge_enrolled(const Name& name, const Enrolment& enrolment, Judgement& judgement) {
  Finding finding = enrolment.is_here ? Finding::kGood : Finding::kNotReported;
  if (enrolment.is_elsewhere) finding = Finding::kWarning;
  judgement.add("tpm.ak.enrolled", finding, to_hex(name),
                enrolment.is_here ? "The attestation key was found in this TPM by a challenge before."
                : enrolment.is_elsewhere
                    ? "The attestation key was enrolled with another endorsement key: that says nothing of this TPM."
                    : "The attestation key is none of those that were found in their TPM by a challenge.");
  return enrolment.is_here;
}

// Whether somebody whom the auditor trusts for that certified the attestation key.
bool judge_attestation_certificate(const TpmPart& part, const std::vector<Certificate>& certificates,
                                   const PublicArea& area, const Trust& trust, Judgement& judgement) {
  if (certificates.empty()) {
    judgement.add("tpm.ak.certificate", Finding::kNotReported, "", "The attestation key has no certificate.");
    return false;
  }
  const Certificate& own = certificates.front();
  const bool is_own = own.key() == numbers_of(area);
  judgement.add("tpm.ak.certificate", is_own ? Finding::kGood : Finding::kBad, shown(own.subject()),
                is_own ? "It is for this attestation key." : "It is for another key than this attestation key.");
  const auto usages = own.usages();
  const bool fits = allows(usages, kAttestationKeyUsage);
  judgement.add("tpm.ak.usage", fits ? Finding::kGood : Finding::kBad, usages_text(usages),
                fits ? "It is a certificate for attestation keys." : "It is no certificate for attestation keys.");
  return judge_origin_chain("tpm.ak.chain", own, part.attestation_key_certificates, trust.attestation_roots, trust,
                            judgement) &&
         is_own && fits;
}

std::string found_of(std::string_view check, const Judgement& judgement) {
  const auto at = std::ranges::find(judgement.checks, check, &Check::name);
  return at == judgement.checks.end() ? std::string() : at->found;
}

}  // namespace

TpmOrigin judge_tpm_origin(const TpmPart& part, const TpmKeys& keys, const Trust& trust, Judgement& judgement) {
  TpmOrigin origin;
  const auto endorsement = read_all(part.endorsement_key_certificates, "tpm.ek.certificate", judgement);
  const auto attestation = read_all(part.attestation_key_certificates, "tpm.ak.certificate", judgement);
  if (!endorsement || !attestation) return origin;
  const Enrolment enrolment = enrolment_of(keys, trust);
  origin.is_simulator = judge_simulator(part, *endorsement, *attestation, enrolment.is_simulator, judgement);
  origin.has_manufacturer =
      judge_endorsement(part, *endorsement, keys.endorsement.area, origin.is_simulator, trust, judgement);
  const bool enrolled = judge_enrolled(keys.attestation.name, enrolment, judgement);
  const bool certified = judge_attestation_certificate(part, *attestation, keys.attestation.area, trust, judgement);
  if (origin.has_manufacturer) origin.root = found_of("tpm.ek.chain", judgement);
  origin.attestation_is_enrolled = enrolled;
  origin.attestation_is_tied = enrolled || certified;
  return origin;
}

}  // namespace signer::evidence
