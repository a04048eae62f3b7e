// SPDX-License-Identifier: Apache-2.0
//
// What a wrong configuration is told: file, line, key and what to do, everything at once.  Without these a typo would
// be a silent default, or a daemon that will not start and does not say why.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "config/config.h"
#include "tests/support/seed.h"
#include "tests/unit/config/example.h"
#include "tests/unit/config/problems.h"

namespace signer::config {
namespace {

using test::expect_problem;
using test::kConfigText;
using test::lines_in;
using test::problems_of;
using test::with;

TEST(ConfigurationProblem, AnUnknownKeyComesWithItsLineAndTheNearestKnownOne) {
  expect_problem("tokens = [\"main\"]", "tokens = [\"main\"]\nrotate_evry = \"90d\"",
                 "15: key.rotate_evry: is not known", "did you mean 'rotate_every'?");
  expect_problem("state_dir =", "stat_dirs = 1\nstate_dir =", "1: stat_dirs: is not known",
                 "did you mean 'state_dir'?");
  expect_problem("uri =", "sesions = 4\nuri =", "10: token.sesions: is not known", "did you mean 'sessions'?");
  expect_problem("{ uid = 1001 }", "{ uid = 1001, usr = \"x\" }", "24: grant.match.usr: is not known",
                 "did you mean 'user'?");
  expect_problem("path =", "umask = \"077\"\npath =", "4: listener.umask: is not known",
                 "known here: path, mode, group");
  expect_problem("verbs =", "rates = \"1/s\"\nverbs =", "27: grant.rates: is not known", "did you mean 'rate'?");
  expect_problem("max_ttl =", "lifetime = 1\nmax_ttl =", "20: profile.lifetime: is not known",
                 "known here: name, kind, version, typ, issuer, audiences, max_ttl, claim");
}

TEST(ConfigurationProblem, AnUnknownTableIsRefused) {
  const std::string text = problems_of(std::string(kConfigText) + "[[grants]]\nname = \"x\"\n");
  EXPECT_TRUE(text.starts_with("signer.toml:28: ")) << text;
  EXPECT_NE(text.find("grants: is not known; did you mean 'grant'?"), std::string::npos) << text;
}

TEST(ConfigurationProblem, EachRequiredMemberThatIsMissingIsNamedAtItsTable) {
  const std::tuple<const char*, const char*, const char*> members[] = {
      {"path = \"/run/signer/signer.sock\"\n", "3: listener.path: ", "is missing; add path = \"...\""},
      {"module = \"/usr/lib/softhsm/libsofthsm2.so\"\n", "6: token.module: ", "is missing"},
      {"uri = \"pkcs11:token=demo\"\n", "6: token.uri: ", "is missing"},
      {"tokens = [\"main\"]\n", "12: key.tokens: ", "is missing"},
      {"issuer = \"https://idp.example\"\n", "16: profile.issuer: ", "is missing"},
      {"audiences = [\"https://api.example\"]\n", "16: profile.audiences: ", "is missing"},
      {"max_ttl = \"15m\"\n", "16: profile.max_ttl: ", "every token has an end"},
      {"match = { uid = 1001 }\n", "22: grant.match: ", "say who is meant"},
      {"keys = [\"issuer\"]\n", "22: grant.keys: ", "for which keys the caller has 'issue'"},
      {"profiles = [\"access\"]\n", "22: grant.profiles: ", "with which profiles the caller has 'issue'"},
      {"verbs = [\"issue\"]\n", "22: grant.verbs: ", "is missing"},
  };
  for (const auto& [line, begins, says] : members) expect_problem(line, "", begins, says);
  // Other members name these, so more is wrong without them.
  for (const char* line : {"name = \"main\"\n", "name = \"issuer\"\n", "name = \"access\"\n", "name = \"idp\"\n"}) {
    EXPECT_NE(problems_of(with(kConfigText, line, "")).find(".name: is missing"), std::string::npos) << line;
  }
}

TEST(ConfigurationProblem, AMissingStateDirectoryAndListenerAreNamed) {
  const std::string text = problems_of("");
  EXPECT_NE(text.find(": state_dir: is missing"), std::string::npos) << text;
  EXPECT_NE(text.find(": listener: is missing; add a [[listener]]"), std::string::npos) << text;
  EXPECT_EQ(lines_in(text), 2) << text;
}

TEST(ConfigurationProblem, EveryWrongTypeIsNamedAtItsLine) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"\"/var/lib/signer\"", "7", "1: state_dir: "},
      {"\"/var/lib/signer\"", "\"\"", "1: state_dir: "},
      {"\"/run/signer/signer.sock\"", "[\"/x\"]", "4: listener.path: "},
      {"\"/run/signer/signer.sock\"", "\"/x\"\nmode = 432", "5: listener.mode: "},
      {"\"/run/signer/signer.sock\"", "\"/x\"\ngroup = 5", "5: listener.group: "},
      {"\"main\"\ndriver", "true\ndriver", "7: token.name: "},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nsessions = \"2\"", "11: token.sessions: "},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nsessions = 2.0", "11: token.sessions: "},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\npin_file = 1234", "11: token.pin_file: "},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\npin_file = \"relative\"", "11: token.pin_file: "},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\noperation_timeout = 2", "11: token.operation_timeout: "},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nenvironment = \"A=b\"", "11: token.environment: "},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nenvironment = { A = 1 }", "11: token.environment: "},
      {"[\"main\"]", "\"main\"", "14: key.tokens: "},
      {"[\"main\"]", "[]", "14: key.tokens: "},
      {"[\"main\"]", "[\"main\", 1]", "14: key.tokens: "},
      {"[\"main\"]", "[\"main\", \"\"]", "14: key.tokens: "},
      {"[\"main\"]", "[\"main\"]\nbits = \"2048\"", "15: key.bits: "},
      {"[\"main\"]", "[\"main\"]\nmechanism_lock = true", "15: key.mechanism_lock: "},
      {"[\"https://api.example\"]", "{ a = \"b\" }", "19: profile.audiences: "},
      {"{ uid = 1001 }", "\"idp\"", "24: grant.match: "},
      {"[\"issue\"]", "[\"issue\"]\nrate = 500", "28: grant.rate: "},
  };
  for (const auto& [from, to, begins] : cases) {
    const std::string text = problems_of(with(kConfigText, from, to));
    EXPECT_TRUE(text.starts_with("signer.toml:" + std::string(begins))) << to << " gave: " << text;
    EXPECT_NE(text.find(": must "), std::string::npos) << to << " gave: " << text;
  }
}

