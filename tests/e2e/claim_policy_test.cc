// SPDX-License-Identifier: Apache-2.0
//
// The claim policy with real programs over a real socket: every refusal with its code, rule and place.

#include "jose/base64url.h"
#include "jose/hash.h"
#include "tests/e2e/fixture.h"

namespace signer::test {

namespace {

constexpr std::string_view kTables = R"(
[[profile]]
name = "strict"
kind = "rfc9068-access-token"
version = 4
issuer = "https://idp.example"
audiences = ["https://api.example", "https://other.example"]
max_ttl = "10m"
required = ["nbf"]
max_bytes = 600
[[profile.claim]]
name = "note"
type = "text"
max_length = 200
[[profile.claim]]
name = "ward"
type = "enum"
values = ["north", "south"]
[[profile.claim]]
name = "visits"
type = "number"
max = 10
[[profile]]
name = "lenient"
issuer = "https://idp.example"
audiences = ["https://api.example"]
max_ttl = "10m"
phi = "report"
[[profile.claim]]
name = "note"
type = "text"
[[profile.claim]]
name = "contact"
type = "text"
[[profile.exempt]]
claim = "contact"
rule = "phi.email"
reason = "address of the \"help desk\", SEC-17"
)";

class ClaimPolicy : public RunningDaemon {
 protected:
  ClaimPolicy() : RunningDaemon(with_tables()) {}

  static DaemonOptions with_tables() {
    DaemonOptions options;
    options.more = std::string(kTables) +
                   "[[grant]]\nname = \"policy\"\nmatch = { uid = " + std::to_string(::getuid()) +
                   " }\nkeys = [\"issuer\"]\nprofiles = [\"strict\", \"lenient\"]\nverbs = [\"issue\"]\n" +
                   "[[grant]]\nname = \"payloads\"\nmatch = { uid = " + std::to_string(::getuid()) +
                   " }\nkeys = [\"issuer\"]\nprofiles = [\"access\"]\nverbs = [\"sign-payload\"]\n";
    return options;
  }

  HttpReply issue(const std::string& profile, const jose::Json& claims) {
    HttpConnection connection(daemon_.socket());
    const jose::Json body = {{"profile", profile}, {"claims", claims}};
    return connection.post("/v1/keys/issuer/tokens", body.dump()).value();
  }

  static jose::Json good() {
    return {
        {"sub", "8f2c"},
        {"client_id", "portal"},
        {"aud", "https://api.example"},
        {"nbf", std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
                    .count()}};
  }

