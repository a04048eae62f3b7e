// SPDX-License-Identifier: Apache-2.0
//
// What the audit log costs.  First its writer alone: records a second that become durable, beside a bare loop that
// writes the same bytes in the same batches and calls fdatasync, in turns on the same disk.  Then tokens: a signerd
// whose log is on the disk beside one whose log is in memory (/dev/shm), and one that has checkpoints signed every
// second.
//   audit-append-bench [seconds per row, default 5] [callers of each row, default 1 8]
#include <fcntl.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "audit/audit_log.h"
#include "base/unique_fd.h"
#include "tests/bench/slices.h"
#include "tests/support/daemon.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {

namespace {

audit::Record token_record(const PeerIdentity& peer) {
  audit::Record record;
  record.event = audit::Event::kIssue;
  record.request_id = "addf7efeeb4f1f8b";
  record.peer = &peer;
  record.grant = "idp";
  record.key = "issuer";
  record.kid = "Ko6FfE62ZQr6WgNHGFhNdRDC1Z_5fi7xqfbmxgObVl4";
  record.profile = "access";
  record.profile_sha256 = "45gcu0VqPSKWwSy5MgysE1ykvKBE20Qy6mDbZcd3jS0";
  record.jti = "gELo46sDA5SzO8sxtneLWg";
  record.sub_hmac = "Ko6FfE62ZQr6WgNHGFhNdRDC1Z_5fi7xqfbmxgObVl4";
  record.audiences = {"https://api.example"};
  record.exp = 1795462193;
  record.input_sha256 = "45gcu0VqPSKWwSy5MgysE1ykvKBE20Qy6mDbZcd3jS0";
  record.latency_us = 350;
  return record;
}

// The writer: batches appended and waited for, one after the other, as many callers in step would.
class Log {
 public:
  explicit Log(const std::filesystem::path& directory) {
    log_ = audit::AuditLog::open({directory}, [this] {
             const std::lock_guard lock(mutex_);
             rung_ = true;
             bell_.notify_one();
           }).value();
  }

  void batch(const audit::Record& record, int size) {
    std::uint64_t last = 0;
    for (int i = 0; i < size; ++i) last = log_->append(record);
    log_->flush();
    while (log_->wake_when_durable(last)) {
      std::unique_lock lock(mutex_);
      bell_.wait(lock, [this] { return rung_; });
      rung_ = false;
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable bell_;
  bool rung_ = false;
  std::unique_ptr<audit::AuditLog> log_;
};

// What no log can do without: the bytes written into blocks that are there already, and the sync.
class Bare {
 public:
  explicit Bare(const std::filesystem::path& file) : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    const std::string zeroes(kBytes, '\0');
    check(::pwrite(fd_.get(), zeroes.data(), zeroes.size(), 0) == static_cast<ssize_t>(zeroes.size()));
    check(::fsync(fd_.get()) == 0);
  }

  void batch(const std::string& bytes) {
    if (at_ + bytes.size() > kBytes) at_ = 0;
    check(::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at_)) ==
          static_cast<ssize_t>(bytes.size()));
    check(::fdatasync(fd_.get()) == 0);
    at_ += bytes.size();
  }

 private:
  static constexpr std::size_t kBytes = 64UL << 20U;

  static void check(bool good) {
    if (good) return;
    std::perror("audit-append-bench");
    std::exit(1);
  }

  UniqueFd fd_;
  std::size_t at_ = 0;
};

void writer_row(int size, std::chrono::seconds length) {
  const TemporaryDirectory directory;
  const PeerIdentity peer{1001, 1001, 4242, {}, "/run/signer/signer.sock", "idp.service"};
  const audit::Record record = token_record(peer);
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += audit::to_line(record, 1'000'000) + "\n";
  Log log(directory.path() / "audit");
  Bare bare(directory / "bare");
  const Cell cell = run_in_turns({.callers = 1, .once = [&](int) { bare.batch(bytes); }, .cpu = own_cpu},
                                 {.callers = 1, .once = [&](int) { log.batch(record, size); }, .cpu = own_cpu}, length);
  print_row(std::to_string(size), cell);
}

std::unique_ptr<TestDaemon> daemon_with(const std::string& audit) {
  DaemonOptions options;
  options.more = audit;
  auto daemon = std::make_unique<TestDaemon>(
      TestDaemon::Programs{SIGNERD_PROGRAM, SIGNER_HSM_PROGRAM, SIGNERCTL_PROGRAM}, std::move(options));
  if (daemon->up()) return daemon;
  std::fprintf(stderr, "%s", daemon->log().c_str());
  std::exit(1);
}

void token_row(TestDaemon& without, TestDaemon& with, int callers, std::chrono::seconds length) {
  const std::string request = issue_request();
  const auto contender = [&request, callers](TestDaemon& daemon, std::vector<std::unique_ptr<Caller>>& connections) {
    for (int i = 0; i < callers; ++i) connections.push_back(std::make_unique<Caller>(daemon.socket()));
    const pid_t front = daemon.process().pid();
    const pid_t host = daemon.host_pid();
    return Contender{.callers = callers,
                     .once = [&](int caller) { connections[static_cast<std::size_t>(caller)]->call(request); },
                     .cpu = [=] { return cpu_of_process(front) + cpu_of_process(host); }};
  };
  std::vector<std::unique_ptr<Caller>> first;
  std::vector<std::unique_ptr<Caller>> second;
  const Contender memory = contender(without, first);
  const Contender disk = contender(with, second);
  print_row(std::to_string(callers), run_in_turns(memory, disk, length));
}

}  // namespace

}  // namespace signer::test

int main(int argc, char** argv) {
  using namespace signer::test;
  const Arguments arguments = read_arguments(argc, argv, 64);
  print_head("audit records, AuditLog beside write and fdatasync; rates are batches", "records a batch",
             arguments.length);
  for (const int size : {1, 16, 64}) writer_row(size, arguments.length);

  const TemporaryDirectory memory("/dev/shm");
  const auto without = daemon_with("[audit]\ndir = \"" + memory.path().string() + "/audit\"\n");
  const auto with = daemon_with("");
  print_head("tokens, log on disk beside log in memory", "callers", arguments.length);
  for (const int callers : arguments.callers) token_row(*without, *with, callers, arguments.length);

  const std::string grant = "[[grant]]\nname = \"a\"\nmatch = { uid = " + std::to_string(::getuid()) +
                            " }\nkeys = [\"audit-checkpoint\"]\nverbs = [\"create\"]\n";
  const auto checkpoints = daemon_with(grant + "[audit]\ntoken = \"main\"\ncheckpoint_every = \"1s\"\n");
  if (checkpoints->create_key("audit-checkpoint").empty()) return 1;
  print_head("tokens, a checkpoint every second beside none", "callers", arguments.length);
  for (const int callers : arguments.callers) token_row(*with, *checkpoints, callers, arguments.length);
  return 0;
}
