// SPDX-License-Identifier: Apache-2.0

#include "test_token.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "hsm/token_admin.h"

namespace signer::hsm::test {

namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "test set-up failed: %s\n", why.c_str());
  std::abort();
}

}  // namespace

fault::Control& control() {
  static const TemporaryDirectory directory;
  static const fault::ControlMapping mapping = [] {
    const std::string path = directory.path() / "control";
    ::setenv("SIGNER_FAULT_CONTROL", path.c_str(), 1);
    auto made = fault::make_control(path);
    if (!made) give_up("control file");
    return made;
  }();
  return *mapping;
}

std::string fault_module_path() {
  return SIGNER_FAULT_MODULE;
}

TestToken::TestToken(const std::string& label) : label_(label) {
  ::new (&control()) fault::Control();
  std::filesystem::create_directory(token_files());
  const std::string conf = directory_.file("softhsm2.conf", "directories.tokendir = " + token_files().string() +
                                                                "\nobjectstore.backend = file\nlog.level = ERROR\n");
  ::setenv("SOFTHSM2_CONF", conf.c_str(), 1);
  add(label, "");
}

void TestToken::add(const std::string& label, const std::string& pin_prefix) const {
  const auto made = initialize_token({.module = fault_module_path(),
                                      .label = label,
                                      .pin_file = directory() / (pin_prefix + "user.pin"),
                                      .so_pin_file = directory() / (pin_prefix + "so.pin"),
                                      .generate_pins = true,
                                      .slot_index = std::nullopt});
  if (!made) give_up(made.error().text);
  ::new (&control()) fault::Control();
}

channel::TokenSpec TestToken::spec() const {
  return {.name = "unit-test",
          .module = fault_module_path(),
          .uri = "pkcs11:token=" + label_,
          .pin_file = pin_file(),
          .latch_file = latch_file(),
          .sessions = 4};
}

void TestToken::write_pin(std::string_view pin) const {
  [[maybe_unused]] const std::string path = directory_.file("user.pin", pin);
}

SessionBeside session_beside() {
  auto module = Module::load(fault_module_path());
  if (!module) give_up(module.error().text);
  SessionBeside made{std::move(*module), Session()};
  const CK_FUNCTION_LIST& api = made.module->api();
  CK_ULONG count = 8;
  CK_SLOT_ID slots[8]{};
  if (api.C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) give_up("C_GetSlotList");
  for (CK_ULONG i = 0; i < count && !made.session.valid(); ++i) {
    CK_TOKEN_INFO info{};
    const bool ours = api.C_GetTokenInfo(slots[i], &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED) != 0;
    if (ours && Session::open(api, slots[i], made.session) != CKR_OK) give_up("C_OpenSession");
  }
  if (!made.session.valid()) give_up("no token");
  return made;
}

std::unique_ptr<Pkcs11Driver> opened(const TestToken& token) {
  auto driver = std::make_unique<Pkcs11Driver>();
  if (const auto described = driver->open(token.spec()); !described) give_up(described.error().text);
  return driver;
}

channel::KeyRequest key_request(jose::KeyKind kind, std::string_view id) {
  const ByteView bytes = bytes_of(id);
  return {.kind = kind, .label = "unit key", .key_id = Bytes(bytes.begin(), bytes.end()), .mechanism_lock = false};
}

channel::SignRequest sign_request(std::string_view id, std::string_view input, Algorithm algorithm) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const ByteView bytes = bytes_of(id);
  return {.key_id = Bytes(bytes.begin(), bytes.end()),
          .algorithm = algorithm,
          .deadline_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count(),
          .signing_input = std::string(input)};
}

}  // namespace signer::hsm::test
