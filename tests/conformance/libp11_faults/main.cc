// SPDX-License-Identifier: Apache-2.0
//
// libp11-faults [SECONDS]: which of libp11's faults (docs/adr/0003) does the libp11 of this machine have?  SECONDS is
// how long a call may take before it counts as hung.  A mended fault is news and no failure: exit 0; 1 if an experiment
// could not be made.
#include <dlfcn.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "experiments.h"

namespace signer::faults {

namespace {

using std::chrono::duration;
using std::chrono::steady_clock;

constexpr int kHangSeconds = 5;
constexpr int kExperimentSeconds = 30;

struct Ended {
  bool hung = false;
  int status = 0;  // as waitpid gives it
  double seconds = 0;
};

// "S (sleeping), 3 voluntary context switches" of a process that does not come back.
std::string proc_status(pid_t child) {
  std::ifstream in("/proc/" + std::to_string(child) + "/status");
  std::string text;
  for (std::string line; std::getline(in, line);) {
    for (const char* key : {"State:", "Threads:", "voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"}) {
      if (!line.starts_with(key)) continue;
      for (char& c : line) c = c == '\t' ? ' ' : c;
      text += (text.empty() ? "" : ", ") + line;
    }
  }
  return text;
}

// Runs `work` in a child and kills it after `limit`.  The parent itself never loads a module.
Ended in_child(const std::function<void()>& work, int limit) {
  std::fflush(nullptr);
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  const auto start = steady_clock::now();
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    ::close(ends[0]);
    work();
    std::fflush(nullptr);
    ::_exit(0);
  }
  ::close(ends[1]);
  pollfd waiting{ends[0], POLLIN, 0};  // the end of the pipe is the end of the child
  Ended ended;
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, limit * 1000);
  } while (ready < 0 && errno == EINTR);
  ended.hung = ready == 0;
  ended.seconds = duration<double>(steady_clock::now() - start).count();
  if (ended.hung) {
    std::printf("    ... no return after %.1f s (%s); killed\n", ended.seconds, proc_status(child).c_str());
    ::kill(child, SIGKILL);
  }
  while (::waitpid(child, &ended.status, 0) < 0 && errno == EINTR) {
  }
  ::close(ends[0]);
  return ended;
}

class Report {
 public:
  // `experiment` gets shared memory that outlives it.  Hanging or crashing past its brink is the fault itself.
  void run(const std::string& name, int limit, const std::function<void(Seen&)>& experiment) {
    std::printf("%s\n", name.c_str());
    void* memory = ::mmap(nullptr, sizeof(Seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    Seen& seen = *::new (memory) Seen();
    const Ended ended = in_child([&] { experiment(seen); }, limit);
    Verdict verdict = seen.verdict;
    if (WIFSIGNALED(ended.status) && !ended.hung) std::printf("    ... ended by signal %d\n", WTERMSIG(ended.status));
    if (seen.at_the_brink && WIFSIGNALED(ended.status)) verdict = Verdict::kReproduces;
    if (verdict == Verdict::kNone || (WIFEXITED(ended.status) && WEXITSTATUS(ended.status) != 0)) failed_ = true;
    summary_ += std::string(verdict == Verdict::kReproduces ? "  reproduces      "
                            : verdict == Verdict::kMended   ? "  DOES NOT        "
                                                            : "  NOT MEASURED    ") +
                name + "\n";
    ::munmap(memory, sizeof(Seen));
  }

  [[nodiscard]] int finish() const {
    std::printf("summary\n%s", summary_.c_str());
    return failed_ ? 1 : 0;
  }

 private:
  std::string summary_;
  bool failed_ = false;
};

void print_versions() {
  Dl_info info{};
  const bool known = ::dladdr(reinterpret_cast<void*>(&::PKCS11_CTX_new), &info) != 0;
  const std::time_t now = std::time(nullptr);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M UTC", std::gmtime(&now));
  utsname system{};
  ::uname(&system);
  std::string distribution = "unknown";
  std::ifstream release("/etc/os-release");
  for (std::string line; std::getline(release, line);) {
    if (line.starts_with("PRETTY_NAME=")) distribution = line.substr(12);
  }
  std::error_code error;
  const auto library = std::filesystem::canonical(known ? info.dli_fname : "", error);
  std::printf("%s, %s, Linux %s\nlibp11 %s (headers), %s\n%s\n", date.data(), distribution.c_str(), system.release,
              LIBP11_BUILD_VERSION, library.c_str(), ::OpenSSL_version(OPENSSL_VERSION));
}

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

int run(int hang_seconds, const std::string& directory) {
  std::filesystem::create_directory(directory + "/tokens");
  std::ofstream(directory + "/softhsm2.conf")
      << "directories.tokendir = " << directory << "/tokens\nobjectstore.backend = file\nlog.level = ERROR\n";
  ::setenv("SOFTHSM2_CONF", (directory + "/softhsm2.conf").c_str(), 1);
  print_versions();
  const Ended made = in_child([&] { ::_exit(make_token(directory) ? 0 : 1); }, kExperimentSeconds);
  if (made.hung || made.status != 0) return 1;
  const Token token{directory, first_line(directory + "/user.pin")};

  Report report;
  for (const CK_RV answer : {CKR_DEVICE_ERROR, CKR_SESSION_COUNT, CKR_TOKEN_NOT_PRESENT}) {
    report.run("(a) hangs when C_OpenSession fails", hang_seconds,
               [&](Seen& seen) { open_session_fails(token, seen, answer, 1'000'000); });
  }
  report.run("(a) hangs when C_OpenSession fails but once", hang_seconds,
             [&](Seen& seen) { open_session_fails(token, seen, CKR_DEVICE_ERROR, 1); });
  report.run("(b) keeps dead sessions", kExperimentSeconds, [&](Seen& seen) { sessions_die(token, seen); });
  report.run("(c) never uses CKM_SHA256_RSA_PKCS", kExperimentSeconds,
             [&](Seen& seen) { mechanism_used(token, seen); });
  report.run("(d) PKCS11_release_all_slots closes other users' sessions", kExperimentSeconds,
             [&](Seen& seen) { release_slots(token, seen); });
  return report.finish();
}

}  // namespace

}  // namespace signer::faults

int main(int argc, char** argv) {
  const int hang_seconds = argc > 1 ? std::atoi(argv[1]) : signer::faults::kHangSeconds;
  std::string directory = std::filesystem::temp_directory_path() / "libp11-faults-XXXXXX";
  if (argc > 2 || hang_seconds < 1 || ::mkdtemp(directory.data()) == nullptr) {
    std::fprintf(stderr, "usage: libp11-faults [SECONDS]\n");
    return 2;
  }
  const int status = signer::faults::run(hang_seconds, directory);
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return status;
}
