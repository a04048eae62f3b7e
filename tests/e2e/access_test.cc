// SPDX-License-Identifier: Apache-2.0
//
// Who may mint and how much of it, over the real socket: each refusal with its code.

#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "tests/e2e/fixture.h"
#include "tests/support/signal_process.h"
#include "tests/support/unit_cgroup.h"

namespace signer::test {

namespace {

class Access : public RunningDaemon {};

std::string grant_of_mine(const std::string& name, const std::string& match_more, const std::string& verbs) {
  return "[[grant]]\nname = \"" + name + "\"\nmatch = { uid = " + std::to_string(::getuid()) + match_more +
         " }\nkeys = [\"issuer\"]\nprofiles = [\"access\"]\nverbs = [" + verbs + "]\n";
}

TEST_F(Access, AFileWhoseGrantsOverlapIsRefusedByTheCheckAndByAReload) {
  const std::string good = read_text(daemon_.config_file());
  const std::string widened = good + grant_of_mine("wide", "", "\"issue\"");
  write_text(daemon_.config_file(), widened);
  const Finished checked = run({programs().signerd, "--check", "--config", daemon_.config_file()});
  EXPECT_EQ(checked.status, 1);
  EXPECT_NE(checked.err.find("grant 'wide' overlaps grant 'tests' of line "), std::string::npos) << checked.err;

  const std::size_t before = daemon_.log().size();
  daemon_.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return daemon_.log().find("reload_refused", before) != std::string::npos; }));
  EXPECT_EQ(daemon_.issue()->status, 200) << "under the grant of before";

  for (const std::string& apart :
       {grant_of_mine("other", "", "\"create\", \"status\""), grant_of_mine("other", "", "\"sign-payload\"")}) {
    write_text(daemon_.config_file(), good + apart);
    const Finished fine = run({programs().signerd, "--check", "--config", daemon_.config_file()});
    EXPECT_EQ(fine.status, 0) << fine.err;
  }
}

// Another user with a grant for a unit that the test makes up.  As anybody but root there is no other user and no unit;
// what is shown then is that whoever is outside of the unit is refused.
class InAUnit : public RunningDaemon {
 protected:
  static constexpr const char* kOther = "65534";

  InAUnit() : RunningDaemon(options()) {}

  static std::string unit() { return "signer-e2e-" + std::to_string(::getpid()) + ".service"; }

  static DaemonOptions options() {
    DaemonOptions options;
    options.listener_settings = "mode = \"0666\"\n";
    options.more =
        "[[profile]]\nname = \"unit\"\nissuer = \"https://idp.example\"\naudiences = [\"a\"]\n"
        "max_ttl = \"1m\"\n[[grant]]\nname = \"unit\"\nmatch = { unit = \"" +
        unit() + "\" }\nkeys = [\"issuer\"]\nprofiles = [\"unit\"]\nverbs = [\"issue\"]\n";
    return options;
  }

  void SetUp() override {
    RunningDaemon::SetUp();
    std::filesystem::permissions(daemon_.directory(), std::filesystem::perms(0711));
  }

  std::vector<std::string> ask() const {
    std::vector<std::string> words;
    if (::getuid() == 0) words = {"/usr/bin/setpriv", "--reuid", kOther, "--regid", kOther, "--clear-groups"};
    const std::vector<std::string> call{"/usr/bin/curl",
                                        "-sS",
                                        "--max-time",
                                        "20",
                                        "--unix-socket",
                                        daemon_.socket(),
                                        "-H",
                                        "Content-Type: application/json",
                                        "-d",
                                        R"({"claims":{"sub":"x"},"profile":"unit"})",
                                        "http://x/v1/keys/issuer/tokens"};
    words.insert(words.end(), call.begin(), call.end());
    return words;
  }

  bool recorded(const std::string& event, const std::string& in_unit) {
    return eventually([&] {
      for (const jose::Json& record : daemon_.audit_records()) {
        if (record["event"] == event && record.value("unit", "") == in_unit) return true;
      }
      return false;
    });
  }
};

TEST_F(InAUnit, OnlyWhoeverRunsInTheUnitHasItsGrant) {
  const Finished outside = run(ask());
  EXPECT_NE(outside.out.find("\"code\":\"denied\""), std::string::npos) << outside.out << outside.err;
  const UnitCgroup cgroup(unit(), "worker");
  if (!cgroup.made()) GTEST_SKIP() << "no cgroup can be made here";
  const Finished inside = cgroup.run_inside(ask());
  EXPECT_NE(inside.out.find("\"token\":\""), std::string::npos) << inside.out << inside.err << daemon_.log();
  EXPECT_TRUE(recorded("issue", unit())) << "the record says which service it was";
}

TEST_F(InAUnit, AnotherUnitIsRefusedAndNamedInRecordAndLog) {
  const std::string name = "signer-e2e-" + std::to_string(::getpid()) + "-other.service";
  const UnitCgroup other(name, unit());  // what it calls its own subtree vouches for nothing
  if (!other.made()) GTEST_SKIP() << "no cgroup can be made here";
  const Finished inside = other.run_inside(ask());
  EXPECT_NE(inside.out.find("\"code\":\"denied\""), std::string::npos) << inside.out << inside.err;
  EXPECT_TRUE(recorded("refuse", name));
  EXPECT_NE(daemon_.log().find("unit=" + name), std::string::npos) << daemon_.log();
}

