// SPDX-License-Identifier: Apache-2.0
//
// What a program of ours gives up before it reads a byte: without it a core dump or a same-uid debugger would hold a
// PIN.
#include "base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace signer {
namespace {

// 0, or the number of the promise that does not hold.  Runs in a child, which it changes for good.
int hardened() {
  harden_process();
  rlimit core{1, 1};
  if (::getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0) return 1;
#if !defined(SIGNER_SANITIZED)
  if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) return 2;
#endif
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 3;
  if (::umask(0) != 077) return 4;
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return 5;
  ::close(pipe_ends[0]);
  if (::write(pipe_ends[1], "x", 1) != -1) return 6;  // EPIPE, and we live
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur != files.rlim_max) return 7;
  return 0;
}

TEST(HardenProcess, Invariant05_LeavesNoWayToReadTheMemoryOfTheProcess) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(hardened());

  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "promise number (see hardened())";
}

}  // namespace
}  // namespace signer
