// SPDX-License-Identifier: Apache-2.0
//
// A PKCS#11 module: the vendor's shared object, loaded once for the life of the process.
#pragma once

#include <memory>
#include <string>

#include "channel/values.h"
#include "hsm/pkcs11.h"

namespace signer::hsm {

// Never unloaded: modules leave threads, atexit handlers and OpenSSL callbacks behind that dlclose would pull the code
// from under.  initialize() and finalize() must not run while any other thread is in a call.
class Module {
 public:
  // Loads without initialising.  kInvalid with a sentence if `path` is no PKCS#11 module.
  [[nodiscard]] static channel::HostResult<std::unique_ptr<Module>> load(const std::string& path);

  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  ~Module();

  // C_Initialize with CKF_OS_LOCKING_OK: without it modules use no locks at all.
  [[nodiscard]] channel::HostResult<void> initialize();

  // C_Finalize, if initialised.  Failure is logged; the module counts as finalised.
  void finalize();

  [[nodiscard]] const CK_FUNCTION_LIST& api() const noexcept { return *api_; }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  Module(std::string path, const CK_FUNCTION_LIST* api) : path_(std::move(path)), api_(api) {}

  std::string path_;
  const CK_FUNCTION_LIST* api_;
  bool initialized_ = false;
};

}  // namespace signer::hsm
