// SPDX-License-Identifier: Apache-2.0
//
// The bytes of MACs and of HMAC keys between signerd and a token host.  Without these a MAC could be cut or be that of
// another key, and somebody would have another person's pseudonym.
#include <gtest/gtest.h>

#include "channel/frames.h"
#include "tests/unit/channel/some_macs.h"

namespace signer::channel {
namespace {

TEST(MacFrame, EveryFieldOfAMacArrivesAsItWasSent) {
  const auto job = decode_mac(encode_mac(1, some_mac_job()));
  ASSERT_TRUE(job);
  EXPECT_EQ(job->key_id, (Bytes{9, 8, 7}));
  EXPECT_EQ(job->known_answer, some_answer());
  EXPECT_EQ(job->deadline_ns, 0x1122334455667788);
  EXPECT_EQ(job->message, std::string("sector\0id", 9)) << "the zero byte is part of the message";

  const auto request = decode_generate_hmac_key(encode_generate_hmac_key(1, {"pairwise", {1, 0xff}}));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->label, "pairwise");
  EXPECT_EQ(request->key_id, (Bytes{1, 0xff}));
  EXPECT_EQ(decode_describe_hmac_key(encode_describe_hmac_key(1, Bytes{4})), Bytes{4});

  const auto made = decode_mac_made(encode_mac_made(1, some_answer()));
  ASSERT_TRUE(made && *made);
  EXPECT_EQ(**made, some_answer());
  const auto key = decode_hmac_key(encode_hmac_key(1, FrameType::kHmacKeyDescribed, some_hmac_key()));
  ASSERT_TRUE(key && *key);
  EXPECT_EQ((*key)->known_answer, some_answer());
  EXPECT_EQ((*key)->attributes, "CKA_SENSITIVE=1");
}

TEST(MacFrame, TheWireOfAMacIsTheOneWrittenDown) {
  Bytes expected = {1, 5, 0, 0, 0,    0,   0, 0, 0, 0, 0, 7,  // version, mac, reserved, id
                    0, 0, 0, 0, 0,    0,   0, 9,              // deadline
                    0, 0, 0, 2, 0xaa, 0xbb};                  // key id
  const KnownAnswer answer = some_answer();
  expected.insert(expected.end(), answer.begin(), answer.end());
  const Bytes message = {0, 0, 0, 3, 's', 0, 'x'};
  expected.insert(expected.end(), message.begin(), message.end());
  EXPECT_EQ(encode_mac(7, {{0xaa, 0xbb}, answer, 9, std::string("s\0x", 3)}), expected);

  Bytes reply = {1, 0x85, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0};  // ok, no reason, and no length
  reply.insert(reply.end(), answer.begin(), answer.end());
  EXPECT_EQ(encode_mac_made(7, answer), reply);
}

TEST(MacFrameLimit, MessagesOfAMacAre1To32KibibytesAndItsKeyIdsAsAllOthers) {
  MacRequest job = some_mac_job();
  job.key_id = Bytes(kKeyIdMax, 1);
  job.message.assign(kMacMessageMax, 'x');
  const Bytes largest = encode_mac(1, job);
  EXPECT_LE(largest.size(), kFrameBytesMax);
  EXPECT_TRUE(decode_mac(largest));
  job.message += 'x';
  EXPECT_FALSE(decode_mac(encode_mac(1, job)));
  job.message.clear();
  EXPECT_FALSE(decode_mac(encode_mac(1, job)));
  job.message = "x";
  EXPECT_TRUE(decode_mac(encode_mac(1, job)));
  for (const std::size_t size : {0UL, kKeyIdMax + 1}) {
    job.key_id = Bytes(size, 1);
    EXPECT_FALSE(decode_mac(encode_mac(1, job))) << size;
    EXPECT_FALSE(decode_describe_hmac_key(encode_describe_hmac_key(1, Bytes(size, 1)))) << size;
    EXPECT_FALSE(decode_generate_hmac_key(encode_generate_hmac_key(1, {"n", Bytes(size, 1)}))) << size;
  }
}

// Half a MAC would be half a pseudonym.
TEST(MacFrameLimit, AMacIs32BytesAndNothingElse) {
  const Bytes good = encode_mac_made(1, some_answer());
  ASSERT_EQ(good.size(), kHeaderBytes + 1 + 4 + 32);
  for (std::size_t size = kHeaderBytes; size < good.size() + 8; ++size) {
    Bytes frame = good;
    frame.resize(size);
    EXPECT_EQ(decode_mac_made(frame).has_value(), size == good.size()) << size;
  }
}

}  // namespace
}  // namespace signer::channel
