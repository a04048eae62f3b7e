// SPDX-License-Identifier: Apache-2.0
//
// A PKCS#11 module that passes every call to a real one and fails on command: what a network HSM does on a bad day.
// The faults are control.h's.  It also watches for what crashes real modules and counts it as a violation.
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <vector>

#include "control.h"
#include "lies.h"

namespace {

using signer::fault::Control;
using signer::fault::Function;

constexpr const char* kDefaultTarget = "/usr/lib/softhsm/libsofthsm2.so";

struct LoadedTarget {
  CK_FUNCTION_LIST* api = nullptr;
  Control* control = nullptr;
};

// Loaded at the first C_GetFunctionList, never unloaded.
LoadedTarget load() {
  LoadedTarget loaded;
  const char* path = std::getenv("SIGNER_FAULT_TARGET");
  void* library = ::dlopen(path != nullptr ? path : kDefaultTarget, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "fault module: %s\n", ::dlerror());
    return loaded;
  }
  const auto get_list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  if (get_list == nullptr || get_list(&loaded.api) != CKR_OK) return loaded;
  const char* control = std::getenv("SIGNER_FAULT_CONTROL");
  if (control != nullptr) loaded.control = signer::fault::map_control(control).release();
  if (control != nullptr && loaded.control == nullptr) {
    std::fprintf(stderr, "fault module: cannot map %s\n", control);
    loaded.api = nullptr;
  }
  if (control == nullptr) loaded.control = new Control();
  return loaded;
}

const LoadedTarget& target() {
  static const LoadedTarget loaded = load();
  return loaded;
}

Control& control() {
  return *target().control;
}

CK_FUNCTION_LIST& api() {
  return *target().api;
}

bool take_one(std::atomic<std::uint64_t>& count) {
  std::uint64_t left = count;
  while (left > 0 && !count.compare_exchange_weak(left, left - 1)) {
  }
  return left > 0;
}

// What the module believes to be alive, each with the number of losses at its birth.
class Ledger {
 public:
  void opened(CK_SESSION_HANDLE session) {
    const std::lock_guard lock(mutex_);
    sessions_[session] = control().sessions_lost;
  }

  void closed(CK_SESSION_HANDLE session) {
    const std::lock_guard lock(mutex_);
    sessions_.erase(session);
  }

  void all_closed() {
    const std::lock_guard lock(mutex_);
    sessions_.clear();
  }

  void initialized() {
    all_closed();
    wedged_ = control().wedged.load();
  }

  void logged_in() { logins_ = control().logins_lost.load(); }

  void found(CK_OBJECT_HANDLE object) {
    const std::lock_guard lock(mutex_);
    objects_[object] = control().handles_lost;
  }

  [[nodiscard]] bool is_lost(CK_SESSION_HANDLE session) {
    const std::lock_guard lock(mutex_);
    const auto known = sessions_.find(session);
    return known != sessions_.end() && known->second != control().sessions_lost;
  }

  [[nodiscard]] bool is_stale(CK_OBJECT_HANDLE object) {
    const std::lock_guard lock(mutex_);
    const auto known = objects_.find(object);
    return known != objects_.end() && known->second != control().handles_lost;
  }

  [[nodiscard]] bool is_logged_out() const { return logins_ != control().logins_lost; }

  [[nodiscard]] bool is_wedged() const { return wedged_ != control().wedged; }

  [[nodiscard]] std::size_t open_sessions() {
    const std::lock_guard lock(mutex_);
    return sessions_.size();
  }

  void enter(CK_SESSION_HANDLE session) {
    const std::lock_guard lock(mutex_);
    ++inside_;
    if (session != CK_INVALID_HANDLE && !busy_.insert(session).second) ++control().violations;
  }

  void leave(CK_SESSION_HANDLE session) {
    const std::lock_guard lock(mutex_);
    --inside_;
    busy_.erase(session);
  }

  void must_be_alone() {
    const std::lock_guard lock(mutex_);
    if (inside_ > 1) ++control().violations;
  }

 private:
  std::mutex mutex_;
  std::map<CK_SESSION_HANDLE, std::uint64_t> sessions_;
  std::map<CK_OBJECT_HANDLE, std::uint64_t> objects_;
  std::set<CK_SESSION_HANDLE> busy_;
  int inside_ = 0;
  std::atomic<std::uint64_t> logins_{0};
  std::atomic<std::uint64_t> wedged_{0};
};

Ledger& ledger() {
  static Ledger instance;
  return instance;
}

constexpr bool takes_session(Function f) {
  switch (f) {
    case Function::C_Initialize:
    case Function::C_Finalize:
    case Function::C_GetInfo:
    case Function::C_GetFunctionList:
    case Function::C_GetSlotList:
    case Function::C_GetSlotInfo:
    case Function::C_GetTokenInfo:
    case Function::C_GetMechanismList:
    case Function::C_GetMechanismInfo:
    case Function::C_InitToken:
    case Function::C_OpenSession:
    case Function::C_CloseAllSessions:
    case Function::C_WaitForSlotEvent:
      return false;
    default:
      return true;
  }
}

