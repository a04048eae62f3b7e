// SPDX-License-Identifier: Apache-2.0

#include "audit/record.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace signer::audit {

namespace {

std::string timestamp(WallTime time) {
  const auto micros = std::chrono::floor<std::chrono::microseconds>(time).time_since_epoch().count();
  const std::time_t seconds = micros / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 48> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + size, text.size() - size, ".%06dZ", static_cast<int>(micros % 1'000'000));
  return text.data();
}

}  // namespace

std::string_view to_string(Event event) noexcept {
  switch (event) {
    case Event::kIssue:
      return "issue";
    case Event::kRefuse:
      return "refuse";
    case Event::kFail:
      return "fail";
    case Event::kKeyCreated:
      return "key_created";
    case Event::kKeyStopped:
      return "key_stopped";
    case Event::kStart:
      return "start";
    case Event::kStop:
      return "stop";
    case Event::kReload:
      return "reload";
  }
  return "unknown";
}

std::string to_line(const Record& record, std::uint64_t index) {
  jose::Json line = {{"v", 1}, {"index", index}, {"time", timestamp(record.time)}, {"event", to_string(record.event)}};
  const auto text = [&line](const char* name, const std::string& value) {
    if (!value.empty()) line[name] = value;
  };
  text("req", record.request_id);
  if (record.peer != nullptr) {
    line["uid"] = record.peer->uid;
    line["gid"] = record.peer->gid;
    line["pid"] = record.peer->pid;
  }
  text("grant", record.grant);
  text("key", record.key);
  text("kid", record.kid);
  text("profile", record.profile);
  text("jti", record.jti);
  if (!record.audiences.empty()) line["aud"] = record.audiences;
  if (record.exp != 0) line["exp"] = record.exp;
  text("input_sha256", record.input_sha256);
  text("code", record.code);
  if (record.suppressed != 0) line["suppressed"] = record.suppressed;
  text("detail", record.detail);
  return jose::dump_json(line);
}

}  // namespace signer::audit
