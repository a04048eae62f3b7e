// SPDX-License-Identifier: Apache-2.0

#include "audit/export.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "jose/json.h"

namespace signer::audit {

namespace {

using jose::Json;

// How bad an event is, and what it is called elsewhere.
struct ExportedEvent {
  std::string_view event;
  bool failed;
  int ocsf_class;
  int ocsf_activity;
  int ocsf_severity;
  int syslog_severity;
  std::string_view dicom;  // code and display of PS3.16 for AuditEvent.type
  std::string_view dicom_display;
};

constexpr ExportedEvent kOtherEvent = {"", false, 6002, 99, 1, 6, "110100", "Application Activity"};

constexpr std::array<ExportedEvent, 13> kExportedEvents = {{
    {"issue", false, 6003, 1, 1, 6, "110114", "User Authentication"},
    {"refuse", true, 6003, 1, 2, 5, "110114", "User Authentication"},
    {"refusals", true, 6003, 1, 2, 5, "110114", "User Authentication"},
    {"fail", true, 6003, 1, 3, 4, "110114", "User Authentication"},
    {"key_created", false, 3004, 1, 1, 5, "110113", "Security Alert"},
    {"key_adopted", false, 3004, 1, 1, 5, "110113", "Security Alert"},
    {"evidence", false, 3004, 2, 1, 5, "110113", "Security Alert"},
    {"key_stopped", true, 3004, 3, 4, 3, "110113", "Security Alert"},
    {"key_ready", false, 3004, 3, 1, 5, "110113", "Security Alert"},
    {"pin_refused", true, 3002, 1, 4, 3, "110113", "Security Alert"},
    {"host_lost", true, 6002, 99, 3, 4, "110113", "Security Alert"},
    {"start", false, 6002, 3, 1, 6, "110100", "Application Activity"},
    {"stop", false, 6002, 4, 1, 6, "110100", "Application Activity"},
}};

const ExportedEvent& exported_event(std::string_view name) noexcept {
  const auto found = std::find_if(kExportedEvents.begin(), kExportedEvents.end(),
                                  [name](const ExportedEvent& one) { return one.event == name; });
  return found == kExportedEvents.end() ? kOtherEvent : *found;
}

int digits_at(std::string_view text, std::size_t at, std::size_t count) noexcept {
  int value = 0;
  if (text.size() >= at + count) std::from_chars(text.data() + at, text.data() + at + count, value);
  return value;
}

// Milliseconds since 1970 of a record's time; 0 if it has another form.
std::int64_t milliseconds(std::string_view time) noexcept {
  if (time.size() != 27 || time[10] != 'T' || time[26] != 'Z') return 0;
  const std::chrono::year_month_day date{std::chrono::year(digits_at(time, 0, 4)),
                                         std::chrono::month(static_cast<unsigned>(digits_at(time, 5, 2))),
                                         std::chrono::day(static_cast<unsigned>(digits_at(time, 8, 2)))};
  if (!date.ok()) return 0;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = digits_at(time, 11, 2) * 3600 + digits_at(time, 14, 2) * 60 + digits_at(time, 17, 2);
  return (days * 86'400 + seconds) * 1000 + digits_at(time, 20, 3);
}

Json members_of(const LogLine& line) {
  const auto parsed = jose::parse_json_object(
      line.line, {.bytes_max = line.line.size(), .members_max = line.line.size(), .interoperable_numbers = false});
  return parsed ? *parsed : Json::object();
}

std::string as_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& one : value)
    text += (text.empty() ? "" : " ") + (one.is_string() ? one.get<std::string>() : one.dump());
  return text;
}

std::string_view host_of(std::string_view origin) {
  const std::string_view host = origin.substr(0, origin.find('/'));
  return host.empty() ? "-" : host;
}

std::string one_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json ocsf_actor(const RecordView& record) {
  Json actor = {{"app_name", record.text("unit").empty() ? "-" : record.text("unit")}};
  if (const auto uid = record.number("uid")) actor["user"] = {{"uid", std::to_string(*uid)}};
  if (const auto pid = record.number("pid")) actor["process"] = {{"pid", *pid}};
  return actor;
}

// What each class needs besides what all have.
void add_ocsf_class(const RecordView& record, const ExportedEvent& event, Json& json) {
  const Json key = {{"name", record.text("key")}, {"uid", record.text("kid")}, {"type", "signing key"}};
  switch (event.ocsf_class) {
    case 6003:
      json["actor"] = ocsf_actor(record);
      json["api"] = {{"operation", record.text("event")},
                     {"service", {{"name", "signerd"}}},
                     {"request", {{"uid", record.text("req")}}}};
      if (event.failed) json["api"]["response"] = {{"error", record.text("code")}, {"message", record.text("detail")}};
      json["src_endpoint"] = {{"name", record.text("unit").empty() ? "local" : record.text("unit")}};
      json["resources"] = Json::array({key});
      break;
    case 3004:
      json["actor"] = ocsf_actor(record);
      json["entity"] = key;
      break;
    case 3002:
      json["user"] = {{"name", record.text("token")}};
      json["service"] = {{"name", "signerd"}};
      break;
    default:
      json["app"] = {{"name", "signerd"}, {"vendor_name", "signer"}};
  }
}

std::string to_ocsf(const LogLine& line, std::string_view origin) {
  const ExportedEvent& event = exported_event(line.record.text("event"));
  Json json = {{"category_uid", event.ocsf_class / 1000},
               {"class_uid", event.ocsf_class},
               {"activity_id", event.ocsf_activity},
               {"type_uid", event.ocsf_class * 100 + event.ocsf_activity},
               {"severity_id", event.ocsf_severity},
               {"status_id", event.failed ? 2 : 1},
               {"time", milliseconds(line.record.text("time"))},
               {"metadata",
                {{"version", "1.3.0"},
                 {"product", {{"name", "signer"}, {"vendor_name", "signer"}}},
                 {"log_name", origin},
                 {"event_code", line.record.text("event")},
                 {"uid", std::string(origin) + "/" + std::to_string(line.index)},
                 {"original_time", line.record.text("time")}}},
               {"unmapped", members_of(line)}};
  if (event.ocsf_activity == 99) json["activity_name"] = line.record.text("event");
  add_ocsf_class(line.record, event, json);
  return one_line(json);
}

Json fhir_identifier(std::string_view system, const std::string& value) {
  return {{"identifier", {{"system", system}, {"value", value}}}};
}

Json fhir_agent(const RecordView& record) {
  if (!record.has("uid")) {
    return {{"who", {{"display", "signerd"}}}, {"requestor", false}};
  }
  Json agent = {{"who", fhir_identifier("urn:signer:uid", std::to_string(record.number("uid").value_or(-1)))},
                {"requestor", true}};
  if (record.has("unit")) agent["name"] = record.text("unit");
  return agent;
}

std::string to_fhir(const LogLine& line, std::string_view origin) {
  const RecordView& record = line.record;
  const std::string name = record.text("event");
  const ExportedEvent& event = exported_event(name);
  const bool creates = name == "issue" || name == "key_created";
  Json entity = {{"what", fhir_identifier("urn:signer:record", std::string(origin) + "/" + std::to_string(line.index))},
                 {"detail", Json::array()}};
  const Json members = members_of(line);
  for (const auto& [member, value] : members.items()) {
    const std::string text = as_text(value);
    if (!text.empty()) entity["detail"].push_back({{"type", member}, {"valueString", text}});
  }
  Json json = {{"resourceType", "AuditEvent"},
               {"type",
                {{"system", "http://dicom.nema.org/resources/ontology/DCM"},
                 {"code", event.dicom},
                 {"display", event.dicom_display}}},
               {"subtype", Json::array({{{"system", "urn:signer:audit-event"}, {"code", name}}})},
               {"action", creates ? "C" : "E"},
               {"recorded", record.text("time")},
               {"outcome", !event.failed             ? "0"
                           : event.ocsf_severity > 2 ? "8"
                                                     : "4"},
               {"agent", Json::array({fhir_agent(record)})},
               {"source", {{"observer", {{"display", host_of(origin)}}}}},
               {"entity", Json::array({entity})}};
  if (event.failed && record.has("code")) json["outcomeDesc"] = record.text("code");
  return one_line(json);
}

// RFC 5424 section 6.3.3: these three are escaped; a line break would end the message where lines are messages.
std::string param_value(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == ']') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return out;
}

