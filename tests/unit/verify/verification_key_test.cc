// SPDX-License-Identifier: Apache-2.0

#include "verify/verification_key.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <thread>

#include "jose/base64url.h"
#include "jose/hash.h"
#include "jose/json.h"
#include "tests/support/signing_key.h"
#include "tests/vectors/rfc_vectors.h"

namespace signer::verify {
namespace {

using test::SigningKey;

jose::PublicKey public_key(std::string_view jwk) {
  auto json = jose::parse_json_object(jwk);
  auto key = jose::from_jwk(*json);
  EXPECT_TRUE(key) << (key ? "" : key.error().text);
  return *key;
}

VerificationKey verification_key(const jose::PublicKey& numbers) {
  auto key = VerificationKey::make(numbers);
  EXPECT_TRUE(key) << (key ? "" : key.error().text);
  return std::move(key).value();
}

Bytes decoded(std::string_view text) {
  auto bytes = jose::base64url_decode(text);
  EXPECT_TRUE(bytes.has_value());
  return bytes.value_or(Bytes{});
}

TEST(Sha256, MatchesFips180ExamplesAndStartsAfreshEachTime) {
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const std::string empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const auto hex = [](const jose::Sha256Digest& digest) {
    std::string text;
    for (const unsigned byte : digest) {
      text += "0123456789abcdef"[byte >> 4U];
      text += "0123456789abcdef"[byte & 15U];
    }
    return text;
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(hex(jose::sha256(bytes_of("abc"))), abc);
    EXPECT_EQ(hex(jose::sha256({})), empty);
  }
}

TEST(VerificationKey, AcceptsTheRs256SignatureOfRfc7515A2) {
  const auto key = verification_key(public_key(vectors::kRfc7515A2Jwk));
  const auto digest = jose::sha256(bytes_of(vectors::kRfc7515A2SigningInput));
  EXPECT_TRUE(key.verify_digest(digest, decoded(vectors::kRfc7515A2Signature)));
  EXPECT_FALSE(key.verify_digest(jose::sha256({}), decoded(vectors::kRfc7515A2Signature)));
}

TEST(VerificationKey, AcceptsTheEs256SignatureOfRfc7515A3) {
  const auto key = verification_key(public_key(vectors::kRfc7515A3Jwk));
  const auto digest = jose::sha256(bytes_of(vectors::kRfc7515A3SigningInput));
  Bytes signature = decoded(vectors::kRfc7515A3Signature);
  EXPECT_TRUE(key.verify_digest(digest, signature));
  EXPECT_FALSE(key.verify_digest(jose::sha256({}), signature));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    signature[i] ^= 1U;
    EXPECT_FALSE(key.verify_digest(digest, signature)) << i;
    signature[i] ^= 1U;
  }
  Bytes longer = signature;
  longer.insert(longer.begin() + 32, 0);  // R || 00 || S
  EXPECT_FALSE(key.verify_digest(digest, longer));
  EXPECT_FALSE(key.verify_digest(digest, ByteView(signature).first(63)));
  EXPECT_FALSE(key.verify_digest(digest, {}));
}

// CVE-2022-21449: r and s must lie between 1 and n - 1.
TEST(VerificationKey, RefusesPsychicEs256Signatures) {
  const auto key = verification_key(public_key(vectors::kRfc7515A3Jwk));
  const auto digest = jose::sha256(bytes_of(vectors::kRfc7515A3SigningInput));
  const Bytes good = decoded(vectors::kRfc7515A3Signature);
  const Bytes order = decoded("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");  // SEC 2 §2.4.2, n of secp256r1
  for (const bool zero_r : {false, true}) {
    for (const Bytes& bad : {Bytes(32, 0), order, Bytes(32, 0xff)}) {
      Bytes signature = good;
      std::ranges::copy(bad, signature.begin() + (zero_r ? 0 : 32));
      EXPECT_FALSE(key.verify_digest(digest, signature));
    }
  }
  EXPECT_FALSE(key.verify_digest(digest, Bytes(64, 0)));
}

TEST(VerificationKey, ThumbprintMatchesRfc7638) {
  EXPECT_EQ(jose::thumbprint(public_key(vectors::kRfc7638Jwk)), vectors::kRfc7638Thumbprint);
}

TEST(VerificationKey, WantsSignaturesAsLongAsTheModulusAndBelowIt) {
  const auto numbers = SigningKey::first().public_key();
  const auto key = verification_key(numbers);
  const auto digest = jose::sha256(bytes_of("text"));
  const Bytes good = decoded(SigningKey::first().signature("text"));
  ASSERT_TRUE(key.verify_digest(digest, good));

  Bytes longer = good;
  longer.insert(longer.begin(), 0);  // the same number in 257 bytes
  EXPECT_FALSE(key.verify_digest(digest, longer));
  EXPECT_FALSE(key.verify_digest(digest, ByteView(good).first(255)));
  EXPECT_FALSE(key.verify_digest(digest, {}));
  EXPECT_FALSE(key.verify_digest(digest, Bytes(256, 0)));
  EXPECT_FALSE(key.verify_digest(digest, numbers.modulus));

  // signature + n is congruent to the signature; it fits 256 bytes whenever the signature is small enough.
  const std::unique_ptr<BIGNUM, decltype(&::BN_free)> sum(::BN_bin2bn(good.data(), 256, nullptr), ::BN_free);
  const std::unique_ptr<BIGNUM, decltype(&::BN_free)> n(::BN_bin2bn(numbers.modulus.data(), 256, nullptr), ::BN_free);
  ASSERT_EQ(::BN_add(sum.get(), sum.get(), n.get()), 1);
  Bytes congruent(static_cast<std::size_t>(BN_num_bytes(sum.get())));
  ::BN_bn2bin(sum.get(), congruent.data());
  EXPECT_FALSE(key.verify_digest(digest, congruent));
}

// CVE-2006-4339, CVE-2014-1568, CVE-2016-1494, CVE-2018-16150, CVE-2022-24771: blocks accepted by a verifier that
// parses the padding, instead of building the one right block and comparing (RFC 8017 §8.2.2).
TEST(VerificationKey, RefusesEveryBlockButTheOneOfRfc8017) {
  const auto key = verification_key(SigningKey::first().public_key());
  const auto digest = jose::sha256(bytes_of("text"));
  const Bytes hash(digest.begin(), digest.end());
  // DigestInfo up to the hash, RFC 8017 §9.2 note 1.
  const Bytes info = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
  const auto joined = [](const Bytes& head, const Bytes& tail) {
    Bytes all = head;
    all.insert(all.end(), tail.begin(), tail.end());
    return all;
  };
  // 00 <type> <padding> 00 <content> <garbage>, as long as the modulus.
  const auto block = [](const Bytes& content, std::size_t garbage = 0, std::uint8_t type = 1, std::uint8_t pad = 0xff) {
    Bytes out(256, pad);
    out[0] = 0;
    out[1] = type;
    const std::size_t begin = 256 - garbage - content.size();
    out[begin - 1] = 0;
    std::ranges::copy(content, out.begin() + static_cast<std::ptrdiff_t>(begin));
    for (std::size_t i = 256 - garbage; i < 256; ++i) out[i] = static_cast<std::uint8_t>(i);
    return out;
  };
  const auto accepts = [&](const Bytes& padded) {
    return key.verify_digest(digest, SigningKey::first().raw_signature(padded));
  };
  ASSERT_TRUE(accepts(block(joined(info, hash))));

  const Bytes without_null = {0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
                              0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20};
  const Bytes long_lengths = {0x30, 0x81, 0x32, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
                              0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
  Bytes sha384_name = info;
  sha384_name[14] = 0x02;
  for (const std::size_t garbage : {1U, 8U, 100U, 194U})
    EXPECT_FALSE(accepts(block(joined(info, hash), garbage))) << garbage;
  EXPECT_FALSE(accepts(block(joined(without_null, hash))));
  EXPECT_FALSE(accepts(block(joined(long_lengths, hash))));
  EXPECT_FALSE(accepts(block(joined(sha384_name, hash))));
  EXPECT_FALSE(accepts(block(hash)));
  EXPECT_FALSE(accepts(block(joined(info, hash), 0, 2)));
  EXPECT_FALSE(accepts(block(joined(info, hash), 0, 0, 0)));
  EXPECT_FALSE(accepts(block(joined(info, hash), 0, 1, 0xfe)));
  Bytes no_separator = block(joined(info, hash));
  no_separator[256 - info.size() - hash.size() - 1] = 0xff;
  EXPECT_FALSE(accepts(no_separator));
}

TEST(VerificationKey, StillWorksAfterARefusalAndLeavesTheErrorQueueAlone) {
  const auto key = verification_key(SigningKey::first().public_key());
  const auto digest = jose::sha256(bytes_of("text"));
  const Bytes good = decoded(SigningKey::first().signature("text"));
  Bytes bad = good;
  bad.at(255) ^= 1U;
  ::ERR_clear_error();
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(key.verify_digest(digest, bad));
    EXPECT_TRUE(key.verify_digest(digest, good));
  }
  EXPECT_EQ(::ERR_peek_error(), 0U);
}

// More keys than a thread keeps contexts for: every verification must still use its own key's.
TEST(VerificationKey, ManyKeysOnOneThreadDoNotMixUp) {
  const auto digest = jose::sha256(bytes_of("text"));
  const Bytes by_first = decoded(SigningKey::first().signature("text"));
  std::vector<VerificationKey> keys;
  for (int i = 0; i < 40; ++i) {
    keys.push_back(verification_key((i % 3 == 0 ? SigningKey::first() : SigningKey::second()).public_key()));
  }
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(keys[i].verify_digest(digest, by_first), i % 3 == 0) << i;
  }
}

