// SPDX-License-Identifier: Apache-2.0
//
// Finding tokens and making them: exactly one match, and nothing that exists is ever touched.
#include "hsm/token_admin.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using fault::Function;
using test::control;

channel::HostError open_error(channel::TokenSpec spec) {
  Pkcs11Driver driver;
  const auto described = driver.open(spec);
  return described ? channel::HostError{HostStatus::kOk, ""} : described.error();
}

TEST(TokenSelection, FindsTheOneThatMatches) {
  const test::TestToken token;
  token.add("other", "other-");
  EXPECT_EQ(open_error(token.spec()).status, HostStatus::kOk);
}

TEST(TokenSelection, NamesTheCandidatesWhenSeveralMatchAndLogsInToNone) {
  const test::TestToken token;
  token.add("other", "other-");
  auto spec = token.spec();
  spec.uri = "pkcs11:manufacturer=SoftHSM%20project";
  const auto error = open_error(spec);
  EXPECT_EQ(error.status, HostStatus::kAmbiguous);
  EXPECT_NE(error.text.find("label \"unit\" serial \""), std::string::npos) << error.text;
  EXPECT_NE(error.text.find("label \"other\" serial \""), std::string::npos) << error.text;
  EXPECT_EQ(control().calls(Function::C_Login), 0U);
}

TEST(TokenSelection, IsUnavailableWhenNoneMatchesForItMayComeBack) {
  const test::TestToken token;
  auto spec = token.spec();
  spec.uri = "pkcs11:token=absent";
  const auto error = open_error(spec);
  EXPECT_EQ(error.status, HostStatus::kUnavailable);
  EXPECT_NE(error.text.find("present: label \"unit\""), std::string::npos) << error.text;
}

TEST(TokenSelection, PassesOverTokensThatAreNotInitialized) {
  const test::TestToken token;  // SoftHSM always shows one blank token more
  auto spec = token.spec();
  spec.uri = "pkcs11:model=SoftHSM%20v2";
  EXPECT_EQ(open_error(spec).status, HostStatus::kOk);
}

TEST(TokenSelection, SaysWhatIsWrongWithAModule) {
  const test::TestToken token;
  auto spec = token.spec();
  spec.module = "/nowhere/module.so";
  EXPECT_EQ(open_error(spec).status, HostStatus::kInvalid);
  EXPECT_NE(open_error(spec).text.find("/nowhere/module.so"), std::string::npos);
  spec.module = "module.so";
  EXPECT_NE(open_error(spec).text.find("not an absolute path"), std::string::npos);
  spec.module = token.pin_file();
  EXPECT_EQ(open_error(spec).status, HostStatus::kInvalid);
}

TEST(TokenSelection, NamesTheCodeWhenTheModuleDoesNotStart) {
  const test::TestToken token;
  control().fail_next(Function::C_Initialize, 1, CKR_GENERAL_ERROR);
  const auto error = open_error(token.spec());
  EXPECT_EQ(error.status, HostStatus::kUnavailable);
  EXPECT_NE(error.text.find("C_Initialize"), std::string::npos);
  EXPECT_NE(error.text.find("CKR_GENERAL_ERROR"), std::string::npos);
}

class TokenInit : public ::testing::Test {
 protected:
  TokenInitRequest request(const std::string& label) {
    return {.module = test::fault_module_path(),
            .label = label,
            .pin_file = token_.directory() / "new.pin",
            .so_pin_file = token_.directory() / "new-so.pin",
            .generate_pins = true,
            .slot_index = std::nullopt};
  }

  static void write_private(const std::string& path, std::string_view content) {
    std::ofstream(path) << content;
    std::filesystem::permissions(path, std::filesystem::perms{0600});
  }

  test::TestToken token_;
};

