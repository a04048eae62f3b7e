// SPDX-License-Identifier: Apache-2.0
//
// The bytes between signerd and a token host.  Without these a confused or taken-over host could make signerd read
// beyond a frame or believe an answer it did not give.
#include "channel/frames.h"
#include "tests/unit/channel/some_macs.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "tests/support/seed.h"

namespace signer::channel {
namespace {

constexpr std::uint64_t kId = 0x0123456789abcdefULL;

TokenSpec some_spec() {
  return {"main", "/usr/lib/m.so", "pkcs11:token=demo", "/etc/pin", "/var/latch", 0xfeed, "/var/keys", "password"};
}

KeyRequest some_request() {
  return {jose::KeyKind::kRsa4096, "issuer", {1, 2, 3, 0xff}, true};
}

SignRequest some_job() {
  return {{9, 8, 7}, Algorithm::kRs256, 0x1122334455667788, "eyJh.eyJz"};
}

TokenDescription some_token() {
  return {"demo", "maker", "model", "serial", "2.6", "lib 1", "CKM_SHA256_RSA_PKCS", true};
}

KeyDescription some_rsa_key() {
  KeyDescription key;
  key.public_key.modulus = Bytes(256, 0xa5);
  key.public_key.exponent = {1, 0, 1};
  key.attributes = "CKA_SENSITIVE=1";
  return key;
}

KeyDescription some_p256_key() {
  KeyDescription key;
  key.public_key.algorithm = Algorithm::kEs256;
  key.public_key.x = Bytes(32, 1);
  key.public_key.y = Bytes(32, 2);
  return key;
}

HostResult<Bytes> some_failure() {
  return host_failure(HostStatus::kMismatch, "C_FindObjects: another key");
}

// One decoder each; "re-encoded" is empty if the frame is refused, else the frame that says the same.
using Recode = std::function<Bytes(ByteView)>;

struct Sample {
  const char* name;
  Bytes frame;
  Recode recode;
};

template <class T, class Encode>
Recode recoder(std::optional<T> (*decode)(ByteView), Encode encode) {
  return [decode, encode](ByteView frame) -> Bytes {
    const auto value = decode(frame);
    const auto header = decode_header(frame);
    if (!value) return {};
    EXPECT_TRUE(header) << "a body was read under a header that is none";
    return encode(*header, *value);
  };
}

AttestRequest some_attest() {
  AttestRequest request{{9, 8}, Bytes(20, 0x21), {}, Probes::kReadOnly};
  request.context.fill(0xcc);
  return request;
}

std::vector<Sample> samples() {
  const auto open = recoder(decode_open, [](const FrameHeader& h, const TokenSpec& v) { return encode_open(h.id, v); });
  const auto describe =
      recoder(decode_describe, [](const FrameHeader& h, const Bytes& v) { return encode_describe(h.id, v); });
  const auto generate =
      recoder(decode_generate, [](const FrameHeader& h, const KeyRequest& v) { return encode_generate(h.id, v); });
  const auto sign =
      recoder(decode_sign, [](const FrameHeader& h, const SignRequest& v) { return encode_sign(h.id, v); });
  const auto opened = recoder(decode_opened, [](const FrameHeader& h, const HostResult<TokenDescription>& v) {
    return encode_opened(h.id, v);
  });
  const auto key = recoder(decode_key, [](const FrameHeader& h, const HostResult<KeyDescription>& v) {
    return encode_key(h.id, h.type, v);
  });
  const auto signature =
      recoder(decode_signed, [](const FrameHeader& h, const HostResult<Bytes>& v) { return encode_signed(h.id, v); });
  const auto mac = recoder(decode_mac, [](const FrameHeader& h, const MacRequest& v) { return encode_mac(h.id, v); });
  const auto describe_hmac_key = recoder(
      decode_describe_hmac_key, [](const FrameHeader& h, const Bytes& v) { return encode_describe_hmac_key(h.id, v); });
  const auto generate_hmac_key = recoder(decode_generate_hmac_key, [](const FrameHeader& h, const HmacKeyRequest& v) {
    return encode_generate_hmac_key(h.id, v);
  });
  const auto mac_made =
      recoder(decode_mac_made, [](const FrameHeader& h, const HostResult<Mac>& v) { return encode_mac_made(h.id, v); });
  const auto hmac_key = recoder(decode_hmac_key, [](const FrameHeader& h, const HostResult<HmacKeyDescription>& v) {
    return encode_hmac_key(h.id, h.type, v);
  });
  const auto inspect =
      recoder(decode_inspect, [](const FrameHeader& h, const Bytes& v) { return encode_inspect(h.id, v); });
  const auto attest =
      recoder(decode_attest, [](const FrameHeader& h, const AttestRequest& v) { return encode_attest(h.id, v); });
  const auto attested = recoder(
      decode_attested, [](const FrameHeader& h, const HostResult<Attestation>& v) { return encode_attested(h.id, v); });
  const HostResult<Attestation> no_evidence = host_failure(HostStatus::kWeakened, "CKA_EXTRACTABLE=1");
  const HostResult<KeyDescription> no_key = host_failure(HostStatus::kNotFound, "no key");
  const HostResult<HmacKeyDescription> no_hmac_key = host_failure(HostStatus::kMismatch, "another key");
  const HostResult<Mac> no_mac = host_failure(HostStatus::kMismatch, "another key");
  return {
      {"open", encode_open(kId, some_spec()), open},
      {"open of nothing", encode_open(0, {}), open},
      {"describe", encode_describe(kId, Bytes{1, 2, 3}), describe},
      {"generate", encode_generate(kId, some_request()), generate},
      {"sign", encode_sign(kId, some_job()), sign},
      {"opened", encode_opened(kId, some_token()), opened},
      {"not opened", encode_opened(kId, host_failure(HostStatus::kPinRefused, "CKR_PIN_INCORRECT")), opened},
      {"described", encode_key(kId, FrameType::kDescribed, some_rsa_key()), key},
      {"generated", encode_key(kId, FrameType::kGenerated, some_p256_key()), key},
      {"not described", encode_key(kId, FrameType::kDescribed, no_key), key},
      {"signed", encode_signed(kId, Bytes(256, 0x5a)), signature},
      {"not signed", encode_signed(kId, some_failure()), signature},
      {"mac", encode_mac(kId, some_mac_job()), mac},
      {"describe HMAC key", encode_describe_hmac_key(kId, Bytes{1, 2, 3}), describe_hmac_key},
      {"generate HMAC key", encode_generate_hmac_key(kId, {"pairwise", {1, 0xff}}), generate_hmac_key},
      {"mac made", encode_mac_made(kId, some_answer()), mac_made},
      {"mac not made", encode_mac_made(kId, no_mac), mac_made},
      {"HMAC key described", encode_hmac_key(kId, FrameType::kHmacKeyDescribed, some_hmac_key()), hmac_key},
      {"HMAC key generated", encode_hmac_key(kId, FrameType::kHmacKeyGenerated, some_hmac_key()), hmac_key},
      {"inspect", encode_inspect(kId, Bytes{1, 2, 3}), inspect},
      {"inspected", encode_key(kId, FrameType::kInspected, some_rsa_key()), key},
      {"attest", encode_attest(kId, some_attest()), attest},
      {"attested", encode_attested(kId, Attestation{"{}"}), attested},
      {"not attested", encode_attested(kId, no_evidence), attested},
      {"HMAC key not described", encode_hmac_key(kId, FrameType::kHmacKeyDescribed, no_hmac_key), hmac_key},
  };
}

TEST(Frame, ComesBackAsTheSameBytesWithItsId) {
  for (const Sample& sample : samples()) {
    EXPECT_EQ(sample.recode(sample.frame), sample.frame) << sample.name;
    ASSERT_TRUE(decode_header(sample.frame));
    EXPECT_LE(sample.frame.size(), kFrameBytesMax);
  }
  EXPECT_EQ(decode_header(encode_sign(kId, some_job()))->id, kId);
  EXPECT_EQ(decode_header(encode_sign(~0ULL, some_job()))->id, ~0ULL);
}

TEST(Frame, EveryFieldOfARequestArrivesAsItWasSent) {
  const auto spec = decode_open(encode_open(1, some_spec()));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->name, "main");
  EXPECT_EQ(spec->module, "/usr/lib/m.so");
  EXPECT_EQ(spec->uri, "pkcs11:token=demo");
  EXPECT_EQ(spec->pin_file, "/etc/pin");
  EXPECT_EQ(spec->latch_file, "/var/latch");
  EXPECT_EQ(spec->sessions, 0xfeed);
  EXPECT_EQ(spec->key_directory, "/var/keys");
  EXPECT_EQ(spec->authorization, "password");

