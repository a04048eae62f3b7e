// SPDX-License-Identifier: Apache-2.0
//
// A simulated TPM of the test's own, made into a token, behind an interposer.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "channel/values.h"
#include "tests/support/eventually.h"
#include "tests/support/openssl_judge.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"
#include "tests/support/swtpm.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tpm_interposer.h"
#include "tests/support/tpm_wire.h"
#include "tpm/tpm2_driver.h"

namespace signer::tpm::test {

namespace cc = signer::test::cc;
using signer::test::clear_owner;
using signer::test::eventually;
using signer::test::evict_control;
using signer::test::flush_context;
using signer::test::Moment;
using signer::test::number_at;
using signer::test::read_text;
using signer::test::run;
using signer::test::seed;
using signer::test::sign_digest;
using signer::test::SizeField;
using signer::test::Swtpm;
using signer::test::TemporaryDirectory;
using signer::test::TpmAnswer;
using signer::test::TpmCommand;
using signer::test::TpmInterposer;
using signer::test::verifies;
using signer::test::write_text;

inline constexpr std::size_t kLoadedMax = 3;  // of objects, and of sessions, in swtpm

// Whether the endorsement hierarchy may be used, and with it evidence be had: kClosed sets an endorsement auth.
enum class Endorsement : std::uint8_t { kClosed, kOpen };

// A TPM with a storage root key, an auth file and an empty key directory.  Drivers reach the TPM through `bus`; `tpm`
// itself is what others do behind their back.
class TestToken {
 public:
  // Of a kClosed one keys are made without word of their birth, which costs the simulator two RSA keys.
  explicit TestToken(Endorsement endorsement = Endorsement::kClosed);

  // What a driver opens it with; "hmac" or "password".
  [[nodiscard]] channel::TokenSpec spec(const std::string& authorization = "hmac") const;

  [[nodiscard]] std::string auth_file() const { return directory_ / "auth"; }

  // The bytes that the auth file stands for.
  [[nodiscard]] std::string auth_value() const;

  [[nodiscard]] std::string key_directory() const { return directory_ / "keys"; }

  // A file of the key directory: the blob (".pem") or the place (".json") of a key.
  [[nodiscard]] std::string key_file(std::string_view id, const std::string& suffix) const;

  // Every file of the key directory, one after the other in order of their names, each with its name.
  [[nodiscard]] std::string key_directory_content() const;

  [[nodiscard]] Swtpm& tpm() { return tpm_; }

  [[nodiscard]] TpmInterposer& bus() { return bus_; }

  // Another TPM in the place of this one, made into a token too: the next connection reaches it.
  void replace_tpm();

 private:
  TemporaryDirectory directory_;
  Swtpm tpm_;
  TpmInterposer bus_{tpm_};
};

// A driver that has opened the token; aborts the test run if it cannot.
[[nodiscard]] std::unique_ptr<Tpm2Driver> opened(const TestToken& token, const std::string& authorization = "hmac",
                                                 SessionLimits limits = {});

[[nodiscard]] channel::KeyRequest key_request(jose::KeyKind kind = jose::KeyKind::kRsa2048,
                                              std::string_view id = "key-1");

// A request that expires in `time`.
[[nodiscard]] channel::SignRequest sign_request(std::chrono::milliseconds time = std::chrono::seconds(10),
                                                std::string_view id = "key-1",
                                                std::string_view input = "header.payload");

// TPM2_StartAuthSession of an HMAC session without salt.
[[nodiscard]] TpmCommand start_session();

using signer::test::change_auth;

// The handles in use from `first` to the end of its kind, as the TPM lists them.
[[nodiscard]] std::vector<std::uint32_t> handles_from(const Swtpm& tpm, std::uint32_t first);

inline constexpr std::uint32_t kTransientFirst = 0x80000000;
inline constexpr std::uint32_t kPersistentFirst = 0x81000000;
inline constexpr std::uint32_t kLoadedSessionFirst = 0x02000000;

}  // namespace signer::tpm::test
