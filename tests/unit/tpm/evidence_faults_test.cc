// SPDX-License-Identifier: Apache-2.0
//
// Evidence that breaks off, or has to be had while others use the TPM: the next one works, nothing stays in the TPM,
// and signatures do not wait for the whole (invariant 9).
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "attested.h"
#include "test_token.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using test::attest_request;
using test::kLoadedMax;
using test::Moment;
using test::cc::kFlushContext;

class EvidenceFaults : public ::testing::Test {
 protected:
  EvidenceFaults() {
    // Persistent, so that a hundred pieces of evidence do not take a minute.
    EXPECT_TRUE(test::put_endorsement_key(token_.tpm(), signer::test::kEndorsementHierarchy));
    const auto key = driver_->generate_key(test::key_request(jose::KeyKind::kP256));
    EXPECT_TRUE(key) << key.error().text;
    if (key) key_ = key->public_key;
    bus().forget_counts();
  }

  test::TpmInterposer& bus() { return token_.bus(); }

  std::size_t objects() { return test::handles_from(token_.tpm(), test::kTransientFirst).size(); }

  std::size_t sessions() { return test::handles_from(token_.tpm(), test::kLoadedSessionFirst).size(); }

  HostStatus attest() {
    const auto made = driver_->attest_key(attest_request());
    return made ? HostStatus::kOk : made.error().status;
  }

  // For after a failure: the driver may answer with it for a moment.
  bool attests_again() {
    return test::eventually([this] { return attest() == HostStatus::kOk; });
  }

  bool signs() {
    const auto signature = driver_->sign(test::sign_request_es256());
    EXPECT_TRUE(signature) << signature.error().text;
    return signature && test::verifies(key_, "header.payload", *signature);
  }

  test::TestToken token_{test::Endorsement::kOpen};
  std::unique_ptr<Tpm2Driver> driver_ = test::opened(token_);
  jose::PublicKey key_;
};

TEST_F(EvidenceFaults, Invariant09_ABrokenConnectionIsCuredWithinTheRequestAndLeavesNothing) {
  struct Broken {
    std::uint32_t code;
    unsigned skip = 0;
  };
  for (const auto& [code, skip] :
       {Broken{test::cc::kReadPublic}, Broken{test::cc::kStartAuthSession}, Broken{test::cc::kPolicySecret},
        Broken{test::cc::kLoad}, Broken{kFlushContext}, Broken{kFlushContext, 1}, Broken{test::cc::kGetCapability},
        Broken{test::cc::kCertify}, Broken{test::cc::kPcrRead}, Broken{test::cc::kQuote}}) {
    for (const Moment moment : {Moment::kBefore, Moment::kAfter}) {
      const auto once = bus().drop({.code = code, .skip = skip, .times = 1}, moment);
      EXPECT_EQ(attest(), HostStatus::kOk) << code;
      EXPECT_EQ(bus().hits(once), 1U) << code << ": it was not sent";
      EXPECT_EQ(objects(), 0U) << code;
      EXPECT_LE(sessions(), 1U) << code << ": that of signatures is all that may be left";
      bus().drop_rules();
    }
  }
  EXPECT_TRUE(signs());
}

TEST_F(EvidenceFaults, Invariant09_ABusThatBreaksEveryTimeEndsInARefusalAndTheNextEvidenceWorks) {
  for (const std::uint32_t code : {test::cc::kLoad, test::cc::kCertify, test::cc::kQuote}) {
    bus().forget_counts();
    const auto broken = bus().drop({.code = code}, Moment::kAfter);
    EXPECT_EQ(attest(), HostStatus::kUnavailable) << code;
    EXPECT_LE(bus().hits(broken), 3U) << code << ": a rung is climbed twice at most";
    EXPECT_EQ(objects(), 0U) << code;
    EXPECT_LE(sessions(), 1U) << code;
    bus().drop_rules();
    EXPECT_TRUE(attests_again()) << code;
    EXPECT_EQ(objects(), 0U) << code;
  }
  // Not even the connection that tidies up gets through: the next one does it.
  (void)bus().drop({.code = test::cc::kCertify}, Moment::kAfter);
  (void)bus().drop({.code = test::cc::kGetCapability, .skip = 3}, Moment::kBefore);
  EXPECT_EQ(attest(), HostStatus::kUnavailable);
  EXPECT_GE(objects(), 1U) << "the test shows nothing: there was nothing to tidy up";
  bus().drop_rules();
  EXPECT_TRUE(attests_again());
  EXPECT_EQ(objects(), 0U);
}