  const auto request = decode_generate(encode_generate(1, some_request()));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, jose::KeyKind::kRsa4096);
  EXPECT_EQ(request->label, "issuer");
  EXPECT_EQ(request->key_id, (Bytes{1, 2, 3, 0xff}));
  EXPECT_TRUE(request->mechanism_lock);

  const auto job = decode_sign(encode_sign(1, some_job()));
  ASSERT_TRUE(job);
  EXPECT_EQ(job->key_id, (Bytes{9, 8, 7}));
  EXPECT_EQ(job->deadline_ns, 0x1122334455667788);
  EXPECT_EQ(job->signing_input, "eyJh.eyJz");

  SignRequest late = some_job();
  late.deadline_ns = -1;
  EXPECT_EQ(decode_sign(encode_sign(1, late))->deadline_ns, -1);
}

TEST(Frame, EveryFieldOfAnAnswerArrivesAsItWasSent) {
  const auto opened = decode_opened(encode_opened(1, some_token()));
  ASSERT_TRUE(opened && *opened);
  EXPECT_EQ((*opened)->label, "demo");
  EXPECT_EQ((*opened)->mechanism, "CKM_SHA256_RSA_PKCS");
  EXPECT_TRUE((*opened)->hardware);

  const auto key = decode_key(encode_key(1, FrameType::kDescribed, some_rsa_key()));
  ASSERT_TRUE(key && *key);
  EXPECT_EQ((*key)->public_key, some_rsa_key().public_key);
  EXPECT_EQ((*key)->attributes, "CKA_SENSITIVE=1");

  const auto signature = decode_signed(encode_signed(1, Bytes(512, 7)));
  ASSERT_TRUE(signature && *signature);
  EXPECT_EQ(**signature, Bytes(512, 7));

  for (int status = 1; status <= 8; ++status) {
    const auto failed = decode_signed(encode_signed(1, host_failure(static_cast<HostStatus>(status), "why")));
    ASSERT_TRUE(failed) << status;
    ASSERT_FALSE(*failed);
    EXPECT_EQ(static_cast<int>(failed->error().status), status);
    EXPECT_EQ(failed->error().text, "why");
  }
}

