// SPDX-License-Identifier: Apache-2.0
//
// Hosts that crash, are killed or stopped under load, and a token that goes away and comes back: no wrong reply, and
// with deadlines of five seconds no failed request (invariants 2 and 9).

#include <signal.h>

#include <thread>

#include "tests/e2e/fixture.h"
#include "tests/e2e/load.h"
#include "tests/support/fault_module/control.h"
#include "tests/support/signal_process.h"

namespace signer::test {

namespace {

constexpr std::uint64_t kDeviceError = 0x30;   // PKCS#11: CKR_DEVICE_ERROR
constexpr std::uint64_t kPinIncorrect = 0xA0;  // CKR_PIN_INCORRECT

class HostFaults : public RunningDaemon {
 protected:
  explicit HostFaults(DaemonOptions options = with_timeout()) : RunningDaemon(std::move(options)) {}

  static DaemonOptions with_timeout() {
    DaemonOptions options;
    options.token_settings = "operation_timeout = \"1500ms\"\n";
    return options;
  }

  void SetUp() override {
    RunningDaemon::SetUp();
    judge_ = std::make_unique<Judge>(daemon_);
  }

  bool verifies(const std::string& token) { return judge_->verifies(token); }

  // Hits the host `times` times under load, waiting for progress in between.
  void hit_under_load(int signal_number, int times) {
    Load load(daemon_, *judge_);
    for (int i = 0; i < times; ++i) {
      EXPECT_TRUE(load.goes_on());
      EXPECT_TRUE(replace_host(daemon_, signal_number));
    }
    EXPECT_TRUE(load.goes_on());
    load.stop();
    EXPECT_EQ(load.failed(), 0) << load.last_failure() << "\n" << daemon_.log();
    EXPECT_EQ(load.wrong(), 0);
    EXPECT_GT(load.issued(), 20 * times);
  }

  std::unique_ptr<Judge> judge_;
};

TEST_F(HostFaults, Invariant09_KillUnderLoadFailsNoRequest) {
  hit_under_load(SIGKILL, 10);
}

TEST_F(HostFaults, Invariant09_SegvUnderLoadFailsNoRequest) {
  hit_under_load(SIGSEGV, 10);
}

TEST_F(HostFaults, Invariant09_StopUnderLoadFailsNoRequest) {
  hit_under_load(SIGSTOP, 3);
}

TEST_F(HostFaults, Invariant09_ATokenThatGoesAndComesBackServesSoonAfterItsReturn) {
  const std::string tokens = daemon_.token().tokens_directory();
  std::filesystem::rename(tokens, tokens + ".away");
  ASSERT_TRUE(eventually([&] {
    HttpConnection connection(daemon_.socket());
    const auto reply =
        connection.post("/v1/keys/issuer/tokens", R"({"claims":{"sub":"x"}})", "Request-Timeout: 500ms\r\n");
    return reply && reply->status == 503 && reply->code() == "token_unavailable";
  }));
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/readyz")->status, 503);
  EXPECT_EQ(connection.get("/healthz")->status, 200);
  std::filesystem::rename(tokens + ".away", tokens);
  const auto back = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] {
    const auto reply = daemon_.issue();
    return reply && reply->status == 200 && verifies(reply->json()["token"].get<std::string>());
  }));
  const auto took = std::chrono::steady_clock::now() - back;
  // The design's goal is a second; the bound is for loaded machines and sanitizers.
  std::printf("first token %lld ms after the return\n",
              static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  EXPECT_LT(took, std::chrono::seconds(5));
  EXPECT_TRUE(daemon_.ready());
}

// SoftHSM2 behind a module that fails on request.
class FaultModule : public HostFaults {
 protected:
  FaultModule() : HostFaults(options()) {
    control_ = fault::make_control(daemon_.file("control"));
    daemon_.add_environment({{"SIGNER_FAULT_CONTROL", daemon_.file("control")}});
  }

  static DaemonOptions options() {
    DaemonOptions options = with_timeout();
    options.module = FAULT_MODULE;
    options.environment = {{"SIGNER_FAULT_TARGET", SoftHsmToken::module()}};
    return options;
  }

  std::string metric(const std::string& name) {
    HttpConnection connection(daemon_.socket());
    const std::string text = "\n" + connection.get("/metrics")->body;
    const std::size_t at = text.find("\n" + name + " ");
    return text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
  }

  fault::ControlMapping control_;
};

TEST_F(FaultModule, Invariant02_ASignatureThatDoesNotVerifyIsMadeAgainByAnotherHost) {
  control_->flip_signatures = 1;
  const auto reply = daemon_.issue();
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->status, 200) << reply->body << daemon_.log();
  EXPECT_TRUE(verifies(reply->json()["token"].get<std::string>()));
  EXPECT_EQ(metric("signer_self_check_failures_total"), "1");
}

TEST_F(FaultModule, Invariant02_ATokenThatAlwaysSignsWrongReleasesNothing) {
  control_->flip_signatures = 1'000'000;
  const auto reply = daemon_.issue();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 500);
  EXPECT_EQ(reply->code(), "internal");
  control_->flip_signatures = 0;
  EXPECT_TRUE(eventually([&] { return daemon_.issue()->status == 200; }));
}

TEST_F(FaultModule, Invariant02_AGoodSignatureOfSomethingElseIsNotReleased) {
  control_->sign_other_digests = 1;
  const auto reply = daemon_.issue();
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->status, 200);
  EXPECT_TRUE(verifies(reply->json()["token"].get<std::string>()));
  EXPECT_EQ(metric("signer_self_check_failures_total"), "1");
}

