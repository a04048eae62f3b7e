// SPDX-License-Identifier: Apache-2.0
//
// Lose these and a fault in our DigestInfo, our hashing or our choice of mechanism has only our own word against it.
#include <gtest/gtest.h>

#include <string>

#include "test_token.h"
#include "tests/support/process.h"

namespace signer::hsm {
namespace {

using signer::test::Finished;

constexpr std::string_view kIdHex = "6b65792d31";  // "key-1", the id of test::key_request

std::string hex_line(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text + "\n";
}

class Libp11Sign : public testing::Test {
 protected:
  Finished sign(std::string_view input, std::string_view id = kIdHex) {
    return signer::test::run(
        {LIBP11_SIGN_PROGRAM, test::fault_module_path(), "pkcs11:token=unit", std::string(id), token_.pin_file()},
        input);
  }

  test::TestToken token_;
};

TEST_F(Libp11Sign, MakesTheSameBytesAsWeDo) {
  const auto driver = test::opened(token_);
  for (const auto kind : {jose::KeyKind::kRsa2048, jose::KeyKind::kRsa3072}) {
    const std::string id = kind == jose::KeyKind::kRsa2048 ? "key-1" : "key-2";
    ASSERT_TRUE(driver->generate_key(test::key_request(kind, id)));
    for (const std::string& input : {std::string("x"), std::string("header.payload"), std::string(32768, 'a')}) {
      const auto ours = driver->sign(test::sign_request(id, input));
      ASSERT_TRUE(ours) << ours.error().text;
      const Finished theirs = sign(input, hex_line(bytes_of(id)).substr(0, 2 * id.size()));
      ASSERT_EQ(theirs.status, 0) << theirs.err;
      EXPECT_EQ(theirs.out, hex_line(*ours));
    }
  }
}

TEST_F(Libp11Sign, MakesTheSameBytesWhenWeHashForATokenThatCannot) {
  ASSERT_TRUE(test::opened(token_)->generate_key(test::key_request(jose::KeyKind::kRsa2048)));
  test::control().hidden_mechanism = CKM_SHA256_RSA_PKCS;  // a new driver chooses CKM_RSA_PKCS
  const auto driver = test::opened(token_);
  const auto ours = driver->sign(test::sign_request());
  ASSERT_TRUE(ours) << ours.error().text;
  EXPECT_EQ(sign("header.payload").out, hex_line(*ours));
}

TEST_F(Libp11Sign, MakesOtherBytesOfAnotherInput) {
  const auto driver = test::opened(token_);
  ASSERT_TRUE(driver->generate_key(test::key_request(jose::KeyKind::kRsa2048)));
  const auto ours = driver->sign(test::sign_request());
  ASSERT_TRUE(ours) << ours.error().text;
  const Finished theirs = sign("header.payloae");
  EXPECT_EQ(theirs.status, 0) << theirs.err;
  EXPECT_EQ(theirs.out.size(), 2 * ours->size() + 1);
  EXPECT_NE(theirs.out, hex_line(*ours));
}

TEST_F(Libp11Sign, RefusesWhatItCannotCompare) {
  ASSERT_TRUE(test::opened(token_)->generate_key(test::key_request(jose::KeyKind::kP256)));
  EXPECT_EQ(sign("header.payload").status, 1);        // ECDSA: a new signature each time
  EXPECT_EQ(sign("header.payload", "00").status, 1);  // no such key
  EXPECT_EQ(sign("header.payload", "0g").status, 2);
}

}  // namespace
}  // namespace signer::hsm