TEST(Frame, TheWireIsTheOneWrittenDown) {
  const Bytes expected = {1, 4, 0, 0, 0,    0,    0,  0, 0, 0, 0, 7,  // version, sign, reserved, id
                          1,                                          // RS256
                          0, 0, 0, 0, 0,    0,    0,  9,              // deadline
                          0, 0, 0, 2, 0xaa, 0xbb,                     // key id
                          0, 0, 0, 3, 'a',  '.',  'b'};               // signing input
  EXPECT_EQ(encode_sign(7, {{0xaa, 0xbb}, Algorithm::kRs256, 9, "a.b"}), expected);
}

TEST(Frame, EveryTruncationIsRefused) {
  for (const Sample& sample : samples()) {
    for (std::size_t size = 0; size < sample.frame.size(); ++size) {
      // A copy of the exact size, so that a sanitizer sees a read beyond it.
      const Bytes cut(sample.frame.begin(), sample.frame.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_TRUE(sample.recode(cut).empty()) << sample.name << " of " << size << " bytes";
    }
  }
}

TEST(Frame, TrailingBytesAreRefused) {
  for (const Sample& sample : samples()) {
    for (const std::uint8_t extra : Bytes{0, 1, 0xff}) {
      Bytes longer = sample.frame;
      longer.push_back(extra);
      EXPECT_TRUE(sample.recode(longer).empty()) << sample.name;
    }
  }
}

// Every byte to every value: refused, or decoded to something that encodes to exactly those bytes; never guessed.
TEST(Frame, EverySingleByteCorruptionIsRefusedOrTakenAtItsWord) {
  for (const Sample& sample : samples()) {
    for (std::size_t at = 0; at < sample.frame.size(); ++at) {
      Bytes frame = sample.frame;
      for (unsigned value = 0; value < 256; ++value) {
        frame[at] = static_cast<std::uint8_t>(value);
        const Bytes again = sample.recode(frame);
        ASSERT_TRUE(again.empty() || again == frame) << sample.name << " byte " << at << " = " << value;
      }
    }
  }
}

TEST(Frame, ASuccessThatCarriesAnErrorTextIsRefused) {
  const Bytes signature = encode_signed(1, Bytes{7});
  constexpr std::size_t text_size_at = kHeaderBytes + 1 + 3;  // behind the status, the last byte of a length of four
  ASSERT_EQ(signature[text_size_at], 0);
  Bytes with_text = signature;
  with_text[text_size_at] = 2;
  with_text.insert(with_text.begin() + text_size_at + 1, {'n', 'o'});
  EXPECT_TRUE(decode_signed(signature));
  EXPECT_FALSE(decode_signed(with_text));
}

TEST(Frame, RandomFramesAreRefusedOrTakenAtTheirWord) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto all = samples();
  for (int i = 0; i < 60000; ++i) {
    const Sample& sample = all[random() % all.size()];
    Bytes frame = sample.frame;
    for (auto edits = 1 + random() % 6; edits-- > 0 && !frame.empty();) {
      const std::size_t at = random() % frame.size();
      switch (random() % 3) {
        case 0:
          frame[at] = static_cast<std::uint8_t>(random());
          break;
        case 1:
          frame.erase(frame.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        default:
          frame.insert(frame.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::uint8_t>(random()));
      }
    }
    frame.shrink_to_fit();
    const Bytes again = sample.recode(frame);
    ASSERT_TRUE(again.empty() || again == frame) << sample.name;
  }
}

TEST(FrameHeader, RefusesOtherVersionsTypesReservedBitsAndSizes) {
  Bytes frame = encode_describe(5, Bytes{1});
  ASSERT_TRUE(decode_header(frame));
  for (unsigned type = 0; type < 256; ++type) {
    frame[1] = static_cast<std::uint8_t>(type);
    const bool known = (type >= 1 && type <= 9) || (type >= 0x81 && type <= 0x89);
    EXPECT_EQ(decode_header(frame).has_value(), known) << type;
  }
  for (unsigned version = 0; version < 256; ++version) {
    frame = encode_describe(5, Bytes{1});
    frame[0] = static_cast<std::uint8_t>(version);
    EXPECT_EQ(decode_header(frame).has_value(), version == kVersion) << version;
  }
  frame = encode_describe(5, Bytes{1});
  frame[3] = 1;
  EXPECT_FALSE(decode_header(frame));
  EXPECT_FALSE(decode_header({}));
  Bytes largest = encode_describe(5, Bytes{1});
  largest.resize(kFrameBytesMax);
  EXPECT_TRUE(decode_header(largest));
  largest.push_back(0);
  EXPECT_FALSE(decode_header(largest));
}

TEST(AttestFrame, ArrivesAsItWasSentAndItsNonceHas16To32Bytes) {
  const AttestRequest sent = some_attest();
  const auto request = decode_attest(encode_attest(1, sent));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->key_id, sent.key_id);
  EXPECT_EQ(request->nonce, sent.nonce);
  EXPECT_EQ(request->context, sent.context);
  EXPECT_EQ(request->probes, Probes::kReadOnly);
  for (const std::size_t size : {15U, 16U, 32U, 33U}) {
    AttestRequest other = sent;
    other.nonce.assign(size, 7);
    EXPECT_EQ(decode_attest(encode_attest(1, other)).has_value(), size == 16 || size == 32) << size;
  }
  Attestation largest{std::string(kAttestationMax, 'x')};
  EXPECT_LE(encode_attested(1, largest).size(), kFrameBytesMax);
  EXPECT_TRUE(decode_attested(encode_attested(1, largest)));
  largest.json += 'x';
  EXPECT_FALSE(decode_attested(encode_attested(1, largest)));
  EXPECT_FALSE(decode_attested(encode_attested(1, Attestation{})));
}

