// SPDX-License-Identifier: Apache-2.0

#include "config/references.h"

#include <algorithm>

namespace signer::config {

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all.empty() ? "none is configured" : "configured: " + all;
}

}  // namespace

void check_references(TableReader& reader, std::string_view member, const std::vector<std::string>& used,
                      const std::vector<std::string>& known) {
  for (const std::string& name : used) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      reader.problem(member, "names '" + name + "', which does not exist; " + joined(known));
    }
  }
}

}  // namespace signer::config