  void expect_refused(const std::string& name, const jose::Json& value, std::string_view rule,
                      std::string_view pointer) {
    jose::Json claims = good();
    claims.erase(name);
    if (!value.is_discarded()) claims[name] = value;
    const HttpReply reply = issue("strict", claims);
    EXPECT_EQ(reply.status, 422) << reply.body;
    const jose::Json problem = reply.json();
    EXPECT_EQ(problem["code"], "claim_policy") << reply.body;
    EXPECT_EQ(problem["rule"], rule) << name << ": " << reply.body;
    EXPECT_EQ(problem.value("pointer", ""), pointer) << name << ": " << reply.body;
    // A refusal does not wait for its record.
    EXPECT_TRUE(eventually([&] {
      const jose::Json record = daemon_.audit_records().back();
      return record["event"] == "refuse" && problem["request_id"] == record.value("req", "") &&
             record.value("rule", "") == rule && record.value("pointer", "") == pointer;
    })) << name;
  }
};

TEST_F(ClaimPolicy, EveryRuleRefusesWithItsNameAndPlace) {
  EXPECT_EQ(issue("strict", good()).status, 200);
  const jose::Json absent(jose::Json::value_t::discarded);
  expect_refused("zz", 1, "claim.not_allowed", "/4");
  expect_refused("client_id", absent, "claim.missing", "/client_id");
  expect_refused("nbf", absent, "claim.missing", "/nbf");
  expect_refused("aud", absent, "claim.missing", "/aud");
  expect_refused("sub", 7, "claim.type", "/sub");
  expect_refused("note", std::string(201, 'x'), "claim.length", "/note");
  expect_refused("roles", std::vector<std::string>(33, "r"), "claim.items", "/roles");
  expect_refused("ward", "west", "claim.value", "/ward");
  expect_refused("visits", 11, "claim.value", "/visits");
  expect_refused("iss", "https://other", "claim.issuer", "/iss");
  expect_refused("aud", "https://third.example", "claim.audience", "/aud");
  expect_refused("exp", 1, "claim.time", "/exp");
  expect_refused("scope", std::string(590, 'x'), "claims.size", "");
  for (const auto& [text, rule] :
       {std::pair("ssn 123-45-6789", "phi.ssn"), std::pair("1EG4-TE5-MK73", "phi.mbi"),
        std::pair("npi 1234567893", "phi.npi"), std::pair("born 1970-02-28", "phi.birth_date"),
        std::pair("jane@example.org", "phi.email"), std::pair("(212) 555-0123", "phi.phone"),
        std::pair("4111 1111 1111 1111", "phi.card"), std::pair("from 10.1.2.3", "phi.ip_address"),
        std::pair("icd10 E11.9", "phi.icd10")})
    expect_refused("note", text, rule, "/note");
}

TEST_F(ClaimPolicy, ASubjectThatIsTheIssuerIsNoneOfAnAccessToken) {
  daemon_.write_configuration(
      "[[profile]]\nname = \"self\"\nkind = \"internal-service\"\nissuer = \"svc\"\naudiences = "
      "[\"a\"]\nmax_ttl = \"1m\"\n[[grant]]\nname = \"self\"\nmatch = { uid = " +
      std::to_string(::getuid()) + " }\nkeys = [\"issuer\"]\nprofiles = [\"self\"]\nverbs = [\"issue\"]\n");
  daemon_.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return issue("self", {{"sub", "other"}}).status == 200; })) << daemon_.log();
  const HttpReply reply = issue("self", {{"sub", "svc"}});
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.json()["rule"], "claim.subject");
}