TEST(FrameHeader, AFrameOfOneTypeIsNotReadAsAnother) {
  const auto all = samples();
  for (const Sample& sample : all) {
    for (const Sample& reader : all) {
      const Bytes read = reader.recode(sample.frame);
      // Answers that say a key have one body, and those that say an HMAC key.
      const auto body = [](const Bytes& frame) {
        const bool key = frame[1] == 0x83 || frame[1] == 0x88;
        return key ? 0x82 : frame[1] == 0x87 ? 0x86 : int{frame[1]};
      };
      const bool same_kind = body(reader.frame) == body(sample.frame);
      EXPECT_EQ(!read.empty(), same_kind) << sample.name << " read by the reader of " << reader.name;
    }
  }
}

TEST(FrameLimit, KeyIdsAre1To64Bytes) {
  for (const std::size_t size : {1UL, 64UL}) {
    EXPECT_TRUE(decode_describe(encode_describe(1, Bytes(size, 1)))) << size;
    KeyRequest request = some_request();
    request.key_id = Bytes(size, 1);
    EXPECT_TRUE(decode_generate(encode_generate(1, request))) << size;
    SignRequest job = some_job();
    job.key_id = Bytes(size, 1);
    EXPECT_TRUE(decode_sign(encode_sign(1, job))) << size;
  }
  for (const std::size_t size : {0UL, 65UL}) {
    EXPECT_FALSE(decode_describe(encode_describe(1, Bytes(size, 1)))) << size;
    KeyRequest request = some_request();
    request.key_id = Bytes(size, 1);
    EXPECT_FALSE(decode_generate(encode_generate(1, request))) << size;
    SignRequest job = some_job();
    job.key_id = Bytes(size, 1);
    EXPECT_FALSE(decode_sign(encode_sign(1, job))) << size;
  }
}

