// SPDX-License-Identifier: Apache-2.0

#include "experiments.h"

#include <cstdarg>
#include <cstdio>
#include <map>

#include "hsm/ckr.h"

namespace signer::faults {

namespace {

constexpr int kSignatures = 20;

// Flushed at once: the next call may be the last.
__attribute__((format(printf, 1, 2))) void say(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::fputs("    ", stdout);
  std::vprintf(format, arguments);
  std::fputs("\n", stdout);
  va_end(arguments);
  std::fflush(stdout);
}

void log_in(const Libp11& libp11, const Token& token) {
  if (::PKCS11_login(libp11.slot, 0, token.pin.c_str()) != 0) give_up("PKCS11_login");
}

int logged_in_flag(const Libp11& libp11) {
  int flag = -1;
  ::PKCS11_is_logged_in(libp11.slot, 0, &flag);
  return flag;
}

// "20 of 20 good" or "0 of 20 good; CKR_X 20 times".
std::string signing_record(EVP_PKEY* key, int& good) {
  std::map<std::string, int> answers;
  good = 0;
  for (int i = 0; i < kSignatures; ++i) {
    const std::string answer = sign(key);
    if (answer.empty()) {
      ++good;
    } else {
      ++answers[answer];
    }
  }
  std::string text = std::to_string(good) + " of " + std::to_string(kSignatures) + " good";
  for (const auto& [answer, times] : answers) text += "; " + answer + " " + std::to_string(times) + " times";
  return text;
}

// What a long-lived process could do: log out and in, make libp11 drop its sessions by a change of mode, start over.
void look_for_a_cure(const Libp11& libp11, const Token& token, EVP_PKEY* key) {
  int good = 0;
  const auto try_again = [&](const char* step, int result) {
    say("cure: %s returned %d; old EVP_PKEY: %s", step, result, signing_record(key, good).c_str());
    EVP_PKEY* again = list_key(libp11, kKey);
    say("      keys listed anew: %s", again == nullptr ? "cannot" : signing_record(again, good).c_str());
  };
  say("cure: PKCS11_logout returned %d", ::PKCS11_logout(libp11.slot));
  try_again("PKCS11_login", ::PKCS11_login(libp11.slot, 0, token.pin.c_str()));
  say("cure: PKCS11_open_session read-write returned %d", ::PKCS11_open_session(libp11.slot, 1));
  try_again("PKCS11_login", ::PKCS11_login(libp11.slot, 0, token.pin.c_str()));
  say("cure: PKCS11_logout returned %d", ::PKCS11_logout(libp11.slot));
  try_again("PKCS11_login", ::PKCS11_login(libp11.slot, 0, token.pin.c_str()));
}

}  // namespace

void open_session_fails(const Token& token, Seen& seen, CK_RV answer, unsigned long failures) {
  const Libp11 libp11 = load_libp11();
  shim().open_answer = answer;
  shim().open_failures_left = failures;
  const unsigned long before = shim().opens;
  say("C_OpenSession answers %s %s; PKCS11_login ...", hsm::ckr_name(answer).c_str(),
      failures == 1 ? "once, then works again" : "from now on");
  seen.at_the_brink = true;
  const int result = ::PKCS11_login(libp11.slot, 0, token.pin.c_str());
  seen.verdict = Verdict::kMended;
  say("... returned %d; C_OpenSession was called %lu times", result, shim().opens - before);
}

void sessions_die(const Token& token, Seen& seen) {
  const Libp11 libp11 = load_libp11();
  log_in(libp11, token);
  EVP_PKEY* key = find_key(libp11, kKey);
  int good = 0;
  say("before: %s", signing_record(key, good).c_str());
  if (good != kSignatures) give_up("sign before anything is done");

  if (shim().api->C_CloseAllSessions(::PKCS11_get_slotid_from_slot(libp11.slot)) != CKR_OK)
    give_up("C_CloseAllSessions");
  seen.at_the_brink = true;
  say("after C_CloseAllSessions: %s", signing_record(key, good).c_str());
  seen.verdict = good == 0 ? Verdict::kReproduces : Verdict::kMended;
  say("PKCS11_is_logged_in says %d", logged_in_flag(libp11));

  const unsigned long logins = shim().logins;
  const int result = ::PKCS11_login(libp11.slot, 0, token.pin.c_str());
  say("PKCS11_login again: returned %d, C_Login called %lu times", result, shim().logins - logins);
  say("then: %s", signing_record(key, good).c_str());

  look_for_a_cure(libp11, token, key);
}

void mechanism_used(const Token& token, Seen& seen) {
  const Libp11 libp11 = load_libp11();
  log_in(libp11, token);
  CK_MECHANISM_INFO info{};
  const CK_RV offered =
      shim().api->C_GetMechanismInfo(::PKCS11_get_slotid_from_slot(libp11.slot), CKM_SHA256_RSA_PKCS, &info);
  say("C_GetMechanismInfo CKM_SHA256_RSA_PKCS: %s, CKF_SIGN %s", hsm::ckr_name(offered).c_str(),
      (info.flags & CKF_SIGN) != 0 ? "set" : "not set");
  EVP_PKEY* key = find_key(libp11, kKey);
  EVP_PKEY* strict = find_key(libp11, kStrictKey);
  seen.at_the_brink = true;
  int good = 0;
  say("EVP_DigestSign with SHA-256: %s", signing_record(key, good).c_str());
  say("C_SignInit was called with CKM_RSA_PKCS %lu times, CKM_SHA256_RSA_PKCS %lu times, another %lu times",
      shim().with_rsa_pkcs.load(), shim().with_sha256_rsa_pkcs.load(), shim().with_another.load());
  seen.verdict = shim().with_sha256_rsa_pkcs == 0 ? Verdict::kReproduces : Verdict::kMended;
  say("key that allows CKM_SHA256_RSA_PKCS alone: %s", signing_record(strict, good).c_str());
}

void release_slots(const Token&, Seen& seen) {
  CK_FUNCTION_LIST& api = *shim().api;
  CK_C_INITIALIZE_ARGS locking{};
  locking.flags = CKF_OS_LOCKING_OK;
  if (api.C_Initialize(&locking) != CKR_OK) give_up("C_Initialize");
  const Libp11 libp11 = load_libp11();
  CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
  const CK_SLOT_ID slot = ::PKCS11_get_slotid_from_slot(libp11.slot);
  if (api.C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session) != CKR_OK) give_up("C_OpenSession");
  CK_SESSION_INFO info{};
  if (api.C_GetSessionInfo(session, &info) != CKR_OK) give_up("C_GetSessionInfo");
  say("a session of our own, opened without libp11: C_GetSessionInfo CKR_OK");

  seen.at_the_brink = true;
  ::PKCS11_release_all_slots(libp11.context, libp11.slots, libp11.slot_count);
  const CK_RV after = api.C_GetSessionInfo(session, &info);
  say("PKCS11_release_all_slots: C_CloseAllSessions called %lu times; our session: %s", shim().close_alls.load(),
      hsm::ckr_name(after).c_str());
  seen.verdict = after == CKR_OK ? Verdict::kMended : Verdict::kReproduces;

  ::PKCS11_CTX_unload(libp11.context);
  CK_INFO module{};
  say("PKCS11_CTX_unload: C_Finalize called %lu times; our C_GetInfo: %s", shim().finalizes.load(),
      hsm::ckr_name(api.C_GetInfo(&module)).c_str());
}

}  // namespace signer::faults
