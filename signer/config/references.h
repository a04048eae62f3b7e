// SPDX-License-Identifier: Apache-2.0
//
// Tables that name other tables: what they name must exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/reader.h"

namespace signer::config {

template <class Item>
[[nodiscard]] std::vector<std::string> names_of(const std::vector<Item>& items) {
  std::vector<std::string> names;
  names.reserve(items.size());
  for (const Item& item : items) names.push_back(item.name);
  return names;
}

// A problem with `member` for each of `used` that is not among `known`; it says which there are.
void check_references(TableReader& reader, std::string_view member, const std::vector<std::string>& used,
                      const std::vector<std::string>& known);

}  // namespace signer::config
