// SPDX-License-Identifier: Apache-2.0
//
// The switchboard of signer-fault-module: a file that test and module both map, so that a test flips faults in a
// running host.  Export SIGNER_FAULT_CONTROL=<this file> (and SIGNER_FAULT_TARGET=<real module>) to the host.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace signer::fault {

// Every PKCS#11 2.x function, in the order of CK_FUNCTION_LIST.
// clang-format off
#define SIGNER_FAULT_FUNCTIONS(X)                                                                                     \
  X(C_Initialize) X(C_Finalize) X(C_GetInfo) X(C_GetFunctionList) X(C_GetSlotList) X(C_GetSlotInfo)                   \
  X(C_GetTokenInfo) X(C_GetMechanismList) X(C_GetMechanismInfo) X(C_InitToken) X(C_InitPIN) X(C_SetPIN)               \
  X(C_OpenSession) X(C_CloseSession) X(C_CloseAllSessions) X(C_GetSessionInfo) X(C_GetOperationState)                 \
  X(C_SetOperationState) X(C_Login) X(C_Logout) X(C_CreateObject) X(C_CopyObject) X(C_DestroyObject)                  \
  X(C_GetObjectSize) X(C_GetAttributeValue) X(C_SetAttributeValue) X(C_FindObjectsInit) X(C_FindObjects)              \
  X(C_FindObjectsFinal) X(C_EncryptInit) X(C_Encrypt) X(C_EncryptUpdate) X(C_EncryptFinal) X(C_DecryptInit)           \
  X(C_Decrypt) X(C_DecryptUpdate) X(C_DecryptFinal) X(C_DigestInit) X(C_Digest) X(C_DigestUpdate) X(C_DigestKey)      \
  X(C_DigestFinal) X(C_SignInit) X(C_Sign) X(C_SignUpdate) X(C_SignFinal) X(C_SignRecoverInit) X(C_SignRecover)       \
  X(C_VerifyInit) X(C_Verify) X(C_VerifyUpdate) X(C_VerifyFinal) X(C_VerifyRecoverInit) X(C_VerifyRecover)            \
  X(C_DigestEncryptUpdate) X(C_DecryptDigestUpdate) X(C_SignEncryptUpdate) X(C_DecryptVerifyUpdate) X(C_GenerateKey)  \
  X(C_GenerateKeyPair) X(C_WrapKey) X(C_UnwrapKey) X(C_DeriveKey) X(C_SeedRandom) X(C_GenerateRandom)                 \
  X(C_GetFunctionStatus) X(C_CancelFunction) X(C_WaitForSlotEvent)
// clang-format on

enum class Function : std::uint32_t {
#define SIGNER_FAULT_ENUMERATOR(name) name,
  SIGNER_FAULT_FUNCTIONS(SIGNER_FAULT_ENUMERATOR)
#undef SIGNER_FAULT_ENUMERATOR
      kCount
};

inline constexpr std::size_t kFunctionCount = static_cast<std::size_t>(Function::kCount);
inline constexpr std::uint64_t kNone = ~std::uint64_t{0};

// What a module that lies makes of the private keys that it generates, whatever it was asked for.
enum WeakPair : std::uint32_t {
  kAsAsked = 0,
  kReadable = 1,   // CKA_SENSITIVE=0, CKA_EXTRACTABLE=1
  kWrappable = 2,  // CKA_SENSITIVE=1, CKA_EXTRACTABLE=1
  kCopyable = 3,   // CKA_MODIFIABLE=1, CKA_COPYABLE=1
};

// Plain shared memory: every member is an atomic of its own, zero (or kNone) means "no fault".
struct Control {
  struct PerFunction {
    std::atomic<std::uint64_t> calls{0};      // counted always
    std::atomic<std::uint64_t> fail_next{0};  // this many calls fail ...
    std::atomic<std::uint64_t> fail_with{0};  // ... with this CK_RV, before the real module is asked
  };

  std::array<PerFunction, kFunctionCount> functions;

