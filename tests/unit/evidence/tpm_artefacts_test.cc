// SPDX-License-Identifier: Apache-2.0
//
// Evidence that is none of ours: everything made by tpm2-tools on swtpm.  If our judge and our model agreed on a format
// that no TPM has, this is where it shows.
#include <gtest/gtest.h>

#include "base/hex.h"
#include "certificate_maker.h"
#include "evidence/credential.h"
#include "evidence/judge_tpm.h"
#include "evidence/tpm_structures.h"
#include "jose/base64url.h"
#include "jose/hash.h"
#include "tests/support/process.h"
#include "tests/support/swtpm.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tpm_wire.h"
#include "tpm_model.h"

namespace signer::evidence {
namespace {

using jose::Json;
using signer::test::Finished;
using signer::test::put;
using signer::test::Swtpm;
using test::finding_of;

const Bytes kContext(32, 0xc0);
constexpr const char* kParent = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt";
constexpr const char* kKey = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign";

class TpmArtefacts : public ::testing::Test {
 protected:
  // Endorsement and attestation key in ek.ctx and ak.ctx.
  void SetUp() override {
    tool({"tpm2_createek", "-G", "rsa", "-c", file("ek.ctx"), "-u", file("ek.area")});
    tool({"tpm2_createak", "-Q", "-C", file("ek.ctx"), "-c", file("ak.ctx"), "-G", "rsa", "-g", "sha256", "-s",
          "rsassa", "-u", file("ak.area"), "-n", file("ak.name")});
  }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }

  // There is no resource manager: what a tool leaves loaded goes at once.
  void tool(const std::vector<std::string>& arguments, bool flush = true) const {
    const Finished finished = outcome(arguments);
    ASSERT_EQ(finished.status, 0) << arguments.front() << "\n" << finished.out << finished.err;
    if (!flush) return;
    ASSERT_EQ(outcome({"tpm2_flushcontext", "-t"}).status, 0);
  }

  [[nodiscard]] Finished outcome(const std::vector<std::string>& arguments) const {
    return signer::test::run(arguments, {}, {{"TPM2TOOLS_TCTI", tpm_.tcti()}});
  }

  [[nodiscard]] Bytes content(const std::string& name, std::size_t skip = 0) const {
    const std::string text = signer::test::read_text(file(name));
    const ByteView bytes = bytes_of(text).subspan(std::min(skip, text.size()));
    return {bytes.begin(), bytes.end()};
  }

  // The bytes behind the size that a TPM2B has in front.
  [[nodiscard]] std::string without_size(const std::string& name) const {
    return jose::base64url_encode(content(name, 2));
  }

  [[nodiscard]] std::string whole(const std::string& name) const { return jose::base64url_encode(content(name)); }

  void make_key();
  void make_statements();
  [[nodiscard]] Json pcr_values();
  [[nodiscard]] Json part();
  [[nodiscard]] Finished activate(const Challenge& challenge);

