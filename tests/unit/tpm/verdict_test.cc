// SPDX-License-Identifier: Apache-2.0
//
// No code of a TPM is authenticated, and a code that others caused passes: one of them may cost a request, never a key,
// and a key that the TPM refuses costs the others nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>

#include "test_token.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using test::sign_request;

class Verdict : public ::testing::TestWithParam<const char*> {
 protected:
  Verdict() {
    const auto key = driver_->generate_key(test::key_request());
    EXPECT_TRUE(key) << key.error().text;
    if (key) key_ = key->public_key;
  }

  void reopen() {
    driver_.reset();
    driver_ = test::opened(token_, GetParam());
  }

  bool signs(std::string_view id = "key-1") {
    const auto signature = driver_->sign(sign_request(std::chrono::seconds(5), id));
    return signature && (id != "key-1" || test::verifies(key_, "header.payload", *signature));
  }

  test::TestToken token_;
  std::unique_ptr<Tpm2Driver> driver_ = test::opened(token_, GetParam());
  jose::PublicKey key_;
};

INSTANTIATE_TEST_SUITE_P(Authorization, Verdict, ::testing::Values("hmac", "password"),
                         [](const auto& mode) { return std::string(mode.param); });

// What signerd stops a key, a token or all hosts over.
bool is_final(HostStatus status) {
  return status == HostStatus::kNotFound || status == HostStatus::kMismatch || status == HostStatus::kAmbiguous ||
         status == HostStatus::kUnsupported || status == HostStatus::kPinRefused || status == HostStatus::kInvalid;
}

TEST_P(Verdict, Invariant08_NoSingleCodeStopsAKey) {
  for (const std::uint32_t command : {test::cc::kReadPublic, test::cc::kGetCapability, test::cc::kStartAuthSession,
                                      test::cc::kLoad, test::cc::kEvictControl, test::cc::kSign}) {
    for (const std::uint32_t code : {0x921U, 0x9a2U, 0x98eU, 0x18bU, 0x1cbU, 0x1dfU, 0x2c2U, 0x1d5U, 0x143U, 0x14cU,
                                     0x155U, 0x101U, 0x100U, 0x902U, 0x910U, 0xb0143U}) {
      for (const unsigned skip : {0U, 1U, 2U}) {
        // So that the key has to be loaded and made persistent again.
        driver_.reset();
        if (command == test::cc::kLoad || command == test::cc::kEvictControl) {
          (void)token_.tpm().run(test::evict_control(kFirstKeyHandle, kFirstKeyHandle));
        }
        driver_ = test::opened(token_, GetParam());
        (void)token_.bus().answer({.code = command, .skip = skip, .times = 1}, code);
        for (const bool describe : {true, false}) {
          const auto described = describe ? driver_->describe_key(bytes_of("key-1"))
                                          : channel::HostResult<channel::KeyDescription>(channel::KeyDescription{});
          if (!described) {
            EXPECT_FALSE(is_final(described.error().status))
                << command << " " << code << ": " << described.error().text;
          }
          const auto signature = driver_->sign(sign_request());
          if (!signature) {
            EXPECT_FALSE(is_final(signature.error().status))
                << command << " " << code << ": " << signature.error().text;
          }
        }
        token_.bus().drop_rules();
        EXPECT_TRUE(test::eventually([this] { return signs(); })) << command << " " << code;
      }
    }
  }
}

TEST_P(Verdict, Invariant10_AKeyThatTheTpmRefusesHoldsUpNoOther) {
  const std::string first = test::read_text(token_.auth_file());
  test::write_text(token_.auth_file(), std::string(64, 'b') + "\n");
  reopen();
  ASSERT_TRUE(driver_->generate_key(test::key_request(jose::KeyKind::kP256, "second")));
  for (int i = 0; i < 20; ++i) {
    const auto refused = driver_->sign(sign_request());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, HostStatus::kRefused) << refused.error().text;
    EXPECT_NE(refused.error().text.find("restore the file"), std::string::npos) << refused.error().text;
    const auto other = driver_->sign({.key_id = Bytes{'s', 'e', 'c', 'o', 'n', 'd'},
                                      .algorithm = Algorithm::kEs256,
                                      .deadline_ns = sign_request().deadline_ns,
                                      .signing_input = "header.payload"});
    EXPECT_TRUE(other) << other.error().text;
  }
  test::write_text(token_.auth_file(), first);
  EXPECT_TRUE(test::eventually([this] { return signs(); }));
}

TEST_P(Verdict, Invariant09_AKeyFileThatCannotBeReadIsThatKeysAlone) {
  ASSERT_TRUE(driver_->generate_key(test::key_request(jose::KeyKind::kP256, "second")));
  reopen();
  const std::string blob = token_.key_file("second", ".pem");
  std::filesystem::rename(blob, blob + ".away");
  std::filesystem::create_directory(blob);  // as good as a file that only root may read, for tests that root runs
  const auto refused = driver_->describe_key(bytes_of("second"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().status, HostStatus::kUnavailable) << refused.error().text;
  EXPECT_TRUE(signs());
}

TEST(SessionAttributes, AreSetAnewForEachCommand) {
  test::TestToken token;
  const auto attributes = std::make_shared<std::atomic<unsigned>>(0xffffU);
  (void)token.bus().edit_command({.code = test::cc::kSign}, [=](std::uint32_t, Bytes& command) {
    // header 10, key 4, size of the area 4, session 4, nonce with its size, attributes
    const std::size_t nonce = static_cast<std::size_t>(command[22] << 8U | command[23]);
    *attributes = command[24 + nonce];
    return false;
  });
  const auto driver = test::opened(token);
  ASSERT_TRUE(driver->generate_key(test::key_request()));  // whose auth value goes encrypted, in the same session
  ASSERT_TRUE(driver->sign(sign_request()));
  EXPECT_EQ(*attributes, 0x01U) << "continue the session, and nothing else";
}

}  // namespace
}  // namespace signer::tpm