TEST(FrameLimit, SigningInputsAre1To32KibibytesAndFitIntoAFrameWithEverythingElseAtItsLimit) {
  SignRequest job = some_job();
  job.key_id = Bytes(kKeyIdMax, 1);
  job.signing_input.assign(kSigningInputMax, 'x');
  const Bytes largest = encode_sign(1, job);
  EXPECT_LE(largest.size(), kFrameBytesMax);
  EXPECT_TRUE(decode_sign(largest));
  job.signing_input += 'x';
  EXPECT_FALSE(decode_sign(encode_sign(1, job)));
  job.signing_input.clear();
  EXPECT_FALSE(decode_sign(encode_sign(1, job)));
}

TEST(FrameLimit, TextsAreAtMost4KibibytesAndAllOfThemFit) {
  TokenSpec spec = some_spec();
  const auto texts = {&spec.name, &spec.module, &spec.uri, &spec.pin_file, &spec.latch_file, &spec.key_directory};
  for (std::string* text : texts) text->assign(4096, 't');
  spec.authorization.assign(16, 'w');
  EXPECT_TRUE(decode_open(encode_open(1, spec)));
  for (std::string* text : {&spec.name, &spec.module, &spec.uri, &spec.pin_file, &spec.latch_file, &spec.key_directory,
                            &spec.authorization}) {
    text->push_back('t');
    EXPECT_FALSE(decode_open(encode_open(1, spec)));
    text->pop_back();
  }
}

// A driver's own words may be of any length: an answer must still be one that signerd can read.
TEST(FrameLimit, LongWordsOfADriverAreCutSoThatTheAnswerArrives) {
  TokenDescription token = some_token();
  for (std::string* text : {&token.label, &token.manufacturer, &token.model, &token.serial, &token.firmware,
                            &token.library, &token.mechanism}) {
    text->assign(5000, 'w');
  }
  const auto opened = decode_opened(encode_opened(1, token));
  ASSERT_TRUE(opened && *opened);
  EXPECT_EQ((*opened)->label, std::string(4096, 'w'));

  KeyDescription key = some_rsa_key();
  key.attributes.assign(5000, 'w');
  const auto described = decode_key(encode_key(1, FrameType::kDescribed, key));
  ASSERT_TRUE(described && *described);
  EXPECT_EQ((*described)->attributes.size(), 4096U);

  const auto failed = decode_signed(encode_signed(1, host_failure(HostStatus::kUnavailable, std::string(5000, 'w'))));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->error().text, std::string(1024, 'w'));
}

TEST(FrameLimit, SignaturesAre1To512Bytes) {
  for (const std::size_t size : {1UL, 64UL, 512UL})
    EXPECT_TRUE(decode_signed(encode_signed(1, Bytes(size, 1)))) << size;
  for (const std::size_t size : {0UL, 513UL}) EXPECT_FALSE(decode_signed(encode_signed(1, Bytes(size, 1)))) << size;
}

TEST(FrameLimit, AKeyThatIsNoKeyIsRefused) {
  KeyDescription even = some_rsa_key();
  even.public_key.modulus.back() = 0xa4;
  KeyDescription small = some_rsa_key();
  small.public_key.modulus = Bytes(128, 0xa5);
  KeyDescription weak = some_rsa_key();
  weak.public_key.exponent = {3};
  KeyDescription half = some_p256_key();
  half.public_key.y.clear();
  for (const KeyDescription& bad : {even, small, weak, half})
    EXPECT_FALSE(decode_key(encode_key(1, FrameType::kGenerated, bad)));
}

}  // namespace
}  // namespace signer::channel