std::string to_syslog(const LogLine& line, std::string_view origin) {
  constexpr int kAuthpriv = 10;
  const std::string name = line.record.text("event");
  const std::string time = line.record.text("time");
  std::string text = "<" + std::to_string(kAuthpriv * 8 + exported_event(name).syslog_severity) + ">1 " +
                     (milliseconds(time) > 0 ? time : "-") + " " + std::string(host_of(origin)) + " signerd - ";
  // MSGID is at most 32 printable characters; 32473 is the number of RFC 5612, for we have none.
  const bool is_id = !name.empty() && name.size() <= 32 && name.find_first_of(" \"\\]") == std::string::npos;
  text += (is_id ? name : "-") + " [signer@32473 origin=\"" + param_value(std::string(origin)) + "\"";
  const Json members = members_of(line);
  for (const auto& [member, value] : members.items()) {
    if (member.size() <= 32) text += " " + member + "=\"" + param_value(as_text(value)) + "\"";
  }
  return text + "]\n";
}

// Control characters become spaces: a value must not look like the next one.
std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

// systemd.io/JOURNAL_NATIVE_PROTOCOL: NAME=value lines.  A line of the log has no newline in it.
std::string to_journald(const LogLine& line, std::string_view origin) {
  const std::string event = on_one_line(line.record.text("event"));
  return "MESSAGE=" + std::string(line.line) + "\nPRIORITY=" + std::to_string(exported_event(event).syslog_severity) +
         "\nSYSLOG_IDENTIFIER=signer-audit\nSIGNER_EVENT=" + event + "\nSIGNER_INDEX=" + std::to_string(line.index) +
         "\nSIGNER_ORIGIN=" + on_one_line(std::string(origin)) + "\n\n";
}

}  // namespace

std::optional<ExportFormat> export_format(std::string_view name) noexcept {
  if (name == "jsonl") return ExportFormat::kJsonl;
  if (name == "ocsf") return ExportFormat::kOcsf;
  if (name == "fhir") return ExportFormat::kFhir;
  if (name == "rfc5424") return ExportFormat::kRfc5424;
  if (name == "journald") return ExportFormat::kJournald;
  return std::nullopt;
}

std::string exported(const LogLine& line, std::string_view origin, ExportFormat format) {
  switch (format) {
    case ExportFormat::kOcsf:
      return to_ocsf(line, origin);
    case ExportFormat::kFhir:
      return to_fhir(line, origin);
    case ExportFormat::kRfc5424:
      return to_syslog(line, origin);
    case ExportFormat::kJournald:
      return to_journald(line, origin);
    case ExportFormat::kJsonl:
      break;
  }
  return std::string(line.line) + "\n";
}

}  // namespace signer::audit
