// SPDX-License-Identifier: Apache-2.0
//
// The structures of a TPM 2.0 that evidence is made of, read by hand: TPMT_PUBLIC, TPMS_ATTEST and TPMS_CREATION_DATA
// (TPM 2.0 Part 2 §12.2.4, §10.12, §15.1), and the Names that tie them together.  Pure.
//
// Numbers are big-endian.  Every length is checked against what is there and against what the structure can hold, and
// nothing may follow the last field: whoever wrote one byte differently has another structure.  What is not known here
// (an algorithm, a type) is refused with kInvalidRequest, never skipped.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "jose/public_key.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::evidence {

// TPM_ALG_ID (Part 2 §6.3).
inline constexpr std::uint16_t kAlgRsa = 0x0001;
inline constexpr std::uint16_t kAlgAes = 0x0006;
inline constexpr std::uint16_t kAlgSha256 = 0x000b;
inline constexpr std::uint16_t kAlgNull = 0x0010;
inline constexpr std::uint16_t kAlgRsaSsa = 0x0014;
inline constexpr std::uint16_t kAlgEcdsa = 0x0018;
inline constexpr std::uint16_t kAlgEcc = 0x0023;

// TPMA_OBJECT (Part 2 §8.3).
inline constexpr std::uint32_t kFixedTpm = 1U << 1U;
inline constexpr std::uint32_t kFixedParent = 1U << 4U;
inline constexpr std::uint32_t kSensitiveDataOrigin = 1U << 5U;
inline constexpr std::uint32_t kUserWithAuth = 1U << 6U;
inline constexpr std::uint32_t kAdminWithPolicy = 1U << 7U;
inline constexpr std::uint32_t kNoDa = 1U << 10U;
inline constexpr std::uint32_t kEncryptedDuplication = 1U << 11U;
inline constexpr std::uint32_t kRestricted = 1U << 16U;
inline constexpr std::uint32_t kDecrypt = 1U << 17U;
inline constexpr std::uint32_t kSign = 1U << 18U;

// TPM_GENERATED_VALUE (Part 2 §6.2): restricted keys sign nothing of others that begins so.
inline constexpr std::uint32_t kTpmGenerated = 0xff544347;

// TPM_ST (Part 2 §6.9).
inline constexpr std::uint16_t kAttestCertify = 0x8017;
inline constexpr std::uint16_t kAttestQuote = 0x8018;
inline constexpr std::uint16_t kAttestCreation = 0x801a;

// TPM_RH (Part 2 §7.4).
inline constexpr std::uint32_t kOwnerHierarchy = 0x40000001;
inline constexpr std::uint32_t kEndorsementHierarchy = 0x4000000b;

// A Name or qualified name: kAlgSha256 and 32 bytes.
inline constexpr std::size_t kNameBytes = 34;
using Name = std::array<std::uint8_t, kNameBytes>;

// TPMT_PUBLIC of an RSA or ECC P-256 key whose Name is made with SHA-256.
struct PublicArea {
  std::uint16_t type = 0;  // kAlgRsa or kAlgEcc
  std::uint32_t attributes = 0;
  Bytes auth_policy;            // empty, or 32 bytes
  std::uint16_t symmetric = 0;  // kAlgNull or kAlgAes: what a storage key protects its children with
  std::uint16_t scheme = 0;     // kAlgNull: the key may be used with any
  std::uint16_t scheme_hash = 0;
  std::uint16_t bits = 0;      // of the modulus; 256 for P-256
  std::uint32_t exponent = 0;  // RSA alone; 0 stands for 65537
  Bytes modulus;               // RSA alone: `bits` long, the highest bit set
  Bytes x;                     // P-256 alone: 32 bytes each, with the leading zeros that a TPM may leave out
  Bytes y;

  [[nodiscard]] bool has(std::uint32_t attribute) const noexcept { return (attributes & attribute) == attribute; }
};

[[nodiscard]] Result<PublicArea> read_public_area(ByteView bytes);

// 1,024 to 4,096 bits of RSA, or P-256: the numbers alone, whatever the key is for (RS256 and ES256 stand for the kind
// of key).  Whether they have an acceptable shape is for jose::check_shape.
[[nodiscard]] jose::PublicKey numbers_of(const PublicArea& area);

// TPML_PCR_SELECTION of at most 16 banks: the hash, and the numbers that are selected, in order.
struct PcrBank {
  std::uint16_t hash = 0;
  std::vector<unsigned> selected;

  friend bool operator==(const PcrBank&, const PcrBank&) = default;
};

// TPMS_CERTIFY_INFO
struct CertifiedKey {
  Bytes name;
  Bytes qualified_name;
};

// TPMS_CREATION_INFO
struct CertifiedCreation {
  Bytes object_name;
  Bytes creation_hash;
};

// TPMS_QUOTE_INFO
struct Quoted {
  std::vector<PcrBank> banks;
  Bytes pcr_digest;
};

// TPMS_CLOCK_INFO
struct ClockInfo {
  std::uint64_t clock = 0;          // milliseconds that the TPM was on, since its last clear
  std::uint32_t reset_count = 0;    // since the last clear
  std::uint32_t restart_count = 0;  // since the last reset
  bool safe = false;                // no later clock was reported before
};

// TPMS_ATTEST.  The magic is as it stands there: whether it is kTpmGenerated is for whoever judges.
struct Attest {
  std::uint32_t magic = 0;
  std::uint16_t type = 0;  // kAttestCertify, kAttestCreation or kAttestQuote: which of `attested` is there
  Bytes qualified_signer;
  Bytes extra_data;
  ClockInfo clock;
  std::uint64_t firmware = 0;
  std::variant<CertifiedKey, CertifiedCreation, Quoted> attested;
};

[[nodiscard]] Result<Attest> read_attest(ByteView bytes);

// TPMS_CREATION_DATA, without the size that a TPM2B has in front.
struct CreationData {
  std::vector<PcrBank> banks;
  Bytes pcr_digest;
  std::uint8_t locality = 0;
  std::uint16_t parent_name_hash = 0;
  Bytes parent_name;
  Bytes parent_qualified_name;
  Bytes outside_info;
};

[[nodiscard]] Result<CreationData> read_creation_data(ByteView bytes);

// Part 1 §16: of the bytes of a TPMT_PUBLIC that read_public_area() lets pass.
[[nodiscard]] Name name_of(ByteView public_area) noexcept;

// The qualified name (Part 1 §16) of a key under the key with the qualified name `parent`.
[[nodiscard]] Name qualified_name(const Name& parent, const Name& name) noexcept;

// Of a primary key: a hierarchy's qualified name is its handle.
[[nodiscard]] Name qualified_name(std::uint32_t hierarchy, const Name& primary) noexcept;

}  // namespace signer::evidence
