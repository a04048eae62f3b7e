// SPDX-License-Identifier: Apache-2.0
//
// The probes that could change a key (docs/evidence-format.md §3.2), on a pair that is made for them and destroyed.
#pragma once

#include <span>

#include "channel/values.h"
#include "hsm/extraction.h"

namespace signer::hsm {

struct ThrowawayProbes {
  jose::Json made;   // the member `throwaway`
  jose::Json tried;  // its records
};

// Makes a pair of session objects as generate_key_pair would for `like`, tries it and destroys it, all in one session.
// Whatever the module answers is an answer: nothing fails.
[[nodiscard]] ThrowawayProbes probe_throwaway(SessionPool::Lease& lease, const channel::KeyRequest& like,
                                              std::span<const OfferedMechanism> offered);

}  // namespace signer::hsm
