// SPDX-License-Identifier: Apache-2.0
//
// Keys that move between the driver and the tools that operators have, on a simulated TPM.  Without it a key made here
// could be of use to us alone, and a key that somebody made with a tool, weaker than it should be, could sign.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/hex.h"
#include "jose/hash.h"
#include "tests/support/tpm_wire.h"
#include "tests/unit/tpm/driver_on_token.h"
#include "tests/unit/tpm/tools_on_tpm.h"
#include "tpm/public_area.h"
#include "verify/verification_key.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;

const Bytes kKeyId = {0xab, 0x01};
const std::string kInput = "header.payload";
// What tpm2-openssl can be told: it takes the auth value as text.
const std::string kAuth = "an auth value of 32 characters..";
const std::string kGoodAttributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda";
const std::string kGoodScheme = "rsa2048:rsassa-sha256:null";

class DriverInterop : public test::ToolsOnTpm {
 protected:
  void SetUp() override {
    ToolsOnTpm::SetUp();
    test::write_text(file("message"), kInput);
    spec_.name = "under-test";
    spec_.uri = tpm_.tcti();
    spec_.pin_file = directory_.file("auth", to_hex(bytes_of(kAuth)));
    spec_.key_directory = file("keys");
  }

  [[nodiscard]] std::string key_file() const { return file("keys/" + to_hex(kKeyId) + ".pem"); }

  // A child of the storage root that a tool made with these words, as the driver's key.
  void put_key(const std::string& algorithm, const std::string& attributes, const std::string& auth = kAuth) const {
    tool({"tpm2_create", "-Q", "-C", "0x81000001", "-g", "sha256", "-G", algorithm, "-a", attributes, "-p", auth, "-u",
          file("k.pub"), "-r", file("k.priv")});
    flush();
    encode_key();
  }

  void encode_key(const std::string& parent = "0x81000001") const {
    std::filesystem::create_directory(file("keys"));
    tool({"tpm2_encodeobject", "-C", parent, "-u", file("k.pub"), "-r", file("k.priv"), "-p", "-o", key_file()});
  }

  // The driver neither shows the key nor signs with it, says why, and leaves TPM and directory as they are.
  void expect_refused(HostStatus status, const std::string& why) const {
    const auto driver = test::opened(spec_);
    const std::string before = test::read_text(key_file());
    const std::string handles = outcome({"tpm2_getcap", "handles-persistent"}).out;
    ASSERT_NE(handles, "");
    const auto described = driver->describe_key(kKeyId);
    ASSERT_FALSE(described.has_value()) << why;
    EXPECT_EQ(described.error().status, status) << described.error().text;
    EXPECT_NE(described.error().text.find(why), std::string::npos) << described.error().text;
    const auto signature = driver->sign(test::sign_request(kKeyId, kInput));
    ASSERT_FALSE(signature.has_value()) << why;
    EXPECT_EQ(signature.error().status, status) << signature.error().text;
    EXPECT_EQ(test::read_text(key_file()), before);
    EXPECT_EQ(outcome({"tpm2_getcap", "handles-persistent"}).out, handles);
  }

  [[nodiscard]] static bool verifies(const channel::KeyDescription& key, const Bytes& signature) {
    const auto verifier = verify::VerificationKey::make(key.public_key);
    return verifier && verifier->verify_digest(jose::sha256(bytes_of(kInput)), signature);
  }

  [[nodiscard]] Bytes signature_file() const {
    const std::string text = test::read_text(file("signature"));
    return {text.begin(), text.end()};
  }

  // A key of the driver's; the driver has left.
  [[nodiscard]] channel::KeyDescription generated() const {
    const auto driver = test::opened(spec_);
    const auto key = driver->generate_key({jose::KeyKind::kRsa2048, "issuer", kKeyId, false});
    EXPECT_TRUE(key.has_value()) << key.error().text;
    return key ? *key : channel::KeyDescription{};
  }

