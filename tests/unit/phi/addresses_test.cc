// SPDX-License-Identifier: Apache-2.0
//
// Addresses of people and machines, and the many things in tokens that are written like them.
#include <gtest/gtest.h>

#include "tests/unit/phi/finds.h"

namespace signer::phi {
namespace {

TEST(PhiEmail, IsFoundWhereverItStands) {
  for (const std::string_view text : {"a@b.co",
                                      "mary.jones@example.com",
                                      "<mary@example.com>",
                                      "mary@example.com,",
                                      "mary@example.com.",
                                      "MARY@EXAMPLE.COM",
                                      "mary+tag@a-b.example",
                                      "o'neil@example.ie",
                                      "\"mary jones\"@example.com",
                                      "mary@example.com-1",
                                      "mary@example.com.1",
                                      "_@example.org",
                                      "m\xc3\xbcller@example.de",
                                      "mary@m\xc3\xbcnchen.de",
                                      "mary@\xe4\xbe\x8b\xe3\x81\x88.\xe6\x97\xa5\xe6\x9c\xac",
                                      "mary@xn--mnchen-3ya.xn--p1ai",
                                      "mailto:mary@example.com",
                                      "mailto:mary%40example.com",
                                      "user=mary%40example.com&x=1",
                                      "https://mary@host.example/x",
                                      "https://mary@host/x",
                                      "ssh://mary:secret@host/x",
                                      "//mary@host",
                                      "xmpp://mary@[2001:db8::1]",
                                      "mailto:mary@intranet",
                                      "email mary@intranet"}) {
    EXPECT_TRUE(finds(Detector::kEmail, text)) << text;
  }
  for (const std::string_view text : {"@example.com",
                                      "mary@",
                                      "mary@@example.com",
                                      "mary@.com",
                                      "mary@intranet",
                                      "mary@1.2.3.4",
                                      "a @ b.co",
                                      "pkg@1.2.3",
                                      "left-pad@1.0.0-rc1",
                                      "https://medium.example/@mary",
                                      "repo@sha256:0123",
                                      "mary@example.c",
                                      "mary@example.1a",
                                      "a@b",
                                      "@",
                                      "@@@@",
                                      "https://host/?u=a@b",
                                      "https://host?u=a@b",
                                      "https://host#a@b",
                                      "https://host a@b",
                                      "mary@example..com",
                                      "mary at example.com"}) {
    EXPECT_FALSE(finds(Detector::kEmail, text)) << text;
  }
}

TEST(PhiEmail, AHostWithoutADotNeedsAHint) {
  for (const std::string_view name : {"email", "user_email", "eMail", "upn"}) {
    EXPECT_TRUE(finds(Detector::kEmail, "mary@intranet", name)) << name;
    EXPECT_FALSE(finds(Detector::kEmail, "mary@", name)) << name;
  }
}

TEST(PhiEmail, DomainsAreReadUpTo255Characters) {
  std::string host;
  while (host.size() < 251) host += "a.";
  EXPECT_TRUE(finds(Detector::kEmail, "mary@" + host + "com"));
  while (host.size() < 256) host += "a.";
  EXPECT_FALSE(finds(Detector::kEmail, "mary@" + host + "com"));
}

TEST(PhiPhone, NorthAmericanNumbersAreFoundWithSeparators) {
  for (const std::string_view text :
       {"212-555-1234", "212.555.1234", "212 555 1234", "(212) 555-1234", "(212)555-1234", "1-212-555-1234",
        "1 (212) 555-1234", "+1 212 555 1234", "+1(212)555-1234", "+1-212-555-1234", "212 - 555 - 1234",
        "(212 555-1234", "800-555-0199", "call 212-555-1234 now"}) {
    EXPECT_TRUE(finds(Detector::kPhone, text)) << text;
  }
  for (const std::string_view text :
       {"112-555-1234", "012-555-1234", "292-555-1234", "211-555-1234", "212-155-1234", "212-911-1234", "212-555-123",
        "212-555-12345", "2125551234", "212555-1234", "212-5551234", "2-212-555-1234x", "555-1234", "2.212.555.1234",
        "212.555.1234.5", "212--- -555-1234", "212+555+1234", "212/555/1234"}) {
    EXPECT_FALSE(finds(Detector::kPhone, text)) << text;
  }
}

TEST(PhiPhone, IsFoundPartedByASeparatorOfIds) {
  for (const char separator : std::string_view("._~:")) {
    const std::string one(1, separator);
    const std::string phone = "415" + one + "555" + one + "2671";
    for (const std::string& text :
         {phone, "patient" + one + phone, phone + one + "x", "1" + one + phone, "+1" + one + phone,
          "(415)" + one + "555" + one + "2671", "urn:example:" + phone, "+49" + one + "30" + one + "123456"}) {
      EXPECT_TRUE(finds(Detector::kPhone, text)) << text;
    }
    for (const std::string& text :
         {"115" + one + "555" + one + "2671", "415" + one + "155" + one + "2671", "415" + one + "911" + one + "2671",
          "415" + one + "555" + one + "267", "415" + one + "555" + one + "26711", "415" + one + "5552671",
          "415" + one + "555/2671", "415" + one + one + one + one + "555" + one + "2671", "+49" + one + "30"}) {
      EXPECT_FALSE(finds(Detector::kPhone, text)) << text;
    }
  }
  for (const std::string_view text :
       {"415_555-2671", "415-555_2671", "415:555.2671", "415~555_2671", "9:415:555:2671", "415:555:2671:9",
        "+10:00 2026-11-26", "2026-11-26T05:50:03+10:00 2026", "+10:00:00"}) {
    EXPECT_FALSE(finds(Detector::kPhone, text)) << text;
  }
  EXPECT_TRUE(finds(Detector::kPhone, "9_415_555_2671"));
  EXPECT_FALSE(finds(Detector::kPhone, "12:30:45", "phone")) << "too few digits";
}

TEST(PhiPhone, InternationalNumbersAreFoundByTheirPlus) {
  for (const std::string_view text :
       {"+12125551234", "+4930123456", "+49 30 123456-78", "+44 (0)20 7946 0958", "+123456789012345",
        "tel:+493012345678", "+49.30.12345678", "x +4930123456 7 8 9 0 1 2 3 4"}) {
    EXPECT_TRUE(finds(Detector::kPhone, text)) << text;
  }
  for (const std::string_view text :
       {"+1234567", "+1234567890123456", "+04930123456", "1.2.3+12345678", "a+12345678", "+49", "+", "+ 49",
        "+4930123456a", "2026-11-26T05:50:03+02:00", "+02:00", "+49    30123456"}) {
    EXPECT_FALSE(finds(Detector::kPhone, text)) << text;
  }
}

TEST(PhiPhone, WithoutSeparatorsNeedsAHint) {
  for (const std::string_view name : {"phone", "phone_number", "homePhone", "tel", "mobile", "fax", "telecom"}) {
    for (const std::string_view text : {"2125551234", "12125551234", "555-1234", "030 1234567", "0049301234567"}) {
      EXPECT_TRUE(finds(Detector::kPhone, text, name)) << name << " " << text;
    }
    for (const std::string_view text : {"123456", "1234567890123456", "iPhone", "5551234x"}) {
      EXPECT_FALSE(finds(Detector::kPhone, text, name)) << name << " " << text;
    }
  }
  EXPECT_TRUE(finds(Detector::kPhone, "tel:2125551234"));
  EXPECT_TRUE(finds(Detector::kPhone, "tel:0301234567"));
  EXPECT_TRUE(finds(Detector::kPhone, "sms:5551234"));
  EXPECT_TRUE(finds(Detector::kPhone, "phone 2125551234"));
  EXPECT_FALSE(finds(Detector::kPhone, "phone 0301234567"));
  EXPECT_FALSE(finds(Detector::kPhone, "hotel:2125551234"));
}

TEST(PhiIpAddress, Version4IsFoundInFullAlone) {
  for (const std::string_view text :
       {"10.1.2.3", "192.0.2.255", "255.255.255.255", "1.1.1.1", "https://10.1.2.3:8443/x", "10.1.2.3.", "10.1.2.3/8",
        "::ffff:10.1.2.3", "mary@[10.1.2.3]", "0.0.0.1"}) {
    EXPECT_TRUE(finds(Detector::kIpAddress, text)) << text;
  }
  for (const std::string_view text :
       {"10.1.2", "10.1.2.3.4", "256.1.2.3", "10.1.2.256", "10.1.2.1000", "10.01.2.3", "10..2.3", "10.1.2.",
        "v10.1.2.3", "10.1.2.3a", "127.0.0.1", "127.9.9.9", "0.0.0.0", "2.16.840.1.113883.4.6",
        "1.2.36.146.595.217.0.1", "urn:oid:1.2.3.4", "version 1.2.3.4", "a.10.1.2.3", "10.1.2.3.in-addr"}) {
    EXPECT_FALSE(finds(Detector::kIpAddress, text)) << text;
  }
  EXPECT_FALSE(finds(Detector::kIpAddress, "1.2.3.4", "version"));
  EXPECT_FALSE(finds(Detector::kIpAddress, "1.2.3.4", "software_version"));
  EXPECT_FALSE(finds(Detector::kIpAddress, "1.2.3.4", "oid"));
  EXPECT_TRUE(finds(Detector::kIpAddress, "1.2.3.4", "conversion"));
}

TEST(PhiIpAddress, Version6IsFoundIfItIsGivenOutToMachines) {
  for (const std::string_view text :
       {"2001:db8::1", "2001:db8::", "fe80::1", "fe80::1%eth0", "fd00::a:b", "ff02::1",
        "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8:1:2:3:4:5:6", "[2001:db8::1]:443", "FE80::ABCD",
        "ip:2001:db8::1", "2001:db8::10.1.2.3", "2001:db8::1."}) {
    EXPECT_TRUE(finds(Detector::kIpAddress, text)) << text;
  }
  for (const std::string_view text :
       {"::1", "::", "a::b", "std::string", "12:30:45", "arn:aws:iam::123456789012:role/x", "2001:db8",
        "2001:db8:1:2:3:4:5", "2001:db8:1:2:3:4:5:6:7", "2001:db8::1::2", "2001::db8g", "20010:db8::1",
        "AA:BB:CC:DD:EE:FF:00:11", "2001:db8:1:2:3:4:5::6:7", "system:serviceaccount:default:face"}) {
    EXPECT_FALSE(finds(Detector::kIpAddress, text)) << text;
  }
}

}  // namespace
}  // namespace signer::phi
