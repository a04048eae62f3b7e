// SPDX-License-Identifier: Apache-2.0
//
// What takes a TPM many commands, some of them seconds long, while signatures wait.  It is done in steps, and whoever
// waits has his turn in between.
#pragma once

#include "tpm/attachment.h"

namespace signer::tpm {

// For whoever has the gate, like the attachment that it was made for.  Gone before that, and with it whatever it
// loaded.
class Errand {
 public:
  Errand() = default;
  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;
  virtual ~Errand() = default;

  // One slow command of the TPM at most.  True: that was the last one.  After a failure the errand is of no use any
  // more: it is dropped and another begins at the beginning.
  [[nodiscard]] virtual TpmResult<bool> step() = 0;
};

}  // namespace signer::tpm
