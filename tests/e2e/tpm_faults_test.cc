// SPDX-License-Identifier: Apache-2.0
//
// A TPM and its host that are killed, stopped and reset under load, a TPM that goes away and comes back, and a bus that
// changes what passes: no wrong reply, and with deadlines of five seconds no failed request where the TPM comes back in
// time (invariants 2 and 9).  Without these a reset of the TPM could need a human.

#include <signal.h>

#include "tests/e2e/fixture.h"
#include "tests/e2e/load.h"

namespace signer::test {

namespace {

constexpr std::chrono::seconds kBackWithin{1};  // from the return of a TPM to the first token: the design's goal
constexpr std::size_t kInSignature = 6 + 100;   // a byte in the middle of the RSA signature of TPM2_Sign's response

DaemonOptions hasty_tpm(Device device, const std::string& token_settings = {}) {
  DaemonOptions options;
  options.device = device;
  options.token_settings = "operation_timeout = \"1500ms\"\n" + token_settings;
  return options;
}

class TpmFaults : public RunningDaemon {
 protected:
  explicit TpmFaults(DaemonOptions options = hasty_tpm(Device::kTpm)) : RunningDaemon(std::move(options)) {}

  void SetUp() override {
    RunningDaemon::SetUp();
    judge_ = std::make_unique<Judge>(daemon_);
  }

  // Does harm so many times under load, waiting for progress in between; no request may fail.
  template <class Harm>
  void harm_under_load(int times, Harm harm) {
    Load load(daemon_, *judge_);
    for (int i = 0; i < times; ++i) {
      EXPECT_TRUE(load.goes_on());
      harm();
    }
    EXPECT_TRUE(load.goes_on());
    load.stop();
    EXPECT_EQ(load.failed(), 0) << load.last_failure() << "\n" << daemon_.log();
    EXPECT_EQ(load.wrong(), 0);
    EXPECT_GT(load.issued(), 20 * times);
  }

  bool refuses() {
    HttpConnection connection(daemon_.socket());
    const auto reply =
        connection.post("/v1/keys/issuer/tokens", R"({"claims":{"sub":"x"}})", "Request-Timeout: 500ms\r\n");
    return reply && reply->status == 503 && reply->code() == "token_unavailable";
  }

  // Fails if the first token takes longer than kBackWithin.
  void serves_at_once() {
    const auto back = std::chrono::steady_clock::now();
    ASSERT_TRUE(eventually([&] { return judge_->approves(daemon_.issue()); })) << daemon_.log();
    const auto took = std::chrono::steady_clock::now() - back;
    EXPECT_LT(took, kBackWithin) << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n"
                                 << daemon_.log();
    EXPECT_TRUE(daemon_.ready());
  }

  std::string metric(const std::string& name) {
    HttpConnection connection(daemon_.socket());
    const std::string text = "\n" + connection.get("/metrics")->body;
    const std::size_t at = text.find("\n" + name + " ");
    return text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
  }

  std::unique_ptr<Judge> judge_;
};

TEST_F(TpmFaults, Invariant09_KillOfTheHostUnderLoadFailsNoRequest) {
  harm_under_load(10, [&] { EXPECT_TRUE(replace_host(daemon_, SIGKILL)); });
}

TEST_F(TpmFaults, Invariant09_StopOfTheHostUnderLoadFailsNoRequest) {
  harm_under_load(3, [&] { EXPECT_TRUE(replace_host(daemon_, SIGSTOP)); });
}

TEST_F(TpmFaults, Invariant09_KillAndRestartOfTheTpmUnderLoadFailsNoRequest) {
  harm_under_load(5, [&] { daemon_.tpm().restart(); });
}

TEST_F(TpmFaults, Invariant09_ResetOfTheTpmUnderLoadFailsNoRequest) {
  harm_under_load(5, [&] { daemon_.tpm().reset(); });
}

// What hangs is the TPM: the host that waits for it is killed, and the next one finds the TPM as it comes to itself.
TEST_F(TpmFaults, Invariant09_ATpmThatHangsUntilItsHostIsReplacedFailsNoRequest) {
  harm_under_load(2, [&] {
    const pid_t host = daemon_.host_pid();
    daemon_.tpm().pause();
    EXPECT_TRUE(eventually([&] { return daemon_.host_pid() != host; }));
    daemon_.tpm().resume();
  });
}

TEST_F(TpmFaults, Invariant09_ATpmThatGoesAwayAndComesBackServesWithinASecond) {
  daemon_.tpm().kill_hard();
  // With so many hosts lost the pauses between them are as long as they get, as after five seconds.
  ASSERT_TRUE(eventually([&] {
    return refuses() && std::stoi(metric("signer_host_restarts_total{token=\"main\"}")) >= 8;
  })) << daemon_.log();
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/readyz")->status, 503);
  EXPECT_EQ(connection.get("/healthz")->status, 200);
  daemon_.tpm().restart();
  serves_at_once();
  EXPECT_EQ(daemon_.log().find("key_stopped"), std::string::npos) << "the TPM was gone, not wrong";
}

// Startup is the firmware's, so until somebody sends it nothing is asked of the TPM that it could not refuse.
TEST_F(TpmFaults, Invariant09_ATpmThatWasNotStartedUpServesWithinASecondOnceItIs) {
  daemon_.tpm().reset_without_startup();
  ASSERT_TRUE(eventually([&] { return refuses(); })) << daemon_.log();
  daemon_.tpm().startup();
  serves_at_once();
}

// On a bus that somebody changes things on; responses are authenticated.
class HmacMode : public TpmFaults {
 protected:
  explicit HmacMode(const std::string& token_settings = {})
      : TpmFaults(hasty_tpm(Device::kTpmBehindInterposer, token_settings)) {}

