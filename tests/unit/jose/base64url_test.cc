// SPDX-License-Identifier: Apache-2.0
//
// One spelling for every value: without it two different tokens would be the same token.
#include "jose/base64url.h"

#include <gtest/gtest.h>

#include <random>

namespace signer::jose {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

TEST(Base64url, AgreesWithTheVectorsOfRfc4648WithoutPadding) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(base64url_encode(plain), text);
    const auto decoded = base64url_decode(text);
    ASSERT_TRUE(decoded) << text;
    EXPECT_EQ(text_of(*decoded), plain);
  }
  // RFC 7515 Appendix C.
  EXPECT_EQ(base64url_encode(Bytes{3, 236, 255, 224, 193}), "A-z_4ME");
}

TEST(Base64url, EveryByteStringComesBackAndEncodesWithoutForeignCharacters) {
  std::mt19937 random(7515);
  for (std::size_t size = 0; size < 300; ++size) {
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const std::string text = base64url_encode(bytes);
    ASSERT_EQ(text.size(), (size * 4 + 2) / 3);
    ASSERT_EQ(text.find_first_not_of(kAlphabet), std::string::npos) << text;
    ASSERT_EQ(base64url_decode(text), bytes);
  }
}

// Every text of up to 3 characters over all 256 bytes at each place: it decodes only if it is what encoding gives.
TEST(Base64url, DecodesExactlyTheTextsThatEncodingMakes) {
  int accepted = 0;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string pair = {static_cast<char>(a), static_cast<char>(b)};
      for (const std::string& text : {pair, "Zm9v" + pair, pair + "A", "A" + pair, "AA" + pair}) {
        const auto decoded = base64url_decode(text);
        if (!decoded) continue;
        ++accepted;
        ASSERT_EQ(base64url_encode(*decoded), text);
      }
    }
  }
  // Of two characters 64 * 4 leave no spare bits, alone and after a group; of three, 64*64 in front and 64*16 at the
  // end
  // ("A" closes with zero bits; the last of b's must); of four, all.
  EXPECT_EQ(accepted, 256 + 256 + 64 * 64 + 64 * 16 + 64 * 64);
}

TEST(Base64url, RefusesTheSpareBitsOfAll16TailsOfTwoAndAll4OfThree) {
  for (std::size_t tail = 0; tail < 16; ++tail) {
    const std::string text = std::string("A") + kAlphabet[tail];  // the low 4 bits are spare
    EXPECT_EQ(base64url_decode(text).has_value(), tail == 0) << text;
  }
  for (std::size_t tail = 0; tail < 4; ++tail) {
    const std::string text = std::string("AA") + kAlphabet[tail];  // the low 2 bits are spare
    EXPECT_EQ(base64url_decode(text).has_value(), tail == 0) << text;
  }
}

TEST(Base64url, RefusesPaddingBlanksOtherAlphabetsAndLengthsThatCannotBe) {
  for (const std::string_view text : {"Zg==", "Zm8=", "Zm9v=", "=", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9+", "Zm9/", "Zm9v.",
                                      "A", "Zm9vA", "Zm9vZm9vA", "Zm9\xc3", "Zm\r\n9v"}) {
    EXPECT_FALSE(base64url_decode(text)) << text;
  }
  EXPECT_FALSE(base64url_decode(std::string_view("AA\0A", 4)));
}

TEST(Base64url, AReusedBufferHoldsTheNewValueAlone) {
  Bytes buffer(100, 0xee);
  ASSERT_TRUE(base64url_decode_into("Zm8", buffer));
  EXPECT_EQ(text_of(buffer), "fo");
  ASSERT_TRUE(base64url_decode_into("", buffer));
  EXPECT_TRUE(buffer.empty());
}

constexpr std::string_view kStandardAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

TEST(Base64, AgreesWithTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes_of(plain)), text);
    const auto decoded = base64_decode(text);
    ASSERT_TRUE(decoded) << text;
    EXPECT_EQ(text_of(*decoded), plain);
  }
  EXPECT_EQ(base64_encode(Bytes{3, 236, 255, 224, 193}), "A+z/4ME=");
}

// Every group of four characters of the alphabet, padding and one stranger, alone and behind another group.
TEST(Base64, DecodesExactlyTheTextsThatEncodingMakes) {
  const std::string characters = std::string(kStandardAlphabet.substr(0, 4)) + "gw+/=-";
  int accepted = 0;
  for (std::size_t i = 0; i < 10'000; ++i) {
    const std::string group = {characters[i % 10], characters[i / 10 % 10], characters[i / 100 % 10],
                               characters[i / 1000]};
    for (const std::string& text : {group, "Zm9v" + group, group + "Zm9v"}) {
      const auto decoded = base64_decode(text);
      if (!decoded) continue;
      ++accepted;
      ASSERT_EQ(base64_encode(*decoded), text);
    }
  }
  // Of the eight characters "ABCDgw+/" (0 to 3, 32, 48, 62, 63) three end in four zero bits, and the same three in two.
  EXPECT_EQ(accepted, 3 * 8 * 8 * 8 * 8 + 2 * (8 * 8 * 3 + 8 * 3));
}

TEST(Base64, RefusesMissingAndSuperfluousPaddingBlanksAndTheOtherAlphabet) {
  for (const std::string_view text : {"Zg", "Zg=", "Zg===", "Zm8", "Zm8==", "Zm9v=", "Zm9v====", "=", "==", "====",
                                      "Zg==Zg==", "Z===", "Zm9v\n", "Zm9\n", " Zm9", "Zm9-", "Zm9_", "Zh==", "Zm9="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

}  // namespace
}  // namespace signer::jose