  Bytes nonce_;
  Swtpm tpm_;
  signer::test::TemporaryDirectory directory_;
};

void TpmArtefacts::make_key() {
  tool({"tpm2_createprimary", "-Q", "-C", "o", "-g", "sha256", "-G", "rsa2048:null:aes128cfb", "-a", kParent, "-c",
        file("root.ctx")});
  tool({"tpm2_evictcontrol", "-Q", "-C", "o", "-c", file("root.ctx"), "0x81000001"});
  tool({"tpm2_readpublic", "-Q", "-c", "0x81000001", "-o", file("root.area")});
  tool({"tpm2_create",
        "-Q",
        "-C",
        "0x81000001",
        "-g",
        "sha256",
        "-G",
        "rsa2048:rsassa-sha256:null",
        "-a",
        kKey,
        "-u",
        file("key.area"),
        "-r",
        file("key.private"),
        "--creation-data",
        file("key.creation"),
        "--creation-hash",
        file("key.hash"),
        "-t",
        file("key.ticket")});
  tool({"tpm2_load", "-Q", "-C", "0x81000001", "-u", file("key.area"), "-r", file("key.private"), "-c", file("key.ctx"),
        "-n", file("key.name")});
}

void TpmArtefacts::make_statements() {
  tool({"tpm2_certifycreation",
        "-Q",
        "-C",
        file("ak.ctx"),
        "-c",
        file("key.ctx"),
        "-d",
        file("key.hash"),
        "-t",
        file("key.ticket"),
        "-g",
        "sha256",
        "-s",
        "rsassa",
        "-f",
        "plain",
        "-o",
        file("creation.sig"),
        "--attestation",
        file("creation.info")});
  tool({"tpm2_certify", "-Q", "-c", file("key.ctx"), "-C", file("ak.ctx"), "-g", "sha256", "--scheme", "rsassa", "-f",
        "plain", "-o", file("certify.info"), "-s", file("certify.sig")});
  // tpm2_certify 5.4 takes no qualifying data and puts in its own: so that is the auditor's nonce.
  const auto certify = read_attest(content("certify.info"));
  ASSERT_TRUE(certify) << certify.error().text;
  nonce_ = certify->extra_data;
  ASSERT_FALSE(nonce_.empty());
  const std::string asked = to_hex(jose::sha256(nonce_, kContext));
  tool({"tpm2_quote", "-Q", "-c", file("ak.ctx"), "-l", "sha256:0,1,2,3,4,5,6,7", "-g", "sha256", "-f", "plain", "-q",
        asked, "-m", file("quote.info"), "-s", file("quote.sig")});
}

Json TpmArtefacts::pcr_values() {
  tool({"tpm2_pcrread", "-Q", "sha256:0,1,2,3,4,5,6,7", "-o", file("pcrs")});
  const Bytes all = content("pcrs");
  Json values = Json::object();
  for (std::size_t pcr = 0; pcr < 8; ++pcr) {
    values[std::to_string(pcr)] = jose::base64url_encode(ByteView(all).subspan(32 * pcr, 32));
  }
  return values;
}

// What swtpm_localca would have put into the TPM: a certificate that names the simulator.
Json TpmArtefacts::part() {
  const auto endorsement = read_public_area(content("ek.area", 2));
  const Bytes certificate = test::TpmModel::manufacturer_root().issue(
      numbers_of(endorsement.value()), {.common_name = "", .usage = "2.23.133.8.1", .manufacturer = "id:00001014"});
  return {
      {"attStmt",
       {{"ver", "2.0"},
        {"alg", -257},
        {"x5c", Json::array()},
        {"certInfo", whole("certify.info")},
        {"sig", whole("certify.sig")},
        {"pubArea", without_size("key.area")}}},
      {"ak", {{"pubArea", without_size("ak.area")}}},
      {"ek",
       {{"pubArea", without_size("ek.area")}, {"certificates", Json::array({jose::base64url_encode(certificate)})}}},
      {"storage_root", {{"pubArea", without_size("root.area")}}},
      {"creation",
       {{"certInfo", whole("creation.info")}, {"sig", whole("creation.sig")}, {"data", without_size("key.creation")}}},
      {"quote", {{"certInfo", whole("quote.info")}, {"sig", whole("quote.sig")}, {"pcrs", pcr_values()}}},
      {"properties",
       {{"manufacturer", "IBM"}, {"vendor", "SW   TPM"}, {"firmware", "2019.10.23"}, {"simulator", true}}}};
}

TEST_F(TpmArtefacts, OfAnotherImplementationAreJudgedGoodAndOfASimulator) {
  make_key();
  make_statements();
  const Json made = part();
  const jose::PublicKey published = numbers_of(read_public_area(content("key.area", 2)).value());
  EXPECT_EQ(to_hex(name_of(content("key.area", 2))), to_hex(content("key.name")));
  Trust trust = test::TpmModel::trust();
  const Name endorsement = name_of(content("ek.area", 2));
  trust.enrolled = {{content("ak.name"), Bytes(endorsement.begin(), endorsement.end()), true}};
  trust.allow_simulator = true;
  const Judgement judgement = judge_tpm(made, published, {.nonce = nonce_, .context = kContext}, trust);
  for (const Check& check : judgement.checks) {
    EXPECT_NE(check.finding, Finding::kBad) << check.name << ": " << check.found << ": " << check.meaning;
  }
  EXPECT_EQ(judgement.grade, Grade::kSoftware);
  for (const char* check : {"tpm.certify.parent", "tpm.creation.data", "tpm.creation.parent", "tpm.quote.pcrs",
                            "tpm.clock", "tpm.ek.chain", "tpm.ak.enrolled"}) {
    EXPECT_EQ(finding_of(judgement, check), Finding::kGood) << check;
  }
  Bytes other = nonce_;
  other.back() ^= 1U;
  EXPECT_EQ(judge_tpm(made, published, {.nonce = other, .context = kContext}, trust).grade, Grade::kFailed);
  EXPECT_EQ(judge_tpm(made, test::made_up_numbers("other"), {.nonce = nonce_, .context = kContext}, trust).grade,
            Grade::kFailed);
}

// In the file of tpm2-tools: a mark, a version, and both structures.
Finished TpmArtefacts::activate(const Challenge& challenge) {
  Bytes head;
  put<std::uint32_t>(head, 0xbadcc0de);
  put<std::uint32_t>(head, 1);
  signer::test::write_text(file("challenge"),
                           text_of(test::joined({head, challenge.credential, challenge.encrypted_secret})));
  tool({"tpm2_startauthsession", "--policy-session", "-S", file("session")}, false);
  tool({"tpm2_policysecret", "-Q", "-S", file("session"), "-c", "e"}, false);
  const Finished finished = outcome({"tpm2_activatecredential", "-Q", "-c", file("ak.ctx"), "-C", file("ek.ctx"), "-i",
                                     file("challenge"), "-o", file("secret"), "-P", "session:" + file("session")});
  tool({"tpm2_flushcontext", file("session")});
  return finished;
}

TEST_F(TpmArtefacts, AChallengeIsAnsweredByTheTpmThatHoldsTheAttestationKey) {
  const jose::PublicKey endorsement = numbers_of(read_public_area(content("ek.area", 2)).value());
  const auto challenge = make_challenge(endorsement, content("ak.name"));
  ASSERT_TRUE(challenge) << challenge.error().text;
  const Finished answered = activate(*challenge);
  ASSERT_EQ(answered.status, 0) << answered.err;
  EXPECT_EQ(signer::test::read_text(file("secret")), challenge->secret.reveal());
  Bytes other = content("ak.name");
  other.back() ^= 1U;
  const auto for_another = make_challenge(endorsement, other);
  ASSERT_TRUE(for_another);
  const Finished refused = activate(*for_another);
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.err.find("integrity check failed"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace signer::evidence
