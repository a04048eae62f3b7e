// SPDX-License-Identifier: Apache-2.0

#include "test_token.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "hsm/token_admin.h"

namespace signer::hsm::test {

namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "test set-up failed: %s\n", why.c_str());
  std::abort();
}

Bytes der_signature(ByteView raw) {
  ECDSA_SIG* signature = ::ECDSA_SIG_new();
  const int half = static_cast<int>(raw.size() / 2);
  ::ECDSA_SIG_set0(signature, ::BN_bin2bn(raw.data(), half, nullptr), ::BN_bin2bn(raw.data() + half, half, nullptr));
  unsigned char* der = nullptr;
  const int size = ::i2d_ECDSA_SIG(signature, &der);
  Bytes result(der, der + size);
  ::OPENSSL_free(der);
  ::ECDSA_SIG_free(signature);
  return result;
}

EVP_PKEY* load_key(const jose::PublicKey& key) {
  const bool rsa = key.algorithm == Algorithm::kRs256;
  OSSL_PARAM_BLD* build = ::OSSL_PARAM_BLD_new();
  BIGNUM* n = ::BN_bin2bn(key.modulus.data(), static_cast<int>(key.modulus.size()), nullptr);
  BIGNUM* e = ::BN_bin2bn(key.exponent.data(), static_cast<int>(key.exponent.size()), nullptr);
  Bytes point{0x04};
  point.insert(point.end(), key.x.begin(), key.x.end());
  point.insert(point.end(), key.y.begin(), key.y.end());
  if (rsa) {
    ::OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    ::OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
  } else {
    ::OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    ::OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  }
  OSSL_PARAM* params = ::OSSL_PARAM_BLD_to_param(build);
  EVP_PKEY_CTX* context = ::EVP_PKEY_CTX_new_from_name(nullptr, rsa ? "RSA" : "EC", nullptr);
  EVP_PKEY* result = nullptr;
  ::EVP_PKEY_fromdata_init(context);
  ::EVP_PKEY_fromdata(context, &result, EVP_PKEY_PUBLIC_KEY, params);
  ::EVP_PKEY_CTX_free(context);
  ::OSSL_PARAM_free(params);
  ::OSSL_PARAM_BLD_free(build);
  ::BN_free(n);
  ::BN_free(e);
  return result;
}

}  // namespace

fault::Control& control() {
  static const TemporaryDirectory directory;
  static const fault::ControlMapping mapping = [] {
    const std::string path = directory.path() / "control";
    ::setenv("SIGNER_FAULT_CONTROL", path.c_str(), 1);
    auto made = fault::make_control(path);
    if (!made) give_up("control file");
    return made;
  }();
  return *mapping;
}

std::string fault_module_path() {
  return SIGNER_FAULT_MODULE;
}

TestToken::TestToken(const std::string& label) : label_(label) {
  ::new (&control()) fault::Control();
  std::filesystem::create_directory(token_files());
  const std::string conf = directory_.file("softhsm2.conf", "directories.tokendir = " + token_files().string() +
                                                                "\nobjectstore.backend = file\nlog.level = ERROR\n");
  ::setenv("SOFTHSM2_CONF", conf.c_str(), 1);
  add(label, "");
}

void TestToken::add(const std::string& label, const std::string& pin_prefix) const {
  const auto made = initialize_token({.module = fault_module_path(),
                                      .label = label,
                                      .pin_file = directory() / (pin_prefix + "user.pin"),
                                      .so_pin_file = directory() / (pin_prefix + "so.pin"),
                                      .generate_pins = true,
                                      .slot_index = std::nullopt});
  if (!made) give_up(made.error().text);
  ::new (&control()) fault::Control();
}

channel::TokenSpec TestToken::spec() const {
  return {.name = "unit-test",
          .module = fault_module_path(),
          .uri = "pkcs11:token=" + label_,
          .pin_file = pin_file(),
          .latch_file = latch_file(),
          .sessions = 4};
}

void TestToken::write_pin(std::string_view pin) const {
  [[maybe_unused]] const std::string path = directory_.file("user.pin", pin);
}

std::unique_ptr<Pkcs11Driver> opened(const TestToken& token) {
  auto driver = std::make_unique<Pkcs11Driver>();
  if (const auto described = driver->open(token.spec()); !described) give_up(described.error().text);
  return driver;
}

channel::KeyRequest key_request(jose::KeyKind kind, std::string_view id) {
  const ByteView bytes = bytes_of(id);
  return {.kind = kind, .label = "unit key", .key_id = Bytes(bytes.begin(), bytes.end()), .mechanism_lock = false};
}

channel::SignRequest sign_request(std::string_view id, std::string_view input, Algorithm algorithm) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const ByteView bytes = bytes_of(id);
  return {.key_id = Bytes(bytes.begin(), bytes.end()),
          .algorithm = algorithm,
          .deadline_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count(),
          .signing_input = std::string(input)};
}

bool verifies(const jose::PublicKey& key, std::string_view input, ByteView signature) {
  EVP_PKEY* loaded = load_key(key);
  if (loaded == nullptr) return false;
  const Bytes judged =
      key.algorithm == Algorithm::kRs256 ? Bytes(signature.begin(), signature.end()) : der_signature(signature);
  EVP_MD_CTX* context = ::EVP_MD_CTX_new();
  const bool good =
      ::EVP_DigestVerifyInit(context, nullptr, ::EVP_sha256(), nullptr, loaded) == 1 &&
      ::EVP_DigestVerify(context, judged.data(), judged.size(), bytes_of(input).data(), input.size()) == 1;
  ::EVP_MD_CTX_free(context);
  ::EVP_PKEY_free(loaded);
  return good;
}

}  // namespace signer::hsm::test
