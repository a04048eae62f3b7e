// SPDX-License-Identifier: Apache-2.0
//
// What a token URI may say.  Which token it finds: token_admin_test.cc.
#include <gtest/gtest.h>

#include "hsm/token_select.h"

namespace signer::hsm {
namespace {

std::string refusal(const std::string& uri) {
  const auto parsed = TokenUri::parse(uri);
  return parsed ? "accepted" : parsed.error().text;
}

TEST(TokenUri, AcceptsTokenAttributes) {
  for (const char* uri : {"pkcs11:token=demo", "pkcs11:token=my%20token;serial=0123", "pkcs11:manufacturer=A;model=B",
                          "pkcs11:slot-description=reader", "pkcs11:library-manufacturer=SoftHSM"}) {
    EXPECT_TRUE(TokenUri::parse(uri)) << uri << ": " << refusal(uri);
  }
}

TEST(TokenUri, Invariant05_RefusesAPinAndDoesNotRepeatIt) {
  for (const char* uri : {"pkcs11:token=demo?pin-value=s3cr3t", "pkcs11:token=demo?pin-source=file:s3cr3t"}) {
    const std::string text = refusal(uri);
    EXPECT_NE(text.find("use pin_file"), std::string::npos) << text;
    EXPECT_EQ(text.find("s3cr3t"), std::string::npos) << text;
  }
}

TEST(TokenUri, RefusesOtherSchemesAndBadSyntax) {
  for (const char* uri : {"", "demo", "https://token=demo", "pkcs11:token=%zz", "pkcs11:token", "token=demo"}) {
    EXPECT_FALSE(TokenUri::parse(uri)) << uri;
  }
}

TEST(TokenUri, RefusesWhatDoesNotNameAToken) {
  EXPECT_NE(refusal("pkcs11:token=demo;object=key").find("object"), std::string::npos);
  EXPECT_NE(refusal("pkcs11:token=demo;id=%01").find("object"), std::string::npos);
  EXPECT_NE(refusal("pkcs11:slot-id=3").find("slot-id"), std::string::npos);
  EXPECT_NE(refusal("pkcs11:token=demo?module-path=/x.so").find("module"), std::string::npos);
  EXPECT_NE(refusal("pkcs11:token=demo;colour=red").find("RFC 7512"), std::string::npos);
}

}  // namespace
}  // namespace signer::hsm
