// SPDX-License-Identifier: Apache-2.0
//
// A key that an operator made with tpm2-tools becomes a key of signerd, if it is as those made here.  Without these a
// key that can leave its TPM, or that another name signs with already, could be published as one of ours.

#include "tests/e2e/fixture.h"
#include "tests/e2e/load.h"

namespace signer::test {

namespace {

constexpr const char* kScheme = "rsa2048:rsassa-sha256:null";
constexpr const char* kAttributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign";

DaemonOptions with_two_keys(Device device) {
  DaemonOptions options;
  options.device = device;
  options.more = "[[key]]\nname = \"second\"\ntokens = [\"main\"]\n\n[[grant]]\nname = \"second\"\nmatch = { uid = " +
                 std::to_string(::getuid()) + " }\nkeys = [\"second\"]\nverbs = [\"create\"]\n";
  return options;
}

class Adoption : public testing::Test {
 protected:
  explicit Adoption(Device device = Device::kTpm) : daemon_(programs(), with_two_keys(device)) {}

  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.log(); }

  // Exit 3 is: the token is not open yet.
  Finished adopt(const std::string& key, const std::string& key_id) {
    Finished finished;
    EXPECT_TRUE(eventually([&] {
      finished =
          run({daemon_.programs().signerctl, "--socket", daemon_.socket(), "key", "adopt", key, "--key-id", key_id});
      return finished.status != 3;
    })) << finished.err;
    return finished;
  }

  // A key made with tpm2-tools, as docs/tpm.md says, in the token's key directory.
  void make_key(const std::string& key_id, const std::string& scheme = kScheme,
                const std::string& attributes = kAttributes) {
    std::string auth = read_text(daemon_.tpm_token().auth_file());
    auth.resize(auth.find('\n'));
    const std::string directory = daemon_.state_directory() + "/tpm/main";
    std::filesystem::create_directories(directory);
    tool({"tpm2_create", "-Q", "-C", "0x81000001", "-g", "sha256", "-G", scheme, "-a", attributes, "-p", "file:-", "-u",
          daemon_.file("k.pub"), "-r", daemon_.file("k.priv")},
         "hex:" + auth);
    tool({"tpm2_flushcontext", "-t"});
    tool({"tpm2_encodeobject", "-C", "0x81000001", "-u", daemon_.file("k.pub"), "-r", daemon_.file("k.priv"), "-p",
          "-o", directory + "/" + key_id + ".pem"});
  }

  TestDaemon daemon_;

 private:
  void tool(const std::vector<std::string>& arguments, const std::string& input = {}) {
    const Finished finished = run(arguments, input, {{"TPM2TOOLS_TCTI", daemon_.tpm().tcti()}});
    ASSERT_EQ(finished.status, 0) << arguments.front() << "\n" << finished.out << finished.err;
  }
};

TEST_F(Adoption, AKeyOfTpm2ToolsSignsTokensThatVerifyAndIsRecorded) {
  make_key("0a1b2c");
  const Finished adopted = adopt("issuer", "0a1b2c");
  ASSERT_EQ(adopted.status, 0) << adopted.err << daemon_.log();
  EXPECT_TRUE(Judge(daemon_).approves(daemon_.issue())) << daemon_.log();
  const auto records = daemon_.audit_records();
  EXPECT_TRUE(std::ranges::any_of(records,
                                  [](const jose::Json& record) { return record.value("event", "") == "key_adopted"; }));
  // And after a restart of everything.
  ASSERT_EQ(daemon_.stop(), 0);
  daemon_.tpm().restart();
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  EXPECT_TRUE(eventually([&] { return Judge(daemon_).approves(daemon_.issue()); })) << daemon_.log();
}

TEST_F(Adoption, Invariant06_OneKeyIsNeverTwoKeys) {
  make_key("0a1b2c");
  ASSERT_EQ(adopt("issuer", "0a1b2c").status, 0) << daemon_.log();
  const std::string directory = daemon_.state_directory() + "/tpm/main/";
  std::filesystem::copy_file(directory + "0a1b2c.pem", directory + "0d.pem");
  const Finished again = adopt("second", "0d");
  EXPECT_EQ(again.status, 1);
  EXPECT_NE(again.err.find("is key issuer already"), std::string::npos) << again.err;
  EXPECT_FALSE(std::filesystem::exists(daemon_.state_directory() + "/keys/second"));
  // Nor when the configuration forgets it.
  std::string config = read_text(daemon_.config_file());
  for (std::size_t at = 0; (at = config.find("\"issuer\"", at)) != std::string::npos;)
    config.replace(at, 8, "\"other\"");
  write_text(daemon_.config_file(), config);
  daemon_.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return daemon_.log().find("key_not_configured") != std::string::npos; }));
  EXPECT_NE(adopt("second", "0d").err.find("is key issuer already"), std::string::npos);
}

TEST_F(Adoption, AKeyThatExistsAdoptsNoOther) {
  make_key("0a1b2c");
  ASSERT_EQ(adopt("issuer", "0a1b2c").status, 0) << daemon_.log();
  make_key("0e");
  EXPECT_EQ(adopt("issuer", "0e").status, 1) << "the key exists";
}

TEST_F(Adoption, Invariant04_AKeyThatCouldLeaveTheTpmIsRefused) {
  make_key("0a", kScheme, "sensitivedataorigin|userwithauth|noda|sign");
  const Finished refused = adopt("issuer", "0a");
  EXPECT_EQ(refused.status, 1) << refused.out;
  EXPECT_NE(daemon_.log().find("weaker than it must be: fixedTPM=0 fixedParent=0"), std::string::npos) << daemon_.log();
  EXPECT_FALSE(std::filesystem::exists(daemon_.state_directory() + "/keys/issuer"));
}

TEST_F(Adoption, RefusesAKeyThatIsNotThereOrOfAnotherSize) {
  make_key("0a", "rsa3072:rsassa-sha256:null");
  EXPECT_NE(adopt("issuer", "0a").err.find("another algorithm or size"), std::string::npos);
  const Finished missing = adopt("issuer", "ffff");
  EXPECT_EQ(missing.status, 1);
  EXPECT_NE(missing.err.find("holds no key under this key_id"), std::string::npos) << missing.err;
  EXPECT_FALSE(std::filesystem::exists(daemon_.state_directory() + "/keys/issuer"));
}

class SoftHsmAdoption : public Adoption {
 protected:
  SoftHsmAdoption() : Adoption(Device::kSoftHsm) {}
};

TEST_F(SoftHsmAdoption, Invariant04_KeysOfPkcs11TokensAreNotAdopted) {
  const Finished refused = adopt("issuer", "0a");
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("PKCS#11 token cannot be adopted"), std::string::npos) << refused.err;
}

}  // namespace

}  // namespace signer::test