TEST_F(TokenInit, RefusesALabelThatIsTakenAndChangesNothing) {
  const auto made = initialize_token(request("unit"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().status, HostStatus::kInvalid);
  EXPECT_EQ(control().calls(Function::C_InitToken), 0U);
  EXPECT_EQ(open_error(token_.spec()).status, HostStatus::kOk);
}

TEST_F(TokenInit, NamesTheTokenAndItsUri) {
  const auto made = initialize_token(request("with space"));
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ((*made)["label"], "with space");
  auto spec = token_.spec();
  spec.uri = (*made)["uri"];
  spec.pin_file = token_.directory() / "new.pin";
  EXPECT_EQ(open_error(spec).status, HostStatus::kOk) << open_error(spec).text;
}

TEST_F(TokenInit, Invariant05_TakesNoPinFileThatOthersMayRead) {
  auto bad = request("new");
  bad.pin_file = token_.pin_file();
  std::filesystem::permissions(token_.pin_file(), std::filesystem::perms{0644});
  const auto made = initialize_token(bad);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().status, HostStatus::kInvalid);
  EXPECT_EQ(control().calls(Function::C_InitToken), 0U);
}

TEST_F(TokenInit, MakesNoPinUnlessAsked) {
  auto bad = request("new");
  bad.generate_pins = false;
  EXPECT_EQ(initialize_token(bad).error().status, HostStatus::kInvalid);
  EXPECT_FALSE(std::filesystem::exists(bad.pin_file));
}

TEST_F(TokenInit, ChangesNothingForAUserPinThatIsTooShort) {
  auto bad = request("new");
  write_private(bad.pin_file, "123");  // SoftHSM2 takes four
  const auto made = initialize_token(bad);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().status, HostStatus::kInvalid);
  EXPECT_NE(made.error().text.find("no PIN of less than 4 bytes"), std::string::npos) << made.error().text;
  EXPECT_NE(made.error().text.find(bad.pin_file), std::string::npos) << made.error().text;
  EXPECT_EQ(control().calls(Function::C_InitToken), 0U);
  write_private(bad.pin_file, "1234");
  EXPECT_TRUE(initialize_token(bad));
}

TEST_F(TokenInit, ChecksLabelFilesAndIndex) {
  EXPECT_EQ(initialize_token(request("")).error().status, HostStatus::kInvalid);
  EXPECT_EQ(initialize_token(request(std::string(33, 'x'))).error().status, HostStatus::kInvalid);
  auto same = request("new");
  same.so_pin_file = same.pin_file;
  EXPECT_EQ(initialize_token(same).error().status, HostStatus::kInvalid);
  auto beyond = request("new");
  beyond.slot_index = 1;
  EXPECT_EQ(initialize_token(beyond).error().status, HostStatus::kInvalid);
  EXPECT_EQ(control().calls(Function::C_InitToken), 0U);
}

TEST_F(TokenInit, SaysWhenATokenIsLeftWithoutAUserPin) {
  control().fail_next(Function::C_InitPIN, 1, CKR_PIN_LEN_RANGE);
  const auto made = initialize_token(request("new"));
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text.find("no user PIN yet"), std::string::npos) << made.error().text;
}

TEST(TokenList, ShowsInitializedAndBlankTokensInWords) {
  const test::TestToken token;
  const auto list = describe_tokens(test::fault_module_path());
  ASSERT_TRUE(list) << list.error().text;
  ASSERT_EQ(list->size(), 2U);
  const bool first_is_ours = (*list)[0]["label"] == "unit";
  const auto& ours = (*list)[first_is_ours ? 0 : 1];
  const auto& blank = (*list)[first_is_ours ? 1 : 0];
  EXPECT_EQ(ours["flags"], jose::Json({"initialized", "login required", "user PIN set"}));
  EXPECT_TRUE(blank["uri"].is_null());
  EXPECT_NE(ours["mechanisms"].dump().find("CKM_SHA256_RSA_PKCS"), std::string::npos);
}

}  // namespace
}  // namespace signer::hsm
