// SPDX-License-Identifier: Apache-2.0
//
// The TPM driver on a TPM that behaves: right signatures for one command each, and keys that nobody can take away or
// turn to another use, not even with the auth value (invariant 4).
#include "tpm/tpm2_driver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>

#include "test_token.h"
#include "tpm/message.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using test::key_request;
using test::sign_request;
using test::cc::kSign;

constexpr std::uint32_t kDuplicate = 0x14b;
constexpr std::uint32_t kUnseal = 0x15e;
constexpr std::uint32_t kRsaDecrypt = 0x159;
const Bytes kDigest(32, 0x77);

std::string text_of_bytes(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

class Driver : public ::testing::TestWithParam<const char*> {
 protected:
  channel::KeyDescription made(jose::KeyKind kind, std::string_view id = "key-1") {
    const auto key = driver_->generate_key(key_request(kind, id));
    EXPECT_TRUE(key) << key.error().text;
    return key ? *key : channel::KeyDescription{};
  }

  HostStatus sign_status(const channel::SignRequest& request) {
    const auto signature = driver_->sign(request);
    return signature ? HostStatus::kOk : signature.error().status;
  }

  // What the TPM answers somebody who knows the auth value, and somebody who does not.
  std::uint32_t code_with(std::string_view auth, std::uint32_t command, ByteView parameters) {
    const auto answer = token_.tpm().run(test::TpmCommand(command, {kFirstKeyHandle}).password(auth).raw(parameters));
    return answer.answered ? answer.code : 0xffffffff;
  }

  test::TestToken token_;
  std::unique_ptr<Tpm2Driver> driver_ = test::opened(token_, GetParam());
};

INSTANTIATE_TEST_SUITE_P(Authorization, Driver, ::testing::Values("hmac", "password"),
                         [](const auto& mode) { return std::string(mode.param); });

TEST_P(Driver, MakesKeysWhoseSignaturesOpensslVerifies) {
  struct Kind {
    jose::KeyKind kind;
    Algorithm algorithm;
    std::size_t signature_bytes;
  };
  for (const Kind& one :
       {Kind{jose::KeyKind::kRsa2048, Algorithm::kRs256, 256}, Kind{jose::KeyKind::kRsa3072, Algorithm::kRs256, 384},
        Kind{jose::KeyKind::kP256, Algorithm::kEs256, 64}}) {
    const std::string id = std::to_string(static_cast<int>(one.kind));
    const auto key = made(one.kind, id);
    EXPECT_EQ(key.public_key.algorithm, one.algorithm);
    auto request = sign_request(std::chrono::seconds(10), id, "first.input");
    request.algorithm = one.algorithm;
    const auto signature = driver_->sign(request);
    ASSERT_TRUE(signature) << signature.error().text;
    EXPECT_EQ(signature->size(), one.signature_bytes);
    EXPECT_TRUE(test::verifies(key.public_key, "first.input", *signature));
    EXPECT_FALSE(test::verifies(key.public_key, "first.inpuT", *signature));
  }
}

TEST_P(Driver, AlwaysMakesScalarsOfFullLength) {
  // One in 128 has a leading zero, which a TPM may leave out and a JWS may not.
  const auto key = made(jose::KeyKind::kP256);
  for (int i = 0; i < 300; ++i) {
    const std::string input = "header." + std::to_string(i);
    auto request = sign_request(std::chrono::seconds(10), "key-1", input);
    request.algorithm = Algorithm::kEs256;
    const auto signature = driver_->sign(request);
    ASSERT_TRUE(signature) << signature.error().text;
    ASSERT_EQ(signature->size(), 64U);
    ASSERT_TRUE(test::verifies(key.public_key, input, *signature));
  }
}

TEST_P(Driver, SignsTheSameAfterItWasReopened) {
  const auto key = made(jose::KeyKind::kRsa2048);
  const auto before = driver_->sign(sign_request());
  driver_.reset();
  driver_ = test::opened(token_, GetParam());
  const auto described = driver_->describe_key(bytes_of("key-1"));
  ASSERT_TRUE(described) << described.error().text;
  EXPECT_EQ(described->public_key, key.public_key);
  const auto after = driver_->sign(sign_request());
  ASSERT_TRUE(before && after);
  EXPECT_EQ(*before, *after) << "RS256 is deterministic";
}

TEST_P(Driver, SpendsOneTpmCommandOnASignature) {
  made(jose::KeyKind::kRsa2048);
  ASSERT_TRUE(driver_->sign(sign_request()));
  token_.bus().forget_counts();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(driver_->sign(sign_request()));
  EXPECT_EQ(token_.bus().count(kSign), 10U);
  EXPECT_EQ(token_.bus().count(), 10U);
}

TEST_P(Driver, Invariant04_MakesAKeyWithEveryAttributeThatKeepsItIn) {
  for (const auto kind : {jose::KeyKind::kRsa2048, jose::KeyKind::kP256}) {
    const auto key = made(kind, std::to_string(static_cast<int>(kind)));
    for (const char* attribute : {"fixedTPM=1", "fixedParent=1", "sensitiveDataOrigin=1", "userWithAuth=1", "noDA=1",
                                  "sign=1", "decrypt=0", "restricted=0", "encryptedDuplication=0", "/SHA256"}) {
      EXPECT_NE(key.attributes.find(attribute), std::string::npos) << attribute << " in " << key.attributes;
    }
  }
}

TEST_P(Driver, Invariant04_LetsNobodyTakeAKeyOutOfTheTpm) {
  made(jose::KeyKind::kRsa2048);
  // TPM2_Duplicate to no new parent, with no encryption: the sensitive area in the clear, if it were allowed.
  const auto duplicate = test::TpmCommand(0).sized({}).number<std::uint16_t>(0x0010).parameters();
  const auto decrypt = test::TpmCommand(0).sized(Bytes(256, 1)).number<std::uint16_t>(0x0010).sized({}).parameters();
  for (const std::string& auth : {token_.auth_value(), std::string()}) {
    const bool knows = !auth.empty();
    test::TpmCommand command(kDuplicate, {kFirstKeyHandle, signer::test::kNullHierarchy});
    const auto refused = token_.tpm().run(command.password(auth).raw(duplicate));
    ASSERT_TRUE(refused.answered);
    EXPECT_EQ(refused.code, 0x124U) << "AUTH_TYPE: it takes a policy, and there is none";
    EXPECT_EQ(code_with(auth, kUnseal, {}), knows ? 0x18aU : 0x9a2U) << "TYPE: no sealed data";
    EXPECT_EQ(code_with(auth, kRsaDecrypt, decrypt), knows ? 0x182U : 0x9a2U) << "ATTRIBUTES: no decrypt";
  }
  // What ReadPublic tells everybody is the public area, the Name and no more.
  const auto read = token_.tpm().run(test::TpmCommand(test::cc::kReadPublic, {kFirstKeyHandle}));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.parameters.size(), 2U + *test::number_at<std::uint16_t>(read.parameters, 0) + 2 * (2U + 34));
}

