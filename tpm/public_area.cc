// SPDX-License-Identifier: Apache-2.0

#include "tpm/public_area.h"

#include <tss2/tss2_mu.h>

#include <algorithm>
#include <array>

#include "jose/hash.h"

namespace signer::tpm {

using channel::HostStatus;

namespace {

constexpr std::uint32_t kDefaultExponent = 65537;
constexpr std::size_t kCoordinateBytes = 32;

struct Attribute {
  TPMA_OBJECT bit;
  const char* name;
  bool wanted;  // of a signing key
};

// TPM 2.0 Part 2 §8.3.
constexpr std::array<Attribute, 10> kAttributes{{
    {TPMA_OBJECT_FIXEDTPM, "fixedTPM", true},
    {TPMA_OBJECT_FIXEDPARENT, "fixedParent", true},
    {TPMA_OBJECT_SENSITIVEDATAORIGIN, "sensitiveDataOrigin", true},
    {TPMA_OBJECT_USERWITHAUTH, "userWithAuth", true},
    {TPMA_OBJECT_NODA, "noDA", true},
    {TPMA_OBJECT_SIGN_ENCRYPT, "sign", true},
    {TPMA_OBJECT_DECRYPT, "decrypt", false},
    {TPMA_OBJECT_RESTRICTED, "restricted", false},
    {TPMA_OBJECT_ENCRYPTEDDUPLICATION, "encryptedDuplication", false},
    {TPMA_OBJECT_STCLEAR, "stClear", false},
}};

bool has(const TPM2B_PUBLIC& area, TPMA_OBJECT bit) {
  return (area.publicArea.objectAttributes & bit) != 0;
}

std::string attribute_text(const TPM2B_PUBLIC& area, const Attribute& attribute) {
  return std::string(attribute.name) + (has(area, attribute.bit) ? "=1" : "=0");
}

bool is_locked_rsa(const TPMT_PUBLIC& area) {
  const TPMS_RSA_PARMS& rsa = area.parameters.rsaDetail;
  return area.type == TPM2_ALG_RSA && rsa.scheme.scheme == TPM2_ALG_RSASSA &&
         rsa.scheme.details.rsassa.hashAlg == TPM2_ALG_SHA256;
}

bool is_locked_p256(const TPMT_PUBLIC& area) {
  const TPMS_ECC_PARMS& ecc = area.parameters.eccDetail;
  return area.type == TPM2_ALG_ECC && ecc.curveID == TPM2_ECC_NIST_P256 && ecc.scheme.scheme == TPM2_ALG_ECDSA &&
         ecc.scheme.details.ecdsa.hashAlg == TPM2_ALG_SHA256;
}

Bytes big_endian(std::uint32_t number) {
  Bytes bytes;
  for (unsigned shift = 32; shift > 0;) {
    shift -= 8;
    const auto byte = static_cast<std::uint8_t>(number >> shift);
    if (byte != 0 || !bytes.empty()) bytes.push_back(byte);
  }
  return bytes;
}

// The TPM may leave out leading zeros.  One that is too long stays so, for check_shape() to refuse.
Bytes coordinate(const TPM2B_ECC_PARAMETER& number) {
  const ByteView given(number.buffer, std::min<std::size_t>(number.size, sizeof number.buffer));
  Bytes bytes(kCoordinateBytes - std::min(given.size(), kCoordinateBytes), 0);
  bytes.insert(bytes.end(), given.begin(), given.end());
  return bytes;
}

Bytes modulus(const TPM2B_PUBLIC_KEY_RSA& number) {
  const ByteView bytes(number.buffer, std::min<std::size_t>(number.size, sizeof number.buffer));
  const auto first = std::ranges::find_if(bytes, [](std::uint8_t byte) { return byte != 0; });
  return {first, bytes.end()};
}

}  // namespace

TpmResult<Bytes> write_public_area(const TPM2B_PUBLIC& area) {
  Bytes bytes(sizeof area);
  std::size_t size = 0;
  const TSS2_RC code = ::Tss2_MU_TPM2B_PUBLIC_Marshal(&area, bytes.data(), bytes.size(), &size);
  if (code != TSS2_RC_SUCCESS) return tpm_failure("Tss2_MU_TPM2B_PUBLIC_Marshal", code);
  bytes.resize(size);
  return bytes;
}

// The library takes a size that does not fit, and nothing at all for an area, so what counts is that the bytes are
// those that it would write.
TpmResult<TPM2B_PUBLIC> read_public_area(ByteView bytes) {
  TPM2B_PUBLIC area{};
  std::size_t offset = 0;
  const TSS2_RC code = ::Tss2_MU_TPM2B_PUBLIC_Unmarshal(bytes.data(), bytes.size(), &offset, &area);
  if (code == TSS2_RC_SUCCESS) {
    const auto written = write_public_area(area);
    if (written && std::ranges::equal(*written, bytes)) return area;
  }
  return verdict(HostStatus::kInvalid, "the public area is malformed");
}

TpmResult<TPM2B_PRIVATE> read_private_area(ByteView bytes) {
  TPM2B_PRIVATE area{};
  std::size_t offset = 0;
  const TSS2_RC code = ::Tss2_MU_TPM2B_PRIVATE_Unmarshal(bytes.data(), bytes.size(), &offset, &area);
  if (code == TSS2_RC_SUCCESS && offset == bytes.size()) return area;
  return verdict(HostStatus::kMismatch, "the blob's private area is malformed");
}

TpmResult<Bytes> write_private_area(const TPM2B_PRIVATE& area) {
  Bytes bytes(sizeof area);
  std::size_t size = 0;
  const TSS2_RC code = ::Tss2_MU_TPM2B_PRIVATE_Marshal(&area, bytes.data(), bytes.size(), &size);
  if (code != TSS2_RC_SUCCESS) return tpm_failure("Tss2_MU_TPM2B_PRIVATE_Marshal", code);
  bytes.resize(size);
  return bytes;
}

TpmResult<Bytes> name_of(const TPM2B_PUBLIC& area) {
  if (area.publicArea.nameAlg != TPM2_ALG_SHA256) {
    return verdict(HostStatus::kUnsupported, "the key's Name is not made with SHA-256");
  }
  SIGNER_ASSIGN_OR_RETURN(const Bytes sized, write_public_area(area));
  const jose::Sha256Digest digest = jose::sha256(ByteView(sized).subspan(2));
  Bytes name{TPM2_ALG_SHA256 >> 8U, TPM2_ALG_SHA256 & 0xffU};
  name.insert(name.end(), digest.begin(), digest.end());
  return name;
}

TpmResult<jose::PublicKey> public_key_of(const TPM2B_PUBLIC& area) {
  const TPMT_PUBLIC& key = area.publicArea;
  jose::PublicKey numbers;
  if (is_locked_rsa(key)) {
    const std::uint32_t exponent = key.parameters.rsaDetail.exponent;
    numbers = {.algorithm = Algorithm::kRs256,
               .modulus = modulus(key.unique.rsa),
               .exponent = big_endian(exponent == 0 ? kDefaultExponent : exponent),
               .x = {},
               .y = {}};
  } else if (is_locked_p256(key)) {
    numbers = {.algorithm = Algorithm::kEs256,
               .modulus = {},
               .exponent = {},
               .x = coordinate(key.unique.ecc.x),
               .y = coordinate(key.unique.ecc.y)};
  } else {
    return verdict(HostStatus::kUnsupported,
                   "the key is not locked to RSASSA with SHA-256, or to ECDSA with P-256 and SHA-256");
  }
  if (const auto shape = jose::check_shape(numbers); !shape) {
    return verdict(HostStatus::kUnsupported, shape.error().text);
  }
  return numbers;
}

TpmResult<void> check_strength(const TPM2B_PUBLIC& area) {
  std::string wrong;
  for (const Attribute& attribute : kAttributes) {
    if (has(area, attribute.bit) != attribute.wanted) wrong += " " + attribute_text(area, attribute);
  }
  if (area.publicArea.authPolicy.size != 0) wrong += " authPolicy";
  if (wrong.empty()) return {};
  return verdict(HostStatus::kUnsupported, "the key is weaker than it must be:" + wrong);
}

TpmResult<void> check_storage_root(const TPM2B_PUBLIC& area) {
  constexpr TPMA_OBJECT kNeeded = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                  TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  const TPMA_OBJECT attributes = area.publicArea.objectAttributes;
  if ((attributes & kNeeded) == kNeeded && (attributes & TPMA_OBJECT_SIGN_ENCRYPT) == 0) return {};
  return verdict(HostStatus::kUnsupported,
                 "the key at the storage root's handle is no storage key: " + attributes_text(area));
}

std::string attributes_text(const TPM2B_PUBLIC& area) {
  std::string text;
  for (const Attribute& attribute : kAttributes) text += attribute_text(area, attribute) + " ";
  if (is_locked_rsa(area.publicArea)) return text + "scheme=RSASSA/SHA256";
  if (is_locked_p256(area.publicArea)) return text + "scheme=ECDSA/SHA256";
  return text + "scheme=other";
}

}  // namespace signer::tpm
