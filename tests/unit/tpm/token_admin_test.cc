// SPDX-License-Identifier: Apache-2.0
//
// What an operator does to a TPM before signerd uses it: whatever exists is kept, and what stands in the way is named
// with what to do about it (invariants 5 and 8).
#include "tpm/token_admin.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "test_token.h"
#include "tpm/storage_root.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using jose::Json;
using test::cc::kReadPublic;

// A TPM that nobody has made into a token.
class TokenInit : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TSS2_LOG", "all+NONE", 0);
    std::signal(SIGPIPE, SIG_IGN);
  }

  [[nodiscard]] std::string auth_file() const { return directory_ / "auth"; }

  [[nodiscard]] channel::HostResult<Json> init(bool generate_auth = true) {
    return initialize_token({.tcti = bus_.tcti(), .auth_file = auth_file(), .generate_auth = generate_auth});
  }

  [[nodiscard]] Json listed() {
    const auto list = describe_tokens(bus_.tcti());
    EXPECT_TRUE(list) << list.error().text;
    if (!list) return {};
    EXPECT_EQ(list->size(), 1U);
    return list->front();
  }

  // What is at the storage root's handle, public area and Name.
  [[nodiscard]] Bytes at_root() { return tpm_.run(test::TpmCommand(kReadPublic, {kStorageRootHandle})).parameters; }

  [[nodiscard]] static bool advises(const Json& token, std::string_view words) {
    return std::ranges::any_of(
        token["advice"], [&](const Json& line) { return line.get<std::string>().find(words) != std::string::npos; });
  }

  test::TemporaryDirectory directory_;
  test::Swtpm tpm_;
  test::TpmInterposer bus_{tpm_};
};

TEST_F(TokenInit, MakesStorageRootAndAuthFileOnANewTpm) {
  const auto made = init();
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ((*made)["storage_root_created"], true);
  EXPECT_EQ((*made)["storage_root"]["handle"], "0x81000001");
  EXPECT_EQ((*made)["storage_root"]["is_storage_key"], true);
  EXPECT_EQ((*made)["persistent_handles"], Json({"0x81000001"}));
  EXPECT_EQ((*made)["tcti"], bus_.tcti());
  EXPECT_FALSE(at_root().empty());
  EXPECT_EQ(test::read_text(auth_file()).size(), 65U);
  EXPECT_TRUE(test::handles_from(tpm_, test::kTransientFirst).empty()) << "the primary was left loaded";
}

TEST_F(TokenInit, Invariant08_ChangesNothingTheSecondTime) {
  ASSERT_TRUE(init());
  const Bytes root = at_root();
  const std::string auth = test::read_text(auth_file());
  for (const bool generate : {true, false}) {
    const auto again = init(generate);
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ((*again)["storage_root_created"], false);
    EXPECT_EQ(at_root(), root);
    EXPECT_EQ(test::read_text(auth_file()), auth);
  }
}

TEST_F(TokenInit, MakesTheStorageRootThatOthersMakeOfTheSameTemplate) {
  // systemd, among others, looks for this key and makes it: whoever comes first.
  ASSERT_TRUE(init());
  const Bytes ours = at_root();
  ASSERT_TRUE(tpm_.run(test::evict_control(kStorageRootHandle, kStorageRootHandle)).ok());
  ASSERT_TRUE(init());
  EXPECT_EQ(at_root(), ours);
}

TEST_F(TokenInit, Invariant08_RefusesAKeyThatIsNoStorageKeyAndKeepsIt) {
  const auto other = tpm_.run(signer::test::create_rsa_key(signer::test::kOwnerHierarchy));
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(tpm_.run(test::evict_control(other.handle, kStorageRootHandle)).ok());
  const Bytes before = at_root();
  const auto refused = init();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kUnsupported);
  EXPECT_NE(refused.error().text.find("is no storage key"), std::string::npos) << refused.error().text;
  EXPECT_EQ(at_root(), before);
  EXPECT_EQ(listed()["storage_root"]["is_storage_key"], false);
}

TEST_F(TokenInit, SaysWhatToDoWhenAnOwnerAuthIsSetAndIsRight) {
  ASSERT_TRUE(tpm_.run(test::change_auth(signer::test::kOwnerHierarchy, "owner")).ok());
  const auto refused = init();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kUnsupported) << "not: the auth value of our keys";
  const std::string& text = refused.error().text;
  EXPECT_NE(text.find("owner auth"), std::string::npos) << text;
  // As an operator does: copy the commands out of the message, with the auth value put in.
  const std::size_t begin = text.find("tpm2_createprimary");
  ASSERT_NE(begin, std::string::npos) << text;
  std::string commands = text.substr(begin);
  constexpr std::string_view kBlank = "OWNER_AUTH";
  for (std::size_t at = 0; (at = commands.find(kBlank)) != std::string::npos;) {
    commands.replace(at, kBlank.size(), "owner");
  }
  const auto done =
      test::run({"sh", "-c", "cd '" + directory_.path().string() + "' && " + commands + " && tpm2_flushcontext -t"}, {},
                {{"TPM2TOOLS_TCTI", tpm_.tcti()}});
  ASSERT_EQ(done.status, 0) << commands << "\n" << done.err;
  const auto made = init();
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ((*made)["storage_root_created"], false);
  EXPECT_EQ((*made)["owner_auth_set"], true);
  EXPECT_TRUE(advises(*made, "an owner auth is set"));
}

