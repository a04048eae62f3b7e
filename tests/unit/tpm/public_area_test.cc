// SPDX-License-Identifier: Apache-2.0
//
// What a key's public area says of it: a wrong Name trusts another TPM, a wrong number publishes a key that verifies
// nothing, and an attribute that nobody looks at is a key that can leave (invariant 4).
#include "tpm/public_area.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "status_of.h"
#include "worked_areas.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using test::area_of;
using test::from_text;
using test::kP256Area;
using test::kRsaArea;
using test::status_of;

TEST(PublicArea, IsReadAndWrittenByteForByte) {
  for (const auto text : {kRsaArea, kP256Area}) {
    const Bytes bytes = from_text(text);
    const auto area = read_public_area(bytes);
    ASSERT_TRUE(area) << area.error().text;
    const auto again = write_public_area(*area);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, bytes);
  }
}

TEST(PublicArea, IsRefusedCutAnywhereOrWithAnythingBehindIt) {
  for (const auto text : {kRsaArea, kP256Area}) {
    const Bytes whole = from_text(text);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(status_of(read_public_area(ByteView(whole).first(size))), HostStatus::kInvalid) << size;
    }
    Bytes longer = whole;
    longer.push_back(0);
    EXPECT_EQ(status_of(read_public_area(longer)), HostStatus::kInvalid);
  }
}

TEST(Name, IsTheOneThatTpm2ToolsComputes) {
  EXPECT_EQ(name_of(area_of(kRsaArea)).value(), from_text(test::kRsaName));
  EXPECT_EQ(name_of(area_of(kP256Area)).value(), from_text(test::kP256Name));
}

TEST(Name, ChangesWithEveryAttribute) {
  for (unsigned bit = 0; bit < 32; ++bit) {
    auto area = area_of(kRsaArea);
    area.publicArea.objectAttributes ^= 1U << bit;
    const auto name = name_of(area);
    if (name) {
      EXPECT_NE(*name, from_text(test::kRsaName)) << bit;
    }
  }
}

TEST(Name, IsOfSha256Alone) {
  auto area = area_of(kRsaArea);
  area.publicArea.nameAlg = TPM2_ALG_SHA384;
  EXPECT_EQ(status_of(name_of(area)), HostStatus::kUnsupported);
}

TEST(Numbers, AreThoseThatOpensslReads) {
  const auto rsa = public_key_of(area_of(kRsaArea));
  ASSERT_TRUE(rsa) << rsa.error().text;
  EXPECT_EQ(rsa->algorithm, Algorithm::kRs256);
  EXPECT_EQ(rsa->modulus, from_text(test::kRsaModulus));
  EXPECT_EQ(rsa->exponent, from_text("010001")) << "0 in the area means 65537";
  const auto p256 = public_key_of(area_of(kP256Area));
  ASSERT_TRUE(p256) << p256.error().text;
  EXPECT_EQ(p256->algorithm, Algorithm::kEs256);
  EXPECT_EQ(p256->x, from_text(test::kP256X));
  EXPECT_EQ(p256->y, from_text(test::kP256Y));
}

TEST(Numbers, TakeAnExponentThatIsWrittenOutAndNoneThatIsWeak) {
  auto area = area_of(kRsaArea);
  area.publicArea.parameters.rsaDetail.exponent = 65537;
  EXPECT_EQ(public_key_of(area)->exponent, from_text("010001"));
  area.publicArea.parameters.rsaDetail.exponent = 0xffffffff;
  EXPECT_EQ(public_key_of(area)->exponent, from_text("ffffffff"));
  for (const std::uint32_t weak : {1U, 3U, 65535U, 65536U, 65538U}) {
    area.publicArea.parameters.rsaDetail.exponent = weak;
    EXPECT_EQ(status_of(public_key_of(area)), HostStatus::kUnsupported) << weak;
  }
}

