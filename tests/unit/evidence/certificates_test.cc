// SPDX-License-Identifier: Apache-2.0
//
// Certificates of evidence and of those who are trusted.  What is lost if they are followed laxly: anybody is a
// manufacturer.
#include <gtest/gtest.h>

#include "certificate_maker.h"
#include "evidence/certificates.h"
#include "tpm_model.h"

namespace signer::evidence {
namespace {

using test::Authority;
using test::CertificateWords;
using test::kNow;
using test::made_up_numbers;
using test::pem_of;

const CertificateWords kPlain{.common_name = "device", .usage = {}, .manufacturer = {}};

class Certificates : public ::testing::Test {
 protected:
  Authority root_{"Vendor Root"};
  Authority middle_{"Vendor Devices", root_};
  jose::PublicKey key_ = made_up_numbers("key");
  Bytes leaf_ = middle_.issue(key_, kPlain);
};

TEST_F(Certificates, AreReadAsWhatTheySay) {
  const auto leaf = Certificate::read(leaf_);
  ASSERT_TRUE(leaf) << leaf.error().text;
  EXPECT_EQ(leaf->key(), key_);
  EXPECT_EQ(leaf->subject(), "CN=device");
  EXPECT_FALSE(leaf->usages());
  EXPECT_FALSE(leaf->tpm_manufacturer());
  const auto root = Certificate::read(root_.certificate());
  ASSERT_TRUE(root);
  ASSERT_TRUE(root->key());
  EXPECT_EQ(root->key()->algorithm, Algorithm::kEs256);
  EXPECT_EQ(root->key()->x.size(), 32U);
  CertificateWords words = kPlain;
  words.usage = "serverAuth,2.23.133.8.1";
  words.manufacturer = "id:4E544300";
  const auto chip = Certificate::read(root_.issue(key_, words));
  ASSERT_TRUE(chip);
  EXPECT_EQ(chip->usages(), (std::vector<std::string>{"1.3.6.1.5.5.7.3.1", "2.23.133.8.1"}));
  EXPECT_EQ(chip->tpm_manufacturer(), "id:4E544300");
}

TEST_F(Certificates, ThatAreCutOrContinuedOrTooLargeAreNotRead) {
  for (std::size_t size = 0; size < leaf_.size(); size += 7) {
    EXPECT_FALSE(Certificate::read(ByteView(leaf_).first(size))) << size;
  }
  Bytes longer = leaf_;
  longer.push_back(0);
  EXPECT_FALSE(Certificate::read(longer));
  CertificateWords words = kPlain;
  words.usage = "1.2.3";
  for (int i = 0; i < 3000; ++i) *words.usage += ",1.2.3.4.5.6.7";
  EXPECT_FALSE(Certificate::read(root_.issue(key_, words))) << "larger than kCertificateBytesMax";
}

TEST_F(Certificates, OfAFileAreAllReadOrNone) {
  const std::string text = "subject: device\n" + pem_of(leaf_) + "\nissuer:\n" + pem_of(middle_.certificate());
  const auto two = read_certificates(bytes_of(text));
  ASSERT_TRUE(two) << two.error().text;
  EXPECT_EQ(*two, (std::vector<Bytes>{leaf_, middle_.certificate()}));
  const auto der = read_certificates(leaf_);
  ASSERT_TRUE(der);
  EXPECT_EQ(*der, std::vector<Bytes>{leaf_});
  EXPECT_TRUE(read_certificates(bytes_of(text), 2));
  EXPECT_FALSE(read_certificates(bytes_of(text), 1));
  std::string broken = text;
  broken[broken.find("MI") + 9] = '*';
  Bytes cut(leaf_.begin(), leaf_.end() - 1);
  for (const std::string& other :
       {std::string(), std::string("no certificates"), broken, text.substr(0, text.size() - 30), text + pem_of(cut),
        text + pem_of(leaf_, "PRIVATE KEY"), pem_of(leaf_, "X509 CRL"), std::string("-----BEGIN CERTIFICATE-----\n"),
        std::string(kCertificateFileBytesMax + 1, ' ')}) {
    EXPECT_FALSE(read_certificates(bytes_of(other))) << other.substr(0, 60);
  }
}

TEST_F(Certificates, LeadToARootThatWasGivenOrNowhere) {
  const auto leaf = Certificate::read(leaf_);
  ASSERT_TRUE(leaf);
  const std::vector<Bytes> between{middle_.certificate()};
  const std::vector<Bytes> roots{Bytes{1, 2, 3}, test::TpmModel::stranger().certificate(), root_.certificate()};
  const auto found = follow_chain(*leaf, between, roots, kNow);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(*found, "CN=Vendor Root");
  EXPECT_FALSE(follow_chain(*leaf, {}, roots, kNow)) << "nothing in between";
  EXPECT_FALSE(follow_chain(*leaf, between, {}, kNow));
  EXPECT_FALSE(follow_chain(*leaf, roots, between, kNow)) << "a root is self-signed";
  EXPECT_FALSE(follow_chain(*leaf, between, roots, kNow + 2 * test::kDay)) << "expired";
  EXPECT_FALSE(follow_chain(*leaf, between, roots, kNow - 2 * test::kDay)) << "not yet valid";
  const auto stranger = follow_chain(*leaf, between, {test::TpmModel::stranger().certificate()}, kNow);
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, ErrorCode::kDenied);
  // A certificate that is no authority's certifies nobody.
  const auto self = Certificate::read(root_.issue(key_, kPlain));
  ASSERT_TRUE(self);
  EXPECT_TRUE(follow_chain(*self, {}, roots, kNow));
  EXPECT_FALSE(follow_chain(*leaf,
                            {root_.issue(*Certificate::read(middle_.certificate())->key(),
                                         {.common_name = "Vendor Devices", .usage = {}, .manufacturer = {}})},
                            roots, kNow));
}

}  // namespace
}  // namespace signer::evidence
