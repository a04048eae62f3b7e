// SPDX-License-Identifier: Apache-2.0
//
// What the targets share: the entry that libFuzzer and replay_main.cc call, and how a target reports a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "signer/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace signer::fuzz {

// A broken property ends the process, which libFuzzer and the replay take for a crash.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "\nproperty broken: %s\n", property);
  std::abort();
}

// Cuts `rest` after its first line, which is returned without its newline.
inline std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return line;
}

// Whether `text` repeats six bytes in a row of `input` that `own_words`, the fixed texts of the code under test, do not
// hold.  Six: shorter runs are shared by accident.
inline bool quotes(std::string_view text, std::string_view input, std::string_view own_words) {
  constexpr std::size_t kWindow = 6;
  for (std::size_t at = 0; at + kWindow <= text.size(); ++at) {
    const std::string_view window = text.substr(at, kWindow);
    if (input.find(window) != std::string_view::npos && own_words.find(window) == std::string_view::npos) return true;
  }
  return false;
}

}  // namespace signer::fuzz
