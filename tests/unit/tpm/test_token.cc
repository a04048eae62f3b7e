// SPDX-License-Identifier: Apache-2.0

#include "test_token.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/hex.h"
#include "tpm/token_admin.h"

namespace signer::tpm::test {

namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "test set-up failed: %s\n", why.c_str());
  std::abort();
}

void make_token(const Swtpm& tpm, const std::string& auth_file) {
  const auto made = initialize_token({.tcti = tpm.tcti(), .auth_file = auth_file, .generate_auth = true});
  if (!made) give_up(made.error().text);
}

}  // namespace

TestToken::TestToken(Endorsement endorsement) {
  // As signer-tpm does.  The library would tell of each of the many calls that fail, and it writes to connections that
  // are broken.
  ::setenv("TSS2_LOG", "all+NONE", 0);
  std::signal(SIGPIPE, SIG_IGN);
  make_token(tpm_, auth_file());
  if (endorsement == Endorsement::kOpen) return;
  if (!tpm_.run(change_auth(signer::test::kEndorsementHierarchy, "closed")).ok()) give_up("TPM2_HierarchyChangeAuth");
}

channel::TokenSpec TestToken::spec(const std::string& authorization) const {
  return {.name = "unit-test",
          .module = {},
          .uri = bus_.tcti(),
          .pin_file = auth_file(),
          .latch_file = directory_ / "latch",
          .sessions = 1,
          .key_directory = key_directory(),
          .authorization = authorization};
}

std::string TestToken::auth_value() const {
  const auto bytes = from_hex(read_text(auth_file()).substr(0, 64));
  return bytes ? std::string(bytes->begin(), bytes->end()) : std::string();
}

std::string TestToken::key_file(std::string_view id, const std::string& suffix) const {
  return key_directory() + "/" + to_hex(bytes_of(id)) + suffix;
}

std::string TestToken::key_directory_content() const {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(key_directory())) files.push_back(entry.path());
  std::ranges::sort(files);
  std::string content;
  for (const std::string& file : files) content += file + "\n" + read_text(file);
  return content;
}

void TestToken::replace_tpm() {
  tpm_.fail();     // deletes its state
  tpm_.restart();  // and so becomes another
  make_token(tpm_, auth_file());
}

std::unique_ptr<Tpm2Driver> opened(const TestToken& token, const std::string& authorization, SessionLimits limits) {
  auto driver = std::make_unique<Tpm2Driver>(limits);
  if (const auto described = driver->open(token.spec(authorization)); !described) give_up(described.error().text);
  return driver;
}

channel::KeyRequest key_request(jose::KeyKind kind, std::string_view id) {
  const ByteView bytes = bytes_of(id);
  return {.kind = kind, .label = "unit key", .key_id = Bytes(bytes.begin(), bytes.end()), .mechanism_lock = false};
}

channel::SignRequest sign_request(std::chrono::milliseconds time, std::string_view id, std::string_view input) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  const ByteView bytes = bytes_of(id);
  return {.key_id = Bytes(bytes.begin(), bytes.end()),
          .algorithm = Algorithm::kRs256,
          .deadline_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count(),
          .signing_input = std::string(input)};
}

TpmCommand start_session() {
  return TpmCommand(cc::kStartAuthSession, {signer::test::kNullHierarchy, signer::test::kNullHierarchy})
      .sized(Bytes(16, 0x01))         // nonceCaller
      .sized({})                      // no salt
      .number<std::uint8_t>(0)        // TPM_SE_HMAC
      .number<std::uint16_t>(0x0010)  // no symmetric algorithm
      .number<std::uint16_t>(0x000b);
}

std::vector<std::uint32_t> handles_from(const Swtpm& tpm, std::uint32_t first) {
  const TpmAnswer answer = tpm.run(TpmCommand(cc::kGetCapability)
                                       .number<std::uint32_t>(1)  // TPM_CAP_HANDLES
                                       .number(first)
                                       .number<std::uint32_t>(254));
  std::vector<std::uint32_t> handles;
  // moreData, capability, count, the handles
  const auto count = number_at<std::uint32_t>(answer.parameters, 5).value_or(0);
  for (std::size_t i = 0; i < count; ++i) {
    handles.push_back(number_at<std::uint32_t>(answer.parameters, 9 + 4 * i).value_or(0));
  }
  return handles;
}

}  // namespace signer::tpm::test
