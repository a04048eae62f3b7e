// SPDX-License-Identifier: Apache-2.0

#include "hsm/module.h"

#include <dlfcn.h>

#include "base/log.h"
#include "hsm/ckr.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

HostResult<std::unique_ptr<Module>> Module::load(const std::string& path) {
  // dlopen searches the library path for a bare name; a configured driver is one file.
  if (path.empty() || path.front() != '/') {
    return host_failure(HostStatus::kInvalid, "hsm: module \"" + path + "\": not an absolute path");
  }
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return host_failure(HostStatus::kInvalid,
                        "hsm: load module: " + std::string(why != nullptr ? why : path) +
                            "; name the PKCS#11 module that came with the token, for this machine's processor");
  }
  const auto get_list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  if (get_list == nullptr) {
    return host_failure(HostStatus::kInvalid,
                        "hsm: module " + path + ": has no C_GetFunctionList, so it is not a PKCS#11 module");
  }
  CK_FUNCTION_LIST* api = nullptr;
  const CK_RV rv = get_list(&api);
  if (rv != CKR_OK) return fail(host_error("C_GetFunctionList", path, rv));
  if (api == nullptr || api->version.major != 2) {
    return host_failure(HostStatus::kInvalid, "hsm: module " + path + ": does not speak PKCS#11 version 2");
  }
  return std::unique_ptr<Module>(new Module(path, api));
}

Module::~Module() {
  finalize();
}

HostResult<void> Module::initialize() {
  if (initialized_) return {};
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV rv = api_->C_Initialize(&arguments);
  if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
    return fail(host_error(
        "C_Initialize", path_, rv,
        "see that the module's own configuration is there and readable for this user (SoftHSM2: the file that "
        "SOFTHSM2_CONF names and its directory of tokens), and that the device is connected"));
  }
  initialized_ = true;
  return {};
}

void Module::finalize() {
  if (!initialized_) return;
  initialized_ = false;
  const CK_RV rv = api_->C_Finalize(nullptr);
  if (rv != CKR_OK) log::warn("hsm_finalize_failed", {{"module", path_}, {"ckr", ckr_name(rv)}});
}

}  // namespace signer::hsm
