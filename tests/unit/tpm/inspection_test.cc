// SPDX-License-Identifier: Apache-2.0
//
// Looking at a key anew: one that the TPM or the directory shows weaker stops, and one answer of a bus alone stops none
// (invariants 4 and 8).
#include <gtest/gtest.h>

#include <algorithm>

#include "attested.h"
#include "test_token.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;

class Inspection : public ::testing::Test {
 protected:
  Inspection() {
    const auto key = driver_->generate_key(test::key_request());
    EXPECT_TRUE(key) << key.error().text;
    if (key) key_ = *key;
  }

  channel::HostError refusal(std::string_view id = "key-1") {
    const auto key = driver_->inspect_key(bytes_of(id));
    return key ? channel::HostError{HostStatus::kOk, ""} : key.error();
  }

  // The TPM shows signing keys with these attributes: its answer is whole, Name and all.
  test::TpmInterposer::Rule show(std::uint32_t attributes, unsigned skip, unsigned times) {
    return token_.bus().edit_response(
        {.code = test::cc::kReadPublic, .skip = skip, .times = times}, [=](std::uint32_t, Bytes& response) {
          const std::size_t size = test::number_at<std::uint16_t>(response, 10).value_or(0);
          if (test::number_at<std::uint16_t>(response, 12) != 0x0001) return false;  // RSA
          signer::test::overwrite(response, 16, attributes);
          const auto area = response.begin() + 12;
          const Bytes name = test::name_of_area(Bytes(area, area + static_cast<std::ptrdiff_t>(size)));
          std::ranges::copy(name, area + static_cast<std::ptrdiff_t>(size) + 2);
          return true;
        });
  }

  test::TestToken token_;
  std::unique_ptr<Tpm2Driver> driver_ = test::opened(token_);
  channel::KeyDescription key_;
};

TEST_F(Inspection, Invariant04_AsksTheTpmEachTimeAndTakesAGoodKey) {
  const std::string files = token_.key_directory_content();
  for (int i = 0; i < 2; ++i) {
    token_.bus().forget_counts();
    const auto key = driver_->inspect_key(bytes_of("key-1"));
    ASSERT_TRUE(key) << key.error().text;
    EXPECT_EQ(key->public_key, key_.public_key);
    EXPECT_EQ(key->attributes, key_.attributes);
    EXPECT_EQ(token_.bus().count(test::cc::kReadPublic), 1U);
    EXPECT_EQ(token_.bus().count(), 1U);
  }
  EXPECT_EQ(token_.key_directory_content(), files);
  EXPECT_EQ(refusal("nobody").status, HostStatus::kNotFound);
  EXPECT_EQ(refusal("").status, HostStatus::kInvalid);
}

TEST_F(Inspection, Invariant04_NamesWhatIsWeakerInTheTpm) {
  const auto weaker = show(0x00060470, 0, signer::test::kAlways);  // decrypt, and not fixedTPM
  const auto refused = refusal();
  EXPECT_EQ(refused.status, HostStatus::kWeakened) << refused.text;
  EXPECT_NE(refused.text.find("fixedTPM=0 decrypt=1"), std::string::npos) << refused.text;
  EXPECT_GE(token_.bus().hits(weaker), 2U) << "it must not rest on one answer";
  token_.bus().drop_rules();
  EXPECT_EQ(refusal().status, HostStatus::kOk);
}

TEST_F(Inspection, Invariant08_OneAnswerAloneStopsNoKey) {
  for (const std::uint32_t attributes : {0x00060470U, 0x00040473U}) {
    const auto once = show(attributes, 0, 1);
    EXPECT_EQ(refusal().status, HostStatus::kOk) << attributes;
    EXPECT_EQ(token_.bus().hits(once), 1U);
    token_.bus().drop_rules();
  }
}

TEST_F(Inspection, Invariant04_NamesWhatIsWeakerInTheDirectory) {
  const auto tool = [&](std::vector<std::string> arguments) {
    return test::run(arguments, {}, {{"TPM2TOOLS_TCTI", token_.tpm().tcti()}}).status;
  };
  const test::TemporaryDirectory tools;
  ASSERT_EQ(tool({"tpm2_create", "-Q", "-C", "0x81000001", "-G", "rsa2048:rsassa-sha256:null", "-a",
                  "sensitivedataorigin|userwithauth|sign|noda", "-u", tools / "u", "-r", tools / "r"}),
            0);
  ASSERT_EQ(tool({"tpm2_encodeobject", "-C", "0x81000001", "-u", tools / "u", "-r", tools / "r", "-o",
                  token_.key_file("weak", ".pem")}),
            0);
  const auto refused = refusal("weak");
  EXPECT_EQ(refused.status, HostStatus::kWeakened);
  EXPECT_NE(refused.text.find("fixedTPM=0 fixedParent=0"), std::string::npos) << refused.text;
  EXPECT_EQ(driver_->describe_key(bytes_of("weak")).error().status, HostStatus::kUnsupported);
}

TEST_F(Inspection, Invariant09_FindsAnEvictedKeyAgain) {
  ASSERT_TRUE(token_.tpm().run(test::evict_control(kFirstKeyHandle, kFirstKeyHandle)).ok());
  EXPECT_EQ(refusal().status, HostStatus::kOk);
  const auto signature = driver_->sign(test::sign_request());
  ASSERT_TRUE(signature) << signature.error().text;
  EXPECT_TRUE(test::verifies(key_.public_key, "header.payload", *signature));
}

}  // namespace
}  // namespace signer::tpm
