// SPDX-License-Identifier: Apache-2.0
//
// What probes share: a session each, a record each (docs/evidence-format.md §3.2), and a buffer that forgets.
#pragma once

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "hsm/session_pool.h"
#include "jose/json.h"

namespace signer::hsm {

enum class ProbeTarget { kKey, kThrowaway };

// The array `tried` in the making.  A probe is begun, asks, and records what answered.
class ProbeLog {
 public:
  // Probes of the key get a new session each, which ends what the one before has begun and what it broke.  Those of
  // the throw-away share the lease's, in which it lives.
  ProbeLog(SessionPool::Lease& lease, ProbeTarget target) : lease_(lease), target_(target) {}

  // `details` are the members `mechanism` or `attribute`.  False if there is no session: then that is the record, with
  // C_OpenSession as its `call`.
  [[nodiscard]] bool begin(std::string_view probe, jose::Json details = jose::Json::object());

  // As begin(), in the session that there is.
  void go_on(std::string_view probe, jose::Json details = jose::Json::object());

  // The record of the probe begun: `call` answered `rv`.  `found` are the members `before` and `after`.
  void record(std::string_view call, CK_RV rv, const jose::Json& found = jose::Json::object());

  // The same with `length`: how many bytes came.
  void record_length(std::string_view call, CK_RV rv, std::size_t came);

  [[nodiscard]] const Session& session() const noexcept { return lease_.session(); }

  [[nodiscard]] const CK_FUNCTION_LIST& api() const noexcept { return session().api(); }

  [[nodiscard]] jose::Json& tried() noexcept { return tried_; }

 private:
  SessionPool::Lease& lease_;
  ProbeTarget target_;
  jose::Json current_;
  jose::Json tried_ = jose::Json::array();
};

// Calls what a module may have left out of its list of functions: the probes ask for what is rarely asked for.
template <class Function, class... Arguments>
[[nodiscard]] CK_RV ask(Function function, Arguments... arguments) {
  return function != nullptr ? function(arguments...) : CKR_FUNCTION_NOT_SUPPORTED;
}

// For what must not have come; wiped when it goes.
class WipedBuffer {
 public:
  explicit WipedBuffer(std::size_t size) : bytes_(size) {}
  WipedBuffer(const WipedBuffer&) = delete;
  WipedBuffer& operator=(const WipedBuffer&) = delete;
  ~WipedBuffer() { ::OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

  [[nodiscard]] CK_BYTE* data() noexcept { return bytes_.data(); }

  [[nodiscard]] CK_ULONG size() const noexcept { return bytes_.size(); }

  // How many bytes came, by what the call says (`length`) if it succeeded, and in any case by what is no longer zero:
  // a module may refuse and give all the same.
  [[nodiscard]] std::size_t came(CK_RV rv, CK_ULONG length) const noexcept {
    const auto last = std::find_if(bytes_.rbegin(), bytes_.rend(), [](std::uint8_t byte) { return byte != 0; });
    const auto touched = static_cast<std::size_t>(bytes_.rend() - last);
    return rv == CKR_OK && length <= bytes_.size() ? std::max<std::size_t>(length, touched) : touched;
  }

 private:
  Bytes bytes_;
};

// A mechanism with the parameter that its kind wants: a zero vector, a counter, MGF1 with SHA-1, sixteen zero bytes to
// derive with.  The object stays where it is: the mechanism points into it.
class ProbeMechanism {
 public:
  explicit ProbeMechanism(CK_MECHANISM_TYPE type) noexcept;
  ProbeMechanism(const ProbeMechanism&) = delete;
  ProbeMechanism& operator=(const ProbeMechanism&) = delete;
  ~ProbeMechanism() = default;

  [[nodiscard]] CK_MECHANISM* get() noexcept { return &mechanism_; }

  [[nodiscard]] CK_MECHANISM_TYPE type() const noexcept { return mechanism_.mechanism; }

 private:
  std::array<CK_BYTE, 16> zeros_{};
  CK_AES_CTR_PARAMS counter_{128, {}};
  CK_GCM_PARAMS gcm_{zeros_.data(), 12, 96, nullptr, 0, 128};
  CK_RSA_PKCS_OAEP_PARAMS oaep_{CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, nullptr, 0};
  CK_KEY_DERIVATION_STRING_DATA data_{zeros_.data(), zeros_.size()};
  CK_ULONG first_bit_ = 0;
  CK_MECHANISM mechanism_;
};

// {"mechanism": "CKM_..."}, {"attribute": "CKA_..."}
[[nodiscard]] jose::Json mechanism_detail(CK_MECHANISM_TYPE type);
[[nodiscard]] jose::Json attribute_detail(CK_ATTRIBUTE_TYPE type);

}  // namespace signer::hsm
