// SPDX-License-Identifier: Apache-2.0
//
// Lose these and a certificate is requested for another key pair than the one that signs.

#include "ctl/csr.h"

#include <gtest/gtest.h>

#include "tests/support/signing_key.h"
#include "tests/unit/ctl/program.h"

namespace signer::ctl {
namespace {

using keyring::KeyState;
using keyring::KeyVersion;
using keyring::LoadedVersions;

KeyVersion version(const std::string& kid, KeyState state = KeyState::kActive) {
  KeyVersion made;
  made.name = "issuer";
  made.kid = kid;
  made.state = state;
  return made;
}

TEST(ChooseVersion, TakesTheOnlyOneTheNamedOneOrTheOnlyActiveOne) {
  const LoadedVersions one{{version("a", KeyState::kRetiring)}, {}};
  const LoadedVersions several{{version("a", KeyState::kRetired), version("b"), version("c", KeyState::kPending)}, {}};
  EXPECT_EQ(choose_version(one, "issuer", "").value().kid, "a");
  EXPECT_EQ(choose_version(several, "issuer", "").value().kid, "b");
  EXPECT_EQ(choose_version(several, "issuer", "c").value().kid, "c");
}

TEST(ChooseVersion, DoesNotGuess) {
  const LoadedVersions two{{version("a"), version("b")}, {}};
  const auto unclear = choose_version(two, "issuer", "");
  ASSERT_FALSE(unclear);
  EXPECT_NE(unclear.error().text.find("--kid, one of: a, b"), std::string::npos) << unclear.error().text;
  EXPECT_FALSE(choose_version(two, "other", ""));
  EXPECT_FALSE(choose_version(two, "issuer", "c"));
}

TEST(ChooseVersion, SaysThatTheMetadataIsDamaged) {
  const LoadedVersions damaged{{}, {{"issuer", "/x.json: not format 1"}}};
  const auto none = choose_version(damaged, "issuer", "");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().text.find("damaged: /x.json"), std::string::npos);
}

// The program itself, with a script in place of signer-p11-csr that says what it was given.
class KeyCsr : public testing::Test {
 protected:
  void SetUp() override {
    KeyVersion made = version("");
    made.public_key = test::SigningKey::first().public_key();
    made.kid = jose::thumbprint(made.public_key);
    made.token = "main";
    made.key_id = {0x0a, 0xff};
    made.created = std::chrono::system_clock::from_time_t(1'790'000'000);
    ASSERT_TRUE(keyring::save_version(directory_ / "state", made));
    test::write_text(directory_ / "s.toml", "state_dir = \"" + (directory_ / "state") + R"("
[[listener]]
path = "/run/none"
[[token]]
name = "main"
driver = "pkcs11"
module = "/m.so"
uri = "pkcs11:token=my%20demo"
pin_file = "/nonexistent/pin"
environment = { SOFTHSM2_CONF = "/conf" }
[[key]]
name = "issuer"
tokens = ["main"]
)");
  }

  test::Finished csr(const std::string& script, std::vector<std::string> more = {}) {
    test::write_script(directory_ / "csr", script);
    std::vector<std::string> arguments = {"key",
                                          "csr",
                                          "issuer",
                                          "--subject",
                                          "/CN=x y",
                                          "--config",
                                          directory_ / "s.toml",
                                          "--csr-program",
                                          directory_ / "csr"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::signerctl(arguments);
  }

  test::TemporaryDirectory directory_;
};

constexpr const char* kPem = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";

TEST_F(KeyCsr, HandsTheHelperTheKeyOfTheMetadata) {
  const auto ran =
      csr("for a in \"$@\"; do echo \"$a\"; done > '" + (directory_ / "args") + "'; echo \"$SOFTHSM2_CONF\" >> '" +
          (directory_ / "args") + "'; printf '%s' '" + std::string(kPem) + "'");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, kPem);
  EXPECT_EQ(test::read_text(directory_ / "args"),
            "--module\n/m.so\n--token-uri\npkcs11:token=my%20demo\n--key-id\n0aff\n--kid\n" +
                jose::thumbprint(test::SigningKey::first().public_key()) +
                "\n--pin-file\n/nonexistent/pin\n--latch-file\n" + (directory_ / "state/latch/main.json") +
                "\n--subject\n/CN=x y\n/conf\n");
}

TEST_F(KeyCsr, OfATpmNamesTheWayThatThereIs) {
  const std::string pkcs11 = R"(driver = "pkcs11"
module = "/m.so"
uri = "pkcs11:token=my%20demo"
pin_file = "/nonexistent/pin"
)";
  std::string text = test::read_text(directory_ / "s.toml");
  ASSERT_NE(text.find(pkcs11), std::string::npos);
  text.replace(text.find(pkcs11), pkcs11.size(), "driver = \"tpm2\"\ntcti = \"device:/dev/null\"\n");
  test::write_text(directory_ / "s.toml", text);
  const auto ran = csr("echo started > '" + (directory_ / "args") + "'");
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.err.find("tpm2-openssl"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find(directory_ / "state/tpm/main/0aff.pem"), std::string::npos) << ran.err;
  EXPECT_FALSE(std::filesystem::exists(directory_ / "args")) << "a helper for PKCS#11 was started";
}

TEST_F(KeyCsr, AnswersInJson) {
  const auto ran = csr("printf '%s' '" + std::string(kPem) + "'", {"--json"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(jose::Json::parse(ran.out), jose::Json({{"key", "issuer"}, {"pem", kPem}}));
}

TEST_F(KeyCsr, PassesOnHowTheHelperEnded) {
  EXPECT_EQ(csr("exit 1").status, 1);
  EXPECT_EQ(csr("exit 2").status, 2);
  EXPECT_EQ(csr("exit 3").status, 3);
  EXPECT_EQ(csr("exit 77").status, 1) << "trying again later helps no refused PIN";
  EXPECT_EQ(csr("kill -9 $$").status, 3);
}

TEST_F(KeyCsr, SaysWhyInOneLineOfJson) {
  const auto ran = csr("echo 'first line' >&2; echo 'second line' >&2; exit 77", {"--json"});
  EXPECT_EQ(jose::Json::parse(ran.err),
            jose::Json({{"error", {{"code", "invalid_request"}, {"detail", "first line second line"}}}}));
}

TEST_F(KeyCsr, DoesNotPassOnWhatIsNoRequest) {
  const auto ran = csr("echo hello");
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(ran.out, "");
}

TEST_F(KeyCsr, RefusesASubjectThatIsNone) {
  const auto ran = test::signerctl({"key", "csr", "issuer", "--subject", "CN=x", "--config", directory_ / "s.toml"});
  EXPECT_EQ(ran.status, 2);
}

TEST_F(KeyCsr, SaysThatTheHelperIsNotInstalled) {
  const auto ran = test::signerctl({"key", "csr", "issuer", "--subject", "/CN=x", "--config", directory_ / "s.toml",
                                    "--csr-program", directory_ / "none"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.err.find("is not a program"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace signer::ctl