  channel::TokenSpec spec_;
};

TEST_F(DriverInterop, MakesAKeyThatTpm2OpensslSignsWith) {
  const channel::KeyDescription key = generated();
  std::vector<std::string> sign = {
      "openssl", "dgst",  "-provider", "tpm2", "-provider",       "default", "-propquery",    "?provider=tpm2",
      "-sha256", "-sign", key_file(),  "-out", file("signature"), "-passin", "pass:" + kAuth, file("message")};
  tool(sign);
  EXPECT_TRUE(verifies(key, signature_file()));
  sign[sign.size() - 2] = "pass:another";
  EXPECT_NE(outcome(sign).status, 0) << "the key asks for its auth value";
}

TEST_F(DriverInterop, MakesAKeyThatTpm2ToolsSignsWith) {
  const channel::KeyDescription key = generated();
  tool({"tpm2_load", "-Q", "-r", key_file(), "-c", file("k.ctx")});
  flush();
  const auto sign = [this](const std::string& object, const std::string& auth) {
    std::filesystem::remove(file("signature"));
    return outcome({"tpm2_sign", "-Q", "-c", object, "-p", auth, "-g", "sha256", "-s", "rsassa", "-f", "plain", "-o",
                    file("signature"), file("message")})
        .status;
  };
  ASSERT_EQ(sign(file("k.ctx"), kAuth), 0);
  EXPECT_TRUE(verifies(key, signature_file()));
  flush();
  ASSERT_EQ(sign("0x81000100", kAuth), 0) << "where the driver put it";
  EXPECT_TRUE(verifies(key, signature_file()));
  EXPECT_NE(sign("0x81000100", "another"), 0);
  EXPECT_NE(sign("0x81000100", ""), 0);
}

TEST_F(DriverInterop, SignsWithAKeyThatTpm2ToolsMade) {
  put_key(kGoodScheme, kGoodAttributes);
  const auto driver = test::opened(spec_);
  const auto key = driver->describe_key(kKeyId);
  ASSERT_TRUE(key.has_value()) << key.error().text;
  const std::string area = test::read_text(file("k.pub"));
  EXPECT_EQ(key->public_key, public_key_of(read_public_area(bytes_of(area)).value()).value());
  EXPECT_EQ(key->attributes,
            "fixedTPM=1 fixedParent=1 sensitiveDataOrigin=1 userWithAuth=1 noDA=1 sign=1 decrypt=0 restricted=0 "
            "encryptedDuplication=0 stClear=0 scheme=RSASSA/SHA256");
  const auto signature = driver->sign(test::sign_request(kKeyId, kInput));
  ASSERT_TRUE(signature.has_value()) << signature.error().text;
  EXPECT_TRUE(verifies(*key, *signature));
}

// The value is judged when it is used; the wrong one is not tried again and again, and costs nobody a lockout.
TEST_F(DriverInterop, Invariant05_AKeyWithAnotherAuthValueIsRefusedAndLocksNothing) {
  put_key(kGoodScheme, kGoodAttributes, "another");
  const auto driver = test::opened(spec_);
  EXPECT_TRUE(driver->describe_key(kKeyId).has_value());
  const auto signature = driver->sign(test::sign_request(kKeyId, kInput));
  ASSERT_FALSE(signature.has_value());
  EXPECT_EQ(signature.error().status, HostStatus::kRefused) << signature.error().text;
  driver->close();
  const std::string properties = outcome({"tpm2_getcap", "properties-variable"}).out;
  EXPECT_NE(properties.find("TPM2_PT_LOCKOUT_COUNTER: 0x0\n"), std::string::npos) << properties;
}

