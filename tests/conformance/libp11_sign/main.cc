// SPDX-License-Identifier: Apache-2.0
//
// libp11-sign MODULE TOKEN_LABEL KEY_ID_HEX PIN_FILE: signs what stdin holds as RS256 does, by OpenSSL and libp11, and
// prints the signature in hexadecimal.  Tests compare it with ours, which shares no signing code with it.
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

#include "base/file.h"
#include "base/process.h"
#include "channel/host_service.h"
#include "hsm/csr/deadline.h"
#include "hsm/csr/token_key.h"

namespace {

using signer::Bytes;
using signer::channel::HostStatus;

constexpr int kExitNo = 1;
constexpr std::size_t kInputMax = 1024UL * 1024;

int refuse(const std::string& text, int status) {
  std::fprintf(stderr, "libp11-sign: %s\n", text.c_str());
  return status;
}

signer::Result<Bytes> read_input() {
  using signer::ErrorCode;
  Bytes input;
  std::array<std::uint8_t, 4096> buffer{};
  while (true) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return signer::fail(ErrorCode::kInternal, "read stdin: " + signer::errno_text(errno));
    if (count == 0) return input;
    input.insert(input.end(), buffer.begin(), buffer.begin() + count);
    if (input.size() > kInputMax) return signer::fail(ErrorCode::kInvalidRequest, "stdin has more than 1 MiB");
  }
}

int run(int argc, char** argv) {
  if (argc != 5) return refuse("wants MODULE TOKEN_URI KEY_ID_HEX PIN_FILE", signer::channel::kExitUsage);
  const auto key_id = signer::p11::parse_key_id(argv[3]);
  if (!key_id) return refuse(key_id.error().text, signer::channel::kExitUsage);
  const auto input = read_input();
  if (!input) return refuse(input.error().text, kExitNo);
  signer::p11::end_process_after(signer::p11::kDeadline, "libp11-sign");

  const auto signature = [&]() -> signer::channel::HostResult<Bytes> {
    SIGNER_ASSIGN_OR_RETURN(const auto key,
                            signer::p11::TokenKey::open({argv[1], argv[2], *key_id, argv[4], /*latch_file=*/""}));
    if (::EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
      return signer::channel::host_failure(HostStatus::kUnsupported, "not an RSA key: no two signatures are the same");
    }
    return key.sign(*input);
  }();
  if (!signature) {
    const HostStatus status = signature.error().status;
    return refuse(signature.error().text, status == HostStatus::kPinRefused    ? signer::channel::kExitPinRefused
                                          : status == HostStatus::kUnavailable ? signer::p11::kExitUnavailable
                                                                               : kExitNo);
  }
  for (const std::uint8_t byte : *signature) std::printf("%02x", byte);
  std::printf("\n");
  return signer::channel::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  signer::harden_process();
  const int status = run(argc, argv);
  std::fflush(nullptr);
  ::_exit(status);  // as signer-p11-csr
}
