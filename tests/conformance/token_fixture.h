// SPDX-License-Identifier: Apache-2.0
//
// One token behind a TokenService in the test's own event loop, with the fake host, SoftHSM2 or a simulated TPM.
#pragma once

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <signal.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/signal_process.h"
#include "tests/support/softhsm.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tpm_token.h"
#include "token/token_service.h"

namespace signer::test {

// What these tests sign, and with which key.
inline const Bytes kKeyId = {5, 6};
inline const std::string kInput = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0";

enum class Backend { kFake, kSoftHsm, kSwtpm };

[[nodiscard]] inline std::string name_of(Backend backend) {
  switch (backend) {
    case Backend::kFake:
      return "Fake";
    case Backend::kSoftHsm:
      return "SoftHsm";
    case Backend::kSwtpm:
      break;
  }
  return "Swtpm";
}

class TokenUnderTest {
 public:
  explicit TokenUnderTest(Backend backend, std::chrono::milliseconds operation_timeout = std::chrono::seconds(10)) {
    token::TokenSettings settings;
    settings.spec.name = "under-test";
    settings.spec.sessions = 2;
    settings.spec.latch_file = directory_ / "latch.json";
    settings.operation_timeout = operation_timeout;
    if (backend == Backend::kFake) {
      settings.spec.uri = directory_.path().string();
      settings.program = {FAKE_HOST_PROGRAM, {"host", "--workers"}, {}};
    } else if (backend == Backend::kSwtpm) {
      tpm_ = std::make_unique<TpmToken>(SIGNER_TPM_PROGRAM);
      settings.spec.uri = tpm_->tcti();
      settings.spec.pin_file = tpm_->auth_file();
      settings.spec.key_directory = tpm_->key_directory();
      settings.spec.sessions = 1;
      settings.driver = "tpm2";
      settings.serial = true;
      settings.program = {SIGNER_TPM_PROGRAM, {"host", "--workers"}, {}};
    } else {
      softhsm_ = std::make_unique<SoftHsmToken>(SIGNER_HSM_PROGRAM);
      settings.spec.module = SoftHsmToken::module();
      settings.spec.uri = "pkcs11:token=" + softhsm_->label();
      settings.spec.pin_file = softhsm_->pin_file();
      settings.program = {SIGNER_HSM_PROGRAM, {"host", "--workers"}, softhsm_->environment()};
    }
    service_ = std::make_unique<token::TokenService>(loop_, clock_, std::move(settings));
  }

  ~TokenUnderTest() { service_->stop(clock_.steady() + std::chrono::seconds(5)); }

  TokenUnderTest(const TokenUnderTest&) = delete;
  TokenUnderTest& operator=(const TokenUnderTest&) = delete;

  token::TokenService& service() { return *service_; }

  SoftHsmToken& softhsm() { return *softhsm_; }

  TpmToken& tpm() { return *tpm_; }

  // A file in the fake's directory.
  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }

  void ask_for(const std::string& fault) const { write_text(file(fault), ""); }

  // Runs the loop until `done` holds; false if it does not within the limit.
  template <class Condition>
  bool run_until(Condition done, std::chrono::milliseconds limit = std::chrono::seconds(30)) {
    const auto deadline = clock_.steady() + limit;
    while (!done() && clock_.steady() < deadline) {
      loop_.restart();
      loop_.run_one_for(std::chrono::milliseconds(20));
    }
    return done();
  }

  bool ready() {
    service_->start();
    return run_until([this] { return service_->ready(); });
  }

  std::optional<channel::HostResult<channel::KeyDescription>> generate(jose::KeyKind kind, const Bytes& key_id) {
    std::optional<channel::HostResult<channel::KeyDescription>> answer;
    service_->generate_key({kind, "conformance", key_id, false}, [&answer](const auto& result) { answer = result; });
    run_until([&answer] { return answer.has_value(); }, std::chrono::seconds(120));
    return answer;
  }

  std::optional<channel::HostResult<channel::KeyDescription>> describe(const Bytes& key_id) {
    std::optional<channel::HostResult<channel::KeyDescription>> answer;
    service_->describe_key(key_id, [&answer](const auto& result) { answer = result; });
    run_until([&answer] { return answer.has_value(); });
    return answer;
  }

