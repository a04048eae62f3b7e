// SPDX-License-Identifier: Apache-2.0
//
// SHA-2 against FIPS 180-4's examples, from several threads with contexts of their own.
#include "jose/hash.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace signer::jose {
namespace {

std::string hex(ByteView digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 15U];
  }
  return text;
}

TEST(Sha256, AgreesWithTheExamplesOfFips180) {
  EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256(bytes_of("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256(bytes_of(std::string(1000000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hash, AgreesWithTheExamplesOfFips180WhateverWasHashedBefore) {
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(hex(hash(Hash::kSha512, bytes_of("abc")).view()),
              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    EXPECT_EQ(hex(hash(Hash::kSha384, bytes_of("abc")).view()),
              "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
    EXPECT_EQ(hex(hash(Hash::kSha256, bytes_of("abc")).view()), hex(sha256(bytes_of("abc"))));
  }
}

TEST(Sha256, ThreadsDoNotDisturbEachOther) {
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&wrong, t] {
        const std::string text(static_cast<std::size_t>(t) * 100, 'x');
        const Sha256Digest expected = sha256(bytes_of(text));
        for (int i = 0; i < 2000; ++i) wrong += sha256(bytes_of(text)) == expected ? 0 : 1;
      });
    }
  }
  EXPECT_EQ(wrong.load(), 0);
}

TEST(Hash, OfTwoPiecesIsThatOfTheWhole) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(sha256(bytes_of(text).first(cut), bytes_of(text).subspan(cut)), sha256(bytes_of(text))) << cut;
  }
  EXPECT_NE(sha256(bytes_of("a"), bytes_of("b")), sha256(bytes_of("b"), bytes_of("a")));
}

}  // namespace
}  // namespace signer::jose