TEST(ConfigurationProblem, EveryValueOutOfRangeIsNamedWithTheRange) {
  const std::string long_path = "/" + std::string(100, 'x');
  const std::tuple<const char*, std::string, const char*, const char*> cases[] = {
      {"\"/var/lib/signer\"", "\"var/lib\"", "1: state_dir: ", "absolute path"},
      {"\"/run/signer/signer.sock\"", "\"run/x\"", "4: listener.path: ", "absolute path"},
      {"\"/run/signer/signer.sock\"", "\"" + long_path + "\"", "4: listener.path: ", "at most 100 bytes"},
      {"\"/run/signer/signer.sock\"", "\"/x\"\nmode = \"0888\"", "5: listener.mode: ", "octal"},
      {"\"/run/signer/signer.sock\"", "\"/x\"\nmode = \"1777\"", "5: listener.mode: ", "octal"},
      {"\"/run/signer/signer.sock\"", "\"/x\"\nmode = \"0440\"", "5: listener.mode: ", "octal"},
      {"\"/run/signer/signer.sock\"", "\"/x\"\nmode = \"-660\"", "5: listener.mode: ", "octal"},
      {"\"/run/signer/signer.sock\"", "\"/x\"\nmode = \"660 \"", "5: listener.mode: ", "octal"},
      {"\"main\"\ndriver", "\"Main\"\ndriver", "7: token.name: ", "a-z 0-9"},
      {"\"/usr/lib/softhsm/libsofthsm2.so\"", "\"libsofthsm2.so\"", "9: token.module: ", "absolute path"},
      {"\"pkcs11:token=demo\"", "\"token=demo\"", "10: token.uri: ", "RFC 7512"},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nsessions = 0", "11: token.sessions: ", "from 1 to 64"},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nsessions = 65", "11: token.sessions: ", "from 1 to 64"},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nsessions = -9223372036854775808",
       "11: token.sessions: ", "from 1 to 64"},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\noperation_timeout = \"49ms\"",
       "11: token.operation_timeout: ", "50ms"},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\noperation_timeout = \"121s\"",
       "11: token.operation_timeout: ", "120000ms"},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nkey_check_every = \"0s\"",
       "11: token.key_check_every: ", "10000ms"},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nkey_check_every = \"9999ms\"",
       "11: token.key_check_every: ", "10000ms"},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nkey_check_every = \"86401s\"",
       "11: token.key_check_every: ", "86400000ms"},
      {"[\"main\"]", "[\"main\"]\nalg = \"HS256\"", "15: key.alg: ", "RS256"},
      {"[\"main\"]", "[\"main\"]\nbits = 2047", "15: key.bits: ", "2048"},
      {"[\"main\"]", "[\"main\"]\nbits = 1024", "15: key.bits: ", "2048"},
      {"[\"main\"]", "[\"main\"]\nbits = 4097", "15: key.bits: ", "4096"},
      {"[\"main\"]", "[\"main\"]\nbits = 2560", "15: key.bits: ", "2048, 3072 or 4096"},
      {"[\"main\"]", "[\"main\"]\nmechanism_lock = \"off\"", "15: key.mechanism_lock: ", "strict"},
      {"[\"main\"]", "[\"main\"]\nrotate_every = \"59m\"", "15: key.rotate_every: ", "from "},
      {"[\"main\"]", "[\"main\"]\nlead_in = \"367d\"", "15: key.lead_in: ", "from "},
      {"{ uid = 1001 }", "{ uid = -1 }", "24: grant.match.uid: ", "from 0 to 4294967294"},
      {"{ uid = 1001 }", "{ uid = 4294967295 }", "24: grant.match.uid: ", "from 0 to 4294967294"},
      {"{ uid = 1001 }", "{ gid = 4294967295 }", "24: grant.match.gid: ", "from 0 to 4294967294"},
      {"{ uid = 1001 }", "{ uid = 1, listener = \"/other\" }", "24: grant.match.listener: ", "[[listener]]"},
      {"[\"issue\"]", "[\"issue\", \"sign\"]",
       "27: grant.verbs: ", "known: issue, sign-payload, create, rotate, status, read-evidence, read-audit"},
  };
  for (const auto& [from, to, begins, says] : cases) {
    const std::string text = problems_of(with(kConfigText, from, to));
    EXPECT_TRUE(text.starts_with("signer.toml:" + std::string(begins))) << to << " gave: " << text;
    EXPECT_NE(text.find(says), std::string::npos) << to << " gave: " << text;
  }
}