  // C_Sign.
  std::atomic<std::uint32_t> hang_sign{0};           // calls block while this is not zero
  std::atomic<std::uint32_t> hanging{0};             // how many are blocked now
  std::atomic<std::uint64_t> crash_at_sign{0};       // N: the Nth call from now aborts the process
  std::atomic<std::uint64_t> flip_signatures{0};     // this many signatures come with one bit flipped
  std::atomic<std::uint64_t> sign_other_digests{0};  // this many are good signatures of something else
  std::atomic<std::uint64_t> sign_delay_ns{0};       // models a device's latency

  // What the token says of itself.
  std::atomic<std::uint64_t> extra_token_flags{0};
  std::atomic<std::uint64_t> hidden_token_flags{0};
  std::atomic<std::uint64_t> flags_after_login{0};     // shown once C_Login has been called
  std::atomic<std::uint64_t> hidden_mechanism{kNone};  // C_GetMechanismInfo and C_SignInit: CKR_MECHANISM_INVALID
  std::atomic<std::uint64_t> sessions_max{0};          // C_OpenSession beyond: CKR_SESSION_COUNT

  // Templates and read-back.
  std::atomic<std::uint64_t> refused_attribute{kNone};  // C_GenerateKeyPair: CKR_ATTRIBUTE_TYPE_INVALID
  std::atomic<std::uint64_t> forced_attribute{kNone};   // C_GetAttributeValue of this flag ...
  std::atomic<std::uint32_t> forced_value{0};           // ... reads so

  // Lies (lies.h): a token that claims to hold good keys and gives them away.
  std::atomic<std::uint32_t> weak_pairs{kAsAsked};  // C_GenerateKeyPair
  std::atomic<std::uint32_t> good_claims{0};        // every private key reads as a good one
  std::atomic<std::uint32_t> leaks_quietly{0};      // private numbers come with CKR_ATTRIBUTE_SENSITIVE
  std::atomic<std::uint32_t> leaks_mixed{0};        // they are refused one by one and come among others

  // Losses, by counting up: each makes all that was made before it worthless.
  std::atomic<std::uint64_t> sessions_lost{0};  // CKR_SESSION_HANDLE_INVALID; cure: new sessions
  std::atomic<std::uint64_t> handles_lost{0};   // C_SignInit: CKR_OBJECT_HANDLE_INVALID; cure: find the objects again
  std::atomic<std::uint64_t> logins_lost{0};    // CKR_USER_NOT_LOGGED_IN, keys invisible; cure: C_Login
  std::atomic<std::uint64_t> wedged{0};         // CKR_DEVICE_ERROR; cure: C_Finalize and C_Initialize

  // What no client may do (counted, never cleared): C_Finalize, C_CloseAllSessions or C_Logout while another call is
  // running; two calls at once in one session; C_Initialize without CKF_OS_LOCKING_OK.
  std::atomic<std::uint64_t> violations{0};

  [[nodiscard]] PerFunction& at(Function function) noexcept { return functions[static_cast<std::size_t>(function)]; }

  [[nodiscard]] std::uint64_t calls(Function function) noexcept { return at(function).calls; }

  void fail_next(Function function, std::uint64_t times, std::uint64_t ckr) noexcept {
    at(function).fail_with = ckr;
    at(function).fail_next = times;
  }
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free,
              "atomics are shared between processes");

// A mapping of the file; unmapped on destruction.
struct Unmap {
  void operator()(Control* control) const noexcept { ::munmap(control, sizeof(Control)); }
};
using ControlMapping = std::unique_ptr<Control, Unmap>;

// Maps an existing control file; null if it cannot.
[[nodiscard]] inline ControlMapping map_control(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* memory = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return ControlMapping(memory == MAP_FAILED ? nullptr : static_cast<Control*>(memory));
}

// Makes a control file without faults and maps it; null if it cannot.
[[nodiscard]] inline ControlMapping make_control(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  const bool sized = ::ftruncate(fd, sizeof(Control)) == 0;
  ::close(fd);
  auto mapping = sized ? map_control(path) : nullptr;
  if (mapping) ::new (mapping.get()) Control();
  return mapping;
}

}  // namespace signer::fault
