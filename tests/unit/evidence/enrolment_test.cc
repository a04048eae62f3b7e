// SPDX-License-Identifier: Apache-2.0
//
// The auditor's side of an enrolment: what is kept between challenge and answer, and what a verdict may rest on later.
// What an auditor would lose: that a key is known to be in the TPM that was challenged, and in no other.
#include <gtest/gtest.h>

#include "base/hex.h"
#include "evidence/enrolment.h"
#include "jose/base64url.h"
#include "tpm_model.h"

namespace signer::evidence {
namespace {

using jose::Json;
using test::TpmModel;

// Its endorsement key is one that a challenge can be encrypted to.
TpmModel challengeable() {
  TpmModel model;
  model.endorsement_key.numbers = signer::test::SigningKey::second().public_key();
  return model;
}

std::string card_of(const TpmModel& model) {
  const Json part = model.part();
  const Json card = {
      {"ak", {{"pubArea", part["ak"]["pubArea"]}, {"name", jose::base64url_encode(model.attestation_key.name())}}},
      {"ek", part["ek"]}};
  return card.dump();
}

// What the auditor keeps of a challenge to this TPM.
Json kept_of(const TpmModel& model, const Trust& trust) {
  const auto card = read_card(card_of(model), trust);
  EXPECT_TRUE(card) << card.error().text;
  const auto files = challenge_card(*card);
  EXPECT_TRUE(files) << files.error().text;
  return Json::parse(files->kept);
}

// As the TPM would: the secret is what was sent to it.
std::string answer_to(const Json& kept) {
  return Json{{"secret", kept["secret"]}}.dump();
}

TEST(Enrolment, NamesTheEndorsementKeyThatWasChallengedAndWhetherItWasASimulators) {
  for (const bool simulator : {false, true}) {
    TpmModel model = challengeable();
    Trust trust = TpmModel::trust();
    if (simulator) model.manufacturer = "id:00001014";
    trust.allow_simulator = simulator;
    const Json kept = kept_of(model, trust);
    const auto key = accept_answer(answer_to(kept), kept.dump());
    ASSERT_TRUE(key) << key.error().text;
    const auto read = read_enrolled(enrolled_text(*key));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->name, model.attestation_key.name());
    EXPECT_EQ(read->endorsement_name, model.endorsement_key.name());
    EXPECT_EQ(read->simulator, simulator);
    EXPECT_EQ(enrolled_text(*key).find(kept["secret"].get<std::string>()), std::string::npos) << "the secret stays";
    trust.enrolled = {*read};
    trust.attestation_roots.clear();
    model.change_part = [](Json& part) { part["attStmt"]["x5c"] = Json::array(); };
    EXPECT_EQ(model.judge(trust).grade, simulator ? Grade::kSoftware : Grade::kAttested);
  }
}

TEST(Enrolment, AFileThatSaysLessOrMoreIsRefused) {
  const TpmModel model = challengeable();
  const Json kept = kept_of(model, TpmModel::trust());
  const std::string answer = answer_to(kept);
  ASSERT_TRUE(accept_answer(answer, kept.dump()));
  Json enrolled = kept;
  enrolled.erase("secret");
  ASSERT_TRUE(read_enrolled(enrolled.dump()));
  EXPECT_FALSE(read_enrolled(kept.dump())) << "the file with the secret is another one";
  EXPECT_FALSE(accept_answer(answer, enrolled.dump()));
  for (const char* member : {"name", "ek_name", "simulator"}) {
    const std::vector<std::optional<Json>> values = {std::nullopt, Json(1), Json("00"), Json(std::string(68, 'x'))};
    for (const auto& value : values) {
      Json other = kept;
      other.erase(member);
      if (value) other[member] = *value;
      EXPECT_FALSE(accept_answer(answer, other.dump())) << other;
      other.erase("secret");
      EXPECT_FALSE(read_enrolled(other.dump())) << other;
    }
  }
  const auto other_secret = accept_answer(R"({"secret":")" + std::string(43, 'A') + "\"}", kept.dump());
  ASSERT_FALSE(other_secret);
  EXPECT_EQ(other_secret.error().code, ErrorCode::kDenied);
}

}  // namespace
}  // namespace signer::evidence