TEST(ConfigurationProblem, ALifetimeMustBeADurationWithinReason) {
  for (const char* ttl : {"\"0s\"", "\"999ms\"", "\"367d\"", "\"15\"", "\"forever\"", "900", "\"-1s\""}) {
    const std::string text = problems_of(with(kConfigText, "\"15m\"", ttl));
    EXPECT_TRUE(text.starts_with("signer.toml:20: profile.max_ttl: ")) << ttl << " gave: " << text;
  }
}

TEST(ConfigurationProblem, ALifetimeThatIsNoWholeNumberOfSecondsIsRefusedOrKept) {
  const auto config = parse(with(kConfigText, "\"15m\"", "\"1500ms\""), "f");
  if (!config) return;
  EXPECT_EQ(std::chrono::milliseconds(config->profiles[0].max_ttl), std::chrono::milliseconds(1500))
      << "cut without a word";
}

TEST(ConfigurationProblem, ARateIsACountByTimeAndAboveNothing) {
  for (const char* rate :
       {"500", "/s", "0/s", "-1/s", "1.5/s", "500/h", "500 /s", "500/s ", " 500/s", "4294967296/s", "1/sec", "0/m"}) {
    const std::string text = problems_of(std::string(kConfigText) + "rate = \"" + rate + "\"\n");
    EXPECT_TRUE(text.starts_with("signer.toml:28: grant.rate: must be such as ")) << rate << " gave: " << text;
  }
}

