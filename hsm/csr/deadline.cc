// SPDX-License-Identifier: Apache-2.0

#include "hsm/csr/deadline.h"

#include <unistd.h>

#include <csignal>

namespace signer::p11 {

namespace {

std::string_view program_name;

constexpr std::string_view kMessage =
    ": libp11: no answer from the token in time; libp11 waits for ever if no session can be opened, so see that the "
    "token answers (signer-hsm token-list) and has sessions left, then try again\n";

void print(std::string_view text) noexcept {
  // Nothing can be done about an error here.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

// Only async-signal-safe calls.
extern "C" void end_process(int /*signal*/) {
  print(program_name);
  print(kMessage);
  ::_exit(kExitUnavailable);
}

}  // namespace

void end_process_after(std::chrono::seconds time, std::string_view program) noexcept {
  program_name = program;
  struct sigaction action {};
  action.sa_handler = end_process;
  ::sigaction(SIGALRM, &action, nullptr);
  sigset_t alarm_signal;
  ::sigemptyset(&alarm_signal);
  ::sigaddset(&alarm_signal, SIGALRM);
  ::sigprocmask(SIG_UNBLOCK, &alarm_signal, nullptr);  // the mask is inherited from whoever started us
  ::alarm(static_cast<unsigned>(time.count()));
}

}  // namespace signer::p11
