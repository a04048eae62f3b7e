// SPDX-License-Identifier: Apache-2.0

#include "evidence/tpm_structures.h"

#include <algorithm>
#include <concepts>
#include <optional>
#include <string_view>

#include "base/hex.h"
#include "jose/hash.h"

namespace signer::evidence {

namespace {

constexpr std::uint16_t kAlgRsaEs = 0x0015;
constexpr std::uint16_t kAlgRsaPss = 0x0016;
constexpr std::uint16_t kAlgOaep = 0x0017;
constexpr std::uint16_t kCurveP256 = 0x0003;
constexpr std::size_t kCoordinateBytes = 32;
constexpr std::size_t kDigestBytesMax = 64;
constexpr std::size_t kDataBytesMax = 66;  // TPM2B_DATA and TPM2B_NAME: an algorithm and the longest digest
constexpr std::size_t kModulusBytesMax = 512;
constexpr std::uint32_t kBanksMax = 16;         // TPM2_NUM_PCR_BANKS
constexpr std::uint8_t kSelectionBytesMax = 4;  // TPM2_PCR_SELECT_MAX
constexpr std::uint32_t kDefaultExponent = 65537;

Failure<Error> malformed_structure(std::string_view structure, const std::string& what) {
  return fail(ErrorCode::kInvalidRequest, std::string(structure) + ": " + what);
}

template <std::unsigned_integral Number>
std::string hex_number(Number number) {
  Bytes bytes;
  for (unsigned shift = 8 * sizeof number; shift > 0;) {
    shift -= 8;
    bytes.push_back(static_cast<std::uint8_t>(number >> shift));
  }
  return "0x" + to_hex(bytes);
}

// Takes fields from the front.  After the first that is not there, or is longer than it can be, all are zero and empty,
// so a structure is read in one go and asked once, at the end, whether it was whole.
class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : rest_(bytes) {}

  template <std::unsigned_integral Number>
  Number number() {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : take(sizeof(Number))) value = value << 8U | byte;
    return static_cast<Number>(value);
  }

  // A TPM2B.
  Bytes sized(std::size_t size_max) {
    const auto size = number<std::uint16_t>();
    if (size > size_max) broken_ = true;
    const ByteView bytes = take(size);
    return {bytes.begin(), bytes.end()};
  }

  ByteView take(std::size_t size) {
    if (broken_ || size > rest_.size()) {
      broken_ = true;
      return {};
    }
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  // For a value that its field cannot have.
  void refuse() { broken_ = true; }

  [[nodiscard]] bool broken() const { return broken_; }

  [[nodiscard]] bool is_at_end() const { return !broken_ && rest_.empty(); }

 private:
  ByteView rest_;
  bool broken_ = false;
};

// TPMT_SYM_DEF_OBJECT: nothing, or AES with key bits and mode.
bool read_symmetric(FieldReader& in, PublicArea& area) {
  area.symmetric = in.number<std::uint16_t>();
  if (area.symmetric == kAlgNull) return true;
  if (area.symmetric != kAlgAes) return false;
  in.take(4);
  return true;
}

// TPMT_RSA_SCHEME and TPMT_ECC_SCHEME.
bool read_scheme(FieldReader& in, PublicArea& area) {
  area.scheme = in.number<std::uint16_t>();
  switch (area.scheme) {
    case kAlgNull:
      return true;
    case kAlgRsaEs:
      return area.type == kAlgRsa;
    case kAlgRsaSsa:
    case kAlgRsaPss:
    case kAlgOaep:
      area.scheme_hash = in.number<std::uint16_t>();
      return area.type == kAlgRsa;
    case kAlgEcdsa:
      area.scheme_hash = in.number<std::uint16_t>();
      return area.type == kAlgEcc;
    default:
      return false;
  }
}

bool read_rsa(FieldReader& in, PublicArea& area) {
  area.bits = in.number<std::uint16_t>();
  area.exponent = in.number<std::uint32_t>();
  area.modulus = in.sized(kModulusBytesMax);
  return area.bits >= 1024 && area.bits % 8 == 0 && area.modulus.size() == area.bits / 8U && area.modulus[0] >= 0x80;
}

bool read_coordinate(FieldReader& in, Bytes& coordinate) {
  const Bytes given = in.sized(kCoordinateBytes);
  coordinate.assign(kCoordinateBytes - given.size(), 0);
  coordinate.insert(coordinate.end(), given.begin(), given.end());
  return !given.empty();
}

bool read_p256(FieldReader& in, PublicArea& area) {
  area.bits = 256;
  const auto curve = in.number<std::uint16_t>();
  const auto derivation = in.number<std::uint16_t>();
  return curve == kCurveP256 && derivation == kAlgNull && read_coordinate(in, area.x) && read_coordinate(in, area.y);
}

std::vector<PcrBank> read_banks(FieldReader& in) {
  std::vector<PcrBank> banks;
  const auto count = in.number<std::uint32_t>();
  if (count > kBanksMax) in.refuse();
  for (std::uint32_t i = 0; i < count && !in.broken(); ++i) {
    PcrBank bank;
    bank.hash = in.number<std::uint16_t>();
    const auto size = in.number<std::uint8_t>();
    if (size > kSelectionBytesMax) in.refuse();
    const ByteView bits = in.take(size);
    for (unsigned pcr = 0; pcr < 8 * bits.size(); ++pcr) {
      if ((static_cast<unsigned>(bits[pcr / 8]) >> (pcr % 8) & 1U) != 0) bank.selected.push_back(pcr);
    }
    banks.push_back(std::move(bank));
  }
  return banks;
}

ClockInfo read_clock(FieldReader& in) {
  ClockInfo info;
  info.clock = in.number<std::uint64_t>();
  info.reset_count = in.number<std::uint32_t>();
  info.restart_count = in.number<std::uint32_t>();
  const auto safe = in.number<std::uint8_t>();
  if (safe > 1) in.refuse();
  info.safe = safe == 1;
  return info;
}

void read_attested(FieldReader& in, Attest& attest) {
  if (attest.type == kAttestCertify) {
    CertifiedKey key;
    key.name = in.sized(kDataBytesMax);
    key.qualified_name = in.sized(kDataBytesMax);
    attest.attested = std::move(key);
  } else if (attest.type == kAttestCreation) {
    CertifiedCreation creation;
    creation.object_name = in.sized(kDataBytesMax);
    creation.creation_hash = in.sized(kDigestBytesMax);
    attest.attested = std::move(creation);
  } else {
    Quoted quoted;
    quoted.banks = read_banks(in);
    quoted.pcr_digest = in.sized(kDigestBytesMax);
    attest.attested = std::move(quoted);
  }
}

Name hashed_name(ByteView head, ByteView rest) noexcept {
  Name name{static_cast<std::uint8_t>(kAlgSha256 >> 8U), static_cast<std::uint8_t>(kAlgSha256 & 0xffU)};
  std::ranges::copy(jose::sha256(head, rest), name.begin() + 2);
  return name;
}

}  // namespace

