// SPDX-License-Identifier: Apache-2.0
//
// What is asked of a host and taken for its answer.  Without these a signature could be taken for a MAC, or somebody
// would wait for ever for an answer that was given.
#include "token/jobs.h"

#include <gtest/gtest.h>

#include "channel/frames.h"

namespace signer::token {
namespace {

using channel::FrameType;
using channel::HostStatus;

channel::Mac some_mac() {
  channel::Mac mac{};
  mac.fill(7);
  return mac;
}

struct Heard {
  std::optional<Judged<Bytes>> signature;
  std::optional<Judged<channel::Mac>> mac;
};

Job sign_job(Heard& heard) {
  SignJob job{5, SteadyTime(std::chrono::nanoseconds(99)), {{1}, Algorithm::kRs256, 0, "a.b"}, 3, {}};
  job.done = [&heard](Judged<Bytes> answer) { heard.signature = std::move(answer); };
  return Job(std::move(job));
}

Job mac_job(Heard& heard) {
  MacJob job{6, SteadyTime(std::chrono::nanoseconds(98)), {{2}, some_mac(), 0, "m"}, {}, {}};
  job.done = [&heard](Judged<channel::Mac> answer) { heard.mac = std::move(answer); };
  return Job(std::move(job));
}

TEST(Job, KeepsWhatTheQueueLooksAtAndSendsTheDeadline) {
  Heard heard;
  const Job sign = sign_job(heard);
  const Job mac = mac_job(heard);
  EXPECT_EQ(sign.uid, 5U);
  EXPECT_EQ(mac.uid, 6U);
  EXPECT_EQ(sign.key_id(), Bytes{1});
  EXPECT_EQ(mac.key_id(), Bytes{2});
  EXPECT_EQ(sign.record(), std::uint64_t{3});
  EXPECT_FALSE(mac.record());
  EXPECT_EQ(channel::decode_sign(sign.encode(1))->deadline_ns, 99);
  const auto sent = channel::decode_mac(mac.encode(1));
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->deadline_ns, 98);
  EXPECT_EQ(sent->known_answer, some_mac());
  EXPECT_EQ(sent->message, "m");
}

TEST(Job, TakesAnAnswerOfItsOwnKindAlone) {
  Heard heard;
  const Bytes signature = channel::encode_signed(1, Bytes(32, 9));
  const Bytes made = channel::encode_mac_made(1, some_mac());
  EXPECT_FALSE(sign_job(heard).read(made));
  EXPECT_FALSE(mac_job(heard).read(signature)) << "though it is of 32 bytes";
  Bytes cut = made;
  cut.pop_back();
  EXPECT_FALSE(mac_job(heard).read(cut));

  const auto answer = mac_job(heard).read(made);
  ASSERT_TRUE(answer && !answer->error);
  EXPECT_FALSE(heard.mac) << "reading is not telling";
  answer->deliver();
  ASSERT_TRUE(heard.mac);
  EXPECT_EQ(heard.mac->value(), some_mac());
  const auto signed_answer = sign_job(heard).read(signature);
  ASSERT_TRUE(signed_answer);
  signed_answer->deliver();
  EXPECT_EQ(heard.signature->value(), Bytes(32, 9));
}

TEST(Job, AFailureIsToldByWhoeverJudgesIt) {
  Heard heard;
  const Job job = mac_job(heard);
  const auto answer = job.read(channel::encode_mac_made(1, channel::host_failure(HostStatus::kMismatch, "other")));
  ASSERT_TRUE(answer && answer->error);
  EXPECT_EQ(answer->error->status, HostStatus::kMismatch);
  EXPECT_FALSE(heard.mac);
  job.refuse(refuse(ErrorCode::kTokenUnavailable, "no"));
  ASSERT_TRUE(heard.mac);
  EXPECT_EQ(heard.mac->error().code, ErrorCode::kTokenUnavailable);
}

TEST(ControlCall, TellsItsCallerOnceWhateverComes) {
  int told = 0;
  std::optional<HostStatus> status;
  const auto made = [&] {
    return control_call<channel::HmacKeyDescription>(
        [](std::uint64_t id) { return channel::encode_describe_hmac_key(id, Bytes{1}); }, channel::decode_hmac_key,
        [&](const auto& result) {
          ++told;
          status = result ? HostStatus::kOk : result.error().status;
        },
        std::chrono::seconds(1));
  };
  const auto good =
      made().read(channel::encode_hmac_key(1, FrameType::kHmacKeyDescribed, channel::HmacKeyDescription{}));
  ASSERT_TRUE(good && !good->error);
  good->deliver();
  EXPECT_EQ(status, HostStatus::kOk);
  const auto bad = made().read(
      channel::encode_hmac_key(1, FrameType::kHmacKeyDescribed, channel::host_failure(HostStatus::kNotFound, "none")));
  ASSERT_TRUE(bad && bad->error);
  bad->deliver();
  EXPECT_EQ(status, HostStatus::kNotFound);
  made().refuse({HostStatus::kUnavailable, "lost"});
  EXPECT_EQ(status, HostStatus::kUnavailable);
  EXPECT_EQ(told, 3);
  EXPECT_FALSE(made().read(channel::encode_signed(1, Bytes{1}))) << "an answer to something else";
}

}  // namespace
}  // namespace signer::token
