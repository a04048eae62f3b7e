// SPDX-License-Identifier: Apache-2.0
//
// What a result of this room tells signerd.
#pragma once

#include "channel/values.h"
#include "tpm/tpm_error.h"

namespace signer::tpm::test {

template <class T>
[[nodiscard]] channel::HostStatus status_of(const TpmResult<T>& result) {
  return result ? channel::HostStatus::kOk : result.error().status;
}

}  // namespace signer::tpm::test
