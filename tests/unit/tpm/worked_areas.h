// SPDX-License-Identifier: Apache-2.0
//
// Public areas of two keys that tpm2_create made on a simulated TPM with our template, and what tpm2-tools and OpenSSL
// say of them: tpm2_load the Names, `openssl pkey -pubin -text` the numbers.
#pragma once

#include <string_view>

#include "base/hex.h"
#include "tpm/private_key_file.h"
#include "tpm/public_area.h"

namespace signer::tpm::test {

inline constexpr std::string_view kRsaArea =
    "01180001000b00040472000000100014000b08000000000001009f59b730e2eb45b09e7a62bf1fe38ea683d5e9528a70e49e"
    "c9e3f7f417fc78f8f15f9fdc49fa00fb46ade7b082ada4f3ed50ab6d82abf326a84eda3bf473adc965d31228fde6de3d7745"
    "b34eaa50c7a3226b5cf991def359c6b4b11b0894a5dcd9a355f2fcc43f738e027b84f99d968f881d5d7b0ec1de66a732ff0a"
    "a79ab782a7e343ddb59b59eb7fe780ee0a532bddfb8152ae33493f4810d917075ba2fae7701537227f1c4bac6eb76673148e"
    "f76b2effec361c678600415307752f794b5e0129e680e173728d8aa934014241b34d0b0ec65f481ae61c7fca287e8e399eb7"
    "c3569ba6ca8d452a056f7e0fd1fcb315fced21cc872a0fd9f016c917a9b74cc3";
inline constexpr std::string_view kRsaName = "000b6ff0e3528677664b03f6bd5c0dd67a88f1aedfee2787b43bddc1528f8eb869c3";
inline constexpr std::string_view kRsaModulus =
    "9f59b730e2eb45b09e7a62bf1fe38ea683d5e9528a70e49ec9e3f7f417fc78f8f15f9fdc49fa00fb46ade7b082ada4f3ed50"
    "ab6d82abf326a84eda3bf473adc965d31228fde6de3d7745b34eaa50c7a3226b5cf991def359c6b4b11b0894a5dcd9a355f2"
    "fcc43f738e027b84f99d968f881d5d7b0ec1de66a732ff0aa79ab782a7e343ddb59b59eb7fe780ee0a532bddfb8152ae3349"
    "3f4810d917075ba2fae7701537227f1c4bac6eb76673148ef76b2effec361c678600415307752f794b5e0129e680e173728d"
    "8aa934014241b34d0b0ec65f481ae61c7fca287e8e399eb7c3569ba6ca8d452a056f7e0fd1fcb315fced21cc872a0fd9f016"
    "c917a9b74cc3";

inline constexpr std::string_view kP256Area =
    "00580023000b00040472000000100018000b00030010002039844a88aa76ae3647b66c546c0ebf95f0e409f39b4245594802"
    "00ab59930f750020471996c96b84891e04a7edc8c5a6626853bf522f3824c337a34af24431e1324f";
inline constexpr std::string_view kP256Name = "000b895a352c76cfe2461b49e8292fdda60b14c2a9cb786b14f75371c803d5b3d37f";
inline constexpr std::string_view kP256X = "39844a88aa76ae3647b66c546c0ebf95f0e409f39b424559480200ab59930f75";
inline constexpr std::string_view kP256Y = "471996c96b84891e04a7edc8c5a6626853bf522f3824c337a34af24431e1324f";

[[nodiscard]] inline Bytes from_text(std::string_view hex) {
  return from_hex(hex).value();
}

[[nodiscard]] inline TPM2B_PUBLIC area_of(std::string_view hex) {
  return read_public_area(from_text(hex)).value();
}

// A key file with this public area, and a private area that no TPM made.
[[nodiscard]] inline PrivateKeyFile file_of(std::string_view hex) {
  return {.empty_auth = false,
          .parent = 0x81000001,
          .public_area = from_text(hex),
          .private_area = from_text("0004deadbeef")};
}

}  // namespace signer::tpm::test
