// SPDX-License-Identifier: Apache-2.0
//
// The audit log as the operator and the auditor have it: checkpoints by a key in the token, a log that was changed is
// found out, and signerd does not go on with it.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "jose/base64url.h"
#include "jose/hash.h"
#include "tests/e2e/audit_log.h"
#include "tests/e2e/load.h"

namespace signer::test {

namespace {

namespace fs = std::filesystem;

class AuditLogUnderTest : public AuditedDaemon {
 protected:
  explicit AuditLogUnderTest(const std::string& settings = {}) : AuditedDaemon(settings) {}

  std::uint64_t issue_one(const std::string& claims = R"({"sub":"client-1"})") {
    const auto reply = daemon_.issue(claims);
    EXPECT_TRUE(reply && reply->status == 200) << (reply ? reply->body : "no reply");
    return reply ? reply->json()["audit"]["index"].get<std::uint64_t>() : 0;
  }

  // Starts signerd on the log as it is, which it must refuse with these words.
  void expect_no_start(const std::string& words) {
    EXPECT_FALSE(daemon_.start());
    EXPECT_NE(daemon_.log().find(words), std::string::npos) << daemon_.log();
  }

  std::string only_segment() const {
    std::string found;
    for (const auto& entry : fs::directory_iterator(log_directory())) {
      if (entry.path().extension() == ".jsonl") found = entry.path();
    }
    return found;
  }
};

TEST_F(AuditLogUnderTest, ItsRecordsAreCoveredSoonAndTwoCheckersAgree) {
  const std::uint64_t index = issue_one();
  ASSERT_TRUE(becomes_covered(index));
  const Finished whole = verify();
  EXPECT_EQ(whole.status, 0) << whole.out << whole.err;
  const Finished second = run({"/usr/bin/python3", SECOND_OPINION, "log", vkey(), log_directory()});
  ASSERT_EQ(second.status, 0) << second.err;
  const auto word = jose::parse_json(second.out);
  ASSERT_TRUE(word) << second.out;
  ASSERT_TRUE((*word)["ok"]) << second.out;
  EXPECT_GT((*word)["covered"].get<std::uint64_t>(), index);

  HttpConnection connection(daemon_.socket());
  const auto checkpoint = connection.get("/v1/audit/checkpoint");
  ASSERT_TRUE(checkpoint && checkpoint->status == 200);
  write_text(daemon_.file("kept"), checkpoint->body);
  EXPECT_EQ(run({"/usr/bin/python3", SECOND_OPINION, "note", vkey(), daemon_.file("kept")}).status, 0);
  issue_one();
  EXPECT_EQ(daemon_.stop(), 0) << daemon_.log();
  EXPECT_EQ(verify({"--checkpoint", daemon_.file("kept")}).status, 0) << "today's log extends the one seen before";
  EXPECT_EQ(covered() + 1, daemon_.audit_records().size()) << "a clean stop leaves its own record alone uncovered";
}

TEST_F(AuditLogUnderTest, ARecordIsProvenToWhoeverHasTheKey) {
  const auto reply = daemon_.issue();
  ASSERT_TRUE(reply && reply->status == 200);
  ASSERT_TRUE(becomes_covered(reply->json()["audit"]["index"].get<std::uint64_t>()));
  const std::string proof = daemon_.file("proof");
  const Finished made =
      audit({"prove", log_directory(), "--jti", reply->json()["jti"].get<std::string>(), "--out", proof});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(audit({"check-proof", proof, "--key", vkey_file()}).status, 0);
  EXPECT_EQ(run({"/usr/bin/python3", SECOND_OPINION, "proof", vkey(), proof}).status, 0);
  std::string text = read_text(proof);
  const std::size_t hash = text.find("\nindex ");
  const std::size_t changed = text.find('\n', hash + 1) + 3;
  text[changed] = text[changed] == 'A' ? 'B' : 'A';
  write_text(proof, text);
  EXPECT_EQ(audit({"check-proof", proof, "--key", vkey_file()}).status, 1);
}

TEST_F(AuditLogUnderTest, ALogThatWasChangedIsNamedAndNotGoneOnWith) {
  for (int i = 0; i < 5; ++i) issue_one();
  ASSERT_EQ(daemon_.stop(), 0);
  ASSERT_EQ(verify().status, 0);
  const std::string segment = only_segment();
  const std::string whole = read_text(segment);
  std::string changed = whole;
  const std::size_t uid = changed.find("\"uid\":", changed.find("\"event\":\"issue\""));
  changed[uid + 6] = changed[uid + 6] == '9' ? '8' : '9';
  const std::string line = whole.substr(0, uid);
  const auto index = static_cast<std::uint64_t>(std::count(line.begin(), line.end(), '\n'));
  write_text(segment, changed);
  const Finished bad = verify({"--json"});
  EXPECT_EQ(bad.status, 1);
  const auto verdict = jose::parse_json(bad.out);
  ASSERT_TRUE(verdict) << bad.out << bad.err;
  EXPECT_NE(bad.out.find(std::to_string(index)), std::string::npos) << bad.out;
  expect_no_start("was changed");
  write_text(segment, whole);
  EXPECT_TRUE(daemon_.start()) << daemon_.log();
}

TEST_F(AuditLogUnderTest, ALogThatWasCutIsNotGoneOnWith) {
  for (int i = 0; i < 5; ++i) issue_one();
  ASSERT_EQ(daemon_.stop(), 0);
  const std::string segment = only_segment();
  std::string text = read_text(segment);
  for (int lines = 0; lines < 3; ++lines) text.resize(text.rfind('\n', text.size() - 2) + 1);
  write_text(segment, text);
  EXPECT_EQ(verify().status, 1);
  expect_no_start("records were cut off");
  // What the message says to do.
  fs::rename(log_directory(), daemon_.file("old-audit"));
  EXPECT_TRUE(daemon_.start()) << daemon_.log();
}

// Root can do this; the copy that somebody kept tells.
TEST_F(AuditLogUnderTest, ALogThatWasCutTogetherWithItsCheckpointIsFoundOutByAnOlderOne) {
  ASSERT_TRUE(becomes_covered(issue_one()));
  const std::string early_segment = read_text(only_segment());
  const std::string early = checkpoint();
  ASSERT_TRUE(becomes_covered(issue_one()));
  write_text(daemon_.file("kept"), checkpoint());
  ASSERT_EQ(daemon_.stop(), 0);
  write_text(only_segment(), early_segment);
  write_text(log_directory() + "/checkpoint", early);
  EXPECT_EQ(verify().status, 0) << "by itself it looks whole";
  EXPECT_EQ(verify({"--checkpoint", daemon_.file("kept")}).status, 1);
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  ASSERT_TRUE(daemon_.ready());
  ASSERT_TRUE(becomes_covered(issue_one())) << "and the token signs it anew";
  const Finished fork = verify({"--checkpoint", daemon_.file("kept")});
  EXPECT_EQ(fork.status, 1) << fork.out;
}

TEST_F(AuditLogUnderTest, TheKeyOfCheckpointsSignsNothingElseAndIsNotPublished) {
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/v1/jwks")->body.find("\"EC\""), std::string::npos);
  EXPECT_EQ(daemon_.issue(R"({"sub":"x"})", "audit-checkpoint")->status, 403);
  EXPECT_EQ(connection.post("/v1/keys/audit-checkpoint/signatures", R"({"payload":"e30"})")->status, 403);
  const auto ready = connection.get("/readyz")->json();
  EXPECT_FALSE(ready["keys"].contains("audit-checkpoint")) << "tokens are issued without it";
}