TEST_F(EvidenceFaults, Invariant09_AResetInTheMiddleIsNoticedAndCured) {
  for (const std::uint32_t code : {test::cc::kCertify, test::cc::kQuote}) {
    (void)bus().hold({.code = code});
    auto made = std::async(std::launch::async, [this] { return driver_->attest_key(attest_request()).has_value(); });
    EXPECT_TRUE(test::eventually([this] { return bus().holds(); }));
    token_.tpm().reset();
    bus().release();
    EXPECT_TRUE(made.get()) << code;
    EXPECT_EQ(objects(), 0U) << code;
  }
}

TEST_F(EvidenceFaults, Invariant09_TakesBackThePlacesThatOthersLeftFull) {
  for (std::size_t i = 0; i < kLoadedMax; ++i) {
    ASSERT_TRUE(token_.tpm().run(signer::test::create_rsa_key(signer::test::kNullHierarchy)).ok());
  }
  EXPECT_EQ(attest(), HostStatus::kOk);
  while (sessions() < kLoadedMax) ASSERT_TRUE(token_.tpm().run(test::start_session()).ok());
  EXPECT_EQ(attest(), HostStatus::kOk);
  EXPECT_EQ(objects(), 0U);
}

TEST_F(EvidenceFaults, NeedsNoPersistentPlaces) {
  // Owner auth set, so that the key is loaded beside endorsement and attestation key: three objects, all that fit.
  driver_.reset();
  for (const std::uint32_t handle : {std::uint32_t{kFirstKeyHandle}, test::kEndorsementHandle}) {
    ASSERT_TRUE(token_.tpm().run(test::evict_control(handle, handle)).ok());
  }
  ASSERT_TRUE(token_.tpm().run(test::change_auth(signer::test::kOwnerHierarchy, "owner")).ok());
  driver_ = test::opened(token_);
  EXPECT_TRUE(signs());
  EXPECT_EQ(objects(), 1U);
  EXPECT_EQ(attest(), HostStatus::kOk);
  EXPECT_EQ(objects(), 1U);
  EXPECT_TRUE(signs());
}

TEST_F(EvidenceFaults, SignaturesAreMadeBetweenItsSteps) {
  std::mutex mutex;
  std::string order;  // of what the TPM was asked for: evidence, Sign
  (void)bus().edit_command({}, [&](std::uint32_t code, Bytes&) {
    const std::lock_guard lock(mutex);
    if (code == test::cc::kSign) order += 's';
    if (code == test::cc::kLoad) order += 'l';
    if (code == test::cc::kCertify) order += 'c';
    if (code == test::cc::kQuote) order += 'q';
    return false;
  });
  // A slow chip.
  for (const std::uint32_t code : {test::cc::kLoad, test::cc::kCertify, test::cc::kQuote}) {
    (void)bus().delay({.code = code}, std::chrono::milliseconds(100));
  }
  auto made = std::async(std::launch::async, [this] { return driver_->attest_key(attest_request()).has_value(); });
  unsigned signatures = 0;
  while (made.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    EXPECT_TRUE(signs());
    ++signatures;
  }
  EXPECT_TRUE(made.get());
  EXPECT_GE(signatures, 2U);
  bus().drop_rules();
  const std::lock_guard lock(mutex);
  const std::size_t load = order.find('l');
  const std::size_t certify = order.find('c');
  const std::size_t quote = order.find('q');
  ASSERT_TRUE(load < certify && certify < quote && quote != std::string::npos) << order;
  EXPECT_NE(order.substr(load, certify - load).find('s'), std::string::npos) << order;
  EXPECT_NE(order.substr(certify, quote - certify).find('s'), std::string::npos) << order;
}

TEST_F(EvidenceFaults, ASignatureThatConnectsAnewInTheMiddleMakesItBeginAgain) {
  (void)bus().hold({.code = test::cc::kCertify, .times = 1});
  auto made = std::async(std::launch::async, [this] { return driver_->attest_key(attest_request()).has_value(); });
  ASSERT_TRUE(test::eventually([this] { return bus().holds(); }));
  // The next signature, which waits for the step under way, finds its session gone and a new connection necessary.
  (void)bus().answer({.code = test::cc::kSign, .times = 1}, 0x910);
  auto signature = std::async(std::launch::async, [this] { return signs(); });
  bus().release();
  EXPECT_TRUE(signature.get());
  EXPECT_TRUE(made.get());
  EXPECT_EQ(objects(), 0U);
}

TEST_F(EvidenceFaults, Invariant05_NeverShowsTheAuthValue) {
  const std::string auth = token_.auth_value();
  const auto shown = std::make_shared<std::atomic<unsigned>>(0);
  (void)bus().edit_command({}, [=](std::uint32_t, Bytes& command) {
    if (std::string(command.begin(), command.end()).find(auth) != std::string::npos) ++*shown;
    return false;
  });
  const auto made = driver_->attest_key(attest_request());
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(*shown, 0U);
  EXPECT_EQ(made->json.find(jose::base64url_encode(auth)), std::string::npos);
}

}  // namespace
}  // namespace signer::tpm
