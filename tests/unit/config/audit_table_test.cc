// SPDX-License-Identifier: Apache-2.0
//
// [audit] decides where the records go and who signs them.
#include <gtest/gtest.h>

#include <algorithm>

#include "config/config.h"
#include "tests/unit/config/example.h"
#include "tests/unit/config/problems.h"

namespace signer::config {
namespace {

using namespace std::chrono_literals;
using test::kConfigText;
using test::problems_of;
using test::with;

Result<Config> with_audit(const std::string& text) {
  return parse(std::string(kConfigText) + "[audit]\n" + text, "signer.toml");
}

// The problem with [audit], which must be the only one, and hold these words.
void expect_audit_problem(const std::string& text, const std::string& words) {
  const std::string problem = problems_of(std::string(kConfigText) + "[audit]\n" + text);
  EXPECT_NE(problem.find(words), std::string::npos) << text << " gave: " << problem;
  EXPECT_EQ(test::lines_in(problem), 1) << text << " gave: " << problem;
}

TEST(AuditTable, ATokenBringsTheKeyOfTheCheckpoints) {
  const auto with_token = with_audit("token = \"main\"\ncheckpoint_every = \"1s\"\n");
  ASSERT_TRUE(with_token) << with_token.error().text;
  ASSERT_EQ(with_token->keys.size(), 2U);
  EXPECT_EQ(with_token->keys[1].name, kCheckpointKey);
  EXPECT_EQ(with_token->keys[1].tokens, std::vector<std::string>{"main"});
  EXPECT_EQ(with_token->keys[1].kind, jose::KeyKind::kP256);
  EXPECT_EQ(with_token->audit.checkpoint_every, 1s);
  EXPECT_EQ(with_audit("")->keys.size(), 1U);
}

TEST(AuditTable, HasDefaults) {
  const Audit audit = with_audit("")->audit;
  EXPECT_EQ(audit.dir, "/var/lib/signer/audit");
  EXPECT_EQ(audit.checkpoint_every, 10s);
  EXPECT_EQ(audit.segment_bytes, 64U << 20U);
  EXPECT_EQ(audit.segment_age, 24h);
  EXPECT_TRUE(audit.anchors.empty());
}

TEST(AuditTable, ReadsSegmentsAndAnchors) {
  const auto config = with_audit(
      "token = \"main\"\nsegment_bytes = 65536\nsegment_age = \"1h\"\n"
      "[[audit.anchor]]\ncommand = [\"/bin/send\", \"--to\", \"siem\"]\ntimeout = \"5s\"\n"
      "[[audit.anchor]]\nfile = \"/mnt/worm/checkpoints\"\n"
      "[[audit.anchor]]\nsyslog = true\n");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->audit.segment_bytes, 65536U);
  EXPECT_EQ(config->audit.segment_age, 1h);
  EXPECT_EQ(config->audit.anchors, (std::vector<Anchor>{{{"/bin/send", "--to", "siem"}, "", false, 5s},
                                                        {{}, "/mnt/worm/checkpoints", false, 30s},
                                                        {{}, "", true, 30s}}));
}

TEST(AuditTable, RefusesWhatCannotWork) {
  expect_audit_problem("dir = \"audit\"\n", "must be an absolute path");
  expect_audit_problem("dir = \"\"\n", "must be a text that is not empty");
  expect_audit_problem("checkpoint_every = \"10s\"\n", "needs token");
  expect_audit_problem("token = \"main\"\ncheckpoint_every = \"0s\"\n", "checkpoint_every");
  expect_audit_problem("token = \"main\"\ncheckpoint_every = \"1500ms\"\n", "checkpoint_every");
  expect_audit_problem("segment_bytes = 65535\n", "segment_bytes");
  expect_audit_problem("segment_bytes = 1073741825\n", "segment_bytes");
  expect_audit_problem("segment_age = \"59s\"\n", "segment_age");
  expect_audit_problem("[[audit.anchor]]\nsyslog = true\n", "needs token");
  const std::string token = "token = \"main\"\n[[audit.anchor]]\n";
  expect_audit_problem(token, "exactly one of command, file and syslog");
  expect_audit_problem(token + "syslog = false\n", "exactly one of command, file and syslog");
  expect_audit_problem(token + "syslog = true\nfile = \"/x\"\n", "exactly one of command, file and syslog");
  expect_audit_problem(token + "command = [\"send\"]\n", "absolute path of a program");
  expect_audit_problem(token + "file = \"x\"\n", "must be an absolute path");
  expect_audit_problem(token + "file = \"/x\"\ntimeout = \"5s\"\n", "is of commands alone");
  expect_audit_problem(token + "file = \"/x\"\nevery = \"5s\"\n", "every");
}

// It would sign whatever a caller asks for in the name of the log.
TEST(AuditTable, NoGrantMintsWithTheKeyOfTheCheckpoints) {
  const std::string named = with(kConfigText, "keys = [\"issuer\"]", "keys = [\"issuer\", \"audit-checkpoint\"]");
  for (const char* verb : {"issue", "sign-payload"}) {
    const std::string text = with(named, "\"issue\"", "\"" + std::string(verb) + "\"") + "[audit]\ntoken = \"main\"\n";
    EXPECT_NE(problems_of(text).find("signs the audit log's checkpoints alone"), std::string::npos) << verb;
  }
  EXPECT_EQ(problems_of(with(named, "\"issue\"", "\"create\"") + "[audit]\ntoken = \"main\"\n"), "");
  EXPECT_NE(problems_of(with(named, "\"issue\"", "\"create\"")).find("does not exist"), std::string::npos)
      << "without [audit] token there is no such key";
  const std::string taken = with(kConfigText, "name = \"issuer\"", "name = \"audit-checkpoint\"");
  EXPECT_NE(problems_of(taken).find("is the audit log's own"), std::string::npos);
}

TEST(Configuration, ItsHashIsThatOfItsBytes) {
  const auto one = parse(kConfigText, "a.toml");
  const auto same = parse(kConfigText, "b.toml");
  const auto other = parse(std::string(kConfigText) + "\n", "a.toml");
  ASSERT_TRUE(one && same && other);
  EXPECT_EQ(one->sha256.size(), 43U);
  EXPECT_EQ(one->sha256, same->sha256);
  EXPECT_NE(one->sha256, other->sha256);
}

}  // namespace
}  // namespace signer::config
