// SPDX-License-Identifier: Apache-2.0

#include "audit/record.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "jose/object_writer.h"

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

std::string exempted_json(const std::vector<Exempted>& exempted) {
  std::string list = "[";
  for (const Exempted& one : exempted) {
    if (&one != exempted.data()) list += ',';
    jose::ObjectWriter object(128);
    object.text("place", one.place).text("reason", one.reason).text("rule", one.rule);
    list += std::move(object).finish();
  }
  return list + "]";
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
    case Event::kKeyAdopted:
      return "key_adopted";
    case Event::kEvidence:
      return "evidence";
    case Event::kKeyStopped:
      return "key_stopped";
    case Event::kKeyReady:
      return "key_ready";
    case Event::kStart:
      return "start";
    case Event::kStop:
      return "stop";
    case Event::kReload:
      return "reload";
    case Event::kSegment:
      return "segment";
    case Event::kCheckpoint:
      return "checkpoint";
    case Event::kRecovered:
      return "recovered";
    case Event::kAuditRecovered:
      return "audit_recovered";
    case Event::kSearchKey:
      return "search_key";
    case Event::kRefusals:
      return "refusals";
    case Event::kHostLost:
      return "host_lost";
    case Event::kPinRefused:
      return "pin_refused";
    case Event::kClockStep:
      return "clock_step";
  }
  return "unknown";
}

std::string to_line(const Record& record, std::uint64_t index) {
  jose::ObjectWriter line(512);
  const auto text = [&line](std::string_view name, const std::string& value) {
    if (!value.empty()) line.text(name, value);
  };
  const auto texts = [&line](std::string_view name, const std::vector<std::string>& values) {
    if (!values.empty()) line.texts(name, values);
  };
  const auto number = [&line](std::string_view name, bool present, auto value) {
    if (present) line.number(name, static_cast<std::int64_t>(value));
  };
  const PeerIdentity nobody;
  const PeerIdentity& peer = record.peer != nullptr ? *record.peer : nobody;
  const bool has_peer = record.peer != nullptr;
  // The order of the alphabet, as documented.
  texts("aud", record.audiences);
  number("bytes", record.bytes != 0, record.bytes);
  text("code", record.code);
  text("config_sha256", record.config_sha256);
  text("config_sha256_before", record.config_sha256_before);
  text("detail", record.detail);
  number("down_us", record.down_us != 0, record.down_us);
  line.text("event", to_string(record.event));
  if (!record.exempted.empty()) line.json("exempted", exempted_json(record.exempted));
  number("exempted_more", record.exempted_more != 0, record.exempted_more);
  number("exp", record.exp != 0, record.exp);
  number("gid", has_peer, peer.gid);
  text("grant", record.grant);
  number("index", true, index);
  text("input_sha256", record.input_sha256);
  text("jti", record.jti);
  text("key", record.key);
  text("kid", record.kid);
  number("latency_us", record.latency_us != 0, record.latency_us);
  text("note", record.note);
  text("origin", record.origin);
  number("pid", has_peer, peer.pid);
  text("pointer", record.pointer);
  if (index != 0) line.text("prev", kPrevUnknown);
  text("profile", record.profile);
  text("profile_sha256", record.profile_sha256);
  texts("reported", record.reported);
  text("req", record.request_id);
  text("rule", record.rule);
  text("search_key", record.search_key);
  number("size", record.size != 0, record.size);
  number("step_us", record.step_us != 0, record.step_us);
  text("sub_hmac", record.sub_hmac);
  number("suppressed", record.suppressed != 0, record.suppressed);
  text("tail_sha256", record.tail_sha256);
  line.text("time", timestamp(record.time));
  text("token", record.token);
  texts("tree", record.tree);
  number("uid", has_peer || record.uid.has_value(), has_peer ? peer.uid : record.uid.value_or(0));
  text("unit", peer.unit);
  number("v", true, 2);
  return std::move(line).finish();
}

std::size_t place_of_prev(std::string_view line) noexcept {
  static constexpr std::string_view kName = "\"prev\":\"";
  const std::size_t at = line.find(kName);
  return at == std::string_view::npos ? at : at + kName.size();
}

}  // namespace signer::audit
