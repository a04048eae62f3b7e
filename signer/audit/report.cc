// SPDX-License-Identifier: Apache-2.0

#include "audit/report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace signer::audit {

namespace {

using jose::Json;

// Events that are rare in a good month, with the members that tell what happened.
struct NotableEvent {
  std::string_view event;
  std::array<std::string_view, 3> members;
};

constexpr std::array<NotableEvent, 15> kNotableEvents = {{{"key_created", {"key", "kid", "uid"}},
                                                          {"key_adopted", {"key", "kid", "uid"}},
                                                          {"evidence", {"key", "kid", "uid"}},
                                                          {"key_stopped", {"key", "kid", "detail"}},
                                                          {"key_ready", {"key", "kid", ""}},
                                                          {"host_lost", {"token", "detail", ""}},
                                                          {"pin_refused", {"token", "", ""}},
                                                          {"clock_step", {"step_us", "", ""}},
                                                          {"reload", {"config_sha256", "config_sha256_before", ""}},
                                                          {"start", {"config_sha256", "", ""}},
                                                          {"stop", {"", "", ""}},
                                                          {"recovered", {"bytes", "tail_sha256", ""}},
                                                          {"audit_recovered", {"down_us", "", ""}},
                                                          {"search_key", {"search_key", "", ""}},
                                                          {"refusals", {"uid", "suppressed", ""}}}};

std::string member_text(const RecordView& record, std::string_view name) {
  if (const auto number = record.number(name)) return std::to_string(*number);
  return record.text(name);
}

void widen(std::string& first, std::string& last, const std::string& time) {
  if (first.empty() || time < first) first = time;
  last = std::max(last, time);
}

Json use_json(const Report::Use& use) {
  return {{"issued", use.issued},
          {"refused", use.refused},
          {"failed", use.failed},
          {"first", use.first},
          {"last", use.last}};
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string use_text(const Report::Use& use) {
  std::array<char, 80> counts{};
  std::snprintf(counts.data(), counts.size(), "  %9llu %9llu %9llu  ", static_cast<unsigned long long>(use.issued),
                static_cast<unsigned long long>(use.refused), static_cast<unsigned long long>(use.failed));
  return counts.data() + use.first.substr(0, 19) + " to " + use.last.substr(0, 19) + "  ";
}

constexpr const char* kUseHead = "     issued   refused    failed  first and last\n";

std::string counts_text(const char* title, const std::map<std::string, std::uint64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) text += "  " + std::to_string(count) + "  " + name + "\n";
  return text.empty() ? "" : std::string("\n") + title + "\n" + text;
}

}  // namespace

void Report::add(const LogLine& line) {
  const std::string event = line.record.text("event");
  const std::string time = line.record.text("time");
  if (records_++ == 0) first_index_ = line.index;
  last_index_ = line.index;
  widen(first_, last_, time);
  ++events_[event];
  if (event == "issue" || event == "refuse" || event == "refusals" || event == "fail") add_use(line, event);
  for (const auto& finding : line.record.objects("exempted")) {
    const auto of = [&finding](const char* name) { return finding.contains(name) ? finding.at(name) : std::string(); };
    ++exempted_[of("rule") + " " + of("place")];
  }
  if (const auto more = line.record.number("exempted_more"); more && *more > 0)
    exempted_["more, which the records do not name"] += static_cast<std::uint64_t>(*more);
  for (const std::string& finding : line.record.texts("reported")) ++reported_[finding];
  add_notable(line, event);
}

void Report::add_use(const LogLine& line, const std::string& event) {
  const RecordView& record = line.record;
  const std::string time = record.text("time");
  Use& caller = callers_[{member_text(record, "uid"), record.text("unit"), record.text("grant")}];
  const auto suppressed =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, record.number("suppressed").value_or(0)));
  suppressed_ += suppressed;
  const auto count = [&](Use& use) {
    if (event == "issue") ++use.issued;
    if (event == "fail") ++use.failed;
    if (event == "refuse") ++use.refused;
    use.refused += suppressed;
    widen(use.first, use.last, time);
  };
  count(caller);
  if (record.has("key")) count(keys_[{record.text("key"), record.text("profile")}]);
  if (event == "refuse" || event == "fail") ++refusals_[{record.text("code"), record.text("rule")}];
}