TEST(ConfigurationProblem, AGrantWithoutACallerIsRefused) {
  expect_problem("{ uid = 1001 }", "{}", "24: grant.match.user: ", "at least one of user, uid, group, gid, unit");
  expect_problem("{ uid = 1001 }", "{ listener = \"/run/signer/signer.sock\" }",
                 "24: grant.match.user: ", "at least one of");
}

TEST(ConfigurationProblem, NamesArePlainWordsUsedOnce) {
  const std::pair<const char*, const char*> tables[] = {
      {"main", "[[token]]\nname = \"main\"\ndriver = \"pkcs11\"\nmodule = \"/m\"\nuri = \"pkcs11:token=x\"\n"},
      {"issuer", "[[key]]\nname = \"issuer\"\ntokens = [\"main\"]\n"},
      {"access", "[[profile]]\nname = \"access\"\nissuer = \"i\"\naudiences = [\"a\"]\nmax_ttl = \"1m\"\n"},
      {"idp", "[[grant]]\nname = \"idp\"\nmatch = { uid = 1 }\nverbs = [\"status\"]\n"},
  };
  for (const auto& [name, table] : tables) {
    const std::string text = problems_of(std::string(kConfigText) + table);
    EXPECT_TRUE(text.starts_with("signer.toml:29: ")) << text;
    EXPECT_NE(text.find("name: '" + std::string(name) + "' is already in use"), std::string::npos) << text;
    EXPECT_EQ(lines_in(text), 1) << text;
  }
  // A name becomes part of a path (state_dir/keys/NAME): nothing that climbs.
  for (const std::string& bad :
       {std::string(".."), std::string("."), std::string("a/b"), std::string("../x"), std::string("A"),
        std::string("a b"), std::string(65, 'a'), std::string("\\u00e9"), std::string(".hidden")}) {
    const std::string text = problems_of(with(kConfigText, "name = \"idp\"", "name = \"" + bad + "\""));
    EXPECT_TRUE(text.starts_with("signer.toml:23: grant.name: must be 1 to 64 characters")) << bad << " gave: " << text;
  }
  EXPECT_EQ(problems_of(with(kConfigText, "name = \"idp\"", "name = \"" + std::string(64, 'a') + "\"")), "");
}

// toml++ 3.3 does not survive such a bare key in every build.
// Each breaks what toml++ 3.3 takes for granted of its own state.
TEST(ConfigurationProblem, WhatLosesTheParserIsNamedWithItsLine) {
  for (const char* text : {"a = 1\n[@x]\nb = 1\n", "a = 1\n[[\x01x]]\nb = 1\n", "a = 1\n[\n", "a = 1\nb = [}\n"}) {
    EXPECT_TRUE(problems_of(text).starts_with("signer.toml:2: syntax: a name or value begins with a character"))
        << problems_of(text);
  }
}

TEST(ConfigurationProblem, ACharacterThatIsNotAsciiIsNamedWithItsLine) {
  for (const std::string& text :
       {std::string("a = 1\n\xc3\xa9 = 2\n"), std::string("a = 1\nb = { \"c\" = 1, \xc3\xa9 = 2 }\n"),
        std::string("a = 1\nb = \"\xc3\xa9\"\n"), std::string("a = \"\"\"\n# \"\"\", \xc3\xa9 = 2\n")}) {
    EXPECT_TRUE(problems_of(text).starts_with("signer.toml:2: syntax: ")) << problems_of(text);
  }
  EXPECT_EQ(problems_of("# gr\xc3\xbc\xc3\x9f dich\n" + std::string(kConfigText)), "");
}

TEST(ConfigurationProblem, ASecondListenerOnThePathIsRefused) {
  const std::string text = problems_of(std::string(kConfigText) + "[[listener]]\npath = \"/run/signer/signer.sock\"\n");
  EXPECT_TRUE(text.starts_with("signer.toml:29: listener.path: is used by two listeners")) << text;
  const std::string spelled =
      problems_of(std::string(kConfigText) + "[[listener]]\npath = \"/run//signer/./signer.sock\"\n");
  EXPECT_TRUE(spelled.starts_with("signer.toml:29: listener.path: is used by two listeners")) << spelled;
}

