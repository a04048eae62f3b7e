// SPDX-License-Identifier: Apache-2.0

#include "tests/support/tpm_token.h"

#include <cstdio>
#include <cstdlib>

#include "tests/support/process.h"
#include "tests/support/tpm_wire.h"

namespace signer::test {

TpmToken::TpmToken(const std::string& signer_tpm, Endorsement endorsement) {
  const Finished made =
      run({signer_tpm, "token-init", "--tcti", tcti(), "--auth-file", auth_file(), "--generate-auth"});
  if (made.status != 0) {
    std::fprintf(stderr, "token-init failed (%d): %s\n", made.status, made.err.c_str());
    std::abort();
  }
  if (endorsement == Endorsement::kOpen || tpm_.run(change_auth(kEndorsementHierarchy, "closed")).ok()) return;
  std::fprintf(stderr, "TPM2_HierarchyChangeAuth failed\n");
  std::abort();
}

}  // namespace signer::test
