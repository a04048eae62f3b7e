// SPDX-License-Identifier: Apache-2.0

#include "hsm/attribute_template.h"

#include "hsm/attributes.h"

namespace signer::hsm {

using channel::HostResult;

Bytes raw_bytes(const std::vector<CK_MECHANISM_TYPE>& mechanisms) {
  Bytes raw(mechanisms.size() * sizeof(CK_MECHANISM_TYPE));
  std::memcpy(raw.data(), mechanisms.data(), raw.size());
  return raw;
}

HostResult<std::string> flag_faults(const Session& session, CK_OBJECT_HANDLE object,
                                    std::span<const Requirement> requirements) {
  std::string faults;
  for (const Requirement& requirement : requirements) {
    SIGNER_ASSIGN_OR_RETURN(const auto flag, read_flag(session, object, requirement.type));
    if (!flag && !requirement.may_be_absent) faults += " " + attribute_name(requirement.type) + "=-";
    if (flag && *flag != requirement.value) faults += " " + attribute_name(requirement.type) + (*flag ? "=1" : "=0");
  }
  return faults;
}

}  // namespace signer::hsm
