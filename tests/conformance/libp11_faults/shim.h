// SPDX-License-Identifier: Apache-2.0
//
// A PKCS#11 module that is SoftHSM2 but for C_OpenSession, which fails on demand, and that counts what it is asked.
// Experiment and libp11 have it loaded in one process, so plain memory is all they share.
#pragma once

#include <p11-kit/pkcs11.h>

#include <atomic>

namespace signer::faults {

struct Shim {
  CK_FUNCTION_LIST* api = nullptr;

  std::atomic<unsigned long> open_failures_left{0};  // this many C_OpenSession fail ...
  std::atomic<CK_RV> open_answer{CKR_OK};            // ... with this

  std::atomic<unsigned long> opens{0};
  std::atomic<unsigned long> logins{0};
  std::atomic<unsigned long> close_alls{0};
  std::atomic<unsigned long> finalizes{0};
  std::atomic<unsigned long> with_rsa_pkcs{0};         // C_SignInit with CKM_RSA_PKCS
  std::atomic<unsigned long> with_sha256_rsa_pkcs{0};  // C_SignInit with CKM_SHA256_RSA_PKCS
  std::atomic<unsigned long> with_another{0};
};

}  // namespace signer::faults

// Null if SoftHSM2 cannot be loaded.
extern "C" signer::faults::Shim* libp11_faults_shim();
using GetShim = decltype(&libp11_faults_shim);
