// SPDX-License-Identifier: Apache-2.0
//
// Evidence from a real daemon with a real token, judged by the command that an auditor runs.  What an auditor would
// lose: that the evidence is of this key, of now, and says no more than it can.

#include <unistd.h>

#include "base/hex.h"
#include "jose/base64url.h"
#include "tests/e2e/audit_log.h"

namespace signer::test {
namespace {

DaemonOptions with_auditor() {
  DaemonOptions options;
  options.more = "[[grant]]\nname = \"evidence\"\nmatch = { uid = " + std::to_string(::getuid()) +
                 " }\nkeys = [\"issuer\"]\nverbs = [\"read-evidence\"]\n";
  return options;
}

class Evidence : public AuditedDaemon {
 protected:
  Evidence() : AuditedDaemon("", with_auditor()) {}

  Finished ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {daemon_.programs().signerctl, "--socket", daemon_.socket()});
    return run(arguments, {}, daemon_.token().environment());
  }

  // As an auditor runs it: with no daemon, no token and no environment of either.
  Finished judge(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {daemon_.programs().signerctl, "--socket", "/nonexistent", "evidence", "verify"});
    return run(arguments);
  }

  // The bundle's file.
  std::string collect(const std::string& nonce, const std::string& probes = "full") {
    const std::string file = daemon_.file("issuer.evidence");
    const Finished made =
        ctl({"evidence", "collect", "--key", "issuer", "--nonce", nonce, "--probes", probes, "--out", file});
    EXPECT_EQ(made.status, 0) << made.err << daemon_.log();
    return file;
  }

  // The verdict on it.
  jose::Json verdict(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const Finished said = judge(std::move(arguments));
    const jose::Json json = jose::Json::parse(said.out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << said.out << said.err;
    EXPECT_EQ(said.status, json.value("enough", false) ? 0 : 1);
    return json;
  }

  static std::string finding(const jose::Json& verdict, const std::string& check) {
    for (const jose::Json& one : verdict.value("checks", jose::Json::array())) {
      if (one["check"] == check) return one["finding"];
    }
    return "absent";
  }

  static inline const std::string kNonce = "q80xvNlyL5V6mUy1Hhq7hg";
};

TEST_F(Evidence, OfASoftTokenIsSoftwareHoweverGoodTheKeyIs) {
  const std::string file = collect(kNonce);
  write_text(daemon_.file("jwks"), ctl({"jwks"}).out);
  const jose::Json judged = verdict({file, "--nonce", kNonce, "--jwks", daemon_.file("jwks"), "--key", "issuer"});
  EXPECT_EQ(judged["grade"], "software") << judged.dump(1);
  for (const jose::Json& check : judged["checks"]) EXPECT_NE(check["finding"], "bad") << check;
  EXPECT_EQ(judge({file, "--nonce", kNonce, "--expect-grade", "software"}).status, 0);
  EXPECT_EQ(judge({file, "--nonce", "", "--expect-grade", "software"}).status, 2) << "a variable that was not set";
  EXPECT_EQ(judge({file, "--expect-grade", "software"}).status, 2);
  EXPECT_EQ(judge({file, "--no-nonce", "--expect-grade", "software"}).status, 0);
  const Finished text = judge({file, "--nonce", kNonce});
  EXPECT_EQ(text.status, 1) << "software is less than what is expected unless somebody says otherwise";
  EXPECT_NE(text.out.find("software"), std::string::npos);
  EXPECT_NE(text.out.find("SoftHSM"), std::string::npos) << text.out;
}

TEST_F(Evidence, WhatIsNotThisKeysEvidenceOfNowFails) {
  const std::string file = collect(kNonce);
  const std::string other_nonce = "AAAAAAAAAAAAAAAAAAAAAA";
  EXPECT_EQ(verdict({file, "--nonce", other_nonce, "--expect-grade", "software"})["grade"], "failed");
  EXPECT_EQ(verdict({file, "--nonce", kNonce, "--key", "other"})["grade"], "failed");
  write_text(daemon_.file("none.jwks"), R"({"keys":[]})");
  EXPECT_EQ(verdict({file, "--nonce", kNonce, "--jwks", daemon_.file("none.jwks")})["grade"], "failed");
  std::string changed = read_text(file);
  const std::size_t place = changed.find("SoftHSM project");
  ASSERT_NE(place, std::string::npos);
  changed.replace(place, 15, "Luna SA project");
  write_text(daemon_.file("changed"), changed);
  EXPECT_EQ(verdict({daemon_.file("changed"), "--nonce", kNonce})["grade"], "failed");
}

