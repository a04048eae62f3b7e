// SPDX-License-Identifier: Apache-2.0
//
// TPM 2.0 commands and responses as bytes, without a TSS in between: what tests do behind the driver's back, and the
// layout that the interposer needs to know (TPM 2.0 Part 1 §18, Part 3).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "signer/bytes.h"

namespace signer::test {

// TPM_CC (TPM 2.0 Part 2 §6.5.2).
namespace cc {
inline constexpr std::uint32_t kEvictControl = 0x120;
inline constexpr std::uint32_t kClear = 0x126;
inline constexpr std::uint32_t kHierarchyChangeAuth = 0x129;
inline constexpr std::uint32_t kCreatePrimary = 0x131;
inline constexpr std::uint32_t kDictionaryAttackLockReset = 0x139;
inline constexpr std::uint32_t kStartup = 0x144;
inline constexpr std::uint32_t kShutdown = 0x145;
inline constexpr std::uint32_t kActivateCredential = 0x147;
inline constexpr std::uint32_t kCertify = 0x148;
inline constexpr std::uint32_t kCertifyCreation = 0x14a;
inline constexpr std::uint32_t kNvRead = 0x14e;
inline constexpr std::uint32_t kPolicySecret = 0x151;
inline constexpr std::uint32_t kCreate = 0x153;
inline constexpr std::uint32_t kLoad = 0x157;
inline constexpr std::uint32_t kQuote = 0x158;
inline constexpr std::uint32_t kHmacStart = 0x15b;
inline constexpr std::uint32_t kSign = 0x15d;
inline constexpr std::uint32_t kContextLoad = 0x161;
inline constexpr std::uint32_t kContextSave = 0x162;
inline constexpr std::uint32_t kFlushContext = 0x165;
inline constexpr std::uint32_t kLoadExternal = 0x167;
inline constexpr std::uint32_t kNvReadPublic = 0x169;
inline constexpr std::uint32_t kReadPublic = 0x173;
inline constexpr std::uint32_t kStartAuthSession = 0x176;
inline constexpr std::uint32_t kGetCapability = 0x17a;
inline constexpr std::uint32_t kGetRandom = 0x17b;
inline constexpr std::uint32_t kPcrRead = 0x17e;
inline constexpr std::uint32_t kHashSequenceStart = 0x186;
inline constexpr std::uint32_t kCreateLoaded = 0x191;
}  // namespace cc

inline constexpr std::uint32_t kOwnerHierarchy = 0x40000001;
inline constexpr std::uint32_t kEndorsementHierarchy = 0x4000000b;
inline constexpr std::uint32_t kNullHierarchy = 0x40000007;
inline constexpr std::uint32_t kLockoutHierarchy = 0x4000000a;
inline constexpr std::uint16_t kTagNoSessions = 0x8001;
inline constexpr std::uint16_t kTagSessions = 0x8002;
inline constexpr std::size_t kTpmHeaderBytes = 10;  // tag, size, command or response code
inline constexpr std::size_t kTpmMessageBytesMax = 4096;

// Numbers are big-endian.
template <std::unsigned_integral Number>
void put(Bytes& out, Number value) {
  for (unsigned shift = 8 * sizeof(Number); shift > 0;) {
    shift -= 8;
    out.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> shift));
  }
}

// The number at `offset`; nothing if the bytes end before it does.
template <std::unsigned_integral Number>
[[nodiscard]] std::optional<Number> number_at(ByteView bytes, std::size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Number)) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) value = value << 8U | bytes[offset + i];
  return static_cast<Number>(value);
}

// Overwrites the number at `offset`, which must be there.
template <std::unsigned_integral Number>
void overwrite(Bytes& bytes, std::size_t offset, Number value) {
  Bytes digits;
  put(digits, value);
  for (std::size_t i = 0; i < digits.size(); ++i) bytes.at(offset + i) = digits[i];
}

// The size that a header claims, and the command or response code in it; 0 if there is no whole header.
[[nodiscard]] inline std::uint32_t claimed_size(ByteView message) {
  return number_at<std::uint32_t>(message, 2).value_or(0);
}