// With a wrong PIN each table would cost the token one of its tries.
TEST(ConfigurationProblem, Invariant05_ASecondTableForATokenIsRefused) {
  const std::string second =
      "[[token]]\nname = \"twin\"\ndriver = \"pkcs11\"\nmodule = \"/usr/lib//softhsm/libsofthsm2.so\"\nuri = "
      "\"pkcs11:token=demo\"\n";
  const std::string text = problems_of(std::string(kConfigText) + second);
  EXPECT_TRUE(text.starts_with("signer.toml:32: token.uri: is the token of 'main'")) << text;
  EXPECT_EQ(problems_of(std::string(kConfigText) + with(second, "token=demo", "token=other")), "");
  EXPECT_EQ(problems_of(std::string(kConfigText) + second + "environment = { SOFTHSM2_CONF = \"/other.conf\" }\n"), "");
}

TEST(ConfigurationProblem, AZeroByteIsRefused) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"\"/run/signer/signer.sock\"", "\"/run/x\\u0000y\"", "4: listener.path: "},
      {"[\"main\"]", "[\"ma\\u0000in\"]", "14: key.tokens: "},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nenvironment = { A = \"b\\u0000\" }", "11: token.environment: "},
      {"\"pkcs11:token=demo\"", "\"pkcs11:token=demo\"\nenvironment = { \"A\\u0000\" = \"b\" }",
       "11: token.environment: "},
  };
  for (const auto& [from, to, begins] : cases) {
    const std::string text = problems_of(with(kConfigText, from, to));
    EXPECT_TRUE(text.starts_with("signer.toml:" + std::string(begins))) << to << " gave: " << text;
  }
}

TEST(ConfigurationProblem, ANameThatIsNoVariablesIsRefused) {
  for (const char* name : {"A=B", ""}) {
    const std::string text =
        problems_of(with(kConfigText, "\"pkcs11:token=demo\"",
                         "\"pkcs11:token=demo\"\nenvironment = { \"" + std::string(name) + "\" = \"b\" }"));
    EXPECT_TRUE(text.starts_with("signer.toml:11: token.environment: must name variables")) << name << ": " << text;
  }
}

TEST(ConfigurationProblem, TheAuditLogsDirectoryIsItsOwn) {
  const std::string audit = std::string(kConfigText) + "[audit]\ndir = \"";
  for (const char* taken : {"/var/lib/signer/keys", "/var/lib/signer//latch/", "/var/lib/signer/hmac-keys/audit"}) {
    const std::string text = problems_of(audit + taken + "\"\n");
    EXPECT_TRUE(text.starts_with("signer.toml:29: audit.dir: is where signerd keeps other files")) << taken << text;
  }
  EXPECT_EQ(problems_of(audit + "/var/lib/signer/keys2\"\n"), "");
}

TEST(ConfigurationProblem, AListThatNamesOneTwiceIsRefused) {
  expect_problem("[\"main\"]", "[\"main\", \"main\"]", "14: key.tokens: ", "names 'main' twice");
  expect_problem("[\"https://api.example\"]", "[\"a\", \"b\", \"a\"]", "19: profile.audiences: ", "names 'a' twice");
}

TEST(ConfigurationProblem, ANameThatNobodyHasIsRefusedWithThoseThatExist) {
  expect_problem("tokens = [\"main\"]", "tokens = [\"mian\"]",
                 "14: key.tokens: ", "names 'mian', which does not exist; configured: main");
  expect_problem("keys = [\"issuer\"]", "keys = [\"issuer\", \"other\"]",
                 "25: grant.keys: ", "names 'other', which does not exist; configured: issuer");
  expect_problem("profiles = [\"access\"]", "profiles = [\"id\"]",
                 "26: grant.profiles: ", "names 'id', which does not exist; configured: access");
  const std::string text = problems_of(std::string(kConfigText) + "[audit]\ntoken = \"tpm0\"\n");
  EXPECT_TRUE(text.starts_with("signer.toml:29: audit.token: names 'tpm0', which does not exist; configured: main"))
      << text;
}