Result<PublicArea> read_public_area(ByteView bytes) {
  constexpr std::string_view kStructure = "TPMT_PUBLIC";
  FieldReader in(bytes);
  PublicArea area;
  area.type = in.number<std::uint16_t>();
  if (!in.broken() && area.type != kAlgRsa && area.type != kAlgEcc) {
    return malformed_structure(kStructure, "type " + hex_number(area.type) + " is neither RSA nor ECC");
  }
  const auto name_hash = in.number<std::uint16_t>();
  if (!in.broken() && name_hash != kAlgSha256) {
    return malformed_structure(kStructure, "nameAlg " + hex_number(name_hash) + " is not SHA-256");
  }
  area.attributes = in.number<std::uint32_t>();
  area.auth_policy = in.sized(kDigestBytesMax);
  if (!area.auth_policy.empty() && area.auth_policy.size() != jose::Sha256Digest{}.size()) {
    return malformed_structure(kStructure, "authPolicy is no SHA-256 digest");
  }
  if (!in.broken() && (!read_symmetric(in, area) || !read_scheme(in, area))) {
    return malformed_structure(kStructure, "a symmetric algorithm or scheme that is not known here");
  }
  if (!in.broken() && !(area.type == kAlgRsa ? read_rsa(in, area) : read_p256(in, area))) {
    return malformed_structure(kStructure, "cut, or no numbers of an RSA or P-256 key");
  }
  if (!in.is_at_end()) return malformed_structure(kStructure, "cut, or bytes behind the end");
  return area;
}

jose::PublicKey numbers_of(const PublicArea& area) {
  jose::PublicKey key;
  if (area.type == kAlgEcc) {
    key.algorithm = Algorithm::kEs256;
    key.x = area.x;
    key.y = area.y;
    return key;
  }
  key.modulus = area.modulus;
  const std::uint32_t exponent = area.exponent == 0 ? kDefaultExponent : area.exponent;
  for (unsigned shift = 32; shift > 0;) {
    shift -= 8;
    const auto byte = static_cast<std::uint8_t>(exponent >> shift);
    if (byte != 0 || !key.exponent.empty()) key.exponent.push_back(byte);
  }
  return key;
}

Result<Attest> read_attest(ByteView bytes) {
  constexpr std::string_view kStructure = "TPMS_ATTEST";
  FieldReader in(bytes);
  Attest attest;
  attest.magic = in.number<std::uint32_t>();
  attest.type = in.number<std::uint16_t>();
  if (!in.broken() && attest.type != kAttestCertify && attest.type != kAttestCreation && attest.type != kAttestQuote) {
    return malformed_structure(kStructure, "type " + hex_number(attest.type) + " is no certify, creation or quote");
  }
  attest.qualified_signer = in.sized(kDataBytesMax);
  attest.extra_data = in.sized(kDataBytesMax);
  attest.clock = read_clock(in);
  attest.firmware = in.number<std::uint64_t>();
  read_attested(in, attest);
  if (!in.is_at_end()) return malformed_structure(kStructure, "cut, a field out of range, or bytes behind the end");
  return attest;
}

Result<CreationData> read_creation_data(ByteView bytes) {
  FieldReader in(bytes);
  CreationData data;
  data.banks = read_banks(in);
  data.pcr_digest = in.sized(kDigestBytesMax);
  data.locality = in.number<std::uint8_t>();
  data.parent_name_hash = in.number<std::uint16_t>();
  data.parent_name = in.sized(kDataBytesMax);
  data.parent_qualified_name = in.sized(kDataBytesMax);
  data.outside_info = in.sized(kDataBytesMax);
  if (!in.is_at_end()) {
    return malformed_structure("TPMS_CREATION_DATA", "cut, a field out of range, or bytes behind the end");
  }
  return data;
}

Name name_of(ByteView public_area) noexcept {
  return hashed_name(public_area, {});
}

Name qualified_name(const Name& parent, const Name& name) noexcept {
  return hashed_name(parent, name);
}

Name qualified_name(std::uint32_t hierarchy, const Name& primary) noexcept {
  std::array<std::uint8_t, 4> handle{};
  for (unsigned i = 0; i < handle.size(); ++i) handle[i] = static_cast<std::uint8_t>(hierarchy >> (24U - 8U * i));
  return hashed_name(handle, primary);
}

}  // namespace signer::evidence
