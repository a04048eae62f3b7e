// SPDX-License-Identifier: Apache-2.0

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "anchor/anchors.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace signer::anchor {

namespace {

Failure<Error> failure(const std::string& what) {
  return fail(ErrorCode::kInternal, "anchor: " + what + ": " + errno_text(errno));
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failure("write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// False if a write that failed left a part of a note at the end.
bool ends_a_note(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return true;
  char last[2] = {'\n', '\n'};
  if (status.st_size < 2 || ::pread(fd, last, 2, status.st_size - 2) != 2) return false;
  return last[0] == '\n' && last[1] == '\n';
}

Result<void> append_to(const std::string& path, const std::string& note) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600));
  if (!file.valid()) return failure("open " + path);
  SIGNER_RETURN_IF_ERROR(write_all(file.get(), (ends_a_note(file.get()) ? "" : "\n\n") + note + "\n"));
  if (::fsync(file.get()) != 0 && errno != EINVAL) return failure("fsync " + path);  // EINVAL: a pipe, a device
  return {};
}

void to_syslog(std::string note) {
  std::replace(note.begin(), note.end(), '\n', ' ');
  ::syslog(LOG_AUTHPRIV | LOG_NOTICE, "audit checkpoint: %s", note.c_str());
}

// The note as a file without a name: the program may read it or not, nobody waits.
Result<UniqueFd> note_file(const std::string& note) {
  UniqueFd file(::memfd_create("checkpoint", MFD_CLOEXEC));
  if (!file.valid()) return failure("memfd_create");
  SIGNER_RETURN_IF_ERROR(write_all(file.get(), note));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return failure("lseek");
  return file;
}

Result<pid_t> start(std::vector<std::string> command, int input) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* environment[] = {path.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t signals;
  ::sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&attributes, &signals);
  ::sigaddset(&signals, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &signals);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  errno = ::posix_spawn(&pid, arguments[0], &actions, &attributes, arguments.data(), static_cast<char**>(environment));
  const int error = errno;
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  errno = error;
  if (error != 0) return failure("start " + command.front());
  return pid;
}

// True if it ended in time.
bool ends_within(pid_t pid, std::chrono::milliseconds time) {
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle.valid()) return false;
  const auto deadline = std::chrono::steady_clock::now() + time;
  pollfd waiting{handle.get(), POLLIN, 0};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

Result<void> run_command(const config::Anchor& anchor, const std::string& note) {
  SIGNER_ASSIGN_OR_RETURN(const UniqueFd input, note_file(note));
  SIGNER_ASSIGN_OR_RETURN(const pid_t pid, start(anchor.command, input.get()));
  const bool ended = ends_within(pid, anchor.timeout);
  if (!ended) ::kill(-pid, SIGKILL);  // a group of its own: what it started ends too
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    return fail(ErrorCode::kDeadlineExceeded,
                "anchor: " + anchor.command.front() + " did not end in time and was killed");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorCode::kInternal,
              "anchor: " + anchor.command.front() +
                  (WIFEXITED(status) ? " exited with " + std::to_string(WEXITSTATUS(status))
                                     : " was ended by signal " + std::to_string(WTERMSIG(status))));
}

}  // namespace

Result<void> deliver(const config::Anchor& anchor, const std::string& note) {
  if (!anchor.command.empty()) return run_command(anchor, note);
  if (!anchor.file.empty()) return append_to(anchor.file, note);
  to_syslog(note);
  return {};
}

}  // namespace signer::anchor