TEST_F(Evidence, ItsSignatureIsTheKeysForAnotherImplementation) {
  const std::string file = collect(kNonce, "none");
  // The bytes that are signed, cut out as the page says, and Python's libraries in place of ours.
  const Finished judged = run({"/usr/bin/python3", "-c", R"(
import base64, hashlib, json, sys
import jwt
text = open(sys.argv[1], 'rb').read()
head, statement = text[:-2].split(b'","statement":', 1)
jws = head[len(b'{"signature":"'):].decode()
said = json.loads(statement)
key = jwt.PyJWK(said['jwk']).key
payload = jwt.api_jws.PyJWS().decode(jws, key, algorithms=['RS256'])
payload = json.loads(payload)
digest = base64.urlsafe_b64encode(hashlib.sha256(statement).digest()).rstrip(b'=').decode()
assert payload == {'nonce': sys.argv[2], 'statement_sha256': digest}, payload
assert jwt.get_unverified_header(jws) == {'alg': 'RS256', 'kid': said['kid'], 'typ': 'signer-evidence'}
print('good')
)",
                               file, kNonce});
  EXPECT_EQ(judged.out, "good\n") << judged.err;
}

TEST_F(Evidence, HoldsTheNewestCheckpointAndIsOnRecord) {
  ASSERT_TRUE(becomes_covered(0));
  const std::string file = collect(kNonce, "read-only");
  const auto records = daemon_.audit_records();
  const auto found = std::ranges::find_if(records, [](const jose::Json& one) { return one["event"] == "evidence"; });
  ASSERT_NE(found, records.end());
  EXPECT_EQ((*found)["key"], "issuer");
  EXPECT_EQ((*found)["grant"], "evidence");
  EXPECT_EQ((*found)["uid"], ::getuid());
  const jose::Json statement = jose::Json::parse(read_text(file))["statement"];
  ASSERT_TRUE(statement.contains("audit")) << statement;
  EXPECT_EQ(statement["audit"]["vkey"], vkey());
  write_text(daemon_.file("note"), statement["audit"]["checkpoint"].get<std::string>());
  EXPECT_EQ(verify({"--checkpoint", daemon_.file("note")}).status, 0)
      << "the log contains the checkpoint of the evidence";
  EXPECT_EQ(verdict({file, "--nonce", kNonce, "--expect-grade", "software"})["grade"], "software");
}

TEST_F(Evidence, ProbesLeaveTheTokenAsItWasAndSignaturesGoOn) {
  const std::size_t objects =
      std::stoul(run({"sh", "-c", "find " + daemon_.token().tokens_directory() + " -name '*.object' | wc -l"}).out);
  for (int round = 0; round < 3; ++round) {
    collect(kNonce);
    EXPECT_EQ(daemon_.issue()->status, 200);
  }
  EXPECT_EQ(
      std::stoul(run({"sh", "-c", "find " + daemon_.token().tokens_directory() + " -name '*.object' | wc -l"}).out),
      objects);
  EXPECT_EQ(daemon_.log().find("host_lost"), std::string::npos);
}

TEST_F(Evidence, BadQuestionsAreRefusedBeforeTheTokenIsAsked) {
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/v1/evidence?key=issuer&nonce=short")->code(), "invalid_request");
  EXPECT_EQ(connection.get("/v1/evidence?key=issuer&nonce=" + kNonce + "&probes=all")->code(), "invalid_request");
  EXPECT_EQ(connection.get("/v1/evidence?key=issuer&nonce=" + std::string(43, '!'))->code(), "invalid_request");
  EXPECT_EQ(connection.get("/v1/evidence?key=nobody&nonce=" + kNonce)->code(), "denied") << "no grant names it";
  EXPECT_EQ(connection.get("/v1/evidence?key=issuer")->code(), "invalid_request");
  EXPECT_EQ(ctl({"evidence", "collect", "--key", "issuer", "--nonce", "short"}).status, 2);
  EXPECT_EQ(judge({"/nonexistent", "--nonce", kNonce}).status, 2);
  const std::string log = daemon_.log();
  EXPECT_EQ(log.find("the token gave no evidence"), std::string::npos) << log;
}

}  // namespace
}  // namespace signer::test
