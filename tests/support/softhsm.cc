// SPDX-License-Identifier: Apache-2.0

#include "tests/support/softhsm.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace signer::test {

SoftHsmToken::SoftHsmToken(const std::string& signer_hsm) : label_("signer-test-" + std::to_string(::getpid())) {
  std::filesystem::create_directory(tokens_directory());
  write_text(configuration(),
             "directories.tokendir = " + tokens_directory() + "\nobjectstore.backend = file\nlog.level = ERROR\n");
  const Finished made = run({signer_hsm, "token-init", "--module", module(), "--label", label_, "--pin-file",
                             pin_file(), "--so-pin-file", directory_ / "so-pin", "--generate-pins"},
                            {}, environment());
  if (made.status != 0) {
    std::fprintf(stderr, "token-init failed (%d): %s\n", made.status, made.err.c_str());
    std::abort();
  }
}

std::string SoftHsmToken::module() {
  for (const char* path : {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                           "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"}) {
    if (::access(path, R_OK) == 0) return path;
  }
  return "/usr/lib/softhsm/libsofthsm2.so";
}

}  // namespace signer::test
