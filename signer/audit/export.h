// SPDX-License-Identifier: Apache-2.0
//
// Records in the forms that collectors of others know.  What a record does not hold cannot leak: there is no claim's
// value in any of them.  Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "audit/walk.h"

namespace signer::audit {

enum class ExportFormat {
  kJsonl,     // the line as it is
  kOcsf,      // Open Cybersecurity Schema Framework 1.3: classes 6003, 3002, 3004 and 6002
  kFhir,      // HL7 FHIR R4 AuditEvent, in the manner of IHE BALP
  kRfc5424,   // syslog with the members as structured data
  kJournald,  // an entry of systemd's journal in its native protocol, and an empty line
};

// "jsonl", "ocsf", "fhir", "rfc5424", "journald".
[[nodiscard]] std::optional<ExportFormat> export_format(std::string_view name) noexcept;

// One line with its newline; several of kJournald.  `origin` is the log's.
[[nodiscard]] std::string exported(const LogLine& line, std::string_view origin, ExportFormat format);

}  // namespace signer::audit
