// SPDX-License-Identifier: Apache-2.0

#include "config/audit_table.h"

#include <algorithm>
#include <filesystem>

#include "config/references.h"

namespace signer::config {

namespace {

using std::chrono::seconds;

constexpr std::int64_t kSegmentBytesMin = 64LL * 1024;
constexpr std::int64_t kSegmentBytesMax = 1024LL * 1024 * 1024;

void read_anchor(const toml::table& table, Problems& problems, Anchor& anchor) {
  TableReader reader(table, "audit.anchor", problems);
  reader.texts("command", anchor.command);
  reader.text("file", anchor.file);
  reader.flag("syslog", anchor.syslog);
  std::optional<seconds> timeout;
  reader.seconds("timeout", seconds(1), std::chrono::minutes(10), timeout);
  anchor.timeout = timeout.value_or(anchor.timeout);
  const int ways = (anchor.command.empty() ? 0 : 1) + (anchor.file.empty() ? 0 : 1) + (anchor.syslog ? 1 : 0);
  if (ways != 1) reader.problem("command", "an anchor has exactly one of command, file and syslog = true");
  if (!anchor.command.empty() && anchor.command.front()[0] != '/')
    reader.problem("command", "must begin with the absolute path of a program");
  if (!anchor.file.empty() && anchor.file[0] != '/') reader.problem("file", "must be an absolute path");
  if (timeout && anchor.command.empty()) reader.problem("timeout", "is of commands alone");
  reader.finish();
}

bool is_within(const std::filesystem::path& path, const std::filesystem::path& directory) {
  const auto whole = path.lexically_normal();
  const auto start = directory.lexically_normal();
  return std::mismatch(start.begin(), start.end(), whole.begin(), whole.end()).first == start.end();
}

}  // namespace

void read_audit(TableReader& reader, Problems& problems, Config& so_far) {
  Audit& audit = so_far.audit;
  reader.text("dir", audit.dir);
  if (audit.dir.empty() || audit.dir[0] != '/') reader.problem("dir", "must be an absolute path");
  for (const char* other : {"keys", "hmac-keys", "latch", "tpm"}) {
    if (is_within(audit.dir, so_far.state_dir + "/" + other))
      reader.problem("dir", "is where signerd keeps other files; give the log a directory of its own");
  }
  reader.text("token", audit.token);
  if (!audit.token.empty()) check_references(reader, "token", {audit.token}, names_of(so_far.tokens));
  std::optional<seconds> every;
  reader.seconds("checkpoint_every", seconds(1), std::chrono::hours(24), every);
  audit.checkpoint_every = every.value_or(audit.checkpoint_every);
  if (every && audit.token.empty())
    reader.problem("checkpoint_every", "needs token, which holds the key that signs checkpoints");
  std::optional<std::int64_t> bytes;
  reader.number("segment_bytes", kSegmentBytesMin, kSegmentBytesMax, bytes);
  if (bytes) audit.segment_bytes = static_cast<std::uint64_t>(*bytes);
  std::optional<seconds> age;
  reader.seconds("segment_age", std::chrono::minutes(1), std::chrono::hours(24 * 366), age);
  audit.segment_age = age.value_or(audit.segment_age);
  for (const toml::table* table : reader.tables("anchor")) read_anchor(*table, problems, audit.anchors.emplace_back());
  if (!audit.anchors.empty() && audit.token.empty())
    reader.problem("anchor", "needs token, which holds the key that signs checkpoints");
}

}  // namespace signer::config