TEST(VerificationKey, AMovedFromKeyRefuses) {
  auto key = verification_key(SigningKey::first().public_key());
  const auto digest = jose::sha256(bytes_of("text"));
  const Bytes good = decoded(SigningKey::first().signature("text"));
  const VerificationKey taken = std::move(key);
  EXPECT_TRUE(taken.verify_digest(digest, good));
  EXPECT_FALSE(key.verify_digest(digest, good));  // NOLINT(bugprone-use-after-move): that is the point
}

TEST(VerificationKey, RefusesNumbersThatAreNoGoodKey) {
  const auto good = SigningKey::first().public_key();
  const auto refused = [](const jose::PublicKey& key) { return !VerificationKey::make(key).has_value(); };

  auto even = good;
  even.modulus.back() &= 0xfeU;
  EXPECT_TRUE(refused(even));
  EXPECT_TRUE(refused(SigningKey(1024).public_key()));
  for (const Bytes& exponent : {Bytes{1}, Bytes{3}, Bytes{1, 0, 0}, Bytes{0, 1, 0, 1}, Bytes{1, 0, 0, 0, 1}, Bytes{}}) {
    auto key = good;
    key.exponent = exponent;
    EXPECT_TRUE(refused(key));
  }
  auto small_factor = good;  // n - (n mod 3) with the low bit kept odd: a multiple of 3
  unsigned remainder = 0;
  for (const unsigned byte : good.modulus) remainder = (remainder * 256 + byte) % 3;
  small_factor.modulus.back() = static_cast<std::uint8_t>((small_factor.modulus.back() & 0x0fU) + 0x40U);
  remainder = 0;
  for (const unsigned byte : small_factor.modulus) remainder = (remainder * 256 + byte) % 3;
  small_factor.modulus.back() = static_cast<std::uint8_t>(small_factor.modulus.back() + 2 * remainder);  // 3r is 0
  EXPECT_TRUE(refused(small_factor));

  auto off_curve = public_key(vectors::kRfc7515A3Jwk);
  off_curve.y.back() ^= 1U;
  EXPECT_TRUE(refused(off_curve));
}

