// SPDX-License-Identifier: Apache-2.0
//
// The file of an evidence bundle.  If its form were loose, the bytes that a signature covers and the bytes that a judge
// reads could be different ones.
#include <gtest/gtest.h>

#include "evidence/bundle.h"
#include "jose/base64url.h"
#include "jose/hash.h"

namespace signer::evidence {
namespace {

const std::string kStatement = R"({"format":"signer-evidence/1","nonce":"AAAAAAAAAAAAAAAAAAAAAA"})";

TEST(Bundle, IsReadAsItWasWritten) {
  const std::string file = write_bundle("aa.bb.cc", kStatement);
  EXPECT_EQ(file, R"({"signature":"aa.bb.cc","statement":)" + kStatement + "}\n");
  const auto bundle = read_bundle(file);
  ASSERT_TRUE(bundle) << bundle.error().text;
  EXPECT_EQ(bundle->jws, "aa.bb.cc");
  EXPECT_EQ(bundle->statement_text, kStatement);
  EXPECT_EQ(bundle->statement.at("format"), "signer-evidence/1");
  EXPECT_TRUE(jose::parse_json_object(file)) << "any tool can read it";
}

TEST(Bundle, AFileOfAnotherFormIsRefused) {
  const std::string file = write_bundle("aa.bb.cc", kStatement);
  for (const std::string& other :
       {std::string(), std::string("{}"), file.substr(0, file.size() - 1), file + "\n", " " + file,
        write_bundle("", kStatement), write_bundle("a a", kStatement), write_bundle("aa.bb.cc", "[]"),
        write_bundle("aa.bb.cc", "{}\n"), write_bundle("aa.bb.cc", ""), write_bundle("aa.bb.cc", R"({"a":1,"a":2})"),
        write_bundle("aa.bb.cc", "{}},{}"), write_bundle("aa.bb.cc", kStatement + ",\"more\":{}"),
        write_bundle(std::string(4097, 'a'), kStatement)}) {
    EXPECT_FALSE(read_bundle(other)) << other.substr(0, 80);
  }
}

TEST(Bundle, ItsSizesAreLimitsAndNotHints) {
  const auto padded = [](std::size_t size) { return R"({"a":")" + std::string(size - 8, 'x') + "\"}"; };
  EXPECT_TRUE(read_bundle(write_bundle("aa", padded(kStatementBytesMax))));
  EXPECT_FALSE(read_bundle(write_bundle("aa", padded(kStatementBytesMax + 1))));
  EXPECT_FALSE(read_bundle(std::string(kBundleBytesMax + 1, ' ')));
}

TEST(Bundle, TheKeySignsTheStatementsHashAndTheNonceUnderATypOfItsOwn) {
  const std::string input = signing_input("RS256", "the-kid", "the-nonce", kStatement);
  const std::size_t dot = input.find('.');
  const auto header = jose::base64url_decode(input.substr(0, dot));
  const auto payload = jose::base64url_decode(input.substr(dot + 1));
  ASSERT_TRUE(header && payload);
  EXPECT_EQ(text_of(*header), R"({"alg":"RS256","kid":"the-kid","typ":"signer-evidence"})");
  EXPECT_EQ(text_of(*payload), R"({"nonce":"the-nonce","statement_sha256":")" +
                                   jose::base64url_encode(jose::sha256(bytes_of(kStatement))) + "\"}");
}

TEST(Bundle, TheContextIsAnotherOneForEachOfItsParts) {
  const Bytes data{1};
  const auto context = context_of("kid", "config", "note", data);
  EXPECT_EQ(context, context_of("kid", "config", "note", data));
  EXPECT_NE(context, context_of("kix", "config", "note", data));
  EXPECT_NE(context, context_of("kid", "confix", "note", data));
  EXPECT_NE(context, context_of("kid", "config", "", data));
  EXPECT_NE(context, context_of("kid", "config", "note", {}));
}

}  // namespace
}  // namespace signer::evidence