TEST(ConfigurationProblem, Invariant05_APinInTheUriIsRefusedAndNotRepeated) {
  for (const char* uri : {"pkcs11:token=demo?pin-value=31337", "pkcs11:token=demo?module-name=x&pin-value=31337",
                          "pkcs11:pin-value=31337", "pkcs11:token=demo?pin-source=file:/31337"}) {
    const std::string text = problems_of(with(kConfigText, "pkcs11:token=demo", uri));
    EXPECT_TRUE(text.starts_with("signer.toml:10: token.uri: ")) << text;
    EXPECT_NE(text.find("use pin_file"), std::string::npos) << text;
    EXPECT_EQ(text.find("31337"), std::string::npos) << text;
  }
}

TEST(ConfigurationProblem, Invariant05_APinWrittenAsAMemberIsRefusedAndNotRepeated) {
  for (const char* member : {"pin = \"31337\"", "user_pin = \"31337\"", "pin-value = \"31337\"", "pin_file = 31337"}) {
    const std::string text = problems_of(with(kConfigText, "uri =", std::string(member) + "\nuri ="));
    EXPECT_TRUE(text.starts_with("signer.toml:10: token.pin") || text.starts_with("signer.toml:10: token.user_pin"))
        << text;
    EXPECT_EQ(text.find("31337"), std::string::npos) << text;
  }
}

TEST(ConfigurationProblem, AnUnknownDriverIsOneProblemAndDoesNotBlameItsNeighbours) {
  expect_problem("driver = \"pkcs11\"", "driver = \"pkcs12\"", "8: token.driver: ", "must be \"pkcs11\" or \"tpm2\"");
  expect_problem("driver = \"pkcs11\"\n", "", "6: token.driver: ", "is missing; add driver = \"...\"");
}

TEST(ConfigurationProblem, SeveralAreToldAtOnceEachWithItsLine) {
  std::string text = with(kConfigText, "\"/var/lib/signer\"", "7");
  text = with(text, "tokens = [\"main\"]", "tokens = [\"nope\"]\nbits = 1");
  text = with(text, "\"15m\"", "\"15 minutes\"");
  text = with(text, "[\"issue\"]", "[\"mint\"]");
  const std::string problems = problems_of(text);
  for (const char* begin : {"signer.toml:1: state_dir: ", "signer.toml:14: key.tokens: ", "signer.toml:15: key.bits: ",
                            "signer.toml:21: profile.max_ttl: ", "signer.toml:28: grant.verbs: "}) {
    EXPECT_NE(problems.find(begin), std::string::npos) << begin << " not in:\n" << problems;
  }
}

TEST(ConfigurationProblem, ASyntaxErrorIsNamedAtItsLine) {
  const std::pair<const char*, const char*> cases[] = {{"a = \n", "signer.toml:1: syntax: "},
                                                       {"a = 1\na = 2\n", "signer.toml:2: syntax: "},
                                                       {"\n\n[x\n", "signer.toml:3: syntax: "},
                                                       {"a = \"\xff\"\n", "signer.toml:1: syntax: "},
                                                       {"a = 0660\n", "signer.toml:1: syntax: "}};
  for (const auto& [text, begins] : cases) {
    const std::string problems = problems_of(text);
    EXPECT_TRUE(problems.starts_with(begins)) << problems;
  }
}

TEST(ConfigurationProblem, ATableWrittenAsAnotherKindIsRefused) {
  for (const char* text :
       {"listener = \"/x\"\n", "listener = [\"/x\"]\n", "audit = 1\n", "[token]\nname = \"x\"\n", "grant = [[1]]\n"}) {
    const std::string problems = problems_of(text);
    EXPECT_NE(problems.find(": must be "), std::string::npos) << text << " gave " << problems;
  }
}

// Whatever one byte is changed to, the answer is a configuration or a list of problems; never a crash, never silence.
TEST(ConfigurationProblem, AMutatedFileIsReadOrExplained) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 3000; ++i) {
    std::string text(kConfigText);
    for (auto edits = 1 + random() % 3; edits-- > 0;) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = static_cast<char>(random());
      } else {
        text.erase(at, random() % 8);
      }
    }
    const auto config = parse(text, "f");
    ASSERT_TRUE(config || config.error().text.starts_with("f:")) << config.error().text;
  }
}

}  // namespace
}  // namespace signer::config
