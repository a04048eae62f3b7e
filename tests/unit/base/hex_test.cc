// SPDX-License-Identifier: Apache-2.0
#include "base/hex.h"

#include <gtest/gtest.h>

namespace signer {
namespace {

TEST(Hex, ThereAndBack) {
  const Bytes bytes = {0x00, 0x01, 0x7f, 0x80, 0xff};
  EXPECT_EQ(to_hex(bytes), "00017f80ff");
  EXPECT_EQ(from_hex("00017f80ff"), bytes);
  EXPECT_EQ(to_hex({}), "");
  EXPECT_EQ(from_hex(""), Bytes{});
}

TEST(Hex, OtherTextsAreRefused) {
  for (const char* bad : {"0", "000", "0g", "FF", " 00", "00 ", "0x00", "-1"}) EXPECT_FALSE(from_hex(bad)) << bad;
}

}  // namespace
}  // namespace signer