template <Function F, class... Arguments>
CK_SESSION_HANDLE session_of(Arguments... arguments) {
  if constexpr (takes_session(F)) {
    return std::get<0>(std::tuple(arguments...));
  } else {
    return CK_INVALID_HANDLE;
  }
}

// The faults that every function can meet.
CK_RV common_fault(Function function, CK_SESSION_HANDLE session) {
  auto& mine = control().at(function);
  ++mine.calls;
  if (take_one(mine.fail_next)) return mine.fail_with;
  if (function == Function::C_Initialize || function == Function::C_Finalize || function == Function::C_CloseSession) {
    return CKR_OK;
  }
  if (ledger().is_wedged() && (session != CK_INVALID_HANDLE || function == Function::C_OpenSession)) {
    return CKR_DEVICE_ERROR;
  }
  if (session != CK_INVALID_HANDLE && ledger().is_lost(session)) return CKR_SESSION_HANDLE_INVALID;
  return CKR_OK;
}

// Counts, fails or forwards.  `Own` replaces the plain call for functions with faults of their own.
template <Function F, auto Member, auto Own = nullptr>
struct Call;

template <Function F, class... Arguments, CK_RV (*CK_FUNCTION_LIST::*Member)(Arguments...), auto Own>
struct Call<F, Member, Own> {
  static CK_RV run(Arguments... arguments) {
    const CK_SESSION_HANDLE session = session_of<F>(arguments...);
    ledger().enter(session);
    CK_RV rv = common_fault(F, session);
    if (rv == CKR_OK) {
      if constexpr (std::is_null_pointer_v<decltype(Own)>) {
        rv = (api().*Member)(arguments...);
      } else {
        rv = Own(arguments...);
      }
    }
    ledger().leave(session);
    return rv;
  }
};

CK_RV initialize(void* arguments) {
  const auto* given = static_cast<CK_C_INITIALIZE_ARGS*>(arguments);
  if (given == nullptr || (given->flags & CKF_OS_LOCKING_OK) == 0) ++control().violations;
  const CK_RV rv = api().C_Initialize(arguments);
  if (rv == CKR_OK) ledger().initialized();
  return rv;
}

CK_RV finalize(void* reserved) {
  ledger().must_be_alone();
  ledger().all_closed();
  return api().C_Finalize(reserved);
}

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  const CK_RV rv = api().C_GetTokenInfo(slot, info);
  if (rv != CKR_OK) return rv;
  info->flags = (info->flags | control().extra_token_flags) & ~control().hidden_token_flags;
  if (control().calls(Function::C_Login) > 0) info->flags |= control().flags_after_login;
  if (control().sessions_max > 0) info->ulMaxSessionCount = info->ulMaxRwSessionCount = control().sessions_max;
  return rv;
}

CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO* info) {
  if (type == control().hidden_mechanism) return CKR_MECHANISM_INVALID;
  return api().C_GetMechanismInfo(slot, type, info);
}

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify, CK_SESSION_HANDLE* session) {
  const std::uint64_t most = control().sessions_max;
  if (most > 0 && ledger().open_sessions() >= most) return CKR_SESSION_COUNT;
  const CK_RV rv = api().C_OpenSession(slot, flags, application, notify, session);
  if (rv == CKR_OK) ledger().opened(*session);
  return rv;
}

CK_RV close_session(CK_SESSION_HANDLE session) {
  const bool lost = ledger().is_lost(session);
  ledger().closed(session);
  const CK_RV rv = api().C_CloseSession(session);
  return lost ? CKR_SESSION_HANDLE_INVALID : rv;
}

CK_RV close_all_sessions(CK_SLOT_ID slot) {
  ledger().must_be_alone();
  ledger().all_closed();
  return api().C_CloseAllSessions(slot);
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE* pin, CK_ULONG size) {
  const bool was_out = ledger().is_logged_out();
  CK_RV rv = api().C_Login(session, user, pin, size);
  if (was_out && rv == CKR_USER_ALREADY_LOGGED_IN) rv = CKR_OK;
  if (rv == CKR_OK) ledger().logged_in();
  return rv;
}

CK_RV logout(CK_SESSION_HANDLE session) {
  ledger().must_be_alone();
  return api().C_Logout(session);
}

CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* objects, CK_ULONG most, CK_ULONG* count) {
  const CK_RV rv = api().C_FindObjects(session, objects, most, count);
  if (rv != CKR_OK) return rv;
  if (ledger().is_logged_out()) *count = 0;
  for (CK_ULONG i = 0; i < *count; ++i) ledger().found(objects[i]);
  return rv;
}

CK_RV get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO* info) {
  const CK_RV rv = api().C_GetSessionInfo(session, info);
  if (rv == CKR_OK && ledger().is_logged_out()) info->state = CKS_RW_PUBLIC_SESSION;
  return rv;
}

CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                          CK_ULONG count) {
  return signer::fault::read_with_lies(api(), control(), session, object, attributes, count);
}