[[nodiscard]] inline std::uint32_t code_of(ByteView message) {
  return number_at<std::uint32_t>(message, 6).value_or(0);
}

// One command, put together from left to right: handles, password sessions, parameters.
class TpmCommand {
 public:
  explicit TpmCommand(std::uint32_t code, std::initializer_list<std::uint32_t> handles = {}) : code_(code) {
    for (const std::uint32_t handle : handles) put(handles_, handle);
  }

  // The auth value for the next handle, in the clear.
  TpmCommand& password(std::string_view auth = {}) {
    put<std::uint32_t>(sessions_, 0x40000009);  // TPM_RS_PW
    put<std::uint16_t>(sessions_, 0);
    put<std::uint8_t>(sessions_, 0);
    put(sessions_, static_cast<std::uint16_t>(auth.size()));
    const ByteView bytes = bytes_of(auth);
    sessions_.insert(sessions_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  template <std::unsigned_integral Number>
  TpmCommand& number(Number value) {
    put(parameters_, value);
    return *this;
  }

  TpmCommand& raw(ByteView bytes) {
    parameters_.insert(parameters_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  // A TPM2B: the size in two bytes, then the bytes.
  TpmCommand& sized(ByteView bytes) {
    put(parameters_, static_cast<std::uint16_t>(bytes.size()));
    return raw(bytes);
  }

  [[nodiscard]] std::uint32_t code() const { return code_; }

  [[nodiscard]] const Bytes& parameters() const { return parameters_; }

  [[nodiscard]] Bytes bytes() const {
    Bytes body = handles_;
    if (!sessions_.empty()) {
      put(body, static_cast<std::uint32_t>(sessions_.size()));
      body.insert(body.end(), sessions_.begin(), sessions_.end());
    }
    body.insert(body.end(), parameters_.begin(), parameters_.end());
    Bytes out;
    put(out, sessions_.empty() ? kTagNoSessions : kTagSessions);
    put(out, static_cast<std::uint32_t>(kTpmHeaderBytes + body.size()));
    put(out, code_);
    out.insert(out.end(), body.begin(), body.end());
    return out;
  }

 private:
  std::uint32_t code_;
  Bytes handles_;
  Bytes sessions_;
  Bytes parameters_;
};

// TPMA_OBJECT of a key that was made inside and may sign; the second is exempt from dictionary attack lockout.
inline constexpr std::uint32_t kSigningKey = 0x00040072;
inline constexpr std::uint32_t kSigningKeyNoDa = 0x00040472;

// TPM2_CreatePrimary of an RSA-2048 key for RSASSA with SHA-256 and nothing else.
[[nodiscard]] inline TpmCommand create_rsa_key(std::uint32_t hierarchy, std::string_view auth = {},
                                               std::uint32_t attributes = kSigningKeyNoDa) {
  Bytes sensitive;
  put(sensitive, static_cast<std::uint16_t>(auth.size()));
  sensitive.insert(sensitive.end(), auth.begin(), auth.end());
  put<std::uint16_t>(sensitive, 0);  // no data of ours
  const auto area = TpmCommand(0)
                        .number<std::uint16_t>(0x0001)  // TPM_ALG_RSA
                        .number<std::uint16_t>(0x000b)  // its Name by SHA-256
                        .number(attributes)
                        .sized({})                      // no policy
                        .number<std::uint16_t>(0x0010)  // no symmetric algorithm
                        .number<std::uint16_t>(0x0014)  // RSASSA
                        .number<std::uint16_t>(0x000b)
                        .number<std::uint16_t>(2048)
                        .number<std::uint32_t>(0)  // the exponent 65537
                        .sized({});
  return TpmCommand(cc::kCreatePrimary, {hierarchy})
      .password()
      .sized(sensitive)
      .sized(area.parameters())
      .sized({})                  // no outside info
      .number<std::uint32_t>(0);  // no PCR selection
}

// TPM2_Sign of a SHA-256 digest with the key's own scheme.
[[nodiscard]] inline TpmCommand sign_digest(std::uint32_t key, std::string_view auth, ByteView digest) {
  return TpmCommand(cc::kSign, {key})
      .password(auth)
      .sized(digest)
      .number<std::uint16_t>(0x0010)  // TPM_ALG_NULL
      .number<std::uint16_t>(0x8024)  // no ticket: TPM_ST_HASHCHECK
      .number(kNullHierarchy)
      .sized({});
}

// TPM2_EvictControl: stores a transient key at a persistent handle, or, with the same handle twice, removes it.
[[nodiscard]] inline TpmCommand evict_control(std::uint32_t object, std::uint32_t persistent) {
  return TpmCommand(cc::kEvictControl, {kOwnerHierarchy, object}).password().number(persistent);
}

// TPM2_FlushContext.
[[nodiscard]] inline TpmCommand flush_context(std::uint32_t handle) {
  return TpmCommand(cc::kFlushContext).number(handle);
}

// TPM2_HierarchyChangeAuth of a hierarchy that has no auth value yet.
[[nodiscard]] inline TpmCommand change_auth(std::uint32_t hierarchy, std::string_view auth) {
  return TpmCommand(cc::kHierarchyChangeAuth, {hierarchy}).password().sized(bytes_of(auth));
}

// TPM2_Clear: owner hierarchy, its keys and every persistent handle are gone.
[[nodiscard]] inline TpmCommand clear_owner() {
  return TpmCommand(cc::kClear, {kLockoutHierarchy}).password();
}

// TPM2_GetRandom: the command that depends on nothing.
[[nodiscard]] inline TpmCommand get_random(std::uint16_t size) {
  return TpmCommand(cc::kGetRandom).number(size);
}

// Whether a successful response to this command begins with a handle.
[[nodiscard]] constexpr bool answers_with_handle(std::uint32_t code) {
  return code == cc::kCreatePrimary || code == cc::kLoad || code == cc::kHmacStart || code == cc::kContextLoad ||
         code == cc::kLoadExternal || code == cc::kStartAuthSession || code == cc::kHashSequenceStart ||
         code == cc::kCreateLoaded;
}

// Where the parameters of a successful response lie.
struct ParameterArea {
  std::size_t size_offset = 0;  // of parameterSize; 0 if there is none
  std::size_t offset = 0;
  std::size_t size = 0;
};

// Nothing for a failure, or a response too short for its own layout.
[[nodiscard]] inline std::optional<ParameterArea> parameter_area(std::uint32_t command_code, ByteView response) {
  if (response.size() < kTpmHeaderBytes || code_of(response) != 0) return std::nullopt;
  ParameterArea area;
  area.offset = kTpmHeaderBytes + (answers_with_handle(command_code) ? 4 : 0);
  if (area.offset > response.size()) return std::nullopt;
  area.size = response.size() - area.offset;
  if (number_at<std::uint16_t>(response, 0) != kTagSessions) return area;
  const auto size = number_at<std::uint32_t>(response, area.offset);
  if (!size || *size > area.size - 4) return std::nullopt;
  area.size_offset = area.offset;
  area.offset += 4;
  area.size = *size;
  return area;
}

// A response taken apart.
struct TpmAnswer {
  bool answered = false;   // false: the connection was refused or closed, or the response is cut short
  std::uint32_t code = 0;  // the response code; of no meaning unless `answered`
  std::uint32_t handle = 0;
  Bytes parameters;

  [[nodiscard]] bool ok() const { return answered && code == 0; }
};

[[nodiscard]] inline TpmAnswer take_apart(std::uint32_t command_code, ByteView response) {
  TpmAnswer answer;
  if (response.size() < kTpmHeaderBytes || claimed_size(response) != response.size()) return answer;
  answer.answered = true;
  answer.code = code_of(response);
  const auto area = parameter_area(command_code, response);
  if (!area) return answer;
  if (answers_with_handle(command_code)) {
    answer.handle = number_at<std::uint32_t>(response, kTpmHeaderBytes).value_or(0);
  }
  const ByteView parameters = response.subspan(area->offset, area->size);
  answer.parameters.assign(parameters.begin(), parameters.end());
  return answer;
}

}  // namespace signer::test
