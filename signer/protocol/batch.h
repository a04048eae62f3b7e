// SPDX-License-Identifier: Apache-2.0
//
// The body of a batch, cut into its items before anything is parsed (docs/protocol.md §2.2): a megabyte of JSON is then
// parsed item by item, and others get their turn in between.  Pure.
#pragma once

#include <string_view>
#include <vector>

#include "request/refusal.h"

namespace signer::protocol {

inline constexpr std::size_t kBatchItemsMax = 256;

// The texts of the items of {"items":[...]}, 1 to 256, as views into `body`; each is then judged for itself by
// parse_issue, as if it were a body of its own.  kInvalidRequest for what is no batch.  A body whose items all parse is
// good JSON; of items that do not, no more is known than that no other item was read in their place.
[[nodiscard]] Judged<std::vector<std::string_view>> split_batch(std::string_view body);

}  // namespace signer::protocol
