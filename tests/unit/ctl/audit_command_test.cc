// SPDX-License-Identifier: Apache-2.0
//
// `signerctl audit`.  Without these an auditor could type a command and be told something that the log does not say.
#include <algorithm>
#include <filesystem>
#include <random>
#include <sstream>

#include "audit/line.h"
#include "tests/support/seed.h"
#include "tests/unit/ctl/audit_command.h"

namespace signer::test {
namespace {

namespace fs = std::filesystem;

TEST_F(AuditCommand, VerifySaysOfAWholeLogWhatWasChecked) {
  const Finished text = audit({"verify", directory(), "--key", vkey()});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_TRUE(text.out.starts_with("OK\n")) << text.out;
  EXPECT_NE(text.out.find("up to 10 records, by 3 checkpoints; 1 are behind the newest"), std::string::npos)
      << text.out;
  EXPECT_NE(text.out.find("signatures  checked\n"), std::string::npos) << text.out;
  const Finished json = audit({"verify", directory(), "--json"});
  EXPECT_EQ(json.status, 0) << json.err;
  const Json verdict = Json::parse(json.out);
  EXPECT_EQ(verdict["valid"], true);
  EXPECT_EQ(verdict["size"], 11);
  EXPECT_EQ(verdict["covered"], 10);
  EXPECT_EQ(verdict["signatures_checked"], false);
  EXPECT_EQ(verdict["root"], tlog::to_base64(log_.root()));
  EXPECT_NE(audit({"verify", directory()}).out.find("NOT checked"), std::string::npos);
}

TEST_F(AuditCommand, VerifyNamesTheBadRecordAndExitsWithOne) {
  const std::string path = directory() + "/" + audit::segment_name(0);
  std::string changed = read_text(path);
  changed.replace(changed.find("jti-2"), 5, "jti-9");
  write_text(path, changed);
  const Finished text = audit({"verify", directory(), "--key", vkey()});
  EXPECT_EQ(text.status, 1);
  EXPECT_TRUE(text.out.starts_with("changed: record 2, 00000000000000000000.jsonl:3: ")) << text.out;
  const Json finding = Json::parse(audit({"verify", directory(), "--json"}).out)["finding"];
  EXPECT_EQ(finding["problem"], "changed");
  EXPECT_EQ(finding["first"], 2);
  EXPECT_EQ(finding["last"], 2);
  EXPECT_EQ(finding["file"], "00000000000000000000.jsonl");
  EXPECT_EQ(finding["line"], 3);
}

TEST_F(AuditCommand, VerifyComparesWithCheckpointsThatWereKept) {
  MadeLog other;
  other.add({{"event", "stop"}});
  const std::string fork = own_.file("fork.note", other.sign());
  const std::string good = own_.file("good.note", log_.newest());
  EXPECT_EQ(audit({"verify", directory(), "--checkpoint", good}).status, 0);
  const Finished forked = audit({"verify", directory(), "--key", vkey(), "--checkpoint", good, "--checkpoint", fork});
  EXPECT_EQ(forked.status, 1);
  EXPECT_TRUE(forked.out.starts_with("forked: a record from 0 to 1, ")) << forked.out;
  fs::remove(directory() + "/" + audit::segment_name(0));
  EXPECT_EQ(audit({"verify", directory(), "--checkpoint", fork}).status, 2) << "its records are not here";
}

TEST_F(AuditCommand, VerifyTakesKeysFromAFileAndRefusesWhatIsNone) {
  const MadeLog other("elsewhere.example/signer/0");
  const std::string keys = own_.file("keys", other.key().to_vkey() + "\n" + vkey() + "\n");
  EXPECT_EQ(audit({"verify", directory(), "--key", keys}).status, 0);
  EXPECT_EQ(audit({"verify", directory(), "--key", other.key().to_vkey()}).status, 1);
  for (const std::string& none : {own_.file("empty", ""), own_.file("text", "a+b+c\n"), own_ / "absent"}) {
    EXPECT_EQ(audit({"verify", directory(), "--key", none}).status, 2) << none;
  }
  EXPECT_EQ(audit({"verify", own_.path()}).status, 2) << "no log";
  EXPECT_EQ(audit({"verify"}).status, 2);
}

TEST_F(AuditCommand, ProveMakesAProofThatBothImplementationsTakeForEveryRecord) {
  for (std::uint64_t index = 0; index < 10; ++index) {
    const std::string proof = own_ / ("p" + std::to_string(index));
    const Finished made = audit({"prove", directory(), "--index", std::to_string(index), "--out", proof});
    ASSERT_EQ(made.status, 0) << made.err;
    const Finished ours = audit({"check-proof", proof, "--key", vkey(), "--json"});
    ASSERT_EQ(ours.status, 0) << ours.err;
    EXPECT_EQ(Json::parse(ours.out)["record"], log_.line(index));
    EXPECT_EQ(Json::parse(ours.out)["index"], index);
    const Finished theirs = second_opinion({"proof", proof});
    ASSERT_EQ(theirs.status, 0) << theirs.err;
    EXPECT_EQ(Json::parse(theirs.out)["index"], index);
    EXPECT_EQ(Json::parse(theirs.out)["size"], 10);
  }
}

TEST_F(AuditCommand, ProofsOfOtherRecordsAndKeysAreRefusedByBoth) {
  const std::string proof = own_ / "proof";
  ASSERT_EQ(audit({"prove", directory(), "--jti", "the-one", "--out", proof}).status, 0);
  const std::string other = own_.file("line", log_.line(9) + "\n");
  const std::string same = own_.file("same", log_.line(8) + "\n");
  EXPECT_EQ(audit({"check-proof", proof, "--key", vkey(), "--record", same}).status, 0);
  EXPECT_EQ(audit({"check-proof", proof, "--key", vkey(), "--record", "-"}, log_.line(8)).status, 0);
  EXPECT_EQ(audit({"check-proof", proof, "--key", vkey(), "--record", other}).status, 1);
  EXPECT_EQ(second_opinion({"proof", proof, same}).status, 0);
  EXPECT_EQ(second_opinion({"proof", proof, other}).status, 1);
  const MadeLog elsewhere("elsewhere.example/signer/0");
  EXPECT_EQ(audit({"check-proof", proof, "--key", elsewhere.key().to_vkey()}).status, 1);
  const std::string text = read_text(proof);
  for (std::size_t at = 0; at < text.size(); at += 7) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_text(proof, changed);
    EXPECT_EQ(audit({"check-proof", proof, "--key", vkey()}).status, 1) << at;
  }
}

TEST_F(AuditCommand, ProveRefusesWhatNoCheckpointCoversAndWhatIsNotThere) {
  const Finished uncovered = audit({"prove", directory(), "--index", "10"});
  EXPECT_EQ(uncovered.status, 1);
  EXPECT_NE(uncovered.err.find("not yet"), std::string::npos) << uncovered.err;
  EXPECT_EQ(audit({"prove", directory(), "--jti", "nobody"}).status, 1);
  EXPECT_EQ(audit({"prove", directory()}).status, 2);
  EXPECT_EQ(audit({"prove", directory(), "--index", "1", "--jti", "the-one"}).status, 2);
  MadeLog other;
  other.add({{"event", "stop"}});
  const Finished fork = audit({"prove", directory(), "--index", "1", "--checkpoint", own_.file("f", other.sign())});
  EXPECT_EQ(fork.status, 1);
  EXPECT_NE(fork.err.find("another root"), std::string::npos) << fork.err;
  fs::remove(directory() + "/" + audit::segment_name(0));
  EXPECT_EQ(audit({"prove", directory(), "--index", "1"}).status, 1);
  EXPECT_EQ(audit({"prove", directory(), "--index", "8"}).status, 0) << "what is left is provable";
}

TEST_F(AuditCommand, ShowPrintsTheLinesAsTheyStand) {
  const Finished one = audit({"show", directory(), "--index", "8", "--json"});
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_EQ(one.out, log_.line(8) + "\n");
  EXPECT_EQ(audit({"show", directory(), "--from", "5", "--to", "7", "--json"}).out,
            log_.line(5) + "\n" + log_.line(6) + "\n" + log_.line(7) + "\n");
  const Finished all = audit({"show", directory()});
  EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 11);
  EXPECT_NE(all.out.find("4  " + made_time(4) + "  refuse  code=claim_policy"), std::string::npos) << all.out;
  EXPECT_EQ(audit({"show", directory(), "--index", "11"}).status, 1);
  EXPECT_EQ(audit({"show", directory(), "--index", "1", "--from", "1"}).status, 2);
}

