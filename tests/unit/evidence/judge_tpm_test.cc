// SPDX-License-Identifier: Apache-2.0
//
// The judge of a TPM's evidence, on a TPM of software that lies in one place at a time.  What is lost if a check is
// missing: a key that can be copied, or was never in a chip, passes for one that a chip keeps.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "evidence/judge_tpm.h"
#include "tests/support/tpm_wire.h"
#include "tpm_model.h"

namespace signer::evidence {
namespace {

using jose::Json;
using signer::test::overwrite;
using signer::test::SigningKey;
using test::AttestWords;
using test::checks_with;
using test::finding_of;
using test::joined;
using test::pcr_selection;
using test::sized;
using test::TpmModel;

using Names = std::vector<std::string>;

std::string text_of_checks(const Judgement& judgement) {
  std::string text = "grade " + std::string(to_string(judgement.grade)) + ": " + judgement.reason + "\n";
  for (const Check& check : judgement.checks) {
    text += std::string(to_string(check.finding)) + " " + check.name + " (" + check.found + ") " + check.meaning + "\n";
  }
  return text;
}

// What holds for every judgement.
void expect_well_formed(const Judgement& judgement) {
  std::set<std::string> names;
  for (const Check& check : judgement.checks) {
    EXPECT_TRUE(names.insert(check.name).second) << check.name << " is there twice";
    EXPECT_TRUE(check.name.starts_with("tpm.")) << check.name;
    EXPECT_LE(check.found.size(), 256U) << check.name;
    EXPECT_EQ(check.found, shown(check.found)) << check.name;
    EXPECT_TRUE(check.meaning.ends_with(".")) << check.name;
  }
  EXPECT_EQ(judgement.has_bad(), judgement.grade == Grade::kFailed);
  EXPECT_FALSE(judgement.reason.empty());
}

struct Lie {
  const char* what;
  std::function<void(TpmModel&)> tell;
  Names bad;  // exactly these
};

void expect_found_out(const std::vector<Lie>& lies) {
  for (const Lie& lie : lies) {
    TpmModel model;
    lie.tell(model);
    const Judgement judgement = model.judge(TpmModel::trust());
    EXPECT_EQ(checks_with(judgement, Finding::kBad), lie.bad) << lie.what << "\n" << text_of_checks(judgement);
    EXPECT_EQ(judgement.grade, Grade::kFailed) << lie.what;
    expect_well_formed(judgement);
  }
}

TEST(JudgeTpm, AChipWithAManufacturersChainAndACertifiedAttestationKeyIsAttested) {
  const Judgement judgement = TpmModel().judge(TpmModel::trust());
  EXPECT_EQ(judgement.grade, Grade::kAttested) << text_of_checks(judgement);
  EXPECT_EQ(checks_with(judgement, Finding::kNotReported), Names{"tpm.ak.enrolled"});
  EXPECT_TRUE(checks_with(judgement, Finding::kWarning).empty()) << text_of_checks(judgement);
  expect_well_formed(judgement);
}

TEST(JudgeTpm, AnEnrolledAttestationKeyNeedsNoCertificate) {
  TpmModel model;
  model.change_part = [](Json& part) { part["attStmt"]["x5c"] = Json::array(); };
  Trust trust = TpmModel::trust();
  trust.attestation_roots.clear();
  EXPECT_EQ(model.judge(trust).grade, Grade::kClaimed);
  trust.enrolled = {{model.storage_root.name(), model.endorsement_key.name()}};
  EXPECT_EQ(model.judge(trust).grade, Grade::kClaimed) << "another key was enrolled";
  trust.enrolled.push_back({model.attestation_key.name(), model.endorsement_key.name()});
  const Judgement judgement = model.judge(trust);
  EXPECT_EQ(judgement.grade, Grade::kAttested) << text_of_checks(judgement);
  EXPECT_EQ(finding_of(judgement, "tpm.ak.enrolled"), Finding::kGood);
  EXPECT_EQ(finding_of(judgement, "tpm.ak.certificate"), Finding::kNotReported);
}

TEST(JudgeTpm, OtherKindsOfKeysThatPeopleHaveAreAttestedToo) {
  const std::vector<std::pair<const char*, std::function<void(TpmModel&)>>> kinds = {
      {"the exponent in full", [](TpmModel& model) { model.key.exponent = 65537; }},
      {"an RSA storage root",
       [](TpmModel& model) {
         model.storage_root.type = 1;
         model.storage_root.numbers = test::made_up_numbers("root");
       }},
      {"neither userWithAuth nor noDA", [](TpmModel& model) { model.key.attributes &= ~0x440U; }},
      {"no statement of purpose in the endorsement key's certificate",
       [](TpmModel& model) { model.endorsement_words.usage.reset(); }},
      {"a purpose among others",
       [](TpmModel& model) { model.attestation_words.usage = "emailProtection,2.23.133.8.3"; }},
      {"nothing at its birth", [](TpmModel& model) { model.has_creation = false; }},
      {"the clock not safe",
       [](TpmModel& model) {
         model.change_certify = [](AttestWords& words) { words.safe = 0; };
         model.change_quote = model.change_certify;
       }},
      {"the quote made first",
       [](TpmModel& model) { model.change_quote = [](AttestWords& words) { words.clock -= 600'250; }; }}};
  for (const auto& [what, change] : kinds) {
    TpmModel model;
    change(model);
    const Judgement judgement = model.judge(TpmModel::trust());
    EXPECT_EQ(judgement.grade, Grade::kAttested) << what << "\n" << text_of_checks(judgement);
  }
}

TEST(JudgeTpm, AP256KeyIsAttestedIfItIsThePublishedOne) {
  TpmModel model;
  model.key = model.storage_root;
  model.key.attributes = 0x40472;
  model.key.symmetric = 0x0010;
  model.key.scheme = 0x0018;  // ECDSA
  const TpmExpectation expectation{.nonce = model.nonce, .context = model.context};
  EXPECT_EQ(judge_tpm(model.part(), model.key.numbers, expectation, TpmModel::trust()).grade, Grade::kAttested);
  jose::PublicKey other = model.key.numbers;
  other.y.back() ^= 1U;
  EXPECT_EQ(checks_with(judge_tpm(model.part(), other, expectation, TpmModel::trust()), Finding::kBad),
            Names{"tpm.key.published"});
  model.key.scheme = 0x0010;
  EXPECT_EQ(checks_with(judge_tpm(model.part(), model.key.numbers, expectation, TpmModel::trust()), Finding::kBad),
            Names{"tpm.key.template"});
}

TEST(JudgeTpm, Invariant04_AKeyThatCouldLeaveItsTpmIsFoundOut) {
  expect_found_out({
      {"not fixedTPM", [](TpmModel& m) { m.key.attributes &= ~0x2U; }, {"tpm.key.attribute.fixedTPM"}},
      {"not fixedParent", [](TpmModel& m) { m.key.attributes &= ~0x10U; }, {"tpm.key.attribute.fixedParent"}},
      {"imported", [](TpmModel& m) { m.key.attributes &= ~0x20U; }, {"tpm.key.attribute.sensitiveDataOrigin"}},
      {"for copies", [](TpmModel& m) { m.key.attributes |= 0x800U; }, {"tpm.key.attribute.encryptedDuplication"}},
      {"decrypts", [](TpmModel& m) { m.key.attributes |= 0x20000U; }, {"tpm.key.attribute.decrypt"}},
      {"restricted", [](TpmModel& m) { m.key.attributes |= 0x10000U; }, {"tpm.key.attribute.restricted"}},
      {"does not sign", [](TpmModel& m) { m.key.attributes &= ~0x40000U; }, {"tpm.key.attribute.sign"}},
      {"signs certificates", [](TpmModel& m) { m.key.attributes |= 0x80000U; }, {"tpm.key.attribute.others"}},
      {"a reserved bit", [](TpmModel& m) { m.key.attributes |= 1U; }, {"tpm.key.attribute.others"}},
      {"a policy", [](TpmModel& m) { m.key.policy = Bytes(32, 1); }, {"tpm.key.policy"}},
      {"no scheme", [](TpmModel& m) { m.key.scheme = 0x0010; }, {"tpm.key.template"}},
      {"RSAPSS", [](TpmModel& m) { m.key.scheme = 0x0016; }, {"tpm.key.template"}},
      {"SHA-1", [](TpmModel& m) { m.key.scheme_hash = 4; }, {"tpm.key.template"}},
      {"a storage key", [](TpmModel& m) { m.key.symmetric = 6; }, {"tpm.key.template"}},
      {"exponent 3", [](TpmModel& m) { m.key.exponent = 3; }, {"tpm.key.template", "tpm.key.published"}},
      {"1,024 bits",
       [](TpmModel& m) {
         m.key.bits = 1024;
         m.key.numbers.modulus.resize(128);
       },
       {"tpm.key.template", "tpm.key.published"}},
      {"another key", [](TpmModel& m) { m.key.numbers = test::made_up_numbers("other"); }, {"tpm.key.published"}},
      {"another hash for Names", [](TpmModel& m) { m.key.name_hash = 4; }, {"tpm.key.form"}},
      {"another kind of key", [](TpmModel& m) { m.key.type = 8; }, {"tpm.key.form"}},
  });
}

TEST(JudgeTpm, AnAttestationKeyThatWouldSignAnythingIsFoundOut) {
  expect_found_out({
      {"unrestricted", [](TpmModel& m) { m.attestation_key.attributes &= ~0x10000U; }, {"tpm.ak.attribute.restricted"}},
      {"decrypts", [](TpmModel& m) { m.attestation_key.attributes |= 0x20000U; }, {"tpm.ak.attribute.decrypt"}},
      {"does not sign", [](TpmModel& m) { m.attestation_key.attributes &= ~0x40000U; }, {"tpm.ak.attribute.sign"}},
      {"not fixedTPM", [](TpmModel& m) { m.attestation_key.attributes &= ~0x2U; }, {"tpm.ak.attribute.fixedTPM"}},
      {"not fixedParent",
       [](TpmModel& m) { m.attestation_key.attributes &= ~0x10U; },
       {"tpm.ak.attribute.fixedParent"}},
      {"imported",
       [](TpmModel& m) { m.attestation_key.attributes &= ~0x20U; },
       {"tpm.ak.attribute.sensitiveDataOrigin"}},
      {"another scheme", [](TpmModel& m) { m.attestation_key.scheme = 0x0016; }, {"tpm.ak.template"}},
      {"no public area", [](TpmModel& m) { m.attestation_key.bits = 2040; }, {"tpm.ak.form"}},
  });
}

TEST(JudgeTpm, ParentsThatProtectNothingAreFoundOut) {
  expect_found_out({
      {"root not restricted",
       [](TpmModel& m) { m.storage_root.attributes &= ~0x10000U; },
       {"tpm.storage_root.attribute.restricted"}},
      {"root not fixedTPM",
       [](TpmModel& m) { m.storage_root.attributes &= ~0x2U; },
       {"tpm.storage_root.attribute.fixedTPM"}},
      {"root signs", [](TpmModel& m) { m.storage_root.attributes |= 0x40000U; }, {"tpm.storage_root.attribute.sign"}},
      {"root decrypts not",
       [](TpmModel& m) { m.storage_root.attributes &= ~0x20000U; },
       {"tpm.storage_root.attribute.decrypt"}},
      {"root without a cipher", [](TpmModel& m) { m.storage_root.symmetric = 0x0010; }, {"tpm.storage_root.template"}},
      {"root of another curve", [](TpmModel& m) { m.storage_root.curve = 4; }, {"tpm.storage_root.form"}},
      {"EK not fixedTPM", [](TpmModel& m) { m.endorsement_key.attributes &= ~0x2U; }, {"tpm.ek.attribute.fixedTPM"}},
      {"EK not restricted",
       [](TpmModel& m) { m.endorsement_key.attributes &= ~0x10000U; },
       {"tpm.ek.attribute.restricted"}},
      {"EK without a cipher", [](TpmModel& m) { m.endorsement_key.symmetric = 0x0010; }, {"tpm.ek.template"}},
      {"EK of no kind", [](TpmModel& m) { m.endorsement_key.type = 0x25; }, {"tpm.ek.form"}},
  });
}

using Change = std::function<void(AttestWords&)>;

Lie certify_lie(const char* what, Change change, Names bad) {
  return {what, [change](TpmModel& model) { model.change_certify = change; }, std::move(bad)};
}

Lie creation_lie(const char* what, Change change, Names bad) {
  return {what, [change](TpmModel& model) { model.change_creation = change; }, std::move(bad)};
}

Lie quote_lie(const char* what, Change change, Names bad) {
  return {what, [change](TpmModel& model) { model.change_quote = change; }, std::move(bad)};
}

TEST(JudgeTpm, AStatementThatIsNotAboutThisKeyAndThisNonceIsFoundOut) {
  const Bytes other_name = TpmModel().attestation_key.name();
  expect_found_out({
      certify_lie("no TPM made it", [](AttestWords& w) { w.magic = 0xff544348; }, {"tpm.certify.magic"}),
      certify_lie("an unknown type", [](AttestWords& w) { w.type = 0x8019; }, {"tpm.certify.form"}),
      certify_lie("a creation", [](AttestWords& w) { w.type = 0x801a; }, {"tpm.certify.type"}),
      certify_lie("a quote",
                  [](AttestWords& w) {
                    w.type = 0x8018;
                    w.attested = joined({pcr_selection(0x000b, 0xff), sized(Bytes(32))});
                  },
                  {"tpm.certify.type"}),
      certify_lie("another nonce", [](AttestWords& w) { w.extra_data.back() ^= 1U; }, {"tpm.certify.nonce"}),
      certify_lie("no nonce", [](AttestWords& w) { w.extra_data.clear(); }, {"tpm.certify.nonce"}),
      certify_lie("half a nonce", [](AttestWords& w) { w.extra_data.resize(16); }, {"tpm.certify.nonce"}),
      certify_lie("another key", [&](AttestWords& w) { std::ranges::copy(other_name, w.attested.begin() + 2); },
                  {"tpm.certify.name"}),
      certify_lie("another storage root", [](AttestWords& w) { w.attested.back() ^= 1U; }, {"tpm.certify.parent"}),
      certify_lie("another signer", [](AttestWords& w) { w.signer.back() ^= 1U; }, {"tpm.certify.signer"}),
      certify_lie("bytes behind it", [](AttestWords& w) { w.attested.push_back(0); }, {"tpm.certify.form"}),
      certify_lie("another reset", [](AttestWords& w) { ++w.reset_count; }, {"tpm.clock"}),
      certify_lie("another restart", [](AttestWords& w) { ++w.restart_count; }, {"tpm.clock"}),
      certify_lie("another safe", [](AttestWords& w) { w.safe = 0; }, {"tpm.clock"}),
      certify_lie("long before", [](AttestWords& w) { w.clock -= 599'751; }, {"tpm.clock"}),
      certify_lie("other firmware", [](AttestWords& w) { ++w.firmware; }, {"tpm.firmware"}),
  });
}

TEST(JudgeTpm, ABirthThatIsNotThisKeysIsFoundOut) {
  expect_found_out({
      creation_lie("no TPM made it", [](AttestWords& w) { w.magic = 0; }, {"tpm.creation.magic"}),
      creation_lie("a certify", [](AttestWords& w) { w.type = 0x8017; }, {"tpm.creation.type"}),
      creation_lie("another key", [](AttestWords& w) { w.attested[10] ^= 1U; }, {"tpm.creation.name"}),
      creation_lie("another hash", [](AttestWords& w) { w.attested.back() ^= 1U; }, {"tpm.creation.data"}),
      creation_lie("another signer", [](AttestWords& w) { w.signer.clear(); }, {"tpm.creation.signer"}),
      creation_lie("another life", [](AttestWords& w) { w.reset_count = 13; }, {"tpm.creation.clock"}),
      {"another parent",
       [](TpmModel& m) { m.change_creation_data = [](Bytes& data) { data[20] ^= 1U; }; },
       {"tpm.creation.parent"}},
      {"another hierarchy",
       [](TpmModel& m) { m.change_creation_data = [](Bytes& data) { data[60] ^= 1U; }; },
       {"tpm.creation.parent"}},
      {"no creation data",
       [](TpmModel& m) { m.change_creation_data = [](Bytes& data) { data.push_back(0); }; },
       {"tpm.creation.data"}},
  });
}

TEST(JudgeTpm, AQuoteThatIsNotOfThisRequestIsFoundOut) {
  expect_found_out({
      quote_lie("no TPM made it", [](AttestWords& w) { w.magic ^= 0x80000000; }, {"tpm.quote.magic"}),
      quote_lie("a certify",
                [](AttestWords& w) {
                  w.type = 0x8017;
                  w.attested = joined({sized(Bytes(34)), sized(Bytes(34))});
                },
                {"tpm.quote.type"}),
      quote_lie("another nonce", [](AttestWords& w) { w.extra_data.back() ^= 1U; }, {"tpm.quote.nonce"}),
      quote_lie("another signer", [](AttestWords& w) { w.signer[5] ^= 1U; }, {"tpm.quote.signer"}),
      quote_lie("another digest", [](AttestWords& w) { w.attested.back() ^= 1U; }, {"tpm.quote.pcrs"}),
      quote_lie("fewer PCRs", [](AttestWords& w) { w.attested[7] = 0x7f; }, {"tpm.quote.selection"}),
      quote_lie("PCR 16 too", [](AttestWords& w) { w.attested[9] = 1; }, {"tpm.quote.selection"}),
      quote_lie("the bank of SHA-1", [](AttestWords& w) { w.attested[5] = 4; }, {"tpm.quote.selection"}),
      {"other values",
       [](TpmModel& m) { m.change_part = [](Json& part) { part["quote"]["pcrs"]["3"] = part["quote"]["pcrs"]["4"]; }; },
       {"tpm.quote.pcrs"}},
  });
}

TEST(JudgeTpm, ABundleThatIsPlayedAgainIsFoundOut) {
  const TpmModel model;
  const Json part = model.part();
  const auto bad = [&](ByteView nonce, ByteView context) {
    return checks_with(judge_tpm(part, model.published(), {.nonce = nonce, .context = context}, TpmModel::trust()),
                       Finding::kBad);
  };
  EXPECT_TRUE(bad(model.nonce, model.context).empty());
  Bytes other = model.nonce;
  other.front() ^= 0x80U;
  EXPECT_EQ(bad(other, model.context), (Names{"tpm.certify.nonce", "tpm.quote.nonce"}));
  EXPECT_EQ(bad({}, model.context), (Names{"tpm.certify.nonce", "tpm.quote.nonce"}));
  EXPECT_EQ(bad(model.nonce, other), Names{"tpm.quote.nonce"});
  TpmModel without;
  without.nonce.clear();
  EXPECT_EQ(checks_with(without.judge(TpmModel::trust()), Finding::kBad),
            (Names{"tpm.certify.nonce", "tpm.quote.nonce"}))
      << "a nonce that nobody chose is none";
}

TEST(JudgeTpm, TheAttestationKeyOfAnotherTpmIsFoundOut) {
  TpmModel model;
  model.statements_signer = &SigningKey::second();
  EXPECT_EQ(checks_with(model.judge(TpmModel::trust()), Finding::kBad),
            (Names{"tpm.certify.signature", "tpm.creation.signature", "tpm.quote.signature"}));
  // All of it from the other TPM, but for the certificate and the enrolled Name.
  Trust trust = TpmModel::trust();
  trust.enrolled = {{model.attestation_key.name(), model.endorsement_key.name()}};
  model.certified_attestation = model.attestation_key.numbers;
  model.attestation_key.numbers = SigningKey::second().public_key();
  const Judgement judgement = model.judge(trust);
  EXPECT_EQ(checks_with(judgement, Finding::kBad), Names{"tpm.ak.certificate"}) << text_of_checks(judgement);
  // Without the certificate nothing is wrong, and nothing is shown.
  model.change_part = [](Json& part) { part["attStmt"]["x5c"] = Json::array(); };
  EXPECT_EQ(model.judge(trust).grade, Grade::kClaimed);
  // It says itself which endorsement key it stands under: certified or not, it cannot speak for this TPM.
  model.change_part = [](Json&) {};
  model.certified_attestation.reset();
  const Bytes elsewhere(34, 0x0b);
  model.change_certify = [&](AttestWords& words) { words.signer = elsewhere; };
  EXPECT_EQ(checks_with(model.judge(trust), Finding::kBad), Names{"tpm.certify.signer"});
}

TEST(JudgeTpm, APartThatIsNotJsonOfItsFormIsRefusedAsAWhole) {
  const TpmModel model;
  const TpmExpectation expectation{.nonce = model.nonce, .context = model.context};
  const Json good = model.part();
  const auto expect_malformed = [&](const Json& part, const std::string& what) {
    const Judgement judgement = judge_tpm(part, model.published(), expectation, TpmModel::trust());
    EXPECT_EQ(checks_with(judgement, Finding::kBad), Names{"tpm.form"}) << what;
    EXPECT_EQ(judgement.grade, Grade::kFailed) << what;
  };
  for (const Json& other : {Json(), Json(7), Json::array(), Json::object(), Json("tpm")}) {
    expect_malformed(other, other.dump());
  }
  std::size_t places = 0;
  const Json flat = good.flatten();
  for (const auto& [path, unused] : flat.items()) {
    // The member, then the objects around it.
    for (Json::json_pointer at(path); !at.empty(); at = at.parent_pointer()) {
      const bool may_be_empty = at.to_string().ends_with("x5c") || at.to_string().ends_with("certificates");
      for (const Json& value : {Json(7), Json(), Json::object(), Json("!"), Json(1.5), Json::array()}) {
        if (may_be_empty && value.is_array()) continue;
        if (at.to_string().starts_with("/properties/") && value.is_string()) continue;
        if (good.at(at) == value) continue;
        Json changed = good;
        changed[at] = value;
        expect_malformed(changed, at.to_string() + " = " + value.dump());
        ++places;
      }
      if (good.at(at.parent_pointer()).is_array()) continue;
      Json without = good;
      without[at.parent_pointer()].erase(at.back());
      if (at.to_string() != "/creation") expect_malformed(without, "without " + at.to_string());
      Json more = good;
      more[at.parent_pointer()]["more"] = "";
      expect_malformed(more, "more in " + at.parent_pointer().to_string());
    }
  }
  EXPECT_GT(places, 150U);
}

TEST(JudgeTpm, TextsThatAreTooLongOrEmptyAreRefused) {
  const TpmModel model;
  const Json good = model.part();
  const auto bad_with = [&](const char* path, const Json& value) {
    Json part = good;
    part[Json::json_pointer(path)] = value;
    return checks_with(
        judge_tpm(part, model.published(), {.nonce = model.nonce, .context = model.context}, TpmModel::trust()),
        Finding::kBad);
  };
  EXPECT_TRUE(bad_with("/properties/vendor", std::string(1024, 'x')).empty());
  EXPECT_EQ(bad_with("/properties/vendor", std::string(1025, 'x')), Names{"tpm.form"});
  EXPECT_EQ(bad_with("/attStmt/certInfo", std::string(2732, 'A')), Names{"tpm.form"}) << "2,049 bytes";
  EXPECT_EQ(bad_with("/attStmt/certInfo", ""), Names{"tpm.form"});
  EXPECT_EQ(bad_with("/attStmt/certInfo", "AA=="), Names{"tpm.form"});
  EXPECT_EQ(bad_with("/quote/pcrs/0", "AAAA"), Names{"tpm.form"});
  EXPECT_EQ(bad_with("/attStmt/alg", -7), Names{"tpm.form"});
  EXPECT_EQ(bad_with("/attStmt/ver", "1.2"), Names{"tpm.form"});
  EXPECT_EQ(bad_with("/ek/certificates", Json(std::vector<std::string>(9, "AAAA"))), Names{"tpm.form"});
  EXPECT_EQ(bad_with("/ek/certificates", Json(std::vector<std::string>(8, "AAAA"))), Names{"tpm.ek.certificate"});
}

}  // namespace
}  // namespace signer::evidence
