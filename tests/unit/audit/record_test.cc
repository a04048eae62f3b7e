// SPDX-License-Identifier: Apache-2.0
//
// One decision as one line.  Without these an auditor's tools would stop understanding the log.
#include "audit/record.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "jose/json.h"

namespace signer::audit {
namespace {

using namespace std::chrono_literals;

TEST(AuditRecord, IsOneLineOfJsonWithTheDocumentedMembers) {
  const PeerIdentity peer{1001, 1002, 4242, {7}, "/run/signer.sock", "idp.service"};
  Record record;
  record.event = Event::kIssue;
  record.time = WallTime(1795456800s + 1234us);
  record.request_id = "5f0c";
  record.peer = &peer;
  record.grant = "idp";
  record.key = "issuer";
  record.kid = "kid1";
  record.profile = "access";
  record.jti = "jti1";
  record.audiences = {"a", "b"};
  record.exp = 1795457700;
  record.input_sha256 = "hash";
  record.code = "denied";
  record.suppressed = 3;
  record.detail = "why";
  record.latency_us = 350;
  record.sub_hmac = "mac";

  EXPECT_EQ(
      to_line(record, 4711),
      R"({"aud":["a","b"],"code":"denied","detail":"why","event":"issue","exp":1795457700,"gid":1002,"grant":"idp",)"
      R"("index":4711,"input_sha256":"hash","jti":"jti1","key":"issuer","kid":"kid1","latency_us":350,"pid":4242,)"
      R"("prev":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","profile":"access","req":"5f0c","sub_hmac":"mac",)"
      R"("suppressed":3,"time":"2026-11-23T18:00:00.001234Z","uid":1001,"unit":"idp.service","v":2})");
}

TEST(AuditRecord, TellsWhyWhatWasFoundWasExempt) {
  Record record;
  record.exempted = {{"phi.email", "/contact", R"(of the "help desk")"}, {"phi.ip_address", "/l/0", "machines"}};
  EXPECT_EQ(to_line(record, 0),
            R"({"event":"issue","exempted":[{"place":"/contact","reason":"of the \"help desk\"","rule":"phi.email"},)"
            R"({"place":"/l/0","reason":"machines","rule":"phi.ip_address"}],"index":0,)"
            R"("time":"1970-01-01T00:00:00.000000Z","v":2})");
  record.exempted_more = 3;
  EXPECT_EQ(jose::parse_json(to_line(record, 0)).value()["exempted_more"], 3);
}

TEST(AuditRecord, LeavesEmptyMembersOut) {
  Record record;
  record.event = Event::kStart;
  EXPECT_EQ(to_line(record, 0), R"({"event":"start","index":0,"time":"1970-01-01T00:00:00.000000Z","v":2})");
}

TEST(AuditRecord, NamesEachEventWithAWordOfItsOwn) {
  std::set<std::string_view> words;
  for (const Event event :
       {Event::kIssue,      Event::kRefuse,   Event::kFail,       Event::kKeyCreated, Event::kKeyAdopted,
        Event::kKeyStopped, Event::kEvidence, Event::kKeyReady,   Event::kStart,      Event::kStop,
        Event::kReload,     Event::kSegment,  Event::kCheckpoint, Event::kRecovered,  Event::kAuditRecovered,
        Event::kSearchKey,  Event::kRefusals, Event::kHostLost,   Event::kPinRefused, Event::kClockStep}) {
    words.insert(to_string(event));
  }
  EXPECT_EQ(words,
            (std::set<std::string_view>{"issue",       "refuse",   "fail",       "key_created", "key_adopted",
                                        "key_stopped", "evidence", "key_ready",  "start",       "stop",
                                        "reload",      "segment",  "checkpoint", "recovered",   "audit_recovered",
                                        "search_key",  "refusals", "host_lost",  "pin_refused", "clock_step"}));
}

// The log is cut at newlines and at zeroes: neither may come from a value.
TEST(AuditRecord, NoValueCanEndALineOrHoldAZero) {
  std::mt19937 random(6962);
  for (int i = 0; i < 5000; ++i) {
    std::string value(random() % 20, '\0');
    for (char& c : value) c = static_cast<char>(random() % 4 == 0 ? random() % 0x21 : random());
    Record record;
    record.key = value;
    record.detail = value;
    record.audiences = {value};
    record.exempted = {{value, value, value}};
    const std::string line = to_line(record, 1);
    for (const char c : line) ASSERT_GE(static_cast<unsigned char>(c), 0x20) << line;
    const auto parsed = jose::parse_json(line);
    ASSERT_TRUE(parsed) << line;
    ASSERT_EQ((*parsed)["index"], 1);
  }
}

}  // namespace
}  // namespace signer::audit
