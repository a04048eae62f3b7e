// SPDX-License-Identifier: Apache-2.0
//
// Evidence of a key in a simulated TPM, from the manufacturer's certificate to the verdict, with the commands that
// operator and auditor type.  What an auditor would lose: that an attestation key is in the TPM that was challenged,
// that evidence is of now, and that a simulator is never taken for a chip.

#include <set>

#include "evidence/bundle.h"
#include "evidence/certificates.h"
#include "evidence/judge_tpm.h"
#include "evidence/tpm_structures.h"
#include "jose/base64url.h"
#include "tests/e2e/fixture.h"
#include "tests/unit/evidence/certificate_maker.h"

namespace signer::test {
namespace {

using evidence::test::Authority;
using evidence::test::CertificateWords;

DaemonOptions open_tpm() {
  DaemonOptions options;
  options.device = Device::kTpm;
  options.endorsement = Endorsement::kOpen;
  options.more = "[[grant]]\nname = \"evidence\"\nmatch = { uid = " + std::to_string(::getuid()) +
                 " }\nkeys = [\"issuer\"]\nverbs = [\"read-evidence\"]\n";
  return options;
}

class TpmEvidence : public testing::Test {
 protected:
  TpmEvidence() : daemon_(programs(), open_tpm()) {}

  // Only while signerd does not run: the simulator serves one connection at a time.
  Finished enroll(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"evidence", "enroll-ak"});
    return ctl(std::move(arguments));
  }

  Finished ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {daemon_.programs().signerctl, "--socket", daemon_.socket()});
    return run(arguments);
  }

  // The operator's two commands.
  std::string show_card() {
    const std::string card = daemon_.file("card");
    const Finished shown = enroll({"show", "--tcti", daemon_.tpm().tcti(), "--key-directory", key_directory(),
                                   "--tpm-program", daemon_.programs().signer_tpm, "--out", card});
    EXPECT_EQ(shown.status, 0) << shown.err;
    return card;
  }

  Finished answer(const std::string& challenge) {
    return enroll({"answer", challenge, "--tcti", daemon_.tpm().tcti(), "--key-directory", key_directory(),
                   "--tpm-program", daemon_.programs().signer_tpm, "--out", daemon_.file("answer")});
  }

  // The auditor's first.
  Finished challenge(const std::string& card, std::vector<std::string> more) {
    more.insert(more.begin(),
                {"challenge", card, "--kept", daemon_.file("kept"), "--out", daemon_.file("challenge"), "--now", kNow});
    return enroll(std::move(more));
  }

  [[nodiscard]] std::string key_directory() const { return daemon_.state_directory() + "/tpm/main"; }

  static CertificateWords endorsement_words() {
    CertificateWords words;
    words.usage = evidence::kEndorsementKeyUsage;
    words.manufacturer = "id:00001014";

    return words;
  }

  // As a manufacturer does before the TPM is sold: a certificate of the endorsement key in the TPM's memory.
  void certify_endorsement_key(const Authority& manufacturer) {
    const jose::Json card = jose::Json::parse(read_text(show_card()));
    const auto area =
        evidence::read_public_area(jose::base64url_decode(card["ek"]["pubArea"].get<std::string>()).value());
    ASSERT_TRUE(area);
    const Bytes der = manufacturer.issue(evidence::numbers_of(*area), endorsement_words());
    write_text(daemon_.file("ek.der"), std::string(text_of(der)));
    const Environment tools{{"TPM2TOOLS_TCTI", daemon_.tpm().tcti()}};
    const Finished defined = run({"tpm2_nvdefine", "-Q", "0x01c00002", "-C", "o", "-s", std::to_string(der.size()),
                                  "-a", "ownerread|ownerwrite|authread|authwrite"},
                                 {}, tools);
    ASSERT_EQ(defined.status, 0) << defined.err;
    const Finished stored =
        run({"tpm2_nvwrite", "-Q", "0x01c00002", "-C", "o", "-i", daemon_.file("ek.der")}, {}, tools);
    ASSERT_EQ(stored.status, 0) << stored.err;
  }

  std::string roots_of(const Authority& authority, const std::string& name) {
    write_text(daemon_.file(name), evidence::test::pem_of(authority.certificate()));
    return daemon_.file(name);
  }

  std::string collect() {
    const std::string file = daemon_.file("issuer.evidence");
    const Finished made = ctl({"evidence", "collect", "--key", "issuer", "--nonce", kNonce, "--out", file});
    EXPECT_EQ(made.status, 0) << made.err << daemon_.log();
    return file;
  }

  jose::Json verdict(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {daemon_.programs().signerctl, "--json", "evidence", "verify", "--now", kNow});
    const Finished said = run(arguments);
    const jose::Json json = jose::Json::parse(said.out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << said.out << said.err;
    return json;
  }

  static std::string finding(const jose::Json& verdict, const std::string& check) {
    for (const jose::Json& one : verdict.value("checks", jose::Json::array())) {
      if (one["check"] == check) return one["finding"];
    }
    return "absent";
  }

  static inline const std::string kNonce = "q80xvNlyL5V6mUy1Hhq7hsvNlyL5V6mUy1Hhq7hsvNk";

  static inline const std::string kNow = std::to_string(evidence::test::kNow);  // when the certificates are good

  TestDaemon daemon_;
};

