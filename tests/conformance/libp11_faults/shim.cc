// SPDX-License-Identifier: Apache-2.0

#include "shim.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace {

using signer::faults::Shim;

constexpr const char* kDefaultTarget = "/usr/lib/softhsm/libsofthsm2.so";

Shim shim;
CK_FUNCTION_LIST real;
CK_FUNCTION_LIST ours;

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify, CK_SESSION_HANDLE* session) {
  ++shim.opens;
  if (shim.open_failures_left > 0) {
    --shim.open_failures_left;
    return shim.open_answer;
  }
  return real.C_OpenSession(slot, flags, application, notify, session);
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR* pin, CK_ULONG size) {
  ++shim.logins;
  return real.C_Login(session, user, pin, size);
}

CK_RV close_all_sessions(CK_SLOT_ID slot) {
  ++shim.close_alls;
  return real.C_CloseAllSessions(slot);
}

CK_RV finalize(void* reserved) {
  ++shim.finalizes;
  return real.C_Finalize(reserved);
}

CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  auto& count = mechanism->mechanism == CKM_RSA_PKCS          ? shim.with_rsa_pkcs
                : mechanism->mechanism == CKM_SHA256_RSA_PKCS ? shim.with_sha256_rsa_pkcs
                                                              : shim.with_another;
  ++count;
  return real.C_SignInit(session, mechanism, key);
}

CK_FUNCTION_LIST* load() {
  const char* path = std::getenv("LIBP11_FAULTS_TARGET");
  void* library = ::dlopen(path != nullptr ? path : kDefaultTarget, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "shim: %s\n", ::dlerror());
    return nullptr;
  }
  const auto get_list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* api = nullptr;
  if (get_list == nullptr || get_list(&api) != CKR_OK || api == nullptr) return nullptr;
  real = *api;
  ours = *api;
  ours.C_OpenSession = open_session;
  ours.C_Login = login;
  ours.C_CloseAllSessions = close_all_sessions;
  ours.C_Finalize = finalize;
  ours.C_SignInit = sign_init;
  return &ours;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) Shim* libp11_faults_shim() {
  static CK_FUNCTION_LIST* const api = load();
  shim.api = api;
  return api != nullptr ? &shim : nullptr;
}

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  const Shim* loaded = libp11_faults_shim();
  if (loaded == nullptr) return CKR_GENERAL_ERROR;
  *list = loaded->api;
  return CKR_OK;
}
