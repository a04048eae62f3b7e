// SPDX-License-Identifier: Apache-2.0

#include "jose/ecdsa_der.h"

#include <gtest/gtest.h>
#include <openssl/ecdsa.h>

#include <memory>
#include <random>
#include <string>

#include "base/hex.h"
#include "tests/support/seed.h"

namespace signer::jose {
namespace {

using SignaturePtr = std::unique_ptr<ECDSA_SIG, decltype(&::ECDSA_SIG_free)>;

// r || s of 32 bytes each, every one from its hexadecimal end.
Bytes raw_of(const std::string& r, const std::string& s) {
  return from_hex(std::string(64 - r.size(), '0') + r + std::string(64 - s.size(), '0') + s).value();
}

std::string der_of(const std::string& r, const std::string& s) {
  return to_hex(EcdsaDer(raw_of(r, s)).view());
}

TEST(EcdsaDer, LeadingZerosGoAndAHighBitGetsOne) {
  const std::string high = "80" + std::string(62, '1');
  const std::string low = "7f" + std::string(62, '1');
  EXPECT_EQ(der_of("1", "2"), "3006020101020102");
  EXPECT_EQ(der_of("7f", "80"), "300702017f02020080");
  EXPECT_EQ(der_of("80", "ff01"),
            "30090202008002"
            "0300ff01");
  EXPECT_EQ(der_of(low, low), "30440220" + low + "0220" + low);
  EXPECT_EQ(der_of(high, low), "3045022100" + high + "0220" + low);
  EXPECT_EQ(der_of(high, high), "3046022100" + high + "022100" + high);
  EXPECT_EQ(der_of(high.substr(2), "0"),
            "30240"
            "21f" +
                high.substr(2) + "020100")
      << "zero is one byte";
  EXPECT_EQ(EcdsaDer(Bytes(96, 0xff)).view().size(), 104U) << "the longest, of P-384";
}

// OpenSSL reads the same two numbers, and writes the same bytes.
TEST(EcdsaDer, OpensslAgreesWithIt) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const std::size_t half = round % 2 == 0 ? 32 : 48;
    Bytes raw(2 * half);
    for (auto& byte : raw) byte = static_cast<std::uint8_t>(random());
    std::fill_n(raw.begin(), random() % 4, std::uint8_t{0});
    std::fill_n(raw.begin() + static_cast<std::ptrdiff_t>(half), random() % 4, std::uint8_t{0});

    const EcdsaDer der(raw);
    const std::uint8_t* at = der.view().data();
    const SignaturePtr read(::d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.view().size())), ::ECDSA_SIG_free);
    ASSERT_NE(read, nullptr);
    ASSERT_EQ(at, der.view().data() + der.view().size());
    Bytes again(2 * half);
    const int width = static_cast<int>(half);
    ASSERT_EQ(::BN_bn2binpad(::ECDSA_SIG_get0_r(read.get()), again.data(), width), width);
    ASSERT_EQ(::BN_bn2binpad(::ECDSA_SIG_get0_s(read.get()), again.data() + half, width), width);
    ASSERT_EQ(again, raw);

    Bytes written(104);
    std::uint8_t* end = written.data();
    written.resize(static_cast<std::size_t>(::i2d_ECDSA_SIG(read.get(), &end)));
    ASSERT_EQ(to_hex(der.view()), to_hex(written));
  }
}

}  // namespace
}  // namespace signer::jose
