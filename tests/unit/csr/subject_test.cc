// SPDX-License-Identifier: Apache-2.0
//
// Lose these and a request can go to the authority for another name than the operator wrote.
#include "hsm/csr/subject.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>

#include <string>

#include "hsm/csr/token_key.h"

namespace signer::p11 {
namespace {

// RFC 2253 turned around: in the order of the encoding.
std::string text_of_name(const X509_NAME& name) {
  BIO* bio = ::BIO_new(::BIO_s_mem());
  ::X509_NAME_print_ex(bio, &name, 0, (XN_FLAG_RFC2253 & ~XN_FLAG_DN_REV) & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  const long size = ::BIO_get_mem_data(bio, &text);
  std::string result(text, static_cast<std::size_t>(size));
  ::BIO_free(bio);
  return result;
}

std::string parsed(std::string_view text) {
  const auto name = parse_subject(text);
  return name ? text_of_name(**name) : "refused: " + name.error().text;
}

std::string why_refused(std::string_view text) {
  const auto name = parse_subject(text);
  return name ? "taken: " + text_of_name(**name) : name.error().text;
}

TEST(ParseSubject, KeepsTheOrder) {
  EXPECT_EQ(parsed("/C=DE/O=Example/CN=issuer"), "C=DE,O=Example,CN=issuer");
  EXPECT_EQ(parsed("/CN=issuer/O=Example/C=DE"), "CN=issuer,O=Example,C=DE");
}

TEST(ParseSubject, KnowsItsTypesAndRepeatsThem) {
  EXPECT_EQ(parsed("/DC=org/DC=example/ST=a/L=b/OU=c/OU=d/UID=e"), "DC=org,DC=example,ST=a,L=b,OU=c,OU=d,UID=e");
  EXPECT_EQ(parsed("/serialNumber=7/emailAddress=a@b.example"), "serialNumber=7,emailAddress=a@b.example");
}

TEST(ParseSubject, TakesSlashesAfterABackslash) {
  EXPECT_EQ(parsed(R"(/O=a\/b/CN=c)"), "O=a/b,CN=c");
  EXPECT_EQ(parsed(R"(/O=a\\/CN=c)"), R"(O=a\\,CN=c)");
}

TEST(ParseSubject, TakesAPlusAndAnEqualsSignAsTheyAre) {
  EXPECT_EQ(parsed("/CN=a+O=b"), R"(CN=a\+O=b)");
}

TEST(ParseSubject, TakesUtf8AndNothingElse) {
  EXPECT_EQ(parsed("/O=M\xc3\xbcller"), "O=M\xc3\xbcller");
  EXPECT_NE(why_refused("/O=M\xfcller").find("value of O"), std::string::npos) << why_refused("/O=M\xfcller");
}

TEST(ParseSubject, KeepsToTheBoundsOfX520) {
  EXPECT_EQ(parsed("/CN=" + std::string(64, 'a')), "CN=" + std::string(64, 'a'));
  EXPECT_NE(why_refused("/CN=" + std::string(65, 'a')).find("value of CN is too long"), std::string::npos);
  EXPECT_NE(why_refused("/C=D").find("value of C"), std::string::npos);
  EXPECT_NE(why_refused("/C=DEU").find("value of C"), std::string::npos);
}

TEST(ParseSubject, KeepsToItsOwnBound) {
  std::string text;
  while (text.size() + 6 <= kSubjectBytesMax) text += "/OU=ab";
  EXPECT_TRUE(parse_subject(text));
  EXPECT_NE(why_refused(text + std::string(7, 'a')).find("longer than"), std::string::npos);
}

TEST(ParseSubject, SaysWhatIsWrong) {
  EXPECT_NE(why_refused("").find("does not start with a slash"), std::string::npos);
  EXPECT_NE(why_refused("CN=x").find("does not start with a slash"), std::string::npos);
  EXPECT_NE(why_refused("/").find("not TYPE=VALUE"), std::string::npos);
  EXPECT_NE(why_refused("/CN=x/").find("not TYPE=VALUE"), std::string::npos);
  EXPECT_NE(why_refused("/CN").find("not TYPE=VALUE"), std::string::npos);
  EXPECT_NE(why_refused("/CN/O=x").find("not TYPE=VALUE"), std::string::npos);
  EXPECT_NE(why_refused("/CN=").find("CN has no value"), std::string::npos);
  EXPECT_NE(why_refused("/CN=/O=x").find("CN has no value"), std::string::npos);
  EXPECT_NE(why_refused("/=x").find("a type other than"), std::string::npos);
  EXPECT_NE(why_refused("/RSA=x").find("a type other than"), std::string::npos);
  EXPECT_NE(why_refused("/cn=x").find("a type other than"), std::string::npos);
  EXPECT_NE(why_refused("/CN=x\\").find("ends with a backslash"), std::string::npos);
  EXPECT_NE(why_refused("/CN=a\nb").find("control character"), std::string::npos);
  EXPECT_NE(why_refused(std::string_view("/CN=a\0b", 7)).find("control character"), std::string::npos);
}

TEST(ParseKeyId, TakesOneTo64Bytes) {
  EXPECT_EQ(parse_key_id("00").value(), Bytes{0});
  EXPECT_EQ(parse_key_id("0aFf").value(), (Bytes{0x0a, 0xff}));
  EXPECT_EQ(parse_key_id(std::string(128, 'a')).value(), Bytes(64, 0xaa));
  for (const std::string& bad : {std::string(), std::string("0"), std::string("0x"), std::string("0 "),
                                 std::string("abc"), std::string(130, 'a')}) {
    EXPECT_FALSE(parse_key_id(bad)) << bad;
  }
}

}  // namespace
}  // namespace signer::p11