TEST(Numbers, HaveNoLeadingZerosInAModulus) {
  auto area = area_of(kRsaArea);
  TPM2B_PUBLIC_KEY_RSA& modulus = area.publicArea.unique.rsa;
  std::copy_backward(modulus.buffer, modulus.buffer + 256, modulus.buffer + 258);
  modulus.buffer[0] = modulus.buffer[1] = 0;
  modulus.size = 258;
  EXPECT_EQ(public_key_of(area)->modulus, from_text(test::kRsaModulus));
  area = area_of(kRsaArea);
  area.publicArea.unique.rsa.buffer[0] = 0;
  EXPECT_EQ(status_of(public_key_of(area)), HostStatus::kUnsupported) << "a modulus of 255 bytes";
  area.publicArea.unique.rsa.size = 0;
  EXPECT_EQ(status_of(public_key_of(area)), HostStatus::kUnsupported);
}

TEST(Numbers, HaveAllLeadingZerosInACoordinate) {
  auto area = area_of(kP256Area);
  TPM2B_ECC_PARAMETER& x = area.publicArea.unique.ecc.x;
  x.size = 31;
  const Bytes short_x(x.buffer, x.buffer + 31);
  Bytes wanted{0};
  wanted.insert(wanted.end(), short_x.begin(), short_x.end());
  const auto key = public_key_of(area);
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_EQ(key->x, wanted);
  EXPECT_EQ(key->y, from_text(test::kP256Y));
}

TEST(Numbers, AreRefusedWhenTheyAreLongerThanTheCurve) {
  auto area = area_of(kP256Area);
  area.publicArea.unique.ecc.x.size = 33;
  EXPECT_EQ(status_of(public_key_of(area)), HostStatus::kUnsupported) << "it would be cut, and be another key's";
}

TEST(Numbers, AreOfKeysLockedToOurAlgorithmsAlone) {
  auto area = area_of(kRsaArea);
  for (const TPM2_ALG_ID scheme : {TPM2_ALG_NULL, TPM2_ALG_RSAPSS, TPM2_ALG_RSAES, TPM2_ALG_OAEP}) {
    area.publicArea.parameters.rsaDetail.scheme.scheme = scheme;
    EXPECT_EQ(status_of(public_key_of(area)), HostStatus::kUnsupported) << scheme;
  }
  for (const TPM2_ALG_ID hash : {TPM2_ALG_SHA1, TPM2_ALG_SHA384, TPM2_ALG_NULL}) {
    area = area_of(kRsaArea);
    area.publicArea.parameters.rsaDetail.scheme.details.rsassa.hashAlg = hash;
    EXPECT_EQ(status_of(public_key_of(area)), HostStatus::kUnsupported) << hash;
    area = area_of(kP256Area);
    area.publicArea.parameters.eccDetail.scheme.details.ecdsa.hashAlg = hash;
    EXPECT_EQ(status_of(public_key_of(area)), HostStatus::kUnsupported) << hash;
  }
  area = area_of(kP256Area);
  area.publicArea.parameters.eccDetail.curveID = TPM2_ECC_NIST_P384;
  EXPECT_EQ(status_of(public_key_of(area)), HostStatus::kUnsupported);
  area = area_of(kP256Area);
  area.publicArea.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDAA;
  EXPECT_EQ(status_of(public_key_of(area)), HostStatus::kUnsupported);
  area.publicArea.type = TPM2_ALG_KEYEDHASH;
  EXPECT_EQ(status_of(public_key_of(area)), HostStatus::kUnsupported);
}

struct Attribute {
  TPMA_OBJECT bit;
  std::string_view wrong;
};

