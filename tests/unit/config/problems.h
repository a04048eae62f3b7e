// SPDX-License-Identifier: Apache-2.0
//
// What the parser says of a text, and how a test expects it to be said.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "config/config.h"
#include "tests/unit/config/example.h"

namespace signer::test {

inline std::string problems_of(std::string_view text) {
  const auto config = config::parse(text, "signer.toml");
  if (config) return "";
  EXPECT_EQ(config.error().code, ErrorCode::kInvalidRequest);
  return config.error().text;
}

inline long lines_in(const std::string& text) {
  return text.empty() ? 0 : 1 + std::count(text.begin(), text.end(), '\n');
}

// Replaces `from` and expects one problem that begins `signer.toml:<line>: <key>: ` and holds `says`.
inline void expect_problem(std::string_view from, std::string_view to, std::string_view begins, std::string_view says) {
  const std::string text = problems_of(with(kConfigText, from, to));
  EXPECT_TRUE(text.starts_with("signer.toml:" + std::string(begins))) << to << " gave: " << text;
  EXPECT_NE(text.find(says), std::string::npos) << to << " gave: " << text;
  EXPECT_EQ(lines_in(text), 1) << to << " gave: " << text;
}

}  // namespace signer::test
