// SPDX-License-Identifier: Apache-2.0
//
// A signal to one process that somebody named.  signerd says host_pid -1 while it has no host, and to kill(2) that is
// every process of the machine, 0 the test's own group.
#pragma once

#include <signal.h>
#include <sys/types.h>

namespace signer::test {

// False, and nothing is sent, if `pid` names no single process or there is none.
[[nodiscard]] inline bool signal_process(pid_t pid, int number) {
  return pid > 1 && ::kill(pid, number) == 0;
}

}  // namespace signer::test
