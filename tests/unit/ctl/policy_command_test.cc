// SPDX-License-Identifier: Apache-2.0
//
// `signerctl policy`.  Without these a configuration could be rolled out on the word of a test that tested something
// else than what signerd does.
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>

#include "base/file.h"
#include "config/config.h"
#include "jose/json.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/ctl/example.h"
#include "tests/unit/ctl/program.h"

namespace signer::test {
namespace {

using jose::Json;

struct Member {
  std::string user;
  uid_t uid = 0;
  gid_t gid = 0;  // of a group that it is in
};

// A user of this machine that a group lists; root and its own group where no group lists anybody.
Member listed_member() {
  Member member{"root", 0, 0};
  ::setgrent();
  while (const group* one = ::getgrent()) {
    const passwd* user = one->gr_mem[0] == nullptr ? nullptr : ::getpwnam(one->gr_mem[0]);
    if (user == nullptr || user->pw_gid == one->gr_gid) continue;
    member = {user->pw_name, user->pw_uid, one->gr_gid};
    break;
  }
  ::endgrent();
  return member;
}

// An id that no user of this machine has.
uid_t unknown_uid() {
  uid_t uid = 3'000'000'000;
  while (::getpwuid(uid) != nullptr) ++uid;
  return uid;
}

class PolicyCommand : public testing::Test {
 protected:
  void SetUp() override {
    write_text(config_, kConfigurationHead + R"([[profile]]
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

  // A grant to mint under a profile of its own for those whom `match` names.
  void add_grant(const std::string& name, const std::string& match, const std::string& profile_lines = "") const {
    write_text(config_, read_file(config_, 64UL * 1024).value() + "[[profile]]\nname = \"" + name +
                            "\"\nissuer = \"https://idp.example\"\naudiences = [\"https://api.example\"]\n" +
                            "max_ttl = \"15m\"\n" + profile_lines + "[[grant]]\nname = \"" + name + "\"\nmatch = { " +
                            match + " }\nkeys = [\"issuer\"]\nprofiles = [\"" + name + "\"]\nverbs = [\"issue\"]\n");
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

TEST_F(PolicyCommand, ExplainSaysWhatIsExemptAndWhy) {
  add_grant("desk", "uid = 1002",
            "[[profile.claim]]\nname = \"contact\"\ntype = \"text\"\n"
            "[[profile.exempt]]\nclaim = \"contact\"\nrule = \"phi.email\"\nreason = \"of the help desk\"\n");
  const std::string claims = R"({"contact":"it@example.org"})";
  const Finished text = explain({"--user", "1002"}, claims);
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("phi.email at /contact: of the help desk"), std::string::npos) << text.out;
  const Finished json = explain({"--user", "1002", "--json"}, claims);
  EXPECT_EQ(Json::parse(json.out)["exempted"],
            Json::array({{{"rule", "phi.email"}, {"pointer", "/contact"}, {"reason", "of the help desk"}}}));
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
  for (const char* claims : {R"({"a":1,"a":2})", "no json"}) {
    EXPECT_NE(explain({"--user", "nobody-has-this-name"}, claims).out.find("refused: invalid_request"),
              std::string::npos);
    EXPECT_NE(explain({"--user", "1001", "--verb", "sign-payload"}, claims).out.find("refused: invalid_request"),
              std::string::npos);
  }
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

TEST_F(PolicyCommand, ANumberHasTheGroupsOfItsUserAsANameHas) {
  const Member member = listed_member();
  add_grant("members", "gid = " + std::to_string(member.gid));
  for (const std::string& user : {member.user, std::to_string(member.uid)}) {
    const Finished done = explain({"--user", user}, R"({"sub":"a"})");
    EXPECT_EQ(done.status, 0) << user << " of group " << member.gid << "\n" << done.out;
    EXPECT_NE(done.out.find("members"), std::string::npos) << done.out;
    EXPECT_EQ(done.err.find("no user " + user), std::string::npos) << done.err;
  }
  const std::string stranger = std::to_string(unknown_uid());
  const Finished done = explain({"--user", stranger}, R"({"sub":"a"})");
  EXPECT_NE(done.out.find("refused: denied"), std::string::npos) << done.out;
  EXPECT_NE(done.err.find("note: there is no user " + stranger + " on this machine"), std::string::npos) << done.err;

  const Finished wrong = test_cases("[[case]]\nname = \"a member\"\nuid = " + std::to_string(member.uid) +
                                    "\nkey = \"issuer\"\nclaims = '{\"sub\":\"a\"}'\nexpect = \"denied\"\n");
  EXPECT_EQ(wrong.status, 1);
  EXPECT_NE(wrong.out.find("expected denied, got allowed"), std::string::npos) << wrong.out;
}

TEST_F(PolicyCommand, RootIsInGroupZero) {
  add_grant("roots", "gid = 0");
  EXPECT_EQ(explain({"--user", "0"}, R"({"sub":"a"})").status, 0);
  EXPECT_EQ(explain({"--user", "root"}, R"({"sub":"a"})").status, 0);
  EXPECT_EQ(explain({"--user", std::to_string(unknown_uid())}, R"({"sub":"a"})").status, 1);
  EXPECT_EQ(explain({"--user", "nobody-has-that-name"}, R"({"sub":"a"})").status, 1);
}

TEST_F(PolicyCommand, WhatAStrangerSendsIsNotRead) {
  for (const char* verb : {"issue", "sign-payload"}) {
    for (const char* claims : {"no json", R"({"a":1,"a":2})", "{}"}) {
      const Finished done = explain({"--user", "1002", "--verb", verb}, claims);
      EXPECT_NE(done.out.find("refused: denied"), std::string::npos) << verb << " " << claims << "\n" << done.out;
    }
  }
  // It has a grant for the other verb alone.
  EXPECT_NE(explain({"--user", "1001", "--verb", "issue"}, "no json").out.find("refused: denied"), std::string::npos);

  const Finished wrong = test_cases(R"([[case]]
name = "a stranger's nonsense"
uid = 1002
key = "issuer"
claims = "no json"
expect = "invalid_request"
)");
  EXPECT_EQ(wrong.status, 1);
  EXPECT_NE(wrong.out.find("expected invalid_request, got denied"), std::string::npos) << wrong.out;
}

TEST_F(PolicyCommand, ClaimsCannotLeaveTheirPlaceInTheRequest) {
  const std::string user = "nobody-has-this-name";
  EXPECT_EQ(explain({"--user", user}, R"( {"sub":"a"} )").status, 0);
  for (const char* claims : {R"({"sub":"a"},"profile":"access")", R"({"sub":"a"},"claims":{"sub":"b"})",
                             R"({"sub":"a"}})", R"({"sub":"a","sub":"a"})", R"([])", ""}) {
    const Finished done = explain({"--user", user}, claims);
    EXPECT_EQ(done.status, 1) << claims;
    EXPECT_NE(done.out.find("refused: invalid_request"), std::string::npos) << claims << "\n" << done.out;
  }
  const Finished wrong = test_cases(R"([[case]]
name = "two members in one"
user = "nobody-has-this-name"
key = "issuer"
claims = '{"sub":"a"},"profile":"access"'
expect = "allowed"
)");
  EXPECT_EQ(wrong.status, 1);
  EXPECT_NE(wrong.out.find("expected allowed, got invalid_request"), std::string::npos) << wrong.out;
}

TEST_F(PolicyCommand, AProfilesNameIsJudgedAsOverTheSocket) {
  const auto word = [this](const std::string& profile, const std::string& verb) {
    const std::string user = verb == "issue" ? "nobody-has-this-name" : "1001";
    return Json::parse(explain({"--user", user, "--verb", verb, "--profile", profile, "--json"}, "{}").out)["verdict"];
  };
  for (const char* verb : {"issue", "sign-payload"}) {
    EXPECT_EQ(word(std::string(64, 'a'), verb), "denied") << verb;
    EXPECT_EQ(word(std::string(65, 'a'), verb), "invalid_request") << verb;
    EXPECT_EQ(word(R"(access","claims":{},"x":")", verb), "denied") << "it is one text: " << verb;
  }
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

// The value cannot be had without the token, and neither the verdict nor a case depends on it.
TEST_F(PolicyCommand, APseudonymThatATokenMakesIsExplainedAndAssumed) {
  add_grant("with-key", "uid = 77", "pairwise = { sector = \"api.example\", secret_key = \"pairwise\" }\n");
  std::string text = read_file(config_, 64UL * 1024).value();
  text.insert(text.find("[[profile]]"), "[[hmac_key]]\nname = \"pairwise\"\ntoken = \"main\"\n");
  write_text(config_, text);

  const Finished done = explain({"--user", "77"}, R"({"sub":"internal-4711"})");
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_NE(done.out.find("pairwise   sub for sector api.example, made with HMAC key pairwise, by its token"),
            std::string::npos)
      << done.out;
  EXPECT_NE(done.out.find("claim sub  replaced by signerd"), std::string::npos) << done.out;
  EXPECT_NE(done.err.find("note: the HMAC key 'pairwise' is in its token and is not asked here; another pseudonym is "
                          "assumed"),
            std::string::npos)
      << done.err;
  EXPECT_EQ((done.out + done.err).find("4711"), std::string::npos);

  const Finished file = explain({"--user", "nobody-has-this-name"}, R"({"sub":"client-1"})");
  EXPECT_NE(file.out.find("pairwise   sub for sector s, made with the secret of /nowhere/secret"), std::string::npos)
      << file.out;

  const Finished cases = test_cases(R"([[case]]
name = "an id becomes a pseudonym"
uid = 77
key = "issuer"
claims = '{"sub":"internal-4711"}'
expect = "allowed"
[[case]]
name = "a number of social security becomes none"
uid = 77
key = "issuer"
claims = '{"sub":"123-45-6789"}'
expect = "claim_policy"
rule = "phi.ssn"
)");
  EXPECT_EQ(cases.status, 0) << cases.out << cases.err;
}

}  // namespace
}  // namespace signer::test