TEST_F(TpmEvidence, FromEnrolmentToTheVerdictAndNeverMoreThanSoftware) {
  const Authority manufacturer("Simulated TPM root");
  certify_endorsement_key(manufacturer);
  const std::string roots = roots_of(manufacturer, "roots.pem");
  const std::string card = show_card();
  EXPECT_EQ(challenge(card, {"--roots", roots}).status, 1) << "a simulator is believed only if that is asked for";
  const Authority stranger("Another root");
  const std::string other_roots = roots_of(stranger, "other.pem");
  EXPECT_EQ(challenge(card, {"--roots", other_roots, "--allow-simulator"}).status, 1)
      << "the certificate of a stranger";
  EXPECT_FALSE(std::filesystem::exists(daemon_.file("challenge")));
  const Finished made = challenge(card, {"--roots", roots, "--allow-simulator"});
  ASSERT_EQ(made.status, 0) << made.err;
  ASSERT_EQ(answer(daemon_.file("challenge")).status, 0);
  const std::string enrolled = daemon_.file("enrolled");
  const Finished accepted =
      enroll({"accept", daemon_.file("answer"), "--kept", daemon_.file("kept"), "--out", enrolled});
  ASSERT_EQ(accepted.status, 0) << accepted.err;

  ASSERT_TRUE(daemon_.up()) << daemon_.log();
  const std::string file = collect();
  const jose::Json judged =
      verdict({file, "--nonce", kNonce, "--roots", roots, "--enrolled", enrolled, "--allow-simulator"});
  EXPECT_EQ(judged["grade"], "software") << judged.dump(1);
  for (const jose::Json& check : judged["checks"]) EXPECT_NE(check["finding"], "bad") << check;
  for (const char* check : {"tpm.ek.chain", "tpm.ak.enrolled", "tpm.ek.certificate"})
    EXPECT_EQ(finding(judged, check), "good") << check << judged.dump(1);
  EXPECT_EQ(verdict({file, "--nonce", kNonce, "--roots", roots, "--enrolled", enrolled})["grade"], "software")
      << "without belief in simulators too";
  const jose::Json strangers = verdict({file, "--nonce", kNonce, "--roots", other_roots, "--allow-simulator"});
  EXPECT_EQ(strangers["grade"], "software");
  EXPECT_EQ(finding(strangers, "tpm.ek.chain"), "warning") << strangers.dump(1);
  EXPECT_EQ(verdict({file, "--nonce", "q80xvNlyL5V6mUy1Hhq7hg"})["grade"], "failed") << "a replayed bundle";
  EXPECT_EQ(daemon_.issue()->status, 200);
  EXPECT_EQ(daemon_.stop(), 0);
}

