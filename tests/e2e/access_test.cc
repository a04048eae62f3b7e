// SPDX-License-Identifier: Apache-2.0
//
// Who may mint and how much of it, over the real socket: each refusal with its code.

#include <signal.h>
#include <unistd.h>

#include "tests/e2e/fixture.h"

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
  ASSERT_EQ(::kill(host, SIGSTOP), 0);
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
  ::kill(host, SIGCONT);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->code(), "rate_limited");
  EXPECT_TRUE(second->headers.contains("retry-after"));
  EXPECT_EQ(first.receive()->status, 200);
  EXPECT_EQ(daemon_.issue()->status, 200);
}

}  // namespace

}  // namespace signer::test
