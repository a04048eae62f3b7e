// SPDX-License-Identifier: Apache-2.0
//
// What checking a log costs beside hashing the same bytes, which any checker must do.  Usage: audit-bench [records]
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/check.h"
#include "audit/line.h"
#include "audit/prove.h"
#include "audit/report.h"
#include "audit/segment_reader.h"
#include "audit/walk.h"
#include "jose/hash.h"
#include "tests/support/made_log.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"
#include "tlog/hash.h"

namespace {

using namespace signer;

constexpr std::uint64_t kSegmentRecords = 130'000;    // some 64 MiB
constexpr std::uint64_t kCheckpointRecords = 10'000;  // of ten seconds at a thousand tokens a second

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "audit-bench: %s\n", what);
  std::exit(1);
}

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Of the processor: others may be at work on this machine.
double seconds_of(const std::function<void()>& work) {
  const double begin = cpu_seconds();
  work();
  return cpu_seconds() - begin;
}

struct Log {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

void make_log(std::uint64_t records, const std::filesystem::path& directory) {
  test::MadeLog log;
  while (log.size() < records) {
    if (log.size() % kSegmentRecords == 0) {
      log.begin_segment();
    } else if (log.size() % kCheckpointRecords == 0) {
      log.add_checkpoint();
    } else {
      log.add_issue();
    }
  }
  log.add_checkpoint();
  log.write(directory);
}

// In a process of its own, so that the memory it takes is not counted.
void make_log_elsewhere(std::uint64_t records, const std::filesystem::path& directory) {
  const pid_t child = ::fork();
  require(child >= 0, "a process can be made");
  if (child == 0) {
    make_log(records, directory);
    ::_exit(0);
  }
  int status = 0;
  require(::waitpid(child, &status, 0) == child && status == 0, "the log was made");
}

// Calls `take` with every line of the log.
template <class Take>
void each_line(const std::filesystem::path& directory, const Take& take) {
  const auto files = audit::list_segments(directory);
  require(files.has_value(), "the segments are there");
  for (const audit::SegmentFile& file : *files) {
    auto reader = audit::SegmentReader::open(file);
    require(reader.has_value(), "a segment opens");
    while (true) {
      const auto step = reader->next();
      require(step.has_value(), "a segment reads");
      if (*step != audit::SegmentReader::Step::kLine) break;
      take(reader->line());
    }
  }
}

void print(const char* what, double seconds, double base, const Log& log) {
  std::printf("%-34s %7.3f s  %5.2f x  %9.0f records/s  %6.0f MB/s\n", what, seconds, seconds / base,
              static_cast<double>(log.records) / seconds, static_cast<double>(log.bytes) / seconds / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t records = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const test::TemporaryDirectory directory;
  const std::vector<tlog::NoteKey> keys = {test::MadeLog().key()};  // before the fork: both have it
  make_log_elsewhere(records, directory.path());
  Log log;
  each_line(directory.path(), [&](std::string_view line) {  // into the page cache
    ++log.records;
    log.bytes += line.size() + 1;
  });
  const std::string newest = test::read_text(directory.path() / audit::kCheckpointFile);
  std::printf("%llu records, %llu bytes; seconds of the processor\n", static_cast<unsigned long long>(log.records),
              static_cast<unsigned long long>(log.bytes));

  std::uint64_t sum = 0;
  const double read = seconds_of([&] { each_line(directory.path(), [&](auto line) { sum += line.size(); }); });
  const double hash = seconds_of(
      [&] { each_line(directory.path(), [&](std::string_view line) { sum += jose::sha256(bytes_of(line))[0]; }); });
  print("read lines", read, hash, log);
  print("read and SHA-256 of each line", hash, hash, log);
  for (const bool with_key : {false, true}) {
    const double checked = seconds_of([&] {
      const auto verdict = audit::check_log({directory.path(), with_key ? keys : std::vector<tlog::NoteKey>(), {}});
      require(verdict && !verdict->finding && verdict->size == log.records, "the log is good");
    });
    print(with_key ? "check, with signatures" : "check", checked, hash, log);
  }
  print("prove the first record", seconds_of([&] {
          require(audit::prove_record(directory.path(), 0, newest).has_value(), "the record is provable");
        }),
        hash, log);
  print("report", seconds_of([&] {
          audit::Report report;
          require(audit::walk_records(directory.path(), 0,
                                      [&](const audit::LogLine& line) {
                                        report.add(line);
                                        return true;
                                      })
                      .has_value(),
                  "the log is walked");
        }),
        hash, log);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("largest resident size: %ld MiB (%llu)\n", usage.ru_maxrss / 1024,
              static_cast<unsigned long long>(sum % 10));
  return 0;
}
