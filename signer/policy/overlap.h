// SPDX-License-Identifier: Apache-2.0
//
// Grants that one connection could use in turn, so that their limits would add up.  A caller who may use two listeners,
// or runs in two units, and has a grant for each has the limits of both.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace signer::policy {

// A grant with the ids that its names have on this machine.
struct ResolvedGrant {
  config::Grant written;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;

  // Whether it names a caller at all; if not, nobody fits.
  [[nodiscard]] bool names_somebody() const noexcept { return uid || gid || written.match.unit; }
};

// Problems, each a line with file and line of the grant: one for each grant that allows the same verb that mints, the
// same key and the same profile as an earlier one to a caller who can fit both.  It is not proved that such a caller
// exists: a process can be in any two groups.
[[nodiscard]] std::vector<std::string> overlaps(const std::vector<ResolvedGrant>& grants, const std::string& file);

}  // namespace signer::policy