TEST_F(AuditLogUnderTest, ItsStoryIsInItsRecords) {
  issue_one();
  ASSERT_TRUE(replace_host(daemon_, SIGKILL));
  ASSERT_TRUE(daemon_.ready());
  const std::string before = read_text(daemon_.config_file());
  write_text(daemon_.config_file(), before + "# changed\n");
  daemon_.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return records_of("reload").size() == 1; }));
  const auto hash = [](const std::string& text) { return jose::base64url_encode(jose::sha256(bytes_of(text))); };
  EXPECT_EQ(records_of("start").at(0)["config_sha256"], hash(before));
  EXPECT_EQ(records_of("reload").at(0)["config_sha256_before"], hash(before));
  EXPECT_EQ(records_of("reload").at(0)["config_sha256"], hash(before + "# changed\n"));
  ASSERT_EQ(records_of("host_lost").size(), 1U);
  EXPECT_EQ(records_of("host_lost")[0]["token"], "main");
  const jose::Json issued = records_of("issue").at(0);
  EXPECT_GE(issued["latency_us"].get<std::int64_t>(), 1);
  EXPECT_LT(issued["latency_us"].get<std::int64_t>(), 60'000'000);
}

// Who holds the log cannot tell a subject; who holds the search key too can.
TEST_F(AuditLogUnderTest, ASubjectIsFoundWithTheSearchKeyAlone) {
  issue_one(R"({"sub":"client-4711"})");
  issue_one(R"({"sub":"client-4712"})");
  issue_one(R"({"sub":"client-4711"})");
  ASSERT_EQ(daemon_.stop(), 0);
  EXPECT_EQ(read_text(only_segment()).find("client-47"), std::string::npos);
  write_text(daemon_.file("sub"), "client-4711");
  const Finished found = audit({"find", log_directory(), "--sub-file", daemon_.file("sub"), "--search-key",
                                daemon_.state_directory() + "/audit-search-key", "--json"});
  ASSERT_EQ(found.status, 0) << found.err;
  const auto records = records_of("issue");
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0]["sub_hmac"], records[2]["sub_hmac"]);
  EXPECT_NE(found.out.find(records[0]["jti"].get<std::string>()), std::string::npos) << found.out;
  EXPECT_NE(found.out.find(records[2]["jti"].get<std::string>()), std::string::npos) << found.out;
  EXPECT_EQ(found.out.find(records[1]["jti"].get<std::string>()), std::string::npos) << found.out;
  EXPECT_EQ(records_of("search_key").size(), 1U);
  struct stat status {};
  ASSERT_EQ(::stat((daemon_.state_directory() + "/audit-search-key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(AuditLogUnderTest, WhatAFloodOfRefusalsCouldNotWriteIsSummed) {
  HttpConnection connection(daemon_.socket());
  const std::uint64_t before = records_of("refuse").size();  // while the token was being opened
  constexpr std::uint64_t kRefused = 400;                    // 200 at once are written, 50 a second after that
  std::uint64_t sent = 0;
  for (; sent < kRefused; ++sent) {
    const auto reply = connection.post("/v1/keys/none/tokens", R"({"claims":{}})");
    if (!reply) connection = HttpConnection(daemon_.socket());
  }
  ASSERT_EQ(daemon_.stop(), 0) << "which writes what is still counted";
  std::uint64_t said = 0;
  for (const jose::Json& record : daemon_.audit_records()) {
    if (record["event"] == "refuse") said += 1 + record.value("suppressed", 0U);
    if (record["event"] == "refusals") {
      said += record["suppressed"].get<std::uint64_t>();
      EXPECT_EQ(record["uid"], ::getuid());
    }
  }
  EXPECT_EQ(said, before + sent);
  EXPECT_EQ(verify().status, 0);
}

// A limit of the process stands in for a disk without space: it needs no rights, and the same calls fail.
TEST_F(AuditLogUnderTest, Invariant01_WithoutSpaceNothingIsSignedAndWithItAllGoesOn) {
  issue_one();
  const pid_t signerd = daemon_.process().pid();
  rlimit usual{};
  const rlimit none{4096, RLIM_INFINITY};
  ASSERT_EQ(::prlimit(signerd, RLIMIT_FSIZE, &none, &usual), 0);
  const auto refused = [this] {
    const auto reply = daemon_.issue();
    return reply && reply->status == 500 && reply->code() == "internal";
  };
  ASSERT_TRUE(eventually(refused)) << daemon_.log();
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/readyz")->status, 503);
  EXPECT_NE(connection.get("/metrics")->body.find("signer_audit_healthy 0"), std::string::npos);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(refused()) << "and each at once";
  EXPECT_TRUE(eventually([this] { return daemon_.log().find("EFBIG") != std::string::npos; })) << daemon_.log();

  ASSERT_EQ(::prlimit(signerd, RLIMIT_FSIZE, &usual, nullptr), 0);
  ASSERT_TRUE(daemon_.ready());
  const std::uint64_t index = issue_one();
  ASSERT_TRUE(becomes_covered(index));
  ASSERT_TRUE(eventually([this] { return records_of("audit_recovered").size() == 1; }));
  EXPECT_GT(records_of("audit_recovered")[0]["down_us"].get<std::int64_t>(), 0);
  EXPECT_EQ(verify().status, 0) << verify().out;
}

class AuditSegments : public AuditLogUnderTest {
 protected:
  AuditSegments() : AuditLogUnderTest("segment_bytes = 65536\n") {}
};

TEST_F(AuditSegments, ClosedOnesAreCompressedAndTheRestArchivedAndAllStaysCheckable) {
  const auto segments = [this] {
    return std::count_if(fs::directory_iterator(log_directory()), fs::directory_iterator(),
                         [](const auto& entry) { return entry.path().string().find(".jsonl") != std::string::npos; });
  };
  {
    const Judge judge(daemon_);
    Load load(daemon_, judge, 4);
    ASSERT_TRUE(eventually([&] { return segments() >= 4; }));
    load.stop();
    EXPECT_EQ(load.failed(), 0);
  }
  ASSERT_TRUE(eventually([&] { return covered() + 2 >= daemon_.audit_records().size(); }));
  ASSERT_EQ(audit({"compress", log_directory()}).status, 0);
  EXPECT_EQ(verify().status, 0) << verify().out;
  EXPECT_TRUE(std::any_of(fs::directory_iterator(log_directory()), fs::directory_iterator(),
                          [](const auto& entry) { return entry.path().extension() == ".gz"; }));
  issue_one();
  ASSERT_EQ(daemon_.stop(), 0);
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  ASSERT_TRUE(daemon_.ready());
  issue_one();
  EXPECT_EQ(verify().status, 0) << verify().out;
}

class AuditAnchors : public AuditLogUnderTest {
 protected:
  AuditAnchors() : AuditLogUnderTest("") {}

  void SetUp() override {
    AuditLogUnderTest::SetUp();
    const std::string text = read_text(daemon_.config_file());
    write_text(daemon_.config_file(), text + "[[audit.anchor]]\nfile = \"" + daemon_.file("worm") +
                                          "\"\n[[audit.anchor]]\ncommand = [\"/bin/cp\", \"/dev/stdin\", \"" +
                                          daemon_.file("sent") + "\"]\n");
    ASSERT_EQ(daemon_.stop(), 0);
    ASSERT_TRUE(daemon_.start()) << daemon_.log();
    ASSERT_TRUE(daemon_.ready());
  }
};

TEST_F(AuditAnchors, GetTheCheckpointsAndWhatTheyGotChecksTheLog) {
  ASSERT_TRUE(becomes_covered(issue_one()));
  ASSERT_TRUE(
      eventually([&] { return fs::exists(daemon_.file("sent")) && read_text(daemon_.file("sent")) == checkpoint(); }));
  EXPECT_NE(read_text(daemon_.file("worm")).find(checkpoint()), std::string::npos);
  ASSERT_EQ(daemon_.stop(), 0);
  EXPECT_EQ(read_text(daemon_.file("sent")), checkpoint()) << "the last one too";
  EXPECT_EQ(verify({"--checkpoint", daemon_.file("sent")}).status, 0);
}

}  // namespace

}  // namespace signer::test