TEST_F(DriverInterop, RefusesAKeyThatSitsUnderLockoutOrDecryptsToo) {
  put_key("rsa2048:null:null", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|decrypt");
  expect_refused(HostStatus::kUnsupported, "weaker than it must be: noDA=0 decrypt=1");
}

TEST_F(DriverInterop, RefusesAKeyThatLeavesTheSchemeToItsUser) {
  put_key("rsa2048:null:null", kGoodAttributes);
  expect_refused(HostStatus::kUnsupported, "not locked to RSASSA with SHA-256");
}

TEST_F(DriverInterop, RefusesAKeyOfAnotherScheme) {
  put_key("rsa2048:rsapss-sha256:null", kGoodAttributes);
  expect_refused(HostStatus::kUnsupported, "not locked to RSASSA with SHA-256");
}

TEST_F(DriverInterop, Invariant04_AKeyThatCanBeDuplicatedIsRefused) {
  put_key(kGoodScheme, "sensitivedataorigin|userwithauth|sign|noda");
  expect_refused(HostStatus::kUnsupported, "weaker than it must be: fixedTPM=0 fixedParent=0");
}

TEST_F(DriverInterop, Invariant04_AKeyThatWasMadeOutsideIsRefused) {
  tool({"openssl", "genrsa", "-out", file("outside.pem"), "2048"});
  tool({"tpm2_import", "-Q", "-C", "0x81000001", "-G", "rsa2048:rsassa-sha256:null", "-i", file("outside.pem"), "-a",
        "userwithauth|sign|noda", "-p", kAuth, "-u", file("k.pub"), "-r", file("k.priv")});
  encode_key();
  expect_refused(HostStatus::kUnsupported, "weaker than it must be: fixedTPM=0 fixedParent=0 sensitiveDataOrigin=0");
}

TEST_F(DriverInterop, RefusesAKeyWithoutAnAuthValueOfItsOwn) {
  tool({"tpm2_startauthsession", "-S", file("trial")});
  tool({"tpm2_policycommandcode", "-Q", "-S", file("trial"), "-L", file("policy"), "TPM2_CC_Sign"});
  tool({"tpm2_flushcontext", file("trial")});
  tool({"tpm2_create", "-Q", "-C", "0x81000001", "-g", "sha256", "-G", kGoodScheme, "-a",
        "fixedtpm|fixedparent|sensitivedataorigin|sign|noda", "-L", file("policy"), "-u", file("k.pub"), "-r",
        file("k.priv")});
  flush();
  encode_key();
  expect_refused(HostStatus::kUnsupported, "weaker than it must be: userWithAuth=0 authPolicy");
}

// What `openssl genpkey` makes is such a key.
TEST_F(DriverInterop, RefusesWhatTpm2OpensslMakes) {
  std::filesystem::create_directory(file("keys"));
  tool({"openssl", "genpkey", "-provider", "tpm2", "-provider", "default", "-algorithm", "RSA", "-pkeyopt", "bits:2048",
        "-pkeyopt", "parent:0x81000001", "-pkeyopt", "user-auth:" + kAuth, "-out", key_file()});
  expect_refused(HostStatus::kUnsupported, "weaker than it must be: noDA=0 decrypt=1");
}

// By what the file says, and by what the TPM says of a file that does not tell the truth.
TEST_F(DriverInterop, RefusesAKeyOfAnotherParent) {
  tool({"tpm2_createprimary", "-Q", "-C", "o", "-g", "sha256", "-G", "rsa", "-c", file("other.ctx")});
  tool({"tpm2_evictcontrol", "-Q", "-C", "o", "-c", file("other.ctx"), "0x81000002"});
  flush();
  tool({"tpm2_create", "-Q", "-C", "0x81000002", "-g", "sha256", "-G", kGoodScheme, "-a", kGoodAttributes, "-p", kAuth,
        "-u", file("k.pub"), "-r", file("k.priv")});
  flush();
  encode_key("0x81000002");
  expect_refused(HostStatus::kUnsupported, "its parent is 0x81000002, not the storage root at 0x81000001");
  encode_key();
  expect_refused(HostStatus::kMismatch, "not this TPM's key");
}

}  // namespace
}  // namespace signer::tpm
