// SPDX-License-Identifier: Apache-2.0
//
// A token host with software keys in a directory (TokenSpec::uri), for the conformance suite and for faults that no
// real driver makes on demand.  A file of this name in the directory asks for the fault:
//
//   crash, hang, nonsense, flip, lose, vanish   what the next signature or MAC does (crash and hang: once)
//   slow, slow-inspection, slow-attest   how many milliseconds each signature or MAC, inspection or evidence takes
//   refuse-open, refuse-pin    what opening does
//   evidence                   what attesting answers; a failure, if it is empty
//   weakened, refuse-inspection, lose-inspection   what inspecting a key answers
//
// The host writes opens, signatures, macs, inspections and attests: one byte for each.

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "base/process.h"
#include "channel/host_service.h"

namespace signer::test {

namespace {

using channel::HostResult;
using channel::HostStatus;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
};

using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;

std::string hex(ByteView bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

Bytes number(EVP_PKEY* key, const char* name, std::size_t size) {
  BIGNUM* value = nullptr;
  ::EVP_PKEY_get_bn_param(key, name, &value);
  Bytes bytes(size != 0 ? size : static_cast<std::size_t>(BN_num_bytes(value)));
  ::BN_bn2binpad(value, bytes.data(), static_cast<int>(bytes.size()));
  ::BN_free(value);
  return bytes;
}

class Directory {
 public:
  void open(const std::string& path) { path_ = path; }

  [[nodiscard]] std::filesystem::path of(const std::string& name) const { return path_ / name; }

  // Whether a fault is asked for; a fault that happens once is taken back.
  [[nodiscard]] bool asks(const std::string& fault) const { return std::filesystem::exists(of(fault)); }

  [[nodiscard]] bool takes(const std::string& fault) const { return ::unlink(of(fault).c_str()) == 0; }

  // The number in the fault's file; 0 if it is not asked for.
  [[nodiscard]] int number(const std::string& fault) const {
    int value = 0;
    std::ifstream(of(fault)) >> value;
    return value;
  }

  void count(const std::string& what) const {
    const int fd = ::open(of(what).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || ::write(fd, "x", 1) != 1) std::abort();
    ::close(fd);
  }

 private:
  std::filesystem::path path_;
};

HostResult<KeyPtr> load(const Directory& directory, ByteView key_id) {
  if (directory.asks("vanish")) return channel::host_failure(HostStatus::kNotFound, "fake: the key has vanished");
  std::FILE* file = std::fopen(directory.of(hex(key_id) + ".pem").c_str(), "re");
  if (file == nullptr) return channel::host_failure(HostStatus::kNotFound, "fake: no such key");
  KeyPtr key(::PEM_read_PrivateKey(file, nullptr, nullptr, nullptr));
  std::fclose(file);
  return key;
}

HostResult<std::string> load_secret(const Directory& directory, ByteView key_id) {
  if (directory.asks("vanish")) return channel::host_failure(HostStatus::kNotFound, "fake: the key has vanished");
  std::ifstream in(directory.of(hex(key_id) + ".hmac"), std::ios::binary);
  std::string key(std::istreambuf_iterator<char>(in), {});
  if (key.empty()) return channel::host_failure(HostStatus::kNotFound, "fake: no such key");
  return key;
}

channel::Mac hmac(const std::string& key, std::string_view message) {
  channel::Mac mac{};
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(message).data(), message.size(), mac.data(),
         &size);
  return mac;
}

channel::KeyDescription describe(EVP_PKEY* key) {
  channel::KeyDescription description;
  if (::EVP_PKEY_is_a(key, "EC") != 0) {
    description.public_key.algorithm = Algorithm::kEs256;
    description.public_key.x = number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32);
    description.public_key.y = number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
  } else {
    description.public_key.modulus = number(key, OSSL_PKEY_PARAM_RSA_N, 0);
    description.public_key.exponent = number(key, OSSL_PKEY_PARAM_RSA_E, 0);
  }
  description.attributes = "fake=1";
  return description;
}

Bytes raw_ecdsa(ByteView der) {
  const std::uint8_t* at = der.data();
  ECDSA_SIG* signature = ::d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  Bytes raw(64);
  ::BN_bn2binpad(::ECDSA_SIG_get0_r(signature), raw.data(), 32);
  ::BN_bn2binpad(::ECDSA_SIG_get0_s(signature), raw.data() + 32, 32);
  ::ECDSA_SIG_free(signature);
  return raw;
}

class FakeWorker final : public channel::SigningWorker {
 public:
  explicit FakeWorker(const Directory& directory) : directory_(directory) {}

  HostResult<Bytes> sign(const channel::SignRequest& request) override {
    directory_.count("signatures");
    if (auto well = stumble(); !well) return fail(std::move(well).error());
    auto key = load(directory_, request.key_id);
    if (!key) return fail(std::move(key).error());
    EVP_MD_CTX* context = ::EVP_MD_CTX_new();
    ::EVP_DigestSignInit(context, nullptr, ::EVP_sha256(), nullptr, key->get());
    Bytes signature(512);
    std::size_t size = signature.size();
    ::EVP_DigestSign(context, signature.data(), &size, bytes_of(request.signing_input).data(),
                     request.signing_input.size());
    ::EVP_MD_CTX_free(context);
    signature.resize(size);
    if (request.algorithm == Algorithm::kEs256) signature = raw_ecdsa(signature);
    if (directory_.asks("flip")) signature.back() ^= 1U;
    return signature;
  }