  // Null: no answer, or a refusal.
  std::shared_ptr<channel::HmacKeyDescription> generate_hmac_key(const Bytes& key_id) {
    std::optional<channel::HostResult<channel::HmacKeyDescription>> answer;
    service_->generate_hmac_key({"conformance-hmac", key_id}, [&answer](const auto& result) { answer = result; });
    run_until([&answer] { return answer.has_value(); });
    if (!answer || !*answer) return nullptr;
    return std::make_shared<channel::HmacKeyDescription>(**answer);
  }

  using MacAnswer = std::shared_ptr<std::optional<Judged<channel::Mac>>>;

  MacAnswer start_mac(const Bytes& key_id, const channel::KnownAnswer& known_answer, const std::string& message,
                      std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    auto answer = std::make_shared<std::optional<Judged<channel::Mac>>>();
    token::MacJob job;
    job.uid = 1;
    job.deadline = clock_.steady() + patience;
    job.request = {key_id, known_answer, 0, message};
    job.done = [answer](Judged<channel::Mac> result) { *answer = std::move(result); };
    service_->mac(std::move(job));
    return answer;
  }

  Judged<channel::Mac> mac(const Bytes& key_id, const channel::KnownAnswer& known_answer, const std::string& message,
                           std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    const MacAnswer answer = start_mac(key_id, known_answer, message, patience);
    if (!run_until([&answer] { return answer->has_value(); }, patience + std::chrono::seconds(10)))
      return refuse(ErrorCode::kInternal, "no answer at all");
    return **answer;
  }

  using Answer = std::shared_ptr<std::optional<Judged<Bytes>>>;

  // Queues one signature; the answer arrives in what is returned.
  Answer start_sign(const Bytes& key_id, const std::string& input, Algorithm algorithm = Algorithm::kRs256,
                    std::chrono::milliseconds patience = std::chrono::seconds(20), uid_t uid = 1,
                    std::uint64_t record = 0) {
    auto answer = std::make_shared<std::optional<Judged<Bytes>>>();
    token::SignJob job;
    job.uid = uid;
    job.deadline = clock_.steady() + patience;
    job.request = {key_id, algorithm, 0, input};
    job.record = record;
    job.done = [answer](Judged<Bytes> result) { *answer = std::move(result); };
    service_->sign(std::move(job));
    return answer;
  }

  bool all_answered(const std::vector<Answer>& answers, std::chrono::milliseconds limit = std::chrono::seconds(30)) {
    return run_until(
        [&answers] {
          return std::all_of(answers.begin(), answers.end(), [](const Answer& answer) { return answer->has_value(); });
        },
        limit);
  }

  Judged<Bytes> sign(const Bytes& key_id, const std::string& input, Algorithm algorithm = Algorithm::kRs256,
                     std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    const Answer answer = start_sign(key_id, input, algorithm, patience);
    if (!run_until([&answer] { return answer->has_value(); }, patience + std::chrono::seconds(10))) {
      return refuse(ErrorCode::kInternal, "no answer at all");
    }
    return **answer;
  }

  // SIGSTOP, and until the kernel says that it is stopped: a thread may run on for a moment.
  [[nodiscard]] bool stop_host() const {
    const pid_t host = service_->status().host_pid;
    if (!signal_process(host, SIGSTOP)) return false;
    return eventually([host] {
      const std::string stat = read_text("/proc/" + std::to_string(host) + "/stat");
      return stat.substr(stat.rfind(')') + 2, 1) == "T";
    });
  }

  // SIGKILL: it leaves no word and nothing of what it had in the token.
  void kill_host() const { EXPECT_TRUE(signal_process(service_->status().host_pid, SIGKILL)); }

  boost::asio::io_context& loop() { return loop_; }

 private:
  TemporaryDirectory directory_;
  SystemClock clock_;
  boost::asio::io_context loop_{1};
  std::unique_ptr<SoftHsmToken> softhsm_;
  std::unique_ptr<TpmToken> tpm_;
  std::unique_ptr<token::TokenService> service_;
};

}  // namespace signer::test