TEST_P(Driver, Invariant04_IsLockedToOneSchemeAndOneHash) {
  made(jose::KeyKind::kRsa2048);
  const auto sign_with = [&](std::uint16_t scheme, std::uint16_t hash, ByteView digest) {
    return code_with(token_.auth_value(), kSign,
                     test::TpmCommand(0)
                         .sized(digest)
                         .number(scheme)
                         .number(hash)
                         .number<std::uint16_t>(0x8024)
                         .number(signer::test::kNullHierarchy)
                         .sized({})
                         .parameters());
  };
  EXPECT_EQ(sign_with(0x0014, 0x000b, kDigest), 0U) << "RSASSA with SHA-256: the command itself is right";
  EXPECT_EQ(sign_with(0x0016, 0x000b, kDigest), 0x2d2U) << "RSAPSS";
  EXPECT_EQ(sign_with(0x0014, 0x000c, Bytes(48, 1)), 0x2d2U) << "SHA-384";
  EXPECT_EQ(sign_with(0x0014, 0x0004, Bytes(20, 1)), 0x2d2U) << "SHA-1";
  EXPECT_EQ(sign_with(0x0014, 0x000b, Bytes(20, 1)), 0x1d5U) << "a digest of another size";
}

TEST_P(Driver, Invariant04_SignsForNobodyWithoutTheAuthValue) {
  made(jose::KeyKind::kRsa2048);
  const std::string right = token_.auth_value();
  ASSERT_EQ(right.size(), 32U);
  const auto code = [&](std::string_view auth) {
    return token_.tpm().run(test::sign_digest(kFirstKeyHandle, auth, kDigest)).code;
  };
  EXPECT_EQ(code(right), 0U);
  std::string wrong = right;
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  EXPECT_EQ(code(wrong), 0x9a2U);
  EXPECT_EQ(code(""), 0x9a2U);
  EXPECT_EQ(code(right.substr(0, 31)) == 0, right.back() == '\0');
}

