// SPDX-License-Identifier: Apache-2.0
//
// Lose these and a request may be for the wrong key or name, cost a token its PIN, or hang a script for ever.
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <filesystem>
#include <string>
#include <vector>

#include "hsm/login_latch.h"
#include "jose/base64url.h"
#include "jose/public_key.h"
#include "test_token.h"
#include "tests/support/process.h"
#include "verify/verification_key.h"

namespace signer::hsm {
namespace {

using channel::KeyRequest;
using fault::Function;
using signer::test::Finished;
using test::control;

constexpr const char* kIdHex = "6b65792d31";  // "key-1", the id of test::key_request

class CertificateRequest : public testing::Test {
 protected:
  // Makes the key as signerd's host would, and leaves the module.
  jose::PublicKey make_key(const KeyRequest& request = test::key_request(jose::KeyKind::kRsa2048)) {
    auto key = test::opened(token_)->generate_key(request);
    EXPECT_TRUE(key) << key.error().text;
    ::new (&control()) fault::Control();  // what follows is the program's doing alone
    if (key) kid_ = jose::thumbprint(key->public_key);
    return key ? key->public_key : jose::PublicKey{};
  }

  Finished csr(const std::vector<std::string>& more = {}, const std::string& id = kIdHex, std::string_view input = "") {
    std::vector<std::string> arguments = {SIGNER_P11_CSR_PROGRAM,
                                          "--module",
                                          test::fault_module_path(),
                                          "--token-uri",
                                          uri_,
                                          "--key-id",
                                          id,
                                          "--kid",
                                          kid_,
                                          "--pin-file",
                                          token_.pin_file(),
                                          "--subject",
                                          "/C=DE/O=Example/CN=issuer"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return signer::test::run(arguments, input);
  }

  std::string serial_of_token() const {
    Pkcs11Driver driver;
    const auto description = driver.open(token_.spec());
    driver.close();
    return description ? description->serial : "";
  }

  static std::uint64_t logins() { return control().calls(Function::C_Login); }

  static std::uint64_t signatures() { return control().calls(Function::C_Sign); }

  test::TestToken token_;
  std::string uri_ = "pkcs11:token=unit";
  std::string kid_ = "none";
};

// The second opinion on the request itself: the openssl program.
Finished openssl(const std::string& pem, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"/usr/bin/openssl", "req", "-noout"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return signer::test::run(arguments, pem);
}

std::string upper_hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

TEST_F(CertificateRequest, IsForTheKeyAndTheSubjectAndVerifies) {
  const auto key = make_key();
  const Finished ran = csr();
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_TRUE(ran.out.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n")) << ran.out;
  const Finished verified = openssl(ran.out, {"-verify"});
  EXPECT_EQ(verified.status, 0) << verified.err;
  EXPECT_EQ(openssl(ran.out, {"-subject", "-nameopt", "RFC2253"}).out, "subject=CN=issuer,O=Example,C=DE\n");
  EXPECT_EQ(openssl(ran.out, {"-modulus"}).out, "Modulus=" + upper_hex(key.modulus) + "\n");
  const std::string text = openssl(ran.out, {"-text"}).out;
  EXPECT_NE(text.find("Version: 1 (0x0)"), std::string::npos) << text;
  EXPECT_NE(text.find("Signature Algorithm: sha256WithRSAEncryption"), std::string::npos) << text;
  EXPECT_NE(text.find("Exponent: 65537"), std::string::npos) << text;
}

TEST_F(CertificateRequest, CostsOneLoginAndOneSignature) {
  make_key();
  EXPECT_EQ(csr().status, 0);
  EXPECT_EQ(logins(), 1U);
  EXPECT_EQ(signatures(), 1U);
  EXPECT_EQ(control().calls(Function::C_Finalize), 1U);
  EXPECT_EQ(control().violations, 0U);
}

// A second opinion, and no way to mint tokens past the audit log.
TEST_F(CertificateRequest, SignsWhatAnEvidenceBundleSignsAndNothingElse) {
  const auto key = make_key();
  const auto sign = [this](const std::vector<std::string>& inputs, const std::string& kid) {
    std::vector<std::string> arguments = {SIGNER_P11_CSR_PROGRAM, "--module", test::fault_module_path(),
                                          "--token-uri",          uri_,       "--pin-file",
                                          token_.pin_file()};
    for (const std::string& input : inputs)
      arguments.insert(arguments.end(), {"--sign", std::string(kIdHex) + ":" + kid + ":" + input});
    return signer::test::run(arguments);
  };
  const auto input_of_type = [](std::string_view typ) {
    return jose::base64url_encode(R"({"alg":"RS256","typ":")" + std::string(typ) + "\"}") + "." +
           jose::base64url_encode(R"({"nonce":"x"})");
  };
  const std::string input = input_of_type("signer-evidence");
  const Finished ran = sign({input, input}, kid_);
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(logins(), 1U) << "one login, however many signatures";
  EXPECT_EQ(signatures(), 2U);
  const std::string line = ran.out.substr(0, ran.out.find('\n'));
  EXPECT_EQ(ran.out, line + "\n" + line + "\n") << "RS256 is deterministic";
  const auto verifier = verify::VerificationKey::make(key);
  const auto signature = jose::base64url_decode(line);
  ASSERT_TRUE(verifier && signature);
  EXPECT_TRUE(verifier->verify(bytes_of(input), *signature));

  for (const std::string& bad : {input_of_type("JWT"), input_of_type("at+jwt"), input + ".x", std::string("x"),
                                 std::string("."), input.substr(input.find('.'))}) {
    const Finished refused = sign({bad}, kid_);
    EXPECT_EQ(refused.status, 1) << bad;
    EXPECT_EQ(refused.out, "") << bad;
  }
  EXPECT_EQ(sign({input}, "another").status, 1);
  EXPECT_EQ(signatures(), 2U);
  EXPECT_EQ(csr({"--sign", std::string(kIdHex) + ":" + kid_ + ":" + input}).status, 2) << "one or the other";
}

TEST_F(CertificateRequest, TakesAnEllipticKeyToo) {
  make_key(test::key_request(jose::KeyKind::kP256));
  const Finished ran = csr();
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(openssl(ran.out, {"-verify"}).status, 0);
  EXPECT_NE(openssl(ran.out, {"-text"}).out.find("ecdsa-with-SHA256"), std::string::npos);
}

TEST_F(CertificateRequest, FindsTheRightKeyOfSeveral) {
  make_key(test::key_request(jose::KeyKind::kRsa2048, "key-0"));
  const auto key = make_key();
  EXPECT_EQ(openssl(csr().out, {"-modulus"}).out, "Modulus=" + upper_hex(key.modulus) + "\n");
}

TEST_F(CertificateRequest, SaysWhyAStrictKeyCannot) {
  KeyRequest request = test::key_request(jose::KeyKind::kRsa2048);
  request.mechanism_lock = true;
  make_key(request);
  const Finished ran = csr();
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("CKR_MECHANISM_INVALID"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("mechanism_lock = \"strict\""), std::string::npos) << ran.err;
  EXPECT_EQ(signatures(), 0U);
}

TEST_F(CertificateRequest, IsNotMadeForAKeyThatIsNotThere) {
  make_key();
  const Finished ran = csr({}, "00");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("no private key has this CKA_ID"), std::string::npos) << ran.err;
  EXPECT_EQ(signatures(), 0U);
}

TEST_F(CertificateRequest, IsNotPrintedIfTheTokenSignedSomethingElse) {
  make_key();
  control().flip_signatures = 1;
  const Finished flipped = csr();
  EXPECT_EQ(flipped.status, 1);
  EXPECT_EQ(flipped.out, "");
  EXPECT_NE(flipped.err.find("does not verify with its own public key"), std::string::npos) << flipped.err;
  EXPECT_EQ(csr().status, 0);
}

TEST_F(CertificateRequest, TriesAWrongPinOnce) {
  make_key();
  token_.write_pin("not-the-pin\n");
  const Finished ran = csr();
  EXPECT_EQ(ran.status, 77);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("CKR_PIN_INCORRECT; not retried"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.err.find("not-the-pin"), std::string::npos) << ran.err;
  EXPECT_EQ(logins(), 1U);
}

TEST_F(CertificateRequest, ClosesTheLatchAfterAWrongPinAndRespectsIt) {
  make_key();
  token_.write_pin("not-the-pin\n");
  const std::vector<std::string> latch = {"--latch-file", token_.latch_file()};
  EXPECT_EQ(csr(latch).status, 77);
  EXPECT_TRUE(std::filesystem::exists(token_.latch_file()));
  const Finished second = csr(latch);
  EXPECT_EQ(second.status, 77);
  EXPECT_NE(second.err.find("login not tried: the PIN was refused before (CKR_PIN_INCORRECT)"), std::string::npos)
      << second.err;
  EXPECT_EQ(logins(), 1U);
}

TEST_F(CertificateRequest, LeavesTheLatchOpenAfterSuccess) {
  make_key();
  EXPECT_EQ(csr({"--latch-file", token_.latch_file()}).status, 0);
  EXPECT_FALSE(std::filesystem::exists(token_.latch_file()));
}

TEST_F(CertificateRequest, CountsAnUnclearLoginInTheLatch) {
  make_key();
  control().fail_next(Function::C_Login, 1, CKR_GENERAL_ERROR);
  const Finished ran = csr({"--latch-file", token_.latch_file()});
  EXPECT_EQ(ran.status, 3);
  EXPECT_NE(ran.err.find("\": CKR_GENERAL_ERROR; see"), std::string::npos) << ran.err;
  EXPECT_NE(signer::test::read_text(token_.latch_file()).find("attempting 1"), std::string::npos);
  EXPECT_EQ(logins(), 1U);
}

TEST_F(CertificateRequest, MakesNoLoginWithAPinFileThatOthersCanRead) {
  make_key();
  std::filesystem::permissions(token_.pin_file(), std::filesystem::perms{0640});
  const Finished ran = csr();
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.err.find("run: chmod 600 "), std::string::npos) << ran.err;
  EXPECT_EQ(control().calls(Function::C_Initialize), 0U);
}

TEST_F(CertificateRequest, MakesNoLoginOnTheFinalTryOrWhenLocked) {
  make_key();
  for (const CK_FLAGS flag : {CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED}) {
    control().extra_token_flags = flag;
    EXPECT_EQ(csr().status, 77);
  }
  EXPECT_EQ(logins(), 0U);
}

TEST_F(CertificateRequest, EndsAtItsDeadlineWhereLibp11WaitsForEver) {
  make_key();
  control().fail_next(Function::C_OpenSession, 1'000'000, CKR_DEVICE_ERROR);
  const Finished ran = csr({"--deadline", "1", "--latch-file", token_.latch_file()});
  EXPECT_EQ(ran.status, 3) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(logins(), 0U);
  EXPECT_FALSE(std::filesystem::exists(token_.latch_file())) << "no login was tried, so none may be counted";
}

TEST_F(CertificateRequest, EndsAtItsDeadlineWhenTheSignatureHangs) {
  make_key();
  control().hang_sign = 1;
  const Finished ran = csr({"--deadline", "1"});
  EXPECT_EQ(ran.status, 3);
  EXPECT_NE(ran.err.find("no answer from the token in time"), std::string::npos) << ran.err;
}

TEST_F(CertificateRequest, AsksNobodyForThePinOfEachSignature) {
  make_key();
  control().forced_attribute = CKA_ALWAYS_AUTHENTICATE;
  control().forced_value = 1;
  // Without a terminal OpenSSL would ask on stdin: the PIN is there for the taking.
  const Finished ran = csr({"--deadline", "5"}, kIdHex, signer::test::read_text(token_.pin_file()));
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(ran.err.find("in time"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("the token did not sign"), std::string::npos) << ran.err;
  EXPECT_EQ(logins(), 1U);
}

TEST_F(CertificateRequest, RefusesATokenOrModuleThatIsNotThere) {
  uri_ = "pkcs11:token=unit;serial=no-such-serial";
  const Finished no_token = csr();
  EXPECT_EQ(no_token.status, 3);
  EXPECT_NE(no_token.err.find("no token matches the URI"), std::string::npos) << no_token.err;
  const auto with_module = [this](const std::string& module) {
    return signer::test::run({SIGNER_P11_CSR_PROGRAM, "--module", module, "--token-uri", "pkcs11:token=unit",
                              "--key-id", kIdHex, "--kid", "x", "--pin-file", token_.pin_file(), "--subject", "/CN=x"});
  };
  EXPECT_EQ(with_module("/nonexistent/module.so").status, 1);
  EXPECT_EQ(with_module("libsofthsm2.so").status, 1);
  EXPECT_EQ(with_module(token_.pin_file()).status, 3);  // a file, but no library
  EXPECT_EQ(logins(), 0U);
}

// signerd chooses its token by the whole URI.  A PIN that went to another token of the label would cost that one a try
// and close the latch of ours.
TEST_F(CertificateRequest, Invariant05_TheWholeUriChoosesTheToken) {
  make_key();
  const std::string serial = serial_of_token();
  ASSERT_EQ(signer::test::run({"/usr/bin/softhsm2-util", "--init-token", "--free", "--label", "unit", "--so-pin",
                               "12345678", "--pin", "12345678"})
                .status,
            0);
  ::new (&control()) fault::Control();
  const Finished unclear = csr();
  EXPECT_EQ(unclear.status, 1);
  EXPECT_NE(unclear.err.find("several tokens match the URI"), std::string::npos) << unclear.err;
  for (const char* uri : {"pkcs11:token=unit;serial=0", "pkcs11:token=unit;manufacturer=other", "pkcs11:model=x",
                          "pkcs11:token=unit;library-description=x"}) {
    uri_ = uri;
    EXPECT_EQ(csr().status, 3) << uri;
  }
  uri_ = "pkcs11:token=unit;pin-value=1234";
  EXPECT_EQ(csr().status, 1);
  EXPECT_EQ(logins(), 0U);
  uri_ = "pkcs11:token=unit;manufacturer=SoftHSM%20project;serial=" + serial;
  const Finished ran = csr();
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(logins(), 1U);
}

// What a certificate is asked for under our name must be the key that we publish.
TEST_F(CertificateRequest, Invariant08_AnotherKeyUnderTheIdIsRefusedBeforeItSigns) {
  make_key();
  kid_ = std::string(43, 'A');
  const Finished ran = csr();
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("is not the one that is published"), std::string::npos) << ran.err;
  EXPECT_EQ(signatures(), 0U);
}

TEST_F(CertificateRequest, IsWrongUsageWithABadSubjectOrId) {
  EXPECT_EQ(csr({}, "xyz").status, 2);
  EXPECT_EQ(csr({"--deadline", "0"}).status, 2);
  EXPECT_EQ(signer::test::run({SIGNER_P11_CSR_PROGRAM}).status, 2);
  const Finished subject = signer::test::run({SIGNER_P11_CSR_PROGRAM, "--module", test::fault_module_path(),
                                              "--token-uri", "pkcs11:token=unit", "--key-id", kIdHex, "--kid", "x",
                                              "--pin-file", token_.pin_file(), "--subject", "CN=x"});
  EXPECT_EQ(subject.status, 2);
  EXPECT_NE(subject.err.find("write it as \"/C=DE/O=Example/CN=issuer\""), std::string::npos) << subject.err;
  EXPECT_EQ(control().calls(Function::C_Initialize), 0U);
}

}  // namespace
}  // namespace signer::hsm
