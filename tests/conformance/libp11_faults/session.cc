// SPDX-License-Identifier: Apache-2.0

#include "session.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <span>

#include "hsm/ckr.h"
#include "hsm/pkcs11_driver.h"
#include "hsm/token_admin.h"

namespace signer::faults {

namespace {

Bytes id_bytes(const std::string& id) {
  const ByteView view = bytes_of(id);
  return {view.begin(), view.end()};
}

channel::KeyRequest key_request(const std::string& id, bool strict) {
  return {.kind = jose::KeyKind::kRsa2048, .label = id, .key_id = id_bytes(id), .mechanism_lock = strict};
}

}  // namespace

bool make_token(const std::string& directory) {
  const std::string pin_file = directory + "/user.pin";
  const auto made = hsm::initialize_token({.module = LIBP11_FAULTS_SHIM,
                                           .label = kLabel,
                                           .pin_file = pin_file,
                                           .so_pin_file = directory + "/so.pin",
                                           .generate_pins = true,
                                           .slot_index = std::nullopt});
  if (!made) {
    std::fprintf(stderr, "token: %s\n", made.error().text.c_str());
    return false;
  }
  hsm::Pkcs11Driver driver;
  const auto opened = driver.open({.name = kLabel,
                                   .module = LIBP11_FAULTS_SHIM,
                                   .uri = std::string("pkcs11:token=") + kLabel,
                                   .pin_file = pin_file,
                                   .latch_file = directory + "/latch",
                                   .sessions = 1});
  if (!opened) {
    std::fprintf(stderr, "token: %s\n", opened.error().text.c_str());
    return false;
  }
  for (const char* id : {kKey, kStrictKey}) {
    const auto key = driver.generate_key(key_request(id, id == kStrictKey));
    if (key) continue;
    std::fprintf(stderr, "key: %s\n", key.error().text.c_str());
    return false;
  }
  driver.close();
  return true;
}

void give_up(const std::string& step) {
  std::fprintf(stderr, "set-up failed: %s\n", step.c_str());
  ::ERR_print_errors_fp(stderr);
  std::fflush(nullptr);
  ::_exit(kSetUpFailed);
}

Shim& shim() {
  static Shim* const loaded = [] {
    void* module = ::dlopen(LIBP11_FAULTS_SHIM, RTLD_NOW | RTLD_LOCAL);
    const auto get = module == nullptr ? nullptr : reinterpret_cast<GetShim>(::dlsym(module, "libp11_faults_shim"));
    return get == nullptr ? nullptr : get();
  }();
  if (loaded == nullptr) give_up("load " LIBP11_FAULTS_SHIM);
  return *loaded;
}

Libp11 load_libp11() {
  Libp11 libp11;
  libp11.context = ::PKCS11_CTX_new();
  if (libp11.context == nullptr || ::PKCS11_CTX_load(libp11.context, LIBP11_FAULTS_SHIM) != 0)
    give_up("PKCS11_CTX_load");
  if (::PKCS11_enumerate_slots(libp11.context, &libp11.slots, &libp11.slot_count) != 0)
    give_up("PKCS11_enumerate_slots");
  for (PKCS11_SLOT& slot : std::span(libp11.slots, libp11.slot_count)) {
    if (slot.token != nullptr && slot.token->label != nullptr && std::string(slot.token->label) == kLabel)
      libp11.slot = &slot;
  }
  if (libp11.slot == nullptr) give_up("find the token");
  return libp11;
}

EVP_PKEY* list_key(const Libp11& libp11, const std::string& id) {
  PKCS11_KEY* keys = nullptr;
  unsigned count = 0;
  if (::PKCS11_enumerate_keys(libp11.slot->token, &keys, &count) != 0) return nullptr;
  for (PKCS11_KEY& key : std::span(keys, count)) {
    if (text_of(ByteView(key.id, key.id_len)) == id) return ::PKCS11_get_private_key(&key);
  }
  return nullptr;
}

EVP_PKEY* find_key(const Libp11& libp11, const std::string& id) {
  EVP_PKEY* key = list_key(libp11, id);
  if (key == nullptr) give_up("find key " + id);
  return key;
}

std::string sign(EVP_PKEY* key) {
  constexpr std::string_view kMessage = "header.payload";
  ::ERR_clear_error();
  std::array<unsigned char, 512> signature{};
  std::size_t size = signature.size();
  EVP_MD_CTX* context = ::EVP_MD_CTX_new();
  const bool good = ::EVP_DigestSignInit(context, nullptr, ::EVP_sha256(), nullptr, key) == 1 &&
                    ::EVP_DigestSign(context, signature.data(), &size, bytes_of(kMessage).data(), kMessage.size()) == 1;
  ::EVP_MD_CTX_free(context);
  if (good) return "";
  while (const unsigned long error = ::ERR_get_error()) {
    if (ERR_GET_LIB(error) == ::ERR_get_CKR_code()) return hsm::ckr_name(static_cast<CK_RV>(ERR_GET_REASON(error)));
  }
  return "failed, with an empty error queue";
}

}  // namespace signer::faults