TEST_P(Driver, Invariant05_ShowsTheAuthValueOnTheBusInPasswordModeAlone) {
  const std::string auth = token_.auth_value();
  // Shared with the rule, which sees the driver leave after the test's end.
  const auto signing = std::make_shared<std::atomic<unsigned>>(0);
  const auto otherwise = std::make_shared<std::atomic<unsigned>>(0);
  (void)token_.bus().edit_command({}, [=](std::uint32_t code, Bytes& command) {
    if (text_of_bytes(command).find(auth) != std::string::npos) ++*(code == kSign ? signing : otherwise);
    return false;
  });
  made(jose::KeyKind::kRsa2048);
  ASSERT_TRUE(driver_->sign(sign_request()));
  EXPECT_EQ(*signing, std::string_view(GetParam()) == "password" ? 1U : 0U);
  EXPECT_EQ(*otherwise, 0U) << "TPM2_Create must carry it encrypted";
}

TEST_P(Driver, Invariant04_SendsNoCommandThatItDoesNotNeed) {
  const auto others = std::make_shared<std::atomic<unsigned>>(0);
  (void)token_.bus().edit_command({}, [=](std::uint32_t code, Bytes&) {
    if (!is_allowed(code)) ++*others;
    return false;
  });
  made(jose::KeyKind::kP256);
  EXPECT_GT(token_.bus().count(), 0U);
  EXPECT_EQ(*others, 0U);
  // And the transport would not have let it.
  auto context = EsysContext::open(token_.bus().tcti());
  ASSERT_TRUE(context);
  token_.bus().forget_counts();
  EsysOut<TPM2B_DIGEST> random;
  const TSS2_RC rc = ::Esys_GetRandom(context->get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, 8, random.fill());
  EXPECT_EQ(rc, TSS2_TCTI_RC_NOT_PERMITTED);
  auto another = EsysContext::open(token_.bus().tcti());
  ASSERT_TRUE(another);
  EXPECT_EQ(::Esys_Clear(another->get(), ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE),
            TSS2_TCTI_RC_NOT_PERMITTED);
  EXPECT_EQ(token_.bus().count(), 0U);
}

TEST_P(Driver, Invariant06_RefusesAnAlgorithmThatIsNotTheKeys) {
  made(jose::KeyKind::kRsa2048, "rsa");
  made(jose::KeyKind::kP256, "ec");
  token_.bus().forget_counts();
  auto es256 = sign_request(std::chrono::seconds(10), "rsa");
  es256.algorithm = Algorithm::kEs256;
  EXPECT_EQ(sign_status(es256), HostStatus::kInvalid);
  EXPECT_EQ(sign_status(sign_request(std::chrono::seconds(10), "ec")), HostStatus::kInvalid);
  EXPECT_EQ(token_.bus().count(kSign), 0U);
}