constexpr Attribute kAttributes[] = {
    {TPMA_OBJECT_FIXEDTPM, "fixedTPM=0"},
    {TPMA_OBJECT_FIXEDPARENT, "fixedParent=0"},
    {TPMA_OBJECT_SENSITIVEDATAORIGIN, "sensitiveDataOrigin=0"},
    {TPMA_OBJECT_USERWITHAUTH, "userWithAuth=0"},
    {TPMA_OBJECT_NODA, "noDA=0"},
    {TPMA_OBJECT_SIGN_ENCRYPT, "sign=0"},
    {TPMA_OBJECT_DECRYPT, "decrypt=1"},
    {TPMA_OBJECT_RESTRICTED, "restricted=1"},
    {TPMA_OBJECT_ENCRYPTEDDUPLICATION, "encryptedDuplication=1"},
    {TPMA_OBJECT_STCLEAR, "stClear=1"},
};

TEST(Strength, Invariant04_IsLostWithAnyOneAttribute) {
  for (const auto text : {kRsaArea, kP256Area}) {
    EXPECT_TRUE(check_strength(area_of(text)));
    for (const auto& [bit, wrong] : kAttributes) {
      auto area = area_of(text);
      area.publicArea.objectAttributes ^= bit;
      const auto weak = check_strength(area);
      ASSERT_FALSE(weak) << wrong;
      EXPECT_EQ(weak.error().status, HostStatus::kUnsupported);
      EXPECT_TRUE(weak.error().text.ends_with(":" + (" " + std::string(wrong)))) << weak.error().text;
    }
  }
}

TEST(Strength, Invariant04_NamesAllThatIsWrongAtOnce) {
  auto area = area_of(kRsaArea);
  area.publicArea.objectAttributes = 0;
  const auto weak = check_strength(area);
  ASSERT_FALSE(weak);
  for (const char* wrong :
       {"fixedTPM=0", "fixedParent=0", "sensitiveDataOrigin=0", "userWithAuth=0", "noDA=0", "sign=0"}) {
    EXPECT_NE(weak.error().text.find(wrong), std::string::npos) << weak.error().text;
  }
}

TEST(Strength, IsNotThatOfAKeyWithAPolicy) {
  auto area = area_of(kRsaArea);
  area.publicArea.authPolicy.size = 32;
  EXPECT_EQ(status_of(check_strength(area)), HostStatus::kUnsupported);
}

TEST(StorageRootStrength, IsThatOfAStorageParentThatStaysInItsTpm) {
  auto area = area_of(kP256Area);
  const TPMA_OBJECT good = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                           TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  area.publicArea.objectAttributes = good;
  EXPECT_TRUE(check_storage_root(area));
  area.publicArea.objectAttributes = good | TPMA_OBJECT_NODA | TPMA_OBJECT_USERWITHAUTH;
  EXPECT_TRUE(check_storage_root(area)) << "others make it with these, or without";
  for (const TPMA_OBJECT bit : {TPMA_OBJECT_FIXEDTPM, TPMA_OBJECT_FIXEDPARENT, TPMA_OBJECT_SENSITIVEDATAORIGIN,
                                TPMA_OBJECT_RESTRICTED, TPMA_OBJECT_DECRYPT, TPMA_OBJECT_SIGN_ENCRYPT}) {
    area.publicArea.objectAttributes = good ^ bit;
    EXPECT_EQ(status_of(check_storage_root(area)), HostStatus::kUnsupported) << bit;
  }
}

TEST(AttributesText, ShowsThemAllAndTheScheme) {
  EXPECT_EQ(attributes_text(area_of(kRsaArea)),
            "fixedTPM=1 fixedParent=1 sensitiveDataOrigin=1 userWithAuth=1 noDA=1 sign=1 decrypt=0 restricted=0 "
            "encryptedDuplication=0 stClear=0 scheme=RSASSA/SHA256");
  EXPECT_TRUE(attributes_text(area_of(kP256Area)).ends_with("scheme=ECDSA/SHA256"));
  auto area = area_of(kRsaArea);
  area.publicArea.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
  EXPECT_TRUE(attributes_text(area).ends_with("scheme=other"));
}

}  // namespace
}  // namespace signer::tpm