TEST_F(TokenInit, LeavesNothingLoadedWhenTheKeyCannotBeStored) {
  (void)bus_.answer({.code = test::cc::kEvictControl}, 0x14b);
  const auto refused = init();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("TPM_RC_NV_SPACE"), std::string::npos) << refused.error().text;
  EXPECT_TRUE(test::handles_from(tpm_, test::kTransientFirst).empty());
  bus_.drop_rules();
  EXPECT_TRUE(init());
}

TEST_F(TokenInit, MakesNothingWithoutAnAuthFile) {
  const auto refused = init(false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kInvalid);
  EXPECT_FALSE(std::filesystem::exists(auth_file()));
  EXPECT_EQ(bus_.count(), 0U);
}

TEST_F(TokenInit, Invariant05_TakesNoAuthFileThatOthersMayRead) {
  ASSERT_TRUE(init());
  std::filesystem::permissions(auth_file(), std::filesystem::perms{0644});
  EXPECT_EQ(init().error().status, HostStatus::kInvalid);
}

TEST_F(TokenInit, RefusesATctiThatTheLibraryWouldComplete) {
  for (const char* tcti : {"", "device", "swtpm", "swtpm:", "./tcti:x"}) {
    const auto refused = initialize_token({.tcti = tcti, .auth_file = auth_file(), .generate_auth = true});
    EXPECT_EQ(refused.error().status, HostStatus::kInvalid) << tcti;
    EXPECT_EQ(describe_tokens(tcti).error().status, HostStatus::kInvalid) << tcti;
  }
  EXPECT_FALSE(std::filesystem::exists(auth_file()));
  EXPECT_EQ(describe_tokens("swtpm:path=/nowhere").error().status, HostStatus::kUnavailable);
}

TEST_F(TokenInit, ListShowsANewTpmInWords) {
  const Json token = listed();
  EXPECT_EQ(token["manufacturer"], "IBM");
  EXPECT_EQ(token["simulator"], true);
  EXPECT_TRUE(token["storage_root"].is_null());
  EXPECT_EQ(token["persistent_handles"], Json::array());
  EXPECT_GT(token["persistent_room"], 2);
  EXPECT_EQ(token["lockout"]["failed_tries"], 0);
  EXPECT_EQ(token["lockout"]["in_lockout"], false);
  EXPECT_EQ(token["owner_auth_set"], false);
  EXPECT_EQ(token["lockout_auth_set"], false);
  EXPECT_EQ(token["endorsement_auth_set"], false);
  EXPECT_EQ(token["clear_disabled"], false);
  EXPECT_EQ(token["tcti"], bus_.tcti());
  for (const char* kind : {"RSA-2048", "RSA-3072", "P-256"}) {
    EXPECT_EQ(std::ranges::count(token["key_kinds"], kind), 1) << kind;
  }
  EXPECT_TRUE(advises(token, "software"));
  EXPECT_TRUE(advises(token, "signerctl token init"));
  EXPECT_TRUE(advises(token, "lockout auth"));
}

TEST_F(TokenInit, ListShowsWhatOperatorsChanged) {
  ASSERT_TRUE(init());
  ASSERT_TRUE(tpm_.run(test::change_auth(signer::test::kLockoutHierarchy, "lockout")).ok());
  const auto key =
      tpm_.run(signer::test::create_rsa_key(signer::test::kOwnerHierarchy, "a", signer::test::kSigningKey));
  ASSERT_TRUE(key.ok());
  for (int i = 0; i < 4; ++i) (void)tpm_.run(test::sign_digest(key.handle, "wrong", Bytes(32, 1)));
  const Json token = listed();
  EXPECT_EQ(token["lockout_auth_set"], true);
  EXPECT_FALSE(advises(token, "no lockout auth"));
  EXPECT_EQ(token["lockout"]["in_lockout"], true);
  EXPECT_EQ(token["lockout"]["failed_tries"], token["lockout"]["tries_max"]);
  EXPECT_TRUE(advises(token, "keys of signer are exempt"));
}

TEST_F(TokenInit, ListReadsAlone) {
  ASSERT_TRUE(init());
  bus_.forget_counts();
  (void)listed();
  const unsigned reads =
      bus_.count(test::cc::kGetCapability) + bus_.count(kReadPublic) + bus_.count(0x18a);  // TestParms
  EXPECT_GT(reads, 0U);
  EXPECT_EQ(bus_.count(), reads);
}

}  // namespace
}  // namespace signer::tpm
