// SPDX-License-Identifier: Apache-2.0
//
// `signerctl policy`.  Without these a configuration could be rolled out on the word of a test that tested something
// else than what signerd does.
#include <gtest/gtest.h>

#include "config/config.h"
#include "jose/json.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/ctl/program.h"

namespace signer::test {
namespace {

using jose::Json;

class PolicyCommand : public testing::Test {
 protected:
  void SetUp() override {
    write_text(config_, R"(state_dir = "/var/lib/signer"
[[listener]]
path = "/run/signer/signer.sock"
[[token]]
name = "main"
driver = "pkcs11"
module = "/usr/lib/softhsm/libsofthsm2.so"
uri = "pkcs11:token=demo"
[[key]]
name = "issuer"
tokens = ["main"]
[[profile]]
name = "access"
issuer = "https://idp.example"
audiences = ["https://api.example"]
max_ttl = "15m"
pairwise = { sector = "s", secret_file = "/nowhere/secret" }
[[profile.claim]]
name = "note"
type = "text"
[[profile]]
name = "raw"
issuer = "https://idp.example"
audiences = ["https://api.example"]
max_ttl = "15m"
[[grant]]
name = "idp"
match = { user = "nobody-has-this-name" }
keys = ["issuer"]
profiles = ["access"]
verbs = ["issue"]
[[grant]]
name = "by-number"
match = { uid = 1001 }
keys = ["issuer"]
profiles = ["raw"]
verbs = ["sign-payload"]
)");
  }

  Finished explain(std::vector<std::string> more, std::string_view claims) const {
    std::vector<std::string> arguments = {"policy", "explain", "--config", config_, "--key", "issuer"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return signerctl(std::move(arguments), claims);
  }

  Finished test_cases(const std::string& text) const {
    write_text(cases_, text);
    return signerctl({"policy", "test", "--config", config_, cases_});
  }

  TemporaryDirectory directory_;
  std::string config_ = directory_ / "signer.toml";
  std::string cases_ = directory_ / "cases.toml";
};

TEST_F(PolicyCommand, ExplainSaysWhichGrantAndWhatBecomesOfEachClaim) {
  const Finished done = explain({"--user", "nobody-has-this-name"}, R"({"sub":"client-1","note":"x"})");
  EXPECT_EQ(done.status, 0) << done.err;
  for (const char* line : {"verdict     allowed", "grant       idp", "profile     access, version 1",
                           "claim exp   set by signerd", "claim note  as sent", "claim sub   replaced by signerd"})
    EXPECT_NE(done.out.find(line), std::string::npos) << line << "\n" << done.out;
  EXPECT_NE(done.err.find("note: there is no user 'nobody-has-this-name' on this machine; one is assumed"),
            std::string::npos);
  EXPECT_NE(done.err.find("note: the secret /nowhere/secret cannot be read"), std::string::npos);
}

TEST_F(PolicyCommand, ExplainNamesTheRuleAndNeverTheValue) {
  const Finished done =
      explain({"--user", "nobody-has-this-name", "--json"}, R"({"sub":"client-1","note":"my ssn is 123-45-6789"})");
  EXPECT_EQ(done.status, 1);
  const Json verdict = Json::parse(done.out);
  EXPECT_EQ(verdict["verdict"], "claim_policy");
  EXPECT_EQ(verdict["rule"], "phi.ssn");
  EXPECT_EQ(verdict["pointer"], "/note");
  EXPECT_EQ(verdict["grant"], "idp");
  EXPECT_EQ((done.out + done.err).find("6789"), std::string::npos);
}

TEST_F(PolicyCommand, ExplainTellsAStrangerThatNoGrantIsHis) {
  const Finished done = explain({"--user", "1002"}, "{}");
  EXPECT_EQ(done.status, 1);
  EXPECT_NE(done.out.find("refused: denied"), std::string::npos) << done.out;
  EXPECT_EQ(done.out.find("\ngrant "), std::string::npos) << done.out;
}

TEST_F(PolicyCommand, ExplainReadsWhatTheSocketWouldRefuse) {
  EXPECT_NE(explain({"--user", "1001"}, R"({"a":1,"a":2})").out.find("refused: invalid_request"), std::string::npos);
  EXPECT_NE(explain({"--user", "1001"}, "no json").out.find("refused: invalid_request"), std::string::npos);
}

TEST_F(PolicyCommand, ExplainJudgesAnExactPayload) {
  const std::string payload =
      R"({"iss":"https://idp.example","aud":"https://api.example","iat":1790000000,"exp":1790000100,"jti":"j"})";
  EXPECT_EQ(explain({"--user", "1001", "--verb", "sign-payload", "--now", "1790000000"}, payload).status, 0);
  const Finished late = explain({"--user", "1001", "--verb", "sign-payload", "--now", "1790000100"}, payload);
  EXPECT_EQ(late.status, 1);
  EXPECT_NE(late.out.find("claim.time"), std::string::npos) << late.out;
}

TEST_F(PolicyCommand, TestComparesEveryCaseAndNamesThoseThatDiffer) {
  const std::string good = R"([[case]]
name = "a token"
user = "nobody-has-this-name"
key = "issuer"
claims = '{"sub":"client-1"}'
expect = "allowed"
grant = "idp"
[[case]]
name = "no PHI"
user = "nobody-has-this-name"
key = "issuer"
claims = '{"sub":"123-45-6789"}'
expect = "claim_policy"
rule = "phi.ssn"
pointer = "/sub"
[[case]]
name = "a stranger"
uid = 4
key = "issuer"
expect = "denied"
)";
  const Finished ok = test_cases(good);
  EXPECT_EQ(ok.status, 0) << ok.out << ok.err;
  EXPECT_EQ(ok.out, "OK, 3 cases\n");

  const Finished wrong = test_cases(good + R"([[case]]
name = "is not so"
uid = 4
key = "issuer"
expect = "allowed"
)");
  EXPECT_EQ(wrong.status, 1);
  EXPECT_NE(wrong.out.find("cases.toml:21: is not so: verdict: expected allowed, got denied"), std::string::npos)
      << wrong.out;
  EXPECT_NE(wrong.out.find("1 of 4 cases are not as expected"), std::string::npos);
}

TEST_F(PolicyCommand, AFileThatCannotBeUsedIsNoVerdict) {
  EXPECT_EQ(test_cases("[[case]]\n").status, 2);
  EXPECT_EQ(signerctl({"policy", "test", "--config", config_, "/nowhere"}).status, 2);
  EXPECT_EQ(signerctl({"policy", "explain", "--config", "/nowhere", "--key", "k", "--user", "1"}, "{}").status, 2);
  EXPECT_EQ(signerctl({"policy", "explain", "--config", config_, "--key", "k"}, "{}").status, 2);
}

TEST_F(PolicyCommand, ShowPrintsTheTextThatTheHashIsOf) {
  const Finished done = signerctl({"policy", "show", "--config", config_, "access"});
  EXPECT_EQ(done.status, 0) << done.err;
  const auto config = config::load(config_).value();
  EXPECT_EQ(done.out, profile_text(config.profiles[0]) + "\n");
  const Json json = Json::parse(signerctl({"policy", "show", "--config", config_, "--json"}).out);
  ASSERT_EQ(json["profiles"].size(), 2U);
  EXPECT_EQ(json["profiles"][0]["sha256"], profile_sha256(config.profiles[0]));
  EXPECT_EQ(signerctl({"policy", "show", "--config", config_, "nope"}).status, 1);
}

}  // namespace
}  // namespace signer::test
