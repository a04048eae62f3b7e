// SPDX-License-Identifier: Apache-2.0
//
// What every experiment needs: a token with two keys, made by our own code in a process that is gone, and libp11 as its
// users use it.
#pragma once

#include <libp11.h>
#include <openssl/evp.h>

#include <string>

#include "shim.h"

namespace signer::faults {

// A SoftHSM2 token in `directory`.  Made once, before any experiment.
struct Token {
  std::string directory;
  std::string pin;
};

inline constexpr const char* kLabel = "faults";
inline constexpr const char* kKey = "plain";         // CKA_ID; allows CKM_RSA_PKCS and CKM_SHA256_RSA_PKCS
inline constexpr const char* kStrictKey = "strict";  // allows CKM_SHA256_RSA_PKCS alone

// Initialises the token and generates the keys; to be called in a child process, for it uses the module itself.
// Says on stderr what went wrong.
[[nodiscard]] bool make_token(const std::string& directory);

// Steps of an experiment.  One that fails says so on stderr and ends the process with kSetUpFailed.
inline constexpr int kSetUpFailed = 3;
[[noreturn]] void give_up(const std::string& step);

[[nodiscard]] Shim& shim();

// libp11 with the module loaded and the slots listed; nothing is ever given back, the process ends.
struct Libp11 {
  PKCS11_CTX* context = nullptr;
  PKCS11_SLOT* slots = nullptr;
  unsigned slot_count = 0;
  PKCS11_SLOT* slot = nullptr;  // the token's
};

[[nodiscard]] Libp11 load_libp11();

// The private key with this CKA_ID as libp11 lists it now; null if it cannot list or has none.
[[nodiscard]] EVP_PKEY* list_key(const Libp11& libp11, const std::string& id);

// The same, and giving up without one.
[[nodiscard]] EVP_PKEY* find_key(const Libp11& libp11, const std::string& id);

// One EVP_DigestSign with SHA-256: "" or the name of what the module answered.
[[nodiscard]] std::string sign(EVP_PKEY* key);

}  // namespace signer::faults
