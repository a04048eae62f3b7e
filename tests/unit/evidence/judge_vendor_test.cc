// SPDX-License-Identifier: Apache-2.0
//
// What a token's manufacturer says of a key: it counts only for the published key, and only with a root behind it.
#include <gtest/gtest.h>

#include "certificate_maker.h"
#include "evidence/judge_vendor.h"
#include "tpm_model.h"

namespace signer::evidence {
namespace {

using test::Authority;
using test::CertificateWords;
using test::checks_with;
using test::kNow;
using test::made_up_numbers;
using test::pem_of;

const CertificateWords kDevice{.common_name = "device", .usage = {}, .manufacturer = {}};

class JudgeVendor : public ::testing::Test {
 protected:
  [[nodiscard]] Judgement judge(const std::string& data, bool trusted = true) const {
    Trust trust;
    if (trusted) trust.roots = {root_.certificate()};
    trust.now = kNow;
    return judge_vendor(bytes_of(data), key_, trust);
  }

  Authority root_{"Vendor Root"};
  Authority middle_{"Vendor Devices", root_};
  jose::PublicKey key_ = made_up_numbers("key");
  Bytes leaf_ = middle_.issue(key_, kDevice);
  const std::string chain_ = pem_of(leaf_) + pem_of(middle_.certificate());
};

TEST_F(JudgeVendor, AttestsAKeyThatARootStandsBehind) {
  const Judgement judgement = judge(chain_);
  EXPECT_EQ(judgement.grade, Grade::kAttested);
  EXPECT_EQ(checks_with(judgement, Finding::kGood), (std::vector<std::string>{"vendor.key", "vendor.chain"}));
  EXPECT_NE(judgement.reason.find("Vendor Root"), std::string::npos) << judgement.reason;
  Trust trust;
  trust.roots = {root_.certificate()};
  trust.intermediates = {middle_.certificate()};
  trust.now = kNow;
  EXPECT_EQ(judge_vendor(bytes_of(pem_of(leaf_)), key_, trust).grade, Grade::kAttested);
}

TEST_F(JudgeVendor, ClaimsWhatItCannotFollow) {
  EXPECT_EQ(judge(chain_, false).grade, Grade::kClaimed);
  EXPECT_EQ(checks_with(judge(chain_, false), Finding::kNotReported), std::vector<std::string>{"vendor.chain"});
  EXPECT_EQ(judge(pem_of(leaf_)).grade, Grade::kClaimed) << "no intermediate";
  EXPECT_EQ(checks_with(judge(pem_of(leaf_)), Finding::kWarning), std::vector<std::string>{"vendor.chain"});
  for (const std::string& other : {std::string(), std::string("\0\1\2", 3), std::string("attestation: yes")}) {
    const Judgement judgement = judge(other);
    EXPECT_EQ(judgement.grade, Grade::kClaimed);
    EXPECT_FALSE(judgement.reason.empty());
    EXPECT_FALSE(judgement.has_bad());
  }
}

TEST_F(JudgeVendor, ClaimsWhatIsForAnotherUseOrOfAnUnknownForm) {
  for (const char* usage : {"serverAuth", "clientAuth", "codeSigning", "emailProtection"}) {
    CertificateWords words = kDevice;
    words.usage = usage;
    const Judgement judgement = judge(pem_of(middle_.issue(key_, words)) + pem_of(middle_.certificate()));
    EXPECT_EQ(judgement.grade, Grade::kClaimed) << usage;
    EXPECT_EQ(checks_with(judgement, Finding::kWarning), std::vector<std::string>{"vendor.usage"}) << usage;
  }
  CertificateWords words = kDevice;
  words.usage = "1.3.6.1.4.1.99999.7";
  EXPECT_EQ(judge(pem_of(middle_.issue(key_, words)) + pem_of(middle_.certificate())).grade, Grade::kAttested)
      << "a use of the manufacturer's own";
}

TEST_F(JudgeVendor, FailsWhatIsAboutAnotherKeyOrCannotBeRead) {
  const auto bad = [&](const std::string& data) {
    const Judgement judgement = judge(data);
    EXPECT_EQ(judgement.grade, Grade::kFailed);
    EXPECT_FALSE(judgement.reason.empty());
    return checks_with(judgement, Finding::kBad);
  };
  EXPECT_EQ(bad(pem_of(middle_.certificate()) + pem_of(leaf_)), std::vector<std::string>{"vendor.key"})
      << "the leaf is not first";
  EXPECT_EQ(bad(pem_of(middle_.issue(made_up_numbers("other"), kDevice)) + chain_),
            std::vector<std::string>{"vendor.key"});
  EXPECT_EQ(bad(chain_.substr(0, chain_.size() - 40)), std::vector<std::string>{"vendor.form"});
  EXPECT_EQ(bad(chain_ + pem_of(leaf_, "RSA PRIVATE KEY")), std::vector<std::string>{"vendor.form"});
  for (const char* more : {"attested: yes", "-----END NOTHING-----\n"})
    EXPECT_EQ(bad(chain_ + more), std::vector<std::string>{"vendor.form"}) << more;
  EXPECT_EQ(bad(chain_ + std::string(1, '\0')), std::vector<std::string>{"vendor.form"});
  EXPECT_EQ(judge(chain_ + " \r\n\t\n").grade, Grade::kAttested) << "white space";
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += pem_of(leaf_);
  EXPECT_EQ(bad(nine), std::vector<std::string>{"vendor.form"});
  EXPECT_EQ(bad(std::string(65537, 'x')), std::vector<std::string>{"vendor.form"});
}

}  // namespace
}  // namespace signer::evidence