  // One request while a rule holds, which must have hit.
  std::optional<HttpReply> issue_under(TpmInterposer::Rule rule) {
    auto reply = daemon_.issue();
    EXPECT_GE(daemon_.interposer().hits(rule), 1U) << "nothing was changed";
    return reply;
  }

  TpmInterposer& bus() { return daemon_.interposer(); }

  static constexpr When kOnce = {.code = cc::kSign, .times = 1};
};

TEST_F(HmacMode, Invariant02_ACorruptedSignatureIsSeenByTheHostAndTheRequestSucceeds) {
  const pid_t host = daemon_.host_pid();
  EXPECT_TRUE(judge_->approves(issue_under(bus().corrupt(kOnce, kInSignature)))) << daemon_.log();
  EXPECT_EQ(metric("signer_self_check_failures_total"), "0");
  EXPECT_NE(daemon_.log().find("tpm_alarm"), std::string::npos) << daemon_.log();
  EXPECT_EQ(daemon_.host_pid(), host);
}

TEST_F(HmacMode, Invariant02_ASwappedDigestIsRefusedByTheTpmAndTheRequestSucceeds) {
  EXPECT_TRUE(judge_->approves(issue_under(bus().swap_digest(Bytes(32, 7), kOnce)))) << daemon_.log();
  EXPECT_EQ(metric("signer_self_check_failures_total"), "0");
}

TEST_F(HmacMode, Invariant09_CutLostAndLyingResponsesCostNoRequest) {
  EXPECT_TRUE(judge_->approves(issue_under(bus().truncate(kOnce, 40)))) << daemon_.log();
  EXPECT_TRUE(judge_->approves(issue_under(bus().drop(kOnce, Moment::kBefore)))) << daemon_.log();
  EXPECT_TRUE(judge_->approves(issue_under(bus().drop(kOnce, Moment::kAfter)))) << daemon_.log();
  EXPECT_TRUE(judge_->approves(issue_under(bus().claim_size(kOnce, SizeField::kParameters, 0xffffffff))))
      << daemon_.log();
  EXPECT_EQ(metric("signer_self_check_failures_total"), "0");
}

TEST_F(HmacMode, Invariant02_ABusThatCorruptsEverySignatureReleasesNothingAndHeals) {
  const auto reply = issue_under(bus().corrupt({.code = cc::kSign}, kInSignature));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 503) << reply->body;
  EXPECT_EQ(reply->code(), "token_unavailable");
  EXPECT_EQ(reply->body.find("eyJ"), std::string::npos);
  bus().drop_rules();
  EXPECT_TRUE(eventually([&] { return judge_->approves(daemon_.issue()); })) << daemon_.log();
}

// Responses are not authenticated: what the bus does to them only the daemon's self-check can see.
class PasswordMode : public HmacMode {
 protected:
  PasswordMode() : HmacMode("authorization = \"password\"\n") {}
};

TEST_F(PasswordMode, Invariant02_ACorruptedSignatureIsSeenByTheSelfCheckAndMadeAgain) {
  EXPECT_TRUE(judge_->approves(issue_under(bus().corrupt(kOnce, kInSignature)))) << daemon_.log();
  EXPECT_EQ(metric("signer_self_check_failures_total"), "1");
}

TEST_F(PasswordMode, Invariant02_AGoodSignatureOfAnotherDigestIsNotReleased) {
  EXPECT_TRUE(judge_->approves(issue_under(bus().swap_digest(Bytes(32, 7), kOnce)))) << daemon_.log();
  EXPECT_EQ(metric("signer_self_check_failures_total"), "1");
}

TEST_F(PasswordMode, Invariant02_ABusThatCorruptsEverySignatureReleasesNothingAndHeals) {
  const auto reply = issue_under(bus().corrupt({.code = cc::kSign}, kInSignature));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 500) << reply->body;
  EXPECT_EQ(reply->code(), "internal");
  EXPECT_EQ(reply->body.find("eyJ"), std::string::npos);
  bus().drop_rules();
  EXPECT_TRUE(eventually([&] { return judge_->approves(daemon_.issue()); })) << daemon_.log();
}

}  // namespace

}  // namespace signer::test