TEST_F(ClaimPolicy, WhatIsReportedOrExemptIsInTheRecordOfItsToken) {
  const HttpReply reply = issue("lenient", {{"note", "born 1970-02-28"}, {"contact", "it@example.org"}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  const jose::Json record = daemon_.audit_records().back();
  EXPECT_EQ(record["event"], "issue");
  EXPECT_EQ(record["reported"], jose::Json::array({"phi.birth_date /note"}));
  EXPECT_EQ(record["exempted"],
            jose::Json::array(
                {{{"rule", "phi.email"}, {"place", "/contact"}, {"reason", "address of the \"help desk\", SEC-17"}}}));
  EXPECT_FALSE(record.contains("exempted_more"));
  ASSERT_EQ(issue("lenient", {{"note", "n"}, {"contact", "nobody"}}).status, 200);
  EXPECT_FALSE(daemon_.audit_records().back().contains("exempted")) << "nothing was found that had to be exempt";
}

TEST_F(ClaimPolicy, TheRecordNamesTheProfileByTheHashThatSignerctlShows) {
  ASSERT_EQ(issue("strict", good()).status, 200);
  const jose::Json record = daemon_.audit_records().back();
  const Finished shown =
      run({SIGNERCTL_PROGRAM, "policy", "show", "--config", daemon_.config_file(), "strict", "--json"});
  ASSERT_EQ(shown.status, 0) << shown.err;
  EXPECT_EQ(record["profile_sha256"], jose::Json::parse(shown.out)["profiles"][0]["sha256"]);
  EXPECT_EQ(record["profile"], "strict");
}

TEST_F(ClaimPolicy, SignerctlExplainsAsSignerdDecides) {
  jose::Json bad = good();
  bad["note"] = "jane@example.org";
  for (const jose::Json& claims : {good(), bad}) {
    const HttpReply reply = issue("strict", claims);
    const Finished explained = run({SIGNERCTL_PROGRAM, "policy", "explain", "--config", daemon_.config_file(), "--user",
                                    std::to_string(::getuid()), "--key", "issuer", "--profile", "strict", "--json"},
                                   claims.dump());
    const jose::Json verdict = jose::Json::parse(explained.out);
    EXPECT_EQ(verdict["verdict"] == "allowed", reply.status == 200) << explained.out << reply.body;
    EXPECT_EQ(verdict.value("rule", ""), reply.json().value("rule", ""));
    EXPECT_EQ(verdict["grant"], "policy");
  }
}

TEST_F(ClaimPolicy, SignerctlRefusesWhatIsNoRequestAsSignerdDoes) {
  HttpConnection connection(daemon_.socket());
  for (const std::string key : {"issuer", "of-somebody-else"}) {
    for (const std::string claims : {"no json", R"({"a":1,"a":2})", "[]", ""}) {
      for (const std::string& profile : {std::string("strict"), std::string(64, 'p'), std::string(65, 'p')}) {
        const HttpReply reply =
            connection
                .post("/v1/keys/" + key + "/tokens", R"({"profile":")" + profile + R"(","claims":)" + claims + "}")
                .value();
        const Finished explained =
            run({SIGNERCTL_PROGRAM, "policy", "explain", "--config", daemon_.config_file(), "--user",
                 std::to_string(::getuid()), "--key", key, "--profile", profile, "--json"},
                claims);
        EXPECT_EQ(explained.status, 1) << explained.err;
        EXPECT_EQ(jose::Json::parse(explained.out)["verdict"], reply.json()["code"])
            << key << " " << profile << " " << claims;
      }
    }
  }
}

TEST_F(ClaimPolicy, Invariant03_AnExactPayloadIsJudgedAndSignedByteForByte) {
  const long long now = good()["nbf"].get<long long>();
  const std::string payload =
      "{ \"iss\":\"https://idp.example\", \"aud\":\"https://api.example\",\"iat\":" + std::to_string(now) +
      ",\"exp\":" + std::to_string(now + 60) + ",\"jti\":\"id-1\",\"sub\":\"\\u0061\"}";
  HttpConnection connection(daemon_.socket());
  const auto sign = [&connection](const std::string& text) {
    return connection.post("/v1/keys/issuer/signatures", R"({"payload":")" + jose::base64url_encode(text) + "\"}")
        .value();
  };
  const HttpReply reply = sign(payload);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const jose::Json parts = reply.json();
  const std::string token = parts["header"].get<std::string>() + "." + jose::base64url_encode(payload) + "." +
                            parts["signature"].get<std::string>();
  write_text(daemon_.file("t"), token);
  write_text(daemon_.file("jwks"), connection.get("/v1/jwks")->body);
  const Finished judged = run({OPENSSL_VERIFY, daemon_.file("t"), daemon_.file("jwks"), daemon_.file("")});
  EXPECT_EQ(judged.status, 0) << judged.out << judged.err;
  const jose::Json record = daemon_.audit_records().back();
  EXPECT_EQ(record["grant"], "payloads");
  EXPECT_EQ(record["input_sha256"], jose::base64url_encode(jose::sha256(bytes_of(token.substr(0, token.rfind('.'))))));

  EXPECT_EQ(sign("{}").json()["rule"], "claim.missing");
  EXPECT_EQ(sign("no json").status, 400);
  std::string late = payload;
  late.replace(late.find(std::to_string(now + 60)), 10, std::to_string(now + 1000));  // the clock may have gone on
  EXPECT_EQ(sign(late).json()["rule"], "claim.time");
  std::string foreign = payload;
  foreign.replace(foreign.find("\"jti\""), 5, "\"jti\":\"id-1\",\"x\"");
  EXPECT_EQ(sign(foreign).json()["rule"], "claim.not_allowed");
  const auto stranger =
      connection.post("/v1/keys/issuer/signatures", R"({"profile":"strict","payload":"e30"})").value();
  EXPECT_EQ(stranger.status, 403) << "the grant that has the verb does not have the profile";
}

}  // namespace

}  // namespace signer::test
