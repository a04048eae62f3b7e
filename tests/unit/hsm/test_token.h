// SPDX-License-Identifier: Apache-2.0
//
// A SoftHSM2 token of the test's own behind the fault module.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "channel/values.h"
#include "fault_module/control.h"
#include "hsm/pkcs11_driver.h"
#include "tests/support/openssl_judge.h"
#include "tests/support/temporary_directory.h"

namespace signer::hsm::test {

using signer::test::TemporaryDirectory;
using signer::test::verifies;

// The process's control file; each TestToken starts it afresh.
[[nodiscard]] fault::Control& control();

[[nodiscard]] std::string fault_module_path();

// Initialised, with a user PIN, in a directory of its own; SOFTHSM2_CONF names it until the next one is made.
class TestToken {
 public:
  explicit TestToken(const std::string& label = "unit");

  [[nodiscard]] channel::TokenSpec spec() const;

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

  [[nodiscard]] std::filesystem::path token_files() const { return directory() / "tokens"; }

  [[nodiscard]] std::string pin_file() const { return directory() / "user.pin"; }

  [[nodiscard]] std::string latch_file() const { return directory() / "login.latch"; }

  // Puts another token beside this one.
  void add(const std::string& label, const std::string& pin_prefix) const;

  // Replaces the PIN file's content.
  void write_pin(std::string_view pin) const;

 private:
  TemporaryDirectory directory_;
  std::string label_;
};

// A session of the test's own beside a driver's: login is the application's, so it is logged in.
struct SessionBeside {
  std::unique_ptr<Module> module;
  Session session;
};

// On the one initialised token; aborts the test run if it cannot.
[[nodiscard]] SessionBeside session_beside();

// A driver that has opened the token; aborts the test run if it cannot.
[[nodiscard]] std::unique_ptr<Pkcs11Driver> opened(const TestToken& token);

[[nodiscard]] channel::KeyRequest key_request(jose::KeyKind kind, std::string_view id = "key-1");

// A request that expires in ten seconds.
[[nodiscard]] channel::SignRequest sign_request(std::string_view id = "key-1",
                                                std::string_view input = "header.payload",
                                                Algorithm algorithm = Algorithm::kRs256);

}  // namespace signer::hsm::test
