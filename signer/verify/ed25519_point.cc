// SPDX-License-Identifier: Apache-2.0

#include "verify/ed25519_point.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "jose/openssl.h"

namespace signer::verify {

namespace {

using jose::BignumPtr;
using jose::ScratchPtr;

constexpr std::size_t kPointBytes = 32;
constexpr unsigned kSignBit = 0x80;

BignumPtr number(BN_ULONG value) {
  BignumPtr made(::BN_new());
  if (made == nullptr || ::BN_set_word(made.get(), value) != 1) return nullptr;
  return made;
}

// The curve is -x^2 + y^2 = 1 + d x^2 y^2 over the field of 2^255 - 19, with d = -121665/121666 (RFC 8032 §5.1).
struct Curve {
  BignumPtr prime = number(1);
  BignumPtr d = number(121665);
  bool ok = false;

  explicit Curve(BN_CTX* scratch) {
    const BignumPtr nineteen = number(19);
    const BignumPtr divisor = number(121666);
    if (!prime || !d || !nineteen || !divisor) return;
    ok = ::BN_lshift(prime.get(), prime.get(), 255) == 1 && ::BN_sub(prime.get(), prime.get(), nineteen.get()) == 1 &&
         ::BN_mod_inverse(divisor.get(), divisor.get(), prime.get(), scratch) != nullptr &&
         ::BN_mod_mul(d.get(), d.get(), divisor.get(), prime.get(), scratch) == 1 &&
         ::BN_sub(d.get(), prime.get(), d.get()) == 1;
  }
};

// y of the points whose order divides 8, besides 1 (order 1), -1 (2) and 0 (4): the two of order 8, little-endian.
constexpr std::array<std::array<std::uint8_t, kPointBytes>, 2> kOrder8 = {{
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
}};

// Is there an x?  x^2 = (y^2 - 1) / (d y^2 + 1), and a quotient is a square exactly if the product is.
bool lies_on_curve(const BIGNUM* y, const Curve& curve, BN_CTX* scratch) {
  const BignumPtr square(::BN_new());
  const BignumPtr over = number(0);
  const BignumPtr under = number(0);
  const BIGNUM* const prime = curve.prime.get();
  return square && over && under && ::BN_mod_sqr(square.get(), y, prime, scratch) == 1 &&
         ::BN_mod_sub(over.get(), square.get(), ::BN_value_one(), prime, scratch) == 1 &&
         ::BN_mod_mul(under.get(), curve.d.get(), square.get(), prime, scratch) == 1 &&
         ::BN_mod_add(under.get(), under.get(), ::BN_value_one(), prime, scratch) == 1 &&
         ::BN_mod_mul(over.get(), over.get(), under.get(), prime, scratch) == 1 &&
         ::BN_kronecker(over.get(), prime, scratch) == 1;
}

}  // namespace

bool is_acceptable_ed25519_point(ByteView encoded) noexcept {
  if (encoded.size() != kPointBytes) return false;
  std::array<std::uint8_t, kPointBytes> bytes{};
  std::ranges::copy(encoded, bytes.begin());
  bytes.back() = static_cast<std::uint8_t>(bytes.back() & ~kSignBit);
  if (std::ranges::find(kOrder8, bytes) != kOrder8.end()) return false;
  const ScratchPtr scratch(::BN_CTX_new());
  const BignumPtr y(::BN_lebin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  if (scratch == nullptr || y == nullptr) return false;
  const Curve curve(scratch.get());
  if (!curve.ok || ::BN_cmp(y.get(), curve.prime.get()) >= 0) return false;
  // y of 0, 1 or -1; of the last two x is 0.
  const BignumPtr minus_one(::BN_dup(curve.prime.get()));
  if (minus_one == nullptr || ::BN_sub_word(minus_one.get(), 1) != 1) return false;
  if (::BN_is_zero(y.get()) || ::BN_is_one(y.get()) || ::BN_cmp(y.get(), minus_one.get()) == 0) return false;
  return lies_on_curve(y.get(), curve, scratch.get());
}

}  // namespace signer::verify