TEST_F(AuditCommand, ShowDrivesNoTerminal) {
  log_.add({{"event", "stop"}, {"detail", "a\x1b[2Jb\xc2\x9b"}});
  log_.write(directory());
  const Finished shown = audit({"show", directory(), "--index", "11"});
  EXPECT_NE(shown.out.find("detail=a?[2Jb??"), std::string::npos) << shown.out;
}

TEST_F(AuditCommand, FindFindsByEachMemberAndByAllOfThem) {
  const std::vector<std::pair<std::vector<std::string>, std::vector<std::uint64_t>>> cases = {
      {{"--jti", "the-one"}, {8, 9}},
      {{"--jti", "the-one", "--event", "fail"}, {9}},
      {{"--kid", "k1"}, {5, 8}},
      {{"--key-name", "issuer", "--uid", "1002"}, {2, 8, 9}},
      {{"--uid", "1001"}, {1, 4}},
      {{"--event", "refuse"}, {4}},
      {{"--event", "issue", "--from", "3"}, {3, 8}},
      {{"--since", "2026-11-01T00:00:09Z"}, {9, 10}},
      {{"--until", "2026-11-01T00:00:01Z"}, {0}},
      {{"--since", "10s", "--now", "1793491215", "--until", "6s"}, {5, 6, 7, 8}}};
  for (const auto& [options, expected] : cases) {
    std::vector<std::string> arguments = {"find", directory(), "--json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Finished found = audit(arguments);
    std::string lines;
    for (const std::uint64_t index : expected) lines += log_.line(index) + "\n";
    EXPECT_EQ(found.out, lines) << testing::PrintToString(options) << found.err;
    EXPECT_EQ(found.status, 0);
  }
  EXPECT_EQ(audit({"find", directory(), "--jti", "the"}).status, 1);
  EXPECT_EQ(audit({"find", directory(), "--since", "yesterday"}).status, 2);
  EXPECT_EQ(audit({"find", own_.path(), "--jti", "the-one"}).status, 2);
}

TEST_F(AuditCommand, FindFindsASubjectWithTheSearchKeyAlone) {
  const std::string key = own_.file("key", jose::base64url_encode(search_key()) + "\n");
  const std::string other = own_.file("other", jose::base64url_encode(Bytes(32, 1)) + "\n");
  const Finished found = audit({"find", directory(), "--sub-file", "-", "--search-key", key, "--json"}, "patient-7\n");
  EXPECT_EQ(found.out, log_.line(8) + "\n") << found.err;
  EXPECT_EQ(audit({"find", directory(), "--sub-file", "-", "--search-key", key}, "patient-8").status, 1);
  EXPECT_EQ(audit({"find", directory(), "--sub-file", "-", "--search-key", other}, "patient-7").status, 1);
  EXPECT_EQ(audit({"find", directory(), "--sub-file", "-"}, "patient-7").status, 2);
  const std::string open = own_.file("open", jose::base64url_encode(search_key()) + "\n", 0644);
  EXPECT_EQ(audit({"find", directory(), "--sub-file", "-", "--search-key", open}, "patient-7").status, 2);
}

TEST_F(AuditCommand, ReportCountsWhoDidWhat) {
  const Finished text = audit({"report", directory()});
  EXPECT_EQ(text.status, 0) << text.err;
  const Json report = Json::parse(audit({"report", directory(), "--json"}).out);
  EXPECT_EQ(report["records"], 11);
  EXPECT_EQ(report["events"]["issue"], 4);
  EXPECT_EQ(report["refusals_not_written"], 7);
  EXPECT_EQ(report["exempted"]["phi.email /contact"], 1);
  EXPECT_EQ(report["exempted"]["more, which the records do not name"], 3);
  EXPECT_EQ(report["reported"]["phi.date /born"], 1);
  EXPECT_EQ(report["gaps"], 0);
  const auto caller = [&](std::string_view uid, std::string_view grant) {
    for (const Json& one : report["callers"]) {
      if (one["uid"] == uid && one["grant"] == grant) return one;
    }
    return Json();
  };
  EXPECT_EQ(caller("1002", "portal")["issued"], 2);
  EXPECT_EQ(caller("1002", "portal")["first"], made_time(2));
  EXPECT_EQ(caller("1002", "portal")["last"], made_time(8));
  EXPECT_EQ(caller("1001", "")["refused"], 8);
  EXPECT_EQ(caller("1002", "")["failed"], 1);
  ASSERT_EQ(report["refusals"].size(), 2U);
  EXPECT_EQ(report["refusals"][0], (Json{{"code", "claim_policy"}, {"rule", "phi.email"}, {"count", 1}}));
  ASSERT_EQ(report["notable"].size(), 1U);
  EXPECT_EQ(report["notable"][0]["event"], "key_created");
  for (const char* part : {"phi.date /born", "key_created  key=issuer kid=k1 uid=0", "claim_policy phi.email",
                           "1002, portal.service, portal", "7  more refusals"}) {
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
  }
}

TEST_F(AuditCommand, ReportIsOfItsTimeAloneAndSaysWhatIsMissing) {
  const Json some = Json::parse(
      audit({"report", directory(), "--since", "2026-11-01T00:00:02Z", "--until", "2026-11-01T00:00:04Z", "--json"})
          .out);
  EXPECT_EQ(some["records"], 2);
  EXPECT_EQ(some["events"], (Json{{"issue", 2}}));
  EXPECT_EQ(audit({"report", directory(), "--since", "2027-01-01"}).out, "no records\n");
  fs::remove(directory() + "/" + audit::segment_name(0));
  EXPECT_NE(audit({"report", directory()}).out.find("records before 7 are not here"), std::string::npos);
  write_text(directory() + "/" + audit::segment_name(7), log_.line(7) + "\nnonsense\n" + log_.line(9) + "\n");
  EXPECT_NE(audit({"report", directory()}).out.find("gaps: 1"), std::string::npos);
}

TEST_F(AuditCommand, CompressedAndPlainLogsReadTheSame) {
  const auto everything = [this] {
    return audit({"verify", directory(), "--key", vkey(), "--json"}).out +
           audit({"report", directory(), "--json"}).out + audit({"show", directory(), "--json"}).out +
           second_opinion({"log", directory()}).out;
  };
  const std::string plain = everything();
  const Finished compressed = audit({"compress", directory()});
  EXPECT_EQ(compressed.status, 0) << compressed.err;
  EXPECT_TRUE(compressed.out.starts_with("compressed 00000000000000000000.jsonl, ")) << compressed.out;
  EXPECT_FALSE(fs::exists(directory() + "/" + audit::segment_name(0)));
  EXPECT_TRUE(fs::exists(directory() + "/" + audit::segment_name(0) + ".gz"));
  EXPECT_TRUE(fs::exists(directory() + "/" + audit::segment_name(7))) << "signerd writes there";
  EXPECT_EQ(everything(), plain);
  EXPECT_EQ(audit({"compress", directory()}).out, "nothing to compress\n");
}

TEST_F(AuditCommand, RetireDeletesWhatIsOldAndCoveredAndTheRestStaysGood) {
  // Seven years and a day after the second segment began.
  const std::vector<std::string> common = {"retire", directory(), "--key", vkey(), "--now", "2014500000"};
  const auto retire = [&](std::vector<std::string> more) {
    more.insert(more.begin(), common.begin(), common.end());
    return audit(more);
  };
  EXPECT_EQ(retire({"--older-than", "5y"}).status, 2) << "below six years";
  EXPECT_EQ(retire({"--older-than", "8y"}).out, "nothing to delete\n");
  EXPECT_EQ(retire({"--older-than", "7y", "--dry-run"}).out, "would delete 00000000000000000000.jsonl\n");
  EXPECT_TRUE(fs::exists(directory() + "/" + audit::segment_name(0)));
  EXPECT_EQ(retire({"--older-than", "7y"}).out, "deleted 00000000000000000000.jsonl\n");
  EXPECT_FALSE(fs::exists(directory() + "/" + audit::segment_name(0)));
  EXPECT_EQ(retire({"--older-than", "6y"}).out, "nothing to delete\n") << "never the last";
  const Json verdict = Json::parse(audit({"verify", directory(), "--key", vkey(), "--json"}).out);
  EXPECT_EQ(verdict["valid"], true);
  EXPECT_EQ(verdict["first_index"], 7);
  EXPECT_EQ(verdict["root"], tlog::to_base64(log_.root()));
}

TEST_F(AuditCommand, RetireDeletesNothingOfALogThatIsNotGood) {
  const MadeLog elsewhere("elsewhere.example/signer/0");
  const auto retire = [&](const std::string& key) {
    return audit({"retire", directory(), "--older-than", "7y", "--now", "2014500000", "--key", key});
  };
  const Finished unsigned_log = retire(elsewhere.key().to_vkey());
  EXPECT_EQ(unsigned_log.status, 1);
  EXPECT_NE(unsigned_log.err.find("nothing was deleted: bad_signature"), std::string::npos) << unsigned_log.err;
  const std::string path = directory() + "/" + audit::segment_name(7);
  const std::string whole = read_text(path);
  write_text(path, whole.substr(0, whole.find('\n') + 1));
  EXPECT_EQ(retire(vkey()).status, 1);
  EXPECT_TRUE(fs::exists(directory() + "/" + audit::segment_name(0)));
  EXPECT_EQ(audit({"retire", directory(), "--older-than", "7y"}).status, 2) << "no key";
}

// Neither segment may go while the head of the one behind it is covered by nothing.
TEST_F(AuditCommand, RetireKeepsWhatNoCheckpointCoversTogetherWithItsSuccessor) {
  write_text(directory() + "/" + audit::segment_name(7), log_.line(7) + "\n" + log_.line(8) + "\n");
  write_text(directory() + "/checkpoint", Json::parse(log_.line(6))["note"].get<std::string>());
  const Finished kept = audit({"retire", directory(), "--older-than", "7y", "--now", "2014500000", "--key", vkey()});
  EXPECT_EQ(kept.out, "nothing to delete\n") << kept.err;
}

// As an anchor appends them, one cut short by a full disk.
TEST_F(AuditCommand, VerifyComparesWithEachNoteThatAnAnchorCollected) {
  const std::string good = log_.newest();
  const std::string part = good.substr(0, good.size() / 2);
  EXPECT_EQ(
      audit({"verify", directory(), "--key", vkey(), "--checkpoint", own_.file("a", good + "\n" + good + "\n")}).status,
      0);
  EXPECT_EQ(audit({"verify", directory(), "--key", vkey(), "--checkpoint",
                   own_.file("b", good + "\n" + part + "\n\n" + good)})
                .status,
            0);
  MadeLog other;
  for (int i = 0; i < 12; ++i) other.add_issue();
  const std::string fork = other.sign();
  const Finished forked =
      audit({"verify", directory(), "--checkpoint", own_.file("c", good + "\n" + fork + "\n" + good + "\n")});
  EXPECT_EQ(forked.status, 1) << "the one in the middle is of another history: " << forked.out;
  EXPECT_NE(audit({"verify", directory(), "--checkpoint", own_.file("d", part)}).status, 0);
}

// The judge was written from docs/audit-format.md and shares no code with what it judges.
TEST_F(AuditCommand, ASecondImplementationAgreesOnWholeAndOnTamperedLogs) {
  SCOPED_TRACE("seed " + std::to_string(seed()));
  std::mt19937 random(seed());
  std::vector<std::string> arguments = {"log", directory()};
  TemporaryDirectory logs;
  for (int i = 0; i < 40; ++i) {
    const std::string copy = logs / std::to_string(i);
    fs::create_directory(copy);
    log_.write(copy);
    const std::string path = copy + "/" + audit::segment_name(i % 2 == 0 ? 0 : 7);
    std::string text = read_text(path);
    const std::size_t end = i % 2 == 0 ? text.size() : text.rfind("{\"event\":\"checkpoint\"");
    const std::size_t at = random() % end;
    if (i % 4 == 0) text.erase(at, 1 + random() % 3);
    if (i % 4 == 1) text.insert(at, 1, static_cast<char>(random() % 256));
    if (i % 4 > 1) text[at] = static_cast<char>(text[at] ^ static_cast<char>(1 + random() % 255));
    write_text(path, text);
    arguments.push_back(copy);
  }
  const Finished theirs = second_opinion(arguments);
  ASSERT_EQ(theirs.status, 0) << theirs.err;
  std::istringstream lines(theirs.out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const Json whole = Json::parse(line);
  ASSERT_EQ(whole["ok"], true) << line;
  EXPECT_EQ(whole["root"], tlog::to_base64(log_.root()));
  EXPECT_EQ(whole["covered"], 10);
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_EQ(Json::parse(line)["ok"], false) << arguments[i] << line;
    const Finished ours = audit({"verify", arguments[i], "--key", vkey()});
    EXPECT_EQ(ours.status, 1) << arguments[i] << " " << line << ours.out;
  }
  const Json note = Json::parse(second_opinion({"note", directory() + "/checkpoint"}).out);
  EXPECT_EQ(note["origin"], MadeLog::kOrigin);
  EXPECT_EQ(note["size"], 10);
}

}  // namespace
}  // namespace signer::test
