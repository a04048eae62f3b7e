// SPDX-License-Identifier: Apache-2.0
//
// signerctl: prints what a command has to say.

#include <unistd.h>

#include <cerrno>
#include <exception>
#include <string_view>

#include "base/process.h"
#include "ctl/command_line.h"

namespace {

bool print(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  signer::harden_process();
  try {
    const signer::ctl::Outcome outcome = signer::ctl::run({argv, argv + argc});
    print(STDERR_FILENO, outcome.err);
    // An answer that nobody could read was not given.
    if (!print(STDOUT_FILENO, outcome.out)) {
      print(STDERR_FILENO, "signerctl: the answer could not be written to standard output\n");
      return static_cast<int>(signer::ctl::Exit::kUsage);
    }
    return static_cast<int>(outcome.exit);
  } catch (const std::exception&) {
    print(STDERR_FILENO, "signerctl: out of memory\n");
    return static_cast<int>(signer::ctl::Exit::kUsage);
  }
}