TEST_F(TpmEvidence, AnAnswerOfAnotherTpmIsNotAccepted) {
  const Authority manufacturer("Simulated TPM root");
  certify_endorsement_key(manufacturer);
  ASSERT_EQ(challenge(show_card(), {"--roots", roots_of(manufacturer, "roots.pem"), "--allow-simulator"}).status, 0);
  TestDaemon other(programs(), open_tpm());
  const std::string other_directory = other.state_directory() + "/tpm/main";
  ASSERT_EQ(enroll({"show", "--tcti", other.tpm().tcti(), "--key-directory", other_directory, "--tpm-program",
                    daemon_.programs().signer_tpm, "--out", daemon_.file("other.card")})
                .status,
            0);
  EXPECT_EQ(enroll({"answer", daemon_.file("challenge"), "--tcti", other.tpm().tcti(), "--key-directory",
                    other_directory, "--tpm-program", daemon_.programs().signer_tpm})
                .status,
            1)
      << "it cannot be opened there";
  write_text(daemon_.file("guess"), R"({"secret":")" + std::string(43, 'A') + "\"}");
  const Finished refused = enroll({"accept", daemon_.file("guess"), "--kept", daemon_.file("kept")});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("not in the TPM"), std::string::npos) << refused.err;
}

// The simulator's own words with one thing wrong at a time: what the key's signature over the bundle covers is left out
// here, for whoever forges a bundle signs what he likes with a key of his own.
TEST_F(TpmEvidence, EachLieAboutWhatTheTpmSaidIsFoundOut) {
  TestDaemon other(programs(), open_tpm());
  ASSERT_EQ(enroll({"show", "--tcti", other.tpm().tcti(), "--key-directory", other.state_directory() + "/tpm/main",
                    "--tpm-program", daemon_.programs().signer_tpm, "--out", daemon_.file("other.card")})
                .status,
            0);
  const jose::Json other_card = jose::Json::parse(read_text(daemon_.file("other.card")));
  const Authority manufacturer("Simulated TPM root");
  certify_endorsement_key(manufacturer);
  ASSERT_TRUE(daemon_.up()) << daemon_.log();
  const jose::Json statement = jose::Json::parse(read_text(collect()))["statement"];
  const auto key = jose::from_jwk(statement["jwk"]);
  ASSERT_TRUE(key);
  const Bytes nonce = jose::base64url_decode(kNonce).value();
  const auto context = evidence::context_of(statement["kid"].get<std::string>(),
                                            statement["daemon"]["config_sha256"].get<std::string>(), "", {});
  evidence::Trust trust;
  trust.roots = {manufacturer.certificate()};
  trust.allow_simulator = true;
  trust.now = evidence::test::kNow;
  const auto bad = [&](const jose::Json& part) {
    std::set<std::string> names;
    const auto judgement = evidence::judge_tpm(part, *key, {nonce, context}, trust);
    for (const evidence::Check& check : judgement.checks) {
      if (check.finding == evidence::Finding::kBad) names.insert(check.name);
    }
    EXPECT_EQ(judgement.grade == evidence::Grade::kFailed, !names.empty());
    return names;
  };
  const jose::Json good = statement["tpm"];
  EXPECT_EQ(bad(good), std::set<std::string>{});

  const auto flipped = [](const jose::Json& text, std::size_t at, std::uint8_t bit) {
    Bytes bytes = jose::base64url_decode(text.get<std::string>()).value();
    bytes.at(at) ^= bit;
    return jose::base64url_encode(bytes);
  };
  jose::Json lie = good;
  lie["ak"]["pubArea"] = other_card["ak"]["pubArea"];
  EXPECT_TRUE(bad(lie).contains("tpm.certify.signature")) << "another TPM's attestation key";
  lie = good;
  lie["ak"]["pubArea"] = flipped(good["ak"]["pubArea"], 5, 1);  // `restricted`, bit 16 of TPMA_OBJECT
  EXPECT_TRUE(bad(lie).contains("tpm.ak.attribute.restricted")) << "an attestation key that signs anything";
  lie = good;
  lie["attStmt"]["certInfo"] = flipped(good["attStmt"]["certInfo"], 60, 1);
  EXPECT_TRUE(bad(lie).contains("tpm.certify.signature")) << "a changed certInfo";
  lie = good;
  lie["attStmt"]["certInfo"] = good["quote"]["certInfo"];
  lie["attStmt"]["sig"] = good["quote"]["sig"];
  EXPECT_FALSE(bad(lie).empty()) << "a quote in place of the certification";
  lie = good;
  lie["ek"]["pubArea"] = other_card["ek"]["pubArea"];
  EXPECT_TRUE(bad(lie).contains("tpm.ek.certificate")) << "the certificate of a stranger's endorsement key";
  EXPECT_EQ(daemon_.stop(), 0);
}

}  // namespace
}  // namespace signer::test