// What is refused is refused before its body is looked at.
TEST_F(Access, ACallerWithoutAGrantIsDeniedWhateverItSends) {
  HttpConnection connection(daemon_.socket());
  for (const char* path : {"/v1/keys/other/tokens", "/v1/keys/other/tokens:batch"}) {
    for (const char* body : {R"({"claims":{}})", R"({"items":[{"claims":{}}]})", "{", "nonsense"}) {
      const auto reply = connection.post(path, body);
      ASSERT_TRUE(reply);
      EXPECT_EQ(reply->status, 403) << path << " " << body;
      EXPECT_EQ(reply->code(), "denied");
    }
  }
  EXPECT_EQ(connection.post("/v1/keys/issuer/tokens", "nonsense")->status, 400) << "who has one is told what is wrong";
}

class OneTwelfthASecond : public RunningDaemon {
 protected:
  OneTwelfthASecond() : RunningDaemon(options()) {}

  static DaemonOptions options() {
    DaemonOptions options;
    options.grant_settings = "rate = \"5/m\"\n";
    return options;
  }
};

TEST_F(OneTwelfthASecond, ABatchBeyondTheRateIsRefusedAsAWhole) {
  HttpConnection connection(daemon_.socket());
  const std::string two = R"({"items":[{"claims":{"sub":"a"}},{"claims":{"sub":"b"}}]})";
  const auto first = connection.post("/v1/keys/issuer/tokens:batch", two);
  ASSERT_EQ(first->status, 200);
  EXPECT_EQ(first->json()["items"][0]["status"], 200);
  EXPECT_EQ(first->json()["items"][1]["status"], 429);
  const auto second = connection.post("/v1/keys/issuer/tokens:batch", two);
  EXPECT_EQ(second->status, 429);
  EXPECT_EQ(second->code(), "rate_limited");
  EXPECT_TRUE(second->headers.contains("retry-after"));
}

TEST_F(Access, ALargeBatchIsJudgedWholeAndInOrder) {
  HttpConnection connection(daemon_.socket());
  std::string body = R"({"items":[)";
  for (int i = 0; i < 256; ++i) {
    body += i == 0 ? "" : ",";
    body += i % 17 == 0 ? "{\"claims\":{\"sub\":\"s" + std::to_string(i) + "\"}}" : R"({"claims":{"exp":1}})";
  }
  const auto reply = connection.post("/v1/keys/issuer/tokens:batch", body + "]}");
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->status, 200) << reply->body;
  const jose::Json items = reply->json()["items"];
  ASSERT_EQ(items.size(), 256U);
  for (std::size_t i = 0; i < items.size(); ++i) EXPECT_EQ(items[i]["status"], i % 17 == 0 ? 200 : 422) << i;
}

class OneAtATime : public RunningDaemon {
 protected:
  OneAtATime() : RunningDaemon(options()) {}

  static DaemonOptions options() {
    DaemonOptions options;
    options.grant_settings = "concurrency = 1\n";
    return options;
  }
};

TEST_F(OneAtATime, EachItemOfABatchCountsAndTheRestIs429) {
  HttpConnection connection(daemon_.socket());
  for (int round = 0; round < 3; ++round) {
    const auto reply = connection.post("/v1/keys/issuer/tokens:batch",
                                       R"({"items":[{"claims":{"sub":"a"}},{"claims":{"sub":"b"}},{"claims":{}}]})");
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->status, 200);
    const jose::Json items = reply->json()["items"];
    ASSERT_EQ(items.size(), 3U);
    EXPECT_EQ(items[0]["status"], 200) << "the place of the round before is free";
    for (const std::size_t beyond : {1U, 2U}) {
      EXPECT_EQ(items[beyond]["status"], 429);
      EXPECT_EQ(items[beyond]["code"], "rate_limited");
    }
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(daemon_.issue()->status, 200) << "one after the other is one at a time";
}

TEST_F(OneAtATime, WhileTheTokenIsHeldUpASecondRequestIs429WithARetryAfterAtOnce) {
  const pid_t host = daemon_.host_pid();
  ASSERT_TRUE(signal_process(host, SIGSTOP));
  HttpConnection first(daemon_.socket());
  const std::string body = R"({"claims":{"sub":"x"}})";
  ASSERT_TRUE(
      first.send("POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                 "Content-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body));
  std::optional<HttpReply> second;
  const auto is_refused = [&] {
    second = daemon_.issue();
    return second && second->status == 429;
  };
  EXPECT_TRUE(eventually(is_refused));
  EXPECT_TRUE(signal_process(host, SIGCONT));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->code(), "rate_limited");
  EXPECT_TRUE(second->headers.contains("retry-after"));
  EXPECT_EQ(first.receive()->status, 200);
  EXPECT_EQ(daemon_.issue()->status, 200);
}

}  // namespace

}  // namespace signer::test
