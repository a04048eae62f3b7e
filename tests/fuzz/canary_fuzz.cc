// SPDX-License-Identifier: Apache-2.0
// Target functions: none of the product's.
//
// Crashes on purpose, in a way that only a sanitizer sees and only a fuzzer with coverage finds quickly.  A harness
// that reports nothing here reports nothing anywhere.
#include <memory>

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kWord = "CANARY";
  for (std::size_t i = 0; i < kWord.size(); ++i) {
    if (i >= size || static_cast<char>(data[i]) != kWord[i]) return 0;
  }
  const auto bytes = std::make_unique<std::uint8_t[]>(size);
  const volatile std::size_t beyond = size;
  const volatile std::uint8_t read = bytes[beyond];  // heap-buffer-overflow
  static_cast<void>(read);
  signer::fuzz::require(false, "a sanitizer would have seen this before");
  return 0;
}