TEST_P(Driver, SaysWhichRequestsMakeNoSense) {
  made(jose::KeyKind::kP256);
  EXPECT_EQ(sign_status(sign_request(std::chrono::seconds(10), "nobody")), HostStatus::kNotFound);
  EXPECT_EQ(driver_->describe_key(bytes_of("nobody")).error().status, HostStatus::kNotFound);
  EXPECT_EQ(sign_status(sign_request(std::chrono::seconds(10), "")), HostStatus::kInvalid);
  EXPECT_EQ(sign_status(sign_request(std::chrono::seconds(10), std::string(65, 'k'))), HostStatus::kInvalid);
  EXPECT_EQ(sign_status(sign_request(std::chrono::seconds(10), std::string(64, 'k'))), HostStatus::kNotFound);
  EXPECT_EQ(driver_->describe_key({}).error().status, HostStatus::kInvalid);
  EXPECT_EQ(driver_->generate_key(key_request(jose::KeyKind::kP256, "")).error().status, HostStatus::kInvalid);
  const std::string longest(channel::kSigningInputMax, 'x');
  EXPECT_EQ(sign_status(sign_request(std::chrono::seconds(10), "key-1", longest + "x")), HostStatus::kInvalid);
}

TEST_P(Driver, TakesTheLongestKeyIdAndInput) {
  const std::string id(64, '\xff');
  const auto key = made(jose::KeyKind::kRsa2048, id);
  const std::string longest(channel::kSigningInputMax, 'x');
  const auto signature = driver_->sign(sign_request(std::chrono::seconds(10), id, longest));
  ASSERT_TRUE(signature) << signature.error().text;
  EXPECT_TRUE(test::verifies(key.public_key, longest, *signature));
}

TEST_P(Driver, Invariant08_NeverMakesAKeyWhereThereIsOne) {
  const auto first = made(jose::KeyKind::kRsa2048);
  const std::string files = token_.key_directory_content();
  token_.bus().forget_counts();
  EXPECT_EQ(driver_->generate_key(key_request()).error().status, HostStatus::kInvalid);
  EXPECT_EQ(token_.bus().count(), 0U);
  EXPECT_EQ(token_.key_directory_content(), files);
  // Nor over a blob that cannot be read.
  test::write_text(token_.key_file("damaged", ".pem"), "");
  EXPECT_EQ(driver_->generate_key(key_request(jose::KeyKind::kP256, "damaged")).error().status, HostStatus::kInvalid);
  EXPECT_EQ(driver_->describe_key(bytes_of("key-1"))->public_key, first.public_key);
}

TEST_P(Driver, LeavesNothingOfAKeyThatItCouldNotMake) {
  const auto before = test::handles_from(token_.tpm(), test::kPersistentFirst);
  (void)token_.bus().answer({.code = test::cc::kCreate}, 0x2c2);
  const auto refused = driver_->generate_key(key_request());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kRefused) << refused.error().text;
  EXPECT_FALSE(std::filesystem::exists(token_.key_file("key-1", ".pem")));
  EXPECT_EQ(test::handles_from(token_.tpm(), test::kPersistentFirst), before);
  token_.bus().drop_rules();
  made(jose::KeyKind::kRsa2048);
}

TEST_P(Driver, RefusesAKeyKindThatTheTpmDoesNotOffer) {
  const auto refused = driver_->generate_key(key_request(jose::KeyKind::kRsa4096));  // libtpms before 0.11
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kUnsupported) << refused.error().text;
  EXPECT_EQ(token_.bus().count(test::cc::kCreate), 0U);
}

