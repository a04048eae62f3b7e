// SPDX-License-Identifier: Apache-2.0

#include "tests/support/swtpm.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "tests/support/eventually.h"
#include "tests/support/tpm_socket.h"

namespace signer::test {

namespace {

constexpr std::uint32_t kManufacturer = 0x00000105;  // TPM2_PT_MANUFACTURER
constexpr std::uint32_t kIbm = 0x49424d00;
constexpr std::uint32_t kControlInit = 2;  // CMD_INIT of swtpm's control channel: flags in, result out

[[noreturn]] void give_up(const std::string& what, const std::string& log) {
  std::fprintf(stderr, "swtpm: %s\n%s", what.c_str(), log.c_str());
  std::abort();
}

}  // namespace

TpmCommand get_manufacturer() {
  return TpmCommand(cc::kGetCapability)
      .number<std::uint32_t>(6)  // TPM2_CAP_TPM_PROPERTIES
      .number(kManufacturer)
      .number<std::uint32_t>(1);
}

bool is_simulator(const TpmAnswer& manufacturer) {
  // moreData, capability, count, property, value
  return manufacturer.ok() && number_at<std::uint32_t>(manufacturer.parameters, 9) == kManufacturer &&
         number_at<std::uint32_t>(manufacturer.parameters, 13) == kIbm;
}

Swtpm::Swtpm() {
  // tcti-swtpm 3.2.1 leaks its configuration when nobody listens.  The leak sanitizer can tell whose leak it is only if
  // the library stays loaded.
  [[maybe_unused]] static void* const kept = ::dlopen("libtss2-tcti-swtpm.so.0", RTLD_NOW | RTLD_NODELETE);
  start();
}

void Swtpm::start() {
  const std::string state = directory_ / "state";
  std::filesystem::create_directory(state);
  // A process that was killed leaves its sockets behind; the file alone must not look like a TPM.
  std::filesystem::remove(path());
  std::filesystem::remove(path() + ".ctrl");
  process_ = std::make_unique<Background>(
      std::vector<std::string>{"setpriv", "--pdeathsig", "KILL", "swtpm", "socket", "--tpm2", "--tpmstate",
                               "dir=" + state, "--server", "type=unixio,path=" + path(), "--ctrl",
                               "type=unixio,path=" + path() + ".ctrl", "--flags", "not-need-init,startup-clear",
                               "--seccomp", "action=none"},
      directory_ / "log");
  if (process_->pid() < 0) give_up("cannot run setpriv (package util-linux)", {});
  TpmAnswer answer;
  const bool answers = eventually([&] {
    if (process_->wait(std::chrono::milliseconds(0))) give_up("ended at once (package swtpm)", log());
    answer = run(get_manufacturer());
    return answer.answered;
  });
  if (!answers) give_up("does not answer", log());
  check_simulator();
}

void Swtpm::check_simulator() const {
  if (!is_simulator(run(get_manufacturer()))) give_up("what answers at " + path() + " is not the simulator", log());
}

void Swtpm::kill_hard() {
  if (process_ == nullptr) return;
  process_->signal(SIGKILL);
  if (!process_->wait(std::chrono::seconds(20))) give_up("does not die", log());
  process_.reset();
}

void Swtpm::restart() {
  kill_hard();
  start();
}

void Swtpm::reset() {
  reset_without_startup();
  startup();
}

void Swtpm::reset_without_startup() {
  const UniqueFd control = connect_unix(path() + ".ctrl");
  Bytes command;
  put(command, kControlInit);
  put<std::uint32_t>(command, 0);
  Bytes answer(4, 0xff);
  if (!control.valid() || !write_all(control.get(), command) ||
      !wait_readable(control.get(), -1, std::chrono::seconds(20)) ||
      ::read(control.get(), answer.data(), answer.size()) != 4 || answer != Bytes(4, 0)) {
    give_up("CMD_INIT failed", log());
  }
}

void Swtpm::startup() {
  const TpmAnswer answer = run(TpmCommand(cc::kStartup).number<std::uint16_t>(0));
  if (!answer.ok()) give_up("TPM2_Startup failed: " + std::to_string(answer.code), log());
}

void Swtpm::fail() {
  std::filesystem::remove_all(directory_ / "state");
  // The next write to NV finds no place for it; this one is a write that changes nothing.
  (void)run(TpmCommand(cc::kDictionaryAttackLockReset, {kLockoutHierarchy}).password());
  const TpmAnswer answer = run(get_random(1));
  if (!answer.answered || answer.code != 0x101) give_up("not in failure mode", log());
}

void Swtpm::pause() {
  process_->signal(SIGSTOP);
  const bool stopped = eventually([this] {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid()), &info, WSTOPPED | WNOHANG) == 0 && info.si_pid == pid();
  });
  if (!stopped) give_up("does not stop", log());
}

void Swtpm::resume() {
  process_->signal(SIGCONT);
}

Bytes Swtpm::transceive(ByteView command, std::chrono::milliseconds limit) const {
  const UniqueFd connection = connect_unix(path());
  if (!connection.valid() || !write_all(connection.get(), command)) return {};
  return read_message(connection.get(), -1, limit).value_or(Bytes{});
}

TpmAnswer Swtpm::run(const TpmCommand& command, std::chrono::milliseconds limit) const {
  return take_apart(command.code(), transceive(command.bytes(), limit));
}

std::string Swtpm::log() const {
  return read_text(directory_ / "log");
}

}  // namespace signer::test