void Report::add_notable(const LogLine& line, const std::string& event) {
  const auto found = std::find_if(kNotableEvents.begin(), kNotableEvents.end(),
                                  [&event](const NotableEvent& one) { return one.event == event; });
  if (found == kNotableEvents.end()) return;
  if (notable_.size() == kNotableMax) {
    ++notable_left_out_;
    return;
  }
  std::string what;
  for (const std::string_view name : found->members) {
    if (name.empty() || !line.record.has(name)) continue;
    what += (what.empty() ? "" : " ") + std::string(name) + "=" + member_text(line.record, name);
  }
  notable_.push_back({line.index, line.record.text("time"), event, what});
}

jose::Json Report::to_json() const {
  Json json = {{"records", records_},
               {"events", events_},
               {"exempted", exempted_},
               {"reported", reported_},
               {"refusals_not_written", suppressed_},
               {"notable_left_out", notable_left_out_}};
  if (records_ > 0) {
    json["from_index"] = first_index_;
    json["to_index"] = last_index_;
    json["first"] = first_;
    json["last"] = last_;
  }
  json["callers"] = json["keys"] = json["refusals"] = json["notable"] = Json::array();
  for (const auto& [who, use] : callers_) {
    Json one = use_json(use);
    one["uid"] = std::get<0>(who);
    one["unit"] = std::get<1>(who);
    one["grant"] = std::get<2>(who);
    json["callers"].push_back(one);
  }
  for (const auto& [which, use] : keys_) {
    Json one = use_json(use);
    one["key"] = std::get<0>(which);
    one["profile"] = std::get<1>(which);
    json["keys"].push_back(one);
  }
  for (const auto& [why, count] : refusals_) {
    json["refusals"].push_back({{"code", std::get<0>(why)}, {"rule", std::get<1>(why)}, {"count", count}});
  }
  for (const Notable& one : notable_) {
    json["notable"].push_back({{"index", one.index}, {"time", one.time}, {"event", one.event}, {"what", one.what}});
  }
  return json;
}

std::string Report::to_text() const {
  if (records_ == 0) return "no records\n";
  std::string text = std::to_string(records_) + " records, " + std::to_string(first_index_) + " to " +
                     std::to_string(last_index_) + ", " + first_ + " to " + last_ + "\n";
  text += std::string("\ncallers (uid, unit, grant)\n") + kUseHead;
  for (const auto& [who, use] : callers_) {
    text += use_text(use) + or_dash(std::get<0>(who)) + ", " + or_dash(std::get<1>(who)) + ", " +
            or_dash(std::get<2>(who)) + "\n";
  }
  text += std::string("\nkeys (key, profile)\n") + kUseHead;
  for (const auto& [which, use] : keys_) {
    text += use_text(use) + or_dash(std::get<0>(which)) + ", " + or_dash(std::get<1>(which)) + "\n";
  }
  std::map<std::string, std::uint64_t> refusals;
  for (const auto& [why, count] : refusals_) {
    refusals[std::get<0>(why) + (std::get<1>(why).empty() ? "" : " " + std::get<1>(why))] = count;
  }
  text += counts_text("refusals and failures (code, rule)", refusals);
  if (suppressed_ > 0) text += "  " + std::to_string(suppressed_) + "  more refusals, counted and not written\n";
  text += counts_text("findings that a profile exempts (rule, place)", exempted_);
  text += counts_text("findings that a profile only reports (rule, place)", reported_);
  text += counts_text("events", events_);
  if (!notable_.empty()) text += "\nto be looked at one by one\n";
  for (const Notable& one : notable_) {
    text += "  " + std::to_string(one.index) + "  " + one.time.substr(0, 19) + "  " + one.event +
            (one.what.empty() ? "" : "  " + one.what) + "\n";
  }
  if (notable_left_out_ > 0) text += "  and " + std::to_string(notable_left_out_) + " more; choose a shorter time\n";
  return text;
}

}  // namespace signer::audit