TEST_F(FaultModule, ASignatureCostsTwoTokenCalls) {
  ASSERT_EQ(daemon_.issue()->status, 200);
  std::uint64_t before = 0;
  for (auto& function : control_->functions) before += function.calls;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(daemon_.issue()->status, 200);
  std::uint64_t after = 0;
  for (auto& function : control_->functions) after += function.calls;
  EXPECT_EQ(after - before, 200U);
}

TEST_F(FaultModule, Invariant09_ADriverThatHangsInCSignIsReplaced) {
  control_->hang_sign = 1;
  std::thread release([&] {
    EXPECT_TRUE(eventually([&] { return control_->hanging > 0; }));
    control_->hang_sign = 0;  // for the next host; the hung one is killed in its call
  });
  const auto reply = daemon_.issue();
  release.join();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200) << reply->body;
}

TEST_F(FaultModule, Invariant09_LostSessionsHandlesAndLoginsHealWithoutARestart) {
  ASSERT_EQ(daemon_.issue()->status, 200);
  const pid_t host = daemon_.host_pid();
  ++control_->sessions_lost;
  EXPECT_EQ(daemon_.issue()->status, 200) << daemon_.log();
  ++control_->handles_lost;
  EXPECT_EQ(daemon_.issue()->status, 200) << daemon_.log();
  ++control_->logins_lost;
  EXPECT_EQ(daemon_.issue()->status, 200) << daemon_.log();
  ++control_->wedged;
  EXPECT_EQ(daemon_.issue()->status, 200) << daemon_.log();
  EXPECT_EQ(daemon_.host_pid(), host);
  EXPECT_EQ(control_->violations, 0U);
}

// A load balancer must not take a healthy node out for ever because the token stumbled while its keys were looked at.
TEST_F(FaultModule, Invariant09_ReadinessComesBackAfterATokenThatFailedWhileItsKeysWereLookedAt) {
  control_->fail_next(fault::Function::C_GetAttributeValue, 40, kDeviceError);
  ASSERT_TRUE(signal_process(daemon_.host_pid(), SIGKILL));
  ASSERT_TRUE(eventually([&] { return !daemon_.ready(std::chrono::milliseconds(0)); }));
  control_->fail_next(fault::Function::C_GetAttributeValue, 0, 0);
  EXPECT_TRUE(daemon_.ready()) << daemon_.log();
  EXPECT_EQ(daemon_.issue()->status, 200);
  EXPECT_EQ(daemon_.log().find("key_stopped"), std::string::npos) << "the token was gone, not wrong";
}

// An operator changes the PIN on the HSM, then reloads: the reload's look at the keys is what finds out.
TEST_F(FaultModule, Invariant05_APinRefusedInACallAboutAKeyStopsTheTokenUntilAnOperatorActs) {
  ASSERT_EQ(daemon_.issue()->status, 200);
  const std::uint64_t before = control_->calls(fault::Function::C_Login);
  control_->fail_next(fault::Function::C_Login, 1, kPinIncorrect);
  ++control_->wedged;
  daemon_.process().signal(SIGHUP);
  const auto state = [&] {
    HttpConnection connection(daemon_.socket());
    return connection.get("/v1/tokens")->json()["tokens"][0]["state"].get<std::string>();
  };
  ASSERT_TRUE(eventually([&] { return state() == "pin_refused"; })) << daemon_.log();
  EXPECT_EQ(control_->calls(fault::Function::C_Login) - before, 1U);
  EXPECT_EQ(daemon_.log().find("key_stopped"), std::string::npos);
  std::filesystem::last_write_time(daemon_.token().pin_file(), std::filesystem::file_time_type::clock::now());
  daemon_.process().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return state() == "ready"; })) << daemon_.log();
  EXPECT_TRUE(daemon_.ready());
  EXPECT_EQ(daemon_.issue()->status, 200);
}

TEST_F(FaultModule, Invariant05_AWrongPinIsTriedOnceAcrossRestartsUntilItsFileChanges) {
  const std::string right = read_text(daemon_.token().pin_file());
  ASSERT_EQ(daemon_.stop(), 0);
  write_text(daemon_.token().pin_file(), "wrong-pin\n");
  const std::uint64_t before = control_->calls(fault::Function::C_Login);
  const auto refused = [&] {
    HttpConnection connection(daemon_.socket());
    const auto reply = connection.get("/v1/tokens");
    return reply && reply->json()["tokens"][0]["state"] == "pin_refused";
  };
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(daemon_.start()) << daemon_.log();
    ASSERT_TRUE(eventually(refused)) << daemon_.log();
    EXPECT_EQ(daemon_.issue()->status, 503);
    daemon_.process().signal(SIGHUP);  // an operator who changes nothing changes nothing
    EXPECT_TRUE(eventually([&] { return metric("signer_reloads_total") == "1"; }));
    ASSERT_TRUE(eventually(refused));
    ASSERT_EQ(daemon_.stop(), 0);
  }
  EXPECT_EQ(control_->calls(fault::Function::C_Login) - before, 1U);
  ASSERT_TRUE(daemon_.start());
  ASSERT_TRUE(eventually(refused));
  write_text(daemon_.token().pin_file(), right);
  daemon_.process().signal(SIGHUP);
  EXPECT_TRUE(daemon_.ready()) << daemon_.log();
  EXPECT_EQ(daemon_.issue()->status, 200);
  EXPECT_EQ(daemon_.log().find("wrong-pin"), std::string::npos);
}

}  // namespace

}  // namespace signer::test
