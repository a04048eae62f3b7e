// SPDX-License-Identifier: Apache-2.0
//
// The signing path against the token alone: direct C_Sign with reused sessions, the daemon over its socket (audit
// durable, self-check on), direct again, in slices of one run, so that other work on the machine meets both.  Prints a
// table; judges nothing.
//   sign-bench [seconds per row, default 20] [callers of each row, default 1 8]

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "tests/bench/slices.h"
#include "tests/support/daemon.h"

namespace signer::test {

namespace {

constexpr int kSessions = 64;

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

Cell run_cell(TestDaemon& daemon, Direct& direct, int callers, std::chrono::seconds length) {
  std::vector<std::unique_ptr<Caller>> connections;
  for (int i = 0; i < callers; ++i) connections.push_back(std::make_unique<Caller>(daemon.socket()));
  const std::string request = issue_request();
  const pid_t front = daemon.process().pid();
  const pid_t host = daemon.host_pid();
  return run_in_turns({.callers = callers, .once = [&](int caller) { direct.sign(caller); }, .cpu = own_cpu},
                      {.callers = callers,
                       .once = [&](int caller) { connections[static_cast<std::size_t>(caller)]->call(request); },
                       .cpu = [=] { return cpu_of_process(front) + cpu_of_process(host); }},
                      length);
}

}  // namespace

}  // namespace signer::test

int main(int argc, char** argv) {
  using namespace signer::test;
  const Arguments arguments = read_arguments(argc, argv, kSessions);
  TestDaemon daemon({SIGNERD_PROGRAM, SIGNER_HSM_PROGRAM, SIGNERCTL_PROGRAM});
  if (!daemon.up()) {
    std::fprintf(stderr, "%s", daemon.log().c_str());
    return 1;
  }
  Direct direct(daemon.token(), kSessions);
  print_head("RS256, RSA-2048, SoftHSM2", "callers", arguments.length);
  for (const int callers : arguments.callers) {
    print_row(std::to_string(callers), run_cell(daemon, direct, callers, arguments.length));
  }
  return 0;
}
