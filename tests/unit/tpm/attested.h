// SPDX-License-Identifier: Apache-2.0
//
// What an auditor's tool sees in the member `tpm` of evidence: taken apart by hand, no code of the host's.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <optional>
#include <string>

#include "base/hex.h"
#include "channel/values.h"
#include "jose/base64url.h"
#include "jose/hash.h"
#include "jose/json.h"
#include "test_token.h"
#include "tests/support/openssl_judge.h"
#include "tests/support/tpm_wire.h"

namespace signer::tpm::test {

using jose::Json;

[[nodiscard]] inline Bytes decoded(const Json& text) {
  const auto bytes = text.is_string() ? jose::base64url_decode(text.get<std::string>()) : std::nullopt;
  EXPECT_TRUE(bytes) << text;
  return bytes.value_or(Bytes{});
}

[[nodiscard]] inline Bytes sha256_of(std::initializer_list<ByteView> parts) {
  Bytes joined;
  for (const ByteView part : parts) joined.insert(joined.end(), part.begin(), part.end());
  const auto digest = jose::sha256(joined);
  return {digest.begin(), digest.end()};
}

// 000b and a SHA-256: a Name, or a qualified name.
[[nodiscard]] inline Bytes named(const Bytes& digest) {
  Bytes name = {0x00, 0x0b};
  name.insert(name.end(), digest.begin(), digest.end());
  return name;
}

[[nodiscard]] inline Bytes name_of_area(const Bytes& area) {
  return named(sha256_of({area}));
}

// TPM 2.0 Part 1 §26.5: from the hierarchy down.
[[nodiscard]] inline Bytes qualified_name(std::uint32_t hierarchy, std::initializer_list<Bytes> names) {
  Bytes qualified;
  signer::test::put(qualified, hierarchy);
  for (const Bytes& name : names) qualified = named(sha256_of({qualified, name}));
  return qualified;
}

// TPMS_ATTEST.
struct Attest {
  std::uint32_t magic = 0;
  std::uint16_t type = 0;
  Bytes signer;  // its qualified name
  Bytes extra;
  Bytes first;   // certify: the Name; creation: the object's Name; quote: all that is left
  Bytes second;  // certify: the qualified name; creation: the hash
};

[[nodiscard]] inline Attest read_attest(const Bytes& bytes) {
  std::size_t offset = 6;
  const auto sized = [&] {
    const std::size_t size = signer::test::number_at<std::uint16_t>(bytes, offset).value_or(0);
    offset += 2;
    EXPECT_LE(offset + size, bytes.size());
    if (offset + size > bytes.size()) return Bytes{};
    const Bytes part(bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                     bytes.begin() + static_cast<std::ptrdiff_t>(offset + size));
    offset += size;
    return part;
  };
  Attest attest;
  attest.magic = signer::test::number_at<std::uint32_t>(bytes, 0).value_or(0);
  attest.type = signer::test::number_at<std::uint16_t>(bytes, 4).value_or(0);
  attest.signer = sized();
  attest.extra = sized();
  offset += 17 + 8;  // clock, firmware
  if (attest.type == 0x8018) {
    EXPECT_LE(offset, bytes.size());
    attest.first.assign(bytes.begin() + static_cast<std::ptrdiff_t>(offset), bytes.end());
    return attest;
  }
  attest.first = sized();
  attest.second = sized();
  EXPECT_EQ(offset, bytes.size());
  return attest;
}

// Whether OpenSSL takes it for the signature of the RSA-2048 key with this TPMT_PUBLIC, which ends with the modulus.
[[nodiscard]] inline bool is_signed_by(const Bytes& area, const Bytes& message, const Bytes& signature) {
  if (area.size() < 256) return false;
  const jose::PublicKey key = {.algorithm = Algorithm::kRs256,
                               .modulus = Bytes(area.end() - 256, area.end()),
                               .exponent = {1, 0, 1},
                               .x = {},
                               .y = {}};
  return signer::test::verifies(key, text_of(message), signature);
}

// TPM2_CreatePrimary with the template of RSA-2048 endorsement keys (TCG EK Credential Profile, L-1).
[[nodiscard]] inline TpmCommand create_endorsement_key(std::uint32_t hierarchy) {
  const auto policy = from_hex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa").value_or(Bytes{});
  const auto area = TpmCommand(0)
                        .number<std::uint16_t>(0x0001)  // TPM_ALG_RSA
                        .number<std::uint16_t>(0x000b)  // its Name by SHA-256
                        .number<std::uint32_t>(0x000300b2)
                        .sized(policy)
                        .number<std::uint16_t>(0x0006)  // AES-128, CFB
                        .number<std::uint16_t>(128)
                        .number<std::uint16_t>(0x0043)
                        .number<std::uint16_t>(0x0010)  // no scheme
                        .number<std::uint16_t>(2048)
                        .number<std::uint32_t>(0)
                        .sized(Bytes(256, 0));
  return TpmCommand(signer::test::cc::kCreatePrimary, {hierarchy})
      .password()
      .sized(Bytes(4, 0))  // no auth value, no data
      .sized(area.parameters())
      .sized({})
      .number<std::uint32_t>(0);
}

inline constexpr std::uint32_t kEndorsementHandle = 0x81010001;

// Such a key of this hierarchy, persistent where endorsement keys are.  Whether it worked.
[[nodiscard]] inline bool put_endorsement_key(const Swtpm& tpm, std::uint32_t hierarchy) {
  const auto made = tpm.run(create_endorsement_key(hierarchy));
  return made.ok() && tpm.run(evict_control(made.handle, kEndorsementHandle)).ok() &&
         tpm.run(flush_context(made.handle)).ok();
}

// For keys of P-256, which simulated TPMs make in no time.
[[nodiscard]] inline channel::SignRequest sign_request_es256() {
  auto request = sign_request();
  request.algorithm = Algorithm::kEs256;
  return request;
}

[[nodiscard]] inline channel::AttestRequest attest_request(std::string_view id = "key-1", std::uint8_t nonce = 0x4e) {
  channel::AttestRequest request;
  request.key_id.assign(id.begin(), id.end());
  request.nonce = Bytes(channel::kNonceMax, nonce);
  request.context.fill(0xc7);
  return request;
}

}  // namespace signer::tpm::test
