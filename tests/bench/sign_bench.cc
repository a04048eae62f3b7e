// SPDX-License-Identifier: Apache-2.0
//
// The signing path against the token alone: direct C_Sign with reused sessions, the daemon over its socket (audit
// durable, self-check on), direct again, in slices of one run, so that other work on the machine meets both.  Prints a
// table; judges nothing.
//   sign-bench [seconds per row, default 20] [callers of each row, default 1 8]

#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <sstream>
#include <thread>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "tests/support/daemon.h"

namespace signer::test {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSlice{350};
constexpr int kSessions = 64;

// What one caller did in a slice.
struct Slice {
  double rate = 0;                 // signatures per second, all callers
  double cpu_us = 0;               // CPU time of the processes concerned, for each signature
  std::vector<double> latency_us;  // of each signature
};

double cpu_of_process(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string word;
  double ticks = 0;
  for (int i = 3; i <= 15 && rest >> word; ++i) {
    if (i >= 14) ticks += std::stod(word);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double own_cpu() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Runs `callers` threads for a slice; each calls `once(i)` again and again.
template <class Once>
Slice measure(int callers, Once once) {
  std::vector<std::vector<double>> latencies(static_cast<std::size_t>(callers));
  const auto started = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < callers; ++i) {
      threads.emplace_back([&, i] {
        while (Clock::now() - started < kSlice) {
          const auto before = Clock::now();
          once(i);
          latencies[static_cast<std::size_t>(i)].push_back(
              std::chrono::duration<double, std::micro>(Clock::now() - before).count());
        }
      });
    }
  }
  Slice slice;
  for (auto& one : latencies) slice.latency_us.insert(slice.latency_us.end(), one.begin(), one.end());
  slice.rate =
      static_cast<double>(slice.latency_us.size()) / std::chrono::duration<double>(Clock::now() - started).count();
  return slice;
}

// Direct use of the module: one session a caller, the key's handle found once.
class Direct {
 public:
  Direct(const SoftHsmToken& token, int sessions) {
    ::setenv("SOFTHSM2_CONF", token.configuration().c_str(), 1);
    void* library = ::dlopen(SoftHsmToken::module().c_str(), RTLD_NOW | RTLD_LOCAL);
    auto get_list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
    check(get_list(&p11_), "C_GetFunctionList");
    CK_C_INITIALIZE_ARGS args{};
    args.flags = CKF_OS_LOCKING_OK;
    check(p11_->C_Initialize(&args), "C_Initialize");
    const CK_SLOT_ID slot = slot_of(token.label());
    std::string pin = read_text(token.pin_file());
    pin.erase(pin.find_last_not_of('\n') + 1);
    for (int i = 0; i < sessions; ++i) {
      CK_SESSION_HANDLE session = 0;
      check(p11_->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session),
            "C_OpenSession");
      if (i == 0)
        check(p11_->C_Login(session, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(pin.data()), pin.size()), "C_Login");
      sessions_.push_back(session);
    }
    CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted{CKA_CLASS, &object_class, sizeof object_class};
    check(p11_->C_FindObjectsInit(sessions_[0], &wanted, 1), "C_FindObjectsInit");
    CK_ULONG count = 0;
    check(p11_->C_FindObjects(sessions_[0], &key_, 1, &count), "C_FindObjects");
    check(p11_->C_FindObjectsFinal(sessions_[0]), "C_FindObjectsFinal");
    if (count != 1) std::abort();
  }

  void sign(int caller) {
    static const std::string input(700, 'a');  // about what a token's signing input is
    const CK_SESSION_HANDLE session = sessions_[static_cast<std::size_t>(caller)];
    CK_MECHANISM mechanism{CKM_SHA256_RSA_PKCS, nullptr, 0};
    std::uint8_t signature[512];
    CK_ULONG size = sizeof signature;
    check(p11_->C_SignInit(session, &mechanism, key_), "C_SignInit");
    check(p11_->C_Sign(session, reinterpret_cast<CK_BYTE*>(const_cast<char*>(input.data())), input.size(), signature,
                       &size),
          "C_Sign");
  }

 private:
  static void check(CK_RV rv, const char* call) {
    if (rv == CKR_OK) return;
    std::fprintf(stderr, "%s: 0x%lx\n", call, rv);
    std::exit(1);
  }