// CVE-2017-15361: a modulus that is a power of 65537 modulo each of the small primes.
TEST(VerificationKey, RefusesTheRocaFingerprint) {
  const std::unique_ptr<BN_CTX, decltype(&::BN_CTX_free)> scratch(::BN_CTX_new(), ::BN_CTX_free);
  const auto number = [] { return std::unique_ptr<BIGNUM, decltype(&::BN_free)>(::BN_new(), ::BN_free); };
  const auto product = number();
  const auto modulus = number();
  const auto generator = number();
  const auto power = number();
  const auto exponent = number();
  BN_one(product.get());
  constexpr unsigned kPrimes[] = {2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,
                                  43,  47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101,
                                  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
  for (const unsigned prime : kPrimes) {
    ::BN_mul_word(product.get(), prime);
  }
  ::BN_set_word(generator.get(), 65537);
  ::BN_set_word(exponent.get(), 123456789);
  ::BN_mod_exp(power.get(), generator.get(), exponent.get(), product.get(), scratch.get());
  BN_one(modulus.get());
  ::BN_lshift(modulus.get(), modulus.get(), 2047);
  ::BN_set_bit(modulus.get(), 2046);
  ::BN_div(modulus.get(), nullptr, modulus.get(), product.get(), scratch.get());
  ::BN_mul(modulus.get(), modulus.get(), product.get(), scratch.get());
  ::BN_add(modulus.get(), modulus.get(), power.get());
  jose::PublicKey weak{.algorithm = Algorithm::kRs256, .modulus = Bytes(256), .exponent = {1, 0, 1}, .x = {}, .y = {}};
  ASSERT_EQ(::BN_bn2binpad(modulus.get(), weak.modulus.data(), 256), 256);

  const auto refused = VerificationKey::make(weak);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("CVE-2017-15361"), std::string::npos);
}

TEST(VerificationKey, ServesManyThreadsAtOnce) {
  const auto key = verification_key(SigningKey::first().public_key());
  const auto digest = jose::sha256(bytes_of("text"));
  const Bytes good = decoded(SigningKey::first().signature("text"));
  std::array<int, 4> accepted{};
  {
    std::vector<std::jthread> threads;
    for (int& count : accepted) {
      threads.emplace_back([&] {
        Bytes bad = good;
        bad.front() ^= 1U;
        for (int i = 0; i < 500; ++i) {
          count += key.verify_digest(digest, good) ? 1 : 0;
          count += key.verify_digest(digest, bad) ? 1000 : 0;
        }
      });
    }
  }
  for (const int count : accepted) EXPECT_EQ(count, 500);
}

}  // namespace
}  // namespace signer::verify