bool names_refused(const CK_ATTRIBUTE* attributes, CK_ULONG count) {
  for (CK_ULONG i = 0; i < count; ++i) {
    if (attributes[i].type == control().refused_attribute) return true;
  }
  return false;
}

CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* public_attributes,
                        CK_ULONG public_count, CK_ATTRIBUTE* private_attributes, CK_ULONG private_count,
                        CK_OBJECT_HANDLE* public_key, CK_OBJECT_HANDLE* private_key) {
  if (names_refused(public_attributes, public_count) || names_refused(private_attributes, private_count)) {
    return CKR_ATTRIBUTE_TYPE_INVALID;
  }
  auto weakened = signer::fault::weakened_template(control(), private_attributes, private_count);
  return api().C_GenerateKeyPair(session, mechanism, public_attributes, public_count, weakened.data(), weakened.size(),
                                 public_key, private_key);
}

CK_RV generate_key(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* attributes, CK_ULONG count,
                   CK_OBJECT_HANDLE* key) {
  if (names_refused(attributes, count)) return CKR_ATTRIBUTE_TYPE_INVALID;
  return api().C_GenerateKey(session, mechanism, attributes, count, key);
}

CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  if (ledger().is_logged_out()) return CKR_USER_NOT_LOGGED_IN;
  if (ledger().is_stale(key)) return CKR_OBJECT_HANDLE_INVALID;
  if (mechanism->mechanism == control().hidden_mechanism) return CKR_MECHANISM_INVALID;
  return api().C_SignInit(session, mechanism, key);
}

void wait_while_hung() {
  if (control().hang_sign == 0) return;
  ++control().hanging;
  while (control().hang_sign != 0) {
    const timespec pause{0, 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
  --control().hanging;
}

CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE* data, CK_ULONG size, CK_BYTE* signature, CK_ULONG* signature_size) {
  if (take_one(control().crash_at_sign) && control().crash_at_sign == 0) std::abort();
  wait_while_hung();
  if (const std::uint64_t delay = control().sign_delay_ns; delay > 0) {
    const timespec pause{static_cast<time_t>(delay / 1'000'000'000), static_cast<long>(delay % 1'000'000'000)};
    ::nanosleep(&pause, nullptr);
  }
  std::vector<CK_BYTE> other;
  if (signature != nullptr && size > 0 && take_one(control().sign_other_digests)) {
    other.assign(data, data + size);
    other.back() = static_cast<CK_BYTE>(other.back() ^ 1U);
    data = other.data();
  }
  const CK_RV rv = api().C_Sign(session, data, size, signature, signature_size);
  if (rv == CKR_OK && signature != nullptr && take_one(control().flip_signatures)) {
    signature[*signature_size - 1] = static_cast<CK_BYTE>(signature[*signature_size - 1] ^ 1U);
  }
  return rv;
}

CK_FUNCTION_LIST make_list() {
  CK_FUNCTION_LIST list{};
  list.version = {2, 40};
#define SIGNER_FAULT_PLAIN(name) list.name = Call<Function::name, &CK_FUNCTION_LIST::name>::run;
  SIGNER_FAULT_FUNCTIONS(SIGNER_FAULT_PLAIN)
#undef SIGNER_FAULT_PLAIN
#define SIGNER_FAULT_OWN(name, own) list.name = Call<Function::name, &CK_FUNCTION_LIST::name, &own>::run
  SIGNER_FAULT_OWN(C_Initialize, initialize);
  SIGNER_FAULT_OWN(C_Finalize, finalize);
  SIGNER_FAULT_OWN(C_GetTokenInfo, get_token_info);
  SIGNER_FAULT_OWN(C_GetMechanismInfo, get_mechanism_info);
  SIGNER_FAULT_OWN(C_OpenSession, open_session);
  SIGNER_FAULT_OWN(C_CloseSession, close_session);
  SIGNER_FAULT_OWN(C_CloseAllSessions, close_all_sessions);
  SIGNER_FAULT_OWN(C_GetSessionInfo, get_session_info);
  SIGNER_FAULT_OWN(C_Login, login);
  SIGNER_FAULT_OWN(C_Logout, logout);
  SIGNER_FAULT_OWN(C_FindObjects, find_objects);
  SIGNER_FAULT_OWN(C_GetAttributeValue, get_attribute_value);
  SIGNER_FAULT_OWN(C_GenerateKeyPair, generate_key_pair);
  SIGNER_FAULT_OWN(C_GenerateKey, generate_key);
  SIGNER_FAULT_OWN(C_SignInit, sign_init);
  SIGNER_FAULT_OWN(C_Sign, sign);
#undef SIGNER_FAULT_OWN
  return list;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  static CK_FUNCTION_LIST ours = make_list();
  if (list == nullptr) return CKR_ARGUMENTS_BAD;
  if (target().api == nullptr) return CKR_LIBRARY_LOAD_FAILED;
  *list = &ours;
  return CKR_OK;
}