  CK_SLOT_ID slot_of(const std::string& label) {
    std::vector<CK_SLOT_ID> slots(16);
    CK_ULONG count = slots.size();
    check(p11_->C_GetSlotList(CK_TRUE, slots.data(), &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; ++i) {
      CK_TOKEN_INFO info{};
      check(p11_->C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
      const std::string padded(reinterpret_cast<const char*>(info.label), sizeof info.label);
      if (padded.substr(0, label.size()) == label) return slots[i];
    }
    std::fprintf(stderr, "no token %s\n", label.c_str());
    std::exit(1);
  }

  CK_FUNCTION_LIST* p11_ = nullptr;
  std::vector<CK_SESSION_HANDLE> sessions_;
  CK_OBJECT_HANDLE key_ = 0;
};

// A caller that does no more than it must, as load generators do: what it costs is not the daemon's.
class Caller {
 public:
  explicit Caller(const std::string& socket_path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_path.data(), std::min(socket_path.size(), sizeof address.sun_path - 1));
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::exit(1);
  }

  // Sends the request and reads the reply to its last byte; anything but 200 ends the run.
  void call(std::string_view request) {
    if (::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
      std::exit(1);
    }
    std::size_t size = 0;
    std::size_t needed = std::string_view::npos;
    while (size < needed) {
      const ssize_t count = ::recv(fd_.get(), buffer_.data() + size, buffer_.size() - size, 0);
      if (count <= 0) std::exit(1);
      size += static_cast<std::size_t>(count);
      if (needed == std::string_view::npos) needed = reply_size({buffer_.data(), size});
    }
  }

 private:
  static std::size_t reply_size(std::string_view head) {
    static constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t end = head.find("\r\n\r\n");
    if (end == std::string_view::npos) return end;
    const std::size_t length = head.find(kLength);
    if (!head.starts_with("HTTP/1.1 200 ") || length > end) std::exit(1);
    return end + 4 + static_cast<std::size_t>(std::atoi(head.data() + length + kLength.size()));
  }

  UniqueFd fd_;
  std::array<char, 16384> buffer_;
};

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

struct Cell {
  std::vector<double> ratios;  // daemon / mean of the direct slices around it
  std::vector<double> direct_rates;
  std::vector<double> daemon_rates;
  std::vector<double> direct_us;
  std::vector<double> daemon_us;
  std::vector<double> direct_cpu;
  std::vector<double> daemon_cpu;
};

Cell run_cell(TestDaemon& daemon, Direct& direct, int callers, std::chrono::seconds length) {
  std::vector<std::unique_ptr<Caller>> connections;
  for (int i = 0; i < callers; ++i) connections.push_back(std::make_unique<Caller>(daemon.socket()));
  const std::string body =
      R"({"claims":{"sub":"3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a77","scope":"patient/Observation.rs patient/Patient.r",)"
      R"("client_id":"ehr-portal"}})";
  const std::string request =
      "POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: signer\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  const auto direct_slice = [&] {
    const double before = own_cpu();
    Slice slice = measure(callers, [&](int caller) { direct.sign(caller); });
    slice.cpu_us = (own_cpu() - before) * 1e6 / static_cast<double>(slice.latency_us.size());
    return slice;
  };
  const auto daemon_slice = [&] {
    const pid_t front = daemon.process().pid();
    const pid_t host = daemon.host_pid();
    const double before = cpu_of_process(front) + cpu_of_process(host);
    Slice slice = measure(callers, [&](int caller) { connections[static_cast<std::size_t>(caller)]->call(request); });
    slice.cpu_us =
        (cpu_of_process(front) + cpu_of_process(host) - before) * 1e6 / static_cast<double>(slice.latency_us.size());
    return slice;
  };
  Cell cell;
  const auto until = Clock::now() + length;
  direct_slice();
  daemon_slice();
  Slice before = direct_slice();
  while (Clock::now() < until) {
    const Slice middle = daemon_slice();
    const Slice after = direct_slice();
    cell.ratios.push_back(2 * middle.rate / (before.rate + after.rate));
    cell.direct_rates.push_back(after.rate);
    cell.daemon_rates.push_back(middle.rate);
    cell.direct_cpu.push_back(after.cpu_us);
    cell.daemon_cpu.push_back(middle.cpu_us);
    cell.direct_us.insert(cell.direct_us.end(), after.latency_us.begin(), after.latency_us.end());
    cell.daemon_us.insert(cell.daemon_us.end(), middle.latency_us.begin(), middle.latency_us.end());
    before = after;
  }
  return cell;
}

void print(int callers, const Cell& cell) {
  std::printf("| %d | %.0f | %.0f | **%.2f** | %.2f | %.0f | %.0f | %+.0f | %.0f | %.0f | %.0f | %.0f |\n", callers,
              quantile(cell.direct_rates, 0.5), quantile(cell.daemon_rates, 0.5), quantile(cell.ratios, 0.5),
              quantile(cell.ratios, 1.0), quantile(cell.direct_us, 0.5), quantile(cell.daemon_us, 0.5),
              quantile(cell.daemon_us, 0.5) - quantile(cell.direct_us, 0.5), quantile(cell.direct_us, 0.99),
              quantile(cell.daemon_us, 0.99), quantile(cell.direct_cpu, 0.5), quantile(cell.daemon_cpu, 0.5));
}

}  // namespace

}  // namespace signer::test

int main(int argc, char** argv) {
  using namespace signer::test;
  const std::chrono::seconds length(argc > 1 ? std::atoi(argv[1]) : 20);
  TestDaemon daemon({SIGNERD_PROGRAM, SIGNER_HSM_PROGRAM, SIGNERCTL_PROGRAM});
  if (!daemon.up()) {
    std::fprintf(stderr, "%s", daemon.log().c_str());
    return 1;
  }
  Direct direct(daemon.token(), kSessions);
  std::printf(
      "RS256, RSA-2048, SoftHSM2; slices of %d ms (direct, daemon, direct), %d s a row; rates in signatures/s, times "
      "in us.\n\n",
      static_cast<int>(kSlice.count()), static_cast<int>(length.count()));
  std::printf(
      "| callers | direct/s | daemon/s | ratio, median | ratio, best | direct p50 | daemon p50 | added p50 | direct "
      "p99 | daemon p99 | direct CPU | daemon CPU |\n");
  std::printf("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  std::vector<int> rows;
  for (int i = 2; i < argc; ++i) rows.push_back(std::clamp(std::atoi(argv[i]), 1, kSessions));
  if (rows.empty()) rows = {1, 8};
  for (const int callers : rows) print(callers, run_cell(daemon, direct, callers, length));
  return 0;
}