TEST_P(Driver, Invariant04_RefusesAWeakerKeyThatWasPutIntoItsDirectory) {
  // A sign key made by tpm2-tools that could be used for other schemes is not ours to use.
  made(jose::KeyKind::kRsa2048);
  const test::TemporaryDirectory tools;
  const auto tool = [&](std::vector<std::string> arguments) {
    return test::run(arguments, {}, {{"TPM2TOOLS_TCTI", token_.tpm().tcti()}}).status;
  };
  ASSERT_EQ(tool({"tpm2_create", "-Q", "-C", "0x81000001", "-G", "rsa2048", "-a",
                  "sensitivedataorigin|userwithauth|sign", "-u", tools / "u", "-r", tools / "r"}),
            0);
  ASSERT_EQ(tool({"tpm2_encodeobject", "-C", "0x81000001", "-u", tools / "u", "-r", tools / "r", "-o",
                  token_.key_file("weak", ".pem")}),
            0);
  ASSERT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
  const auto refused = driver_->describe_key(bytes_of("weak"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kUnsupported);
  EXPECT_NE(refused.error().text.find("fixedTPM=0"), std::string::npos) << refused.error().text;
}

TEST(DriverOpen, DescribesTheTpmAndSaysThatItIsSoftware) {
  const test::TestToken token;
  Tpm2Driver driver;
  const auto described = driver.open(token.spec());
  ASSERT_TRUE(described) << described.error().text;
  EXPECT_EQ(described->label, "unit-test");
  EXPECT_EQ(described->manufacturer, "IBM");
  EXPECT_EQ(described->serial.size(), 68U);
  EXPECT_FALSE(described->hardware);
  EXPECT_FALSE(driver.open(token.spec())) << "once";
}

TEST(DriverOpen, RefusesWhatIsNoSpecification) {
  const test::TestToken token;
  const auto status = [](const channel::TokenSpec& spec) {
    Tpm2Driver driver;
    const auto described = driver.open(spec);
    return described ? HostStatus::kOk : described.error().status;
  };
  for (const char* tcti : {"", "swtpm", "swtpm:", ":path=/x", "/usr/lib/tcti.so:x", "../tcti:x", "SWTPM:path=/x"}) {
    auto spec = token.spec();
    spec.uri = tcti;
    EXPECT_EQ(status(spec), HostStatus::kInvalid) << tcti;
  }
  auto spec = token.spec("policy");
  EXPECT_EQ(status(spec), HostStatus::kInvalid);
  spec = token.spec("");
  EXPECT_EQ(status(spec), HostStatus::kOk) << "hmac";
  spec.key_directory = "keys";
  EXPECT_EQ(status(spec), HostStatus::kInvalid);
  spec = token.spec();
  spec.pin_file += "-missing";
  EXPECT_EQ(status(spec), HostStatus::kInvalid);
  spec = token.spec();
  spec.uri = "swtpm:path=" + token.auth_file();
  EXPECT_EQ(status(spec), HostStatus::kUnavailable) << "nobody listens there";
}

TEST(DriverOpen, RefusesToDoAnythingBeforeIt) {
  Tpm2Driver driver;
  EXPECT_EQ(driver.sign(sign_request()).error().status, HostStatus::kInvalid);
  EXPECT_EQ(driver.describe_key(bytes_of("key-1")).error().status, HostStatus::kInvalid);
  EXPECT_EQ(driver.generate_key(key_request()).error().status, HostStatus::kInvalid);
  EXPECT_FALSE(driver.make_worker());
}

TEST(DriverOpen, TakesAnAuthValueThatEndsInZeros) {
  // TPMs drop them.
  const test::TestToken token;
  test::write_text(token.auth_file(), std::string(60, 'a') + "0000\n");
  for (const char* mode : {"hmac", "password"}) {
    const auto driver = test::opened(token, mode);
    const auto key = driver->generate_key(key_request(jose::KeyKind::kRsa2048, mode));
    ASSERT_TRUE(key) << key.error().text;
    const auto signature = driver->sign(sign_request(std::chrono::seconds(10), mode));
    ASSERT_TRUE(signature) << mode << signature.error().text;
    EXPECT_TRUE(test::verifies(key->public_key, "header.payload", *signature));
  }
}

}  // namespace
}  // namespace signer::tpm
