// SPDX-License-Identifier: Apache-2.0
//
// Whose TPM it is.  The highest grade needs both a manufacturer behind the endorsement key and somebody behind the
// attestation key; a simulator never gets it, whatever certificates it has.
#include <gtest/gtest.h>

#include "tpm_model.h"

namespace signer::evidence {
namespace {

using jose::Json;
using test::Authority;
using test::finding_of;
using test::TpmModel;

struct Origin {
  const char* what;
  std::function<void(TpmModel&, Trust&)> change;
  Grade grade;
  const char* check;  // that says why, with its finding
  Finding finding;
};

void expect_grades(const std::vector<Origin>& origins) {
  for (const Origin& origin : origins) {
    TpmModel model;
    Trust trust = TpmModel::trust();
    origin.change(model, trust);
    const Judgement judgement = model.judge(trust);
    EXPECT_EQ(to_string(judgement.grade), to_string(origin.grade)) << origin.what;
    EXPECT_EQ(finding_of(judgement, origin.check), origin.finding) << origin.what;
    EXPECT_FALSE(judgement.reason.empty()) << origin.what;
  }
}

void without_endorsement_certificates(Json& part) {
  part["ek"]["certificates"] = Json::array();
}

void without_attestation_certificate(Json& part) {
  part["attStmt"]["x5c"] = Json::array();
}

void without_intermediate(Json& part) {
  part["ek"]["certificates"].erase(1);
}

TEST(TpmOrigin, AnEndorsementKeyThatNoManufacturerVouchesForIsClaimedAtBest) {
  expect_grades({
      {"no certificate", [](TpmModel& m, Trust&) { m.change_part = without_endorsement_certificates; }, Grade::kClaimed,
       "tpm.ek.certificate", Finding::kNotReported},
      {"no roots", [](TpmModel&, Trust& t) { t.roots.clear(); }, Grade::kClaimed, "tpm.ek.chain",
       Finding::kNotReported},
      {"a stranger's root of the same name",
       [](TpmModel&, Trust& t) { t.roots = {TpmModel::stranger().certificate()}; }, Grade::kClaimed, "tpm.ek.chain",
       Finding::kWarning},
      {"the organisation's root", [](TpmModel&, Trust& t) { t.roots = t.attestation_roots; }, Grade::kClaimed,
       "tpm.ek.chain", Finding::kWarning},
      {"an intermediate in place of a root",
       [](TpmModel&, Trust& t) { t.roots = {TpmModel::manufacturer_intermediate().certificate()}; }, Grade::kClaimed,
       "tpm.ek.chain", Finding::kWarning},
      {"no intermediate", [](TpmModel& m, Trust&) { m.change_part = without_intermediate; }, Grade::kClaimed,
       "tpm.ek.chain", Finding::kWarning},
      {"the auditor's intermediate",
       [](TpmModel& m, Trust& t) {
         m.change_part = without_intermediate;
         t.intermediates = {TpmModel::manufacturer_intermediate().certificate()};
       },
       Grade::kAttested, "tpm.ek.chain", Finding::kGood},
      {"signed with SHA-1", [](TpmModel& m, Trust&) { m.endorsement_words.hash = ::EVP_sha1(); }, Grade::kClaimed,
       "tpm.ek.chain", Finding::kWarning},
      {"no longer valid", [](TpmModel& m, Trust&) { m.endorsement_words.not_after = test::kNow - 1; }, Grade::kClaimed,
       "tpm.ek.chain", Finding::kWarning},
      {"not yet valid", [](TpmModel& m, Trust&) { m.endorsement_words.not_before = test::kNow + 1; }, Grade::kClaimed,
       "tpm.ek.chain", Finding::kWarning},
      {"judged a year later", [](TpmModel&, Trust& t) { t.now = test::kNow + 365 * test::kDay; }, Grade::kClaimed,
       "tpm.ek.chain", Finding::kWarning},
      {"no manufacturer named", [](TpmModel& m, Trust&) { m.manufacturer.reset(); }, Grade::kClaimed,
       "tpm.ek.manufacturer", Finding::kNotReported},
  });
}

TEST(TpmOrigin, AnEndorsementCertificateOfAnotherKeyOrPurposeFails) {
  expect_grades({
      {"a stranger's", [](TpmModel& m, Trust&) { m.certified_endorsement = test::made_up_numbers("another TPM"); },
       Grade::kFailed, "tpm.ek.certificate", Finding::kBad},
      {"another exponent",
       [](TpmModel& m, Trust&) {
         m.certified_endorsement = m.endorsement_key.numbers;
         m.certified_endorsement->exponent = {3};
       },
       Grade::kFailed, "tpm.ek.certificate", Finding::kBad},
      {"for web servers", [](TpmModel& m, Trust&) { m.endorsement_words.usage = "serverAuth"; }, Grade::kFailed,
       "tpm.ek.usage", Finding::kBad},
      {"for attestation keys", [](TpmModel& m, Trust&) { m.endorsement_words.usage = "2.23.133.8.3"; }, Grade::kFailed,
       "tpm.ek.usage", Finding::kBad},
  });
}

TEST(TpmOrigin, AnAttestationKeyThatNobodyVouchesForIsClaimedAtBest) {
  expect_grades({
      {"neither enrolled nor certified", [](TpmModel& m, Trust&) { m.change_part = without_attestation_certificate; },
       Grade::kClaimed, "tpm.ak.certificate", Finding::kNotReported},
      {"nobody is trusted for that", [](TpmModel&, Trust& t) { t.attestation_roots.clear(); }, Grade::kClaimed,
       "tpm.ak.chain", Finding::kNotReported},
      {"the manufacturer's root does not count", [](TpmModel&, Trust& t) { t.attestation_roots = t.roots; },
       Grade::kClaimed, "tpm.ak.chain", Finding::kWarning},
      {"no longer valid", [](TpmModel& m, Trust&) { m.attestation_words.not_after = test::kNow - 1; }, Grade::kClaimed,
       "tpm.ak.chain", Finding::kWarning},
      {"for another key", [](TpmModel& m, Trust&) { m.certified_attestation = test::made_up_numbers("another key"); },
       Grade::kFailed, "tpm.ak.certificate", Finding::kBad},
      {"for no purpose", [](TpmModel& m, Trust&) { m.attestation_words.usage.reset(); }, Grade::kFailed, "tpm.ak.usage",
       Finding::kBad},
      {"for endorsement keys", [](TpmModel& m, Trust&) { m.attestation_words.usage = "2.23.133.8.1"; }, Grade::kFailed,
       "tpm.ak.usage", Finding::kBad},
  });
}

TEST(TpmOrigin, ASimulatorIsSoftwareWhateverCertificatesItHas) {
  const std::vector<std::pair<const char*, std::function<void(TpmModel&)>>> simulators = {
      {"swtpm_localca's manufacturer", [](TpmModel& m) { m.manufacturer = "id:00001014"; }},
      {"IBM's", [](TpmModel& m) { m.manufacturer = "id:49424d00"; }},
      {"it says so", [](TpmModel& m) { m.properties["simulator"] = true; }},
      {"libtpms' vendor text", [](TpmModel& m) { m.properties["vendor"] = "SW   TPM"; }},
      {"Microsoft's simulator", [](TpmModel& m) { m.properties["vendor"] = "xCG fTPM"; }},
      {"the attestation key's certificate says so", [](TpmModel& m) {
         // What tools make for the keys of a simulator carries the same alternative name.
         m.attestation_words.manufacturer = "id:00001014";
       }}};
  for (const auto& [what, change] : simulators) {
    TpmModel model;
    change(model);
    Trust trust = TpmModel::trust();
    trust.enrolled = {{model.attestation_key.name(), model.endorsement_key.name()}};
    const Judgement strict = model.judge(trust);
    EXPECT_EQ(strict.grade, Grade::kSoftware) << what;
    EXPECT_EQ(finding_of(strict, "tpm.simulator"), Finding::kWarning) << what;
    EXPECT_EQ(finding_of(strict, "tpm.ek.chain"), Finding::kInformation) << what << ": not followed";
    trust.allow_simulator = true;
    const Judgement lenient = model.judge(trust);
    EXPECT_EQ(lenient.grade, Grade::kSoftware) << what << ": asked for or not";
    EXPECT_EQ(finding_of(lenient, "tpm.ek.chain"), Finding::kGood) << what;
    model.key.attributes |= 0x800U;
    EXPECT_EQ(model.judge(trust).grade, Grade::kFailed) << what << ": and a wrong key is still wrong";
  }
}

TEST(TpmOrigin, Invariant04_AnEnrolmentCountsForTheTpmThatWasChallengedAlone) {
  TpmModel model;
  model.change_part = without_attestation_certificate;
  const Bytes name = model.attestation_key.name();
  const Bytes here = model.endorsement_key.name();
  const Bytes elsewhere = model.storage_root.name();
  struct Enrolled {
    const char* what;
    std::vector<EnrolledKey> keys;
    Grade grade;
    Finding finding;
  };
  const std::vector<Enrolled> rows = {
      {"in this TPM", {{name, here, false}}, Grade::kAttested, Finding::kGood},
      {"a program's key, then a chip's certificate", {{name, elsewhere, true}}, Grade::kSoftware, Finding::kWarning},
      {"in another chip", {{name, elsewhere, false}}, Grade::kClaimed, Finding::kWarning},
      {"no key of the endorsement key", {{here, here, false}}, Grade::kClaimed, Finding::kNotReported},
      {"no endorsement key", {{name, {}, false}}, Grade::kClaimed, Finding::kWarning},
      {"at a simulator that says it is a chip now", {{name, here, true}}, Grade::kSoftware, Finding::kGood},
      {"the same and as a chip", {{name, here, false}, {name, here, true}}, Grade::kSoftware, Finding::kGood},
      {"here, and by a stranger at a simulator",
       {{name, elsewhere, true}, {name, here, false}},
       Grade::kAttested,
       Finding::kGood}};
  for (const Enrolled& row : rows) {
    Trust trust = TpmModel::trust();
    trust.enrolled = row.keys;
    const Judgement judgement = model.judge(trust);
    EXPECT_EQ(to_string(judgement.grade), to_string(row.grade)) << row.what;
    EXPECT_EQ(finding_of(judgement, "tpm.ak.enrolled"), row.finding) << row.what;
    EXPECT_EQ(finding_of(judgement, "tpm.simulator"),
              row.grade == Grade::kSoftware ? Finding::kWarning : Finding::kInformation)
        << row.what;
  }
}

TEST(TpmOrigin, TheEndorsementCertificateIsFoundAmongOthers) {
  TpmModel model;
  model.change_part = [](Json& part) {
    Json& certificates = part["ek"]["certificates"];
    std::swap(certificates[0], certificates[1]);
  };
  EXPECT_EQ(model.judge(TpmModel::trust()).grade, Grade::kAttested);
}

TEST(TpmOrigin, AChainIsJudgedByTheClockIfNoTimeIsGiven) {
  TpmModel model;
  Trust trust = TpmModel::trust();
  trust.now.reset();
  EXPECT_EQ(model.judge(trust).grade, Grade::kClaimed) << "the certificates of the model ended in 2025";
}

}  // namespace
}  // namespace signer::evidence