  HostResult<channel::Mac> mac(const channel::MacRequest& request) override {
    directory_.count("macs");
    if (auto well = stumble(); !well) return fail(std::move(well).error());
    const auto key = load_secret(directory_, request.key_id);
    if (!key) return fail(key.error());
    if (hmac(*key, channel::kKnownAnswerMessage) != request.known_answer)
      return channel::host_failure(HostStatus::kMismatch, "fake: another key");
    return hmac(*key, request.message);
  }

 private:
  // What the directory asks for.
  HostResult<void> stumble() {
    ::poll(nullptr, 0, directory_.number("slow"));
    if (directory_.takes("crash")) std::abort();
    if (directory_.takes("hang")) ::pause();
    if (directory_.takes("nonsense")) nonsense();
    if (directory_.asks("lose")) return channel::host_failure(HostStatus::kUnavailable, "fake: the token is lost");
    return {};
  }

  // Says something on the worker channels that no host says.
  static void nonsense() {
    for (int fd = channel::kFirstChannelFd + 1; fd < channel::kFirstChannelFd + 4; ++fd) {
      const ssize_t sent = ::write(fd, "?", 1);
      static_cast<void>(sent);
    }
    ::pause();
  }

  const Directory& directory_;
};

class FakeDriver final : public channel::Driver {
 public:
  HostResult<channel::TokenDescription> open(const channel::TokenSpec& spec) override {
    directory_.open(spec.uri);
    directory_.count("opens");
    if (directory_.asks("refuse-pin"))
      return channel::host_failure(HostStatus::kPinRefused, "fake: the PIN is refused");
    if (directory_.asks("refuse-open")) return channel::host_failure(HostStatus::kUnavailable, "fake: no token");
    return channel::TokenDescription{"fake", "signer tests", "fake", "1", "1.0", "fake", "software", false};
  }

  HostResult<channel::KeyDescription> describe_key(ByteView key_id) override {
    auto key = load(directory_, key_id);
    if (!key) return fail(std::move(key).error());
    return describe(key->get());
  }

  HostResult<channel::KeyDescription> inspect_key(ByteView key_id) override {
    directory_.count("inspections");
    ::poll(nullptr, 0, directory_.number("slow-inspection"));
    if (directory_.asks("weakened"))
      return channel::host_failure(HostStatus::kWeakened, "fake: the key reads back weaker: FAKE_EXTRACTABLE=1");
    if (directory_.asks("refuse-inspection")) return channel::host_failure(HostStatus::kRefused, "fake: not this time");
    if (directory_.takes("lose-inspection"))
      return channel::host_failure(HostStatus::kUnavailable, "fake: the token is lost");
    return describe_key(key_id);
  }

  HostResult<channel::KeyDescription> generate_key(const channel::KeyRequest& request) override {
    if (load(directory_, request.key_id))
      return channel::host_failure(HostStatus::kInvalid, "fake: the key id is taken");
    KeyPtr key;
    switch (request.kind) {
      case jose::KeyKind::kP256:
        key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
        break;
      case jose::KeyKind::kRsa2048:
        key.reset(EVP_RSA_gen(2048U));
        break;
      case jose::KeyKind::kRsa3072:
        key.reset(EVP_RSA_gen(3072U));
        break;
      case jose::KeyKind::kRsa4096:
        key.reset(EVP_RSA_gen(4096U));
        break;
    }
    std::FILE* file = std::fopen(directory_.of(hex(request.key_id) + ".pem").c_str(), "wxe");
    ::PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    return describe(key.get());
  }

  HostResult<channel::Attestation> attest_key(const channel::AttestRequest& request) override {
    directory_.count("attests");
    ::poll(nullptr, 0, directory_.number("slow-attest"));
    if (auto key = load(directory_, request.key_id); !key) return fail(std::move(key).error());
    if (directory_.asks("evidence")) {
      std::ifstream in(directory_.of("evidence"), std::ios::binary);
      std::string json(std::istreambuf_iterator<char>(in), {});
      if (json.empty()) return channel::host_failure(HostStatus::kUnsupported, "fake: no evidence");
      return channel::Attestation{std::move(json)};
    }
    return channel::Attestation{R"({"nonce":")" + hex(request.nonce) + R"(","context":")" + hex(request.context) +
                                R"(","probes":)" + std::to_string(static_cast<int>(request.probes)) + "}"};
  }

  HostResult<channel::HmacKeyDescription> describe_hmac_key(ByteView key_id) override {
    const auto key = load_secret(directory_, key_id);
    if (!key) return fail(key.error());
    return channel::HmacKeyDescription{hmac(*key, channel::kKnownAnswerMessage), "fake=1"};
  }

  HostResult<channel::HmacKeyDescription> generate_hmac_key(const channel::HmacKeyRequest& request) override {
    if (load_secret(directory_, request.key_id))
      return channel::host_failure(HostStatus::kInvalid, "fake: the key id is taken");
    Bytes key(32);
    if (::RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) std::abort();
    std::ofstream(directory_.of(hex(request.key_id) + ".hmac"), std::ios::binary) << text_of(key);
    return describe_hmac_key(request.key_id);
  }

  HostResult<std::unique_ptr<channel::SigningWorker>> make_worker() override {
    return std::unique_ptr<channel::SigningWorker>(std::make_unique<FakeWorker>(directory_));
  }

  void close() override {}

 private:
  Directory directory_;
};

}  // namespace

}  // namespace signer::test

int main(int argc, char** argv) {
  signer::harden_process();
  if (argc != 4) return signer::channel::kExitUsage;
  signer::test::FakeDriver driver;
  return signer::channel::serve(driver, std::atoi(argv[3]));
}
