// SPDX-License-Identifier: Apache-2.0
//
// Records in the forms of others.  Without these a collector could refuse what it is sent, take a refusal for a
// success, or be led to see two messages in one.

#include "audit/export.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "jose/json.h"
#include "tests/support/made_log.h"

namespace signer::audit {
namespace {

using jose::Json;
using nlohmann::literals::operator""_json_pointer;

constexpr std::string_view kOrigin = "host.example/signer/00ff";

std::string exported_line(const std::string& line, ExportFormat format) {
  const auto record = RecordView::parse(line);
  EXPECT_TRUE(record) << line;
  return record ? exported({7, line, *record}, kOrigin, format) : "";
}

std::string line_of(Json members) {
  members.update({{"index", 7}, {"v", 2}, {"time", "2026-11-26T09:30:01.250999Z"}});
  return members.dump();
}

const std::vector<std::string>& events() {
  static const std::vector<std::string> all = {"issue",       "refuse",      "refusals",     "fail",      "key_created",
                                               "key_adopted", "key_stopped", "evidence",     "key_ready", "pin_refused",
                                               "host_lost",   "start",       "stop",         "reload",    "checkpoint",
                                               "clock_step",  "segment",     "of_the_future"};
  return all;
}

TEST(Export, KnowsItsFormatsByName) {
  EXPECT_EQ(export_format("jsonl"), ExportFormat::kJsonl);
  EXPECT_EQ(export_format("ocsf"), ExportFormat::kOcsf);
  EXPECT_EQ(export_format("fhir"), ExportFormat::kFhir);
  EXPECT_EQ(export_format("rfc5424"), ExportFormat::kRfc5424);
  EXPECT_EQ(export_format("journald"), ExportFormat::kJournald);
  EXPECT_FALSE(export_format("cef"));
}

TEST(Export, AnEntryOfTheJournalIsNameAndValueInEachLine) {
  const std::string line = line_of({{"event", "refuse"}, {"detail", "a\nPRIORITY=0"}});
  EXPECT_EQ(exported_line(line, ExportFormat::kJournald),
            "MESSAGE=" + line + "\nPRIORITY=5\nSYSLOG_IDENTIFIER=signer-audit\nSIGNER_EVENT=refuse\nSIGNER_INDEX=7\n" +
                "SIGNER_ORIGIN=" + std::string(kOrigin) + "\n\n");
}

TEST(Export, GivesJsonLinesAsTheyAre) {
  const std::string line = line_of({{"event", "issue"}, {"detail", "ü"}});
  EXPECT_EQ(exported_line(line, ExportFormat::kJsonl), line + "\n");
}

TEST(Export, OfOcsfHasWhatEachClassAsksFor) {
  for (const std::string& event : events()) {
    const Json json = Json::parse(
        exported_line(line_of({{"event", event}, {"uid", 1001}, {"key", "issuer"}, {"kid", "k"}, {"token", "t"}}),
                      ExportFormat::kOcsf));
    EXPECT_EQ(json["type_uid"], json["class_uid"].get<int>() * 100 + json["activity_id"].get<int>()) << event;
    EXPECT_EQ(json["category_uid"], json["class_uid"].get<int>() / 1000) << event;
    EXPECT_EQ(json["time"], 1795685401250) << event;
    EXPECT_EQ(json["metadata"]["version"], "1.3.0");
    EXPECT_EQ(json["metadata"]["uid"], "host.example/signer/00ff/7");
    EXPECT_EQ(json["metadata"]["event_code"], event);
    EXPECT_TRUE(json["metadata"]["product"].contains("vendor_name"));
    EXPECT_EQ(json["unmapped"]["event"], event) << "nothing of the record is lost";
    switch (json["class_uid"].get<int>()) {
      case 6003:
        EXPECT_EQ(json["actor"]["user"]["uid"], "1001");
        EXPECT_EQ(json["api"]["operation"], event);
        EXPECT_TRUE(json.contains("src_endpoint"));
        break;
      case 3004:
        EXPECT_EQ(json["entity"]["name"], "issuer");
        break;
      case 3002:
        EXPECT_EQ(json["user"]["name"], "t");
        break;
      default:
        EXPECT_EQ(json["class_uid"], 6002) << event;
        EXPECT_EQ(json["app"]["name"], "signerd");
    }
  }
}

TEST(Export, NeverShowsARefusalAsASuccess) {
  for (const std::string& event : events()) {
    const bool failed = event == "refuse" || event == "refusals" || event == "fail" || event == "key_stopped" ||
                        event == "pin_refused" || event == "host_lost";
    const std::string line = line_of({{"event", event}, {"code", "denied"}});
    EXPECT_EQ(Json::parse(exported_line(line, ExportFormat::kOcsf))["status_id"], failed ? 2 : 1) << event;
    EXPECT_EQ(Json::parse(exported_line(line, ExportFormat::kFhir))["outcome"] != "0", failed) << event;
    const std::string syslog = exported_line(line, ExportFormat::kRfc5424);
    const int severity = std::stoi(syslog.substr(1)) % 8;
    EXPECT_EQ(std::stoi(syslog.substr(1)) / 8, 10) << "authpriv";
    EXPECT_TRUE(!failed || severity <= 5) << event << severity;
  }
}

TEST(Export, OfFhirHasWhatAnAuditEventMustHave) {
  for (const std::string& event : events()) {
    for (const bool caller : {false, true}) {
      Json members = {{"event", event}, {"jti", "j"}, {"aud", {"a", "b"}}};
      if (caller) members.update({{"uid", 1001}, {"unit", "portal.service"}});
      const Json json = Json::parse(exported_line(line_of(members), ExportFormat::kFhir));
      EXPECT_EQ(json["resourceType"], "AuditEvent");
      EXPECT_TRUE(json["type"]["code"].is_string());
      EXPECT_EQ(json["subtype"][0]["code"], event);
      EXPECT_EQ(json["recorded"], "2026-11-26T09:30:01.250999Z");
      ASSERT_EQ(json["agent"].size(), 1U);
      EXPECT_EQ(json["agent"][0]["requestor"], caller);
      EXPECT_EQ(json["agent"][0]["who"].value("/identifier/value"_json_pointer, ""), caller ? "1001" : "");
      EXPECT_EQ(json["source"]["observer"]["display"], "host.example");
      EXPECT_NE(std::string("CRUDE").find(json["action"].get<std::string>()), std::string::npos);
      const auto& details = json["entity"][0]["detail"];
      const auto has = [&details](const char* name, const char* value) {
        return std::any_of(details.begin(), details.end(),
                           [&](const Json& one) { return one["type"] == name && one["valueString"] == value; });
      };
      EXPECT_TRUE(has("jti", "j") && has("aud", "a b") && has("index", "7")) << details;
    }
  }
}

// The one member that is a list of objects.
TEST(Export, ShowsWhatWasExemptInEveryFormat) {
  const Json exempted = Json::array({{{"place", "/contact"}, {"reason", "SEC-411"}, {"rule", "phi.email"}}});
  const std::string line = line_of({{"event", "issue"}, {"exempted", exempted}});
  for (const ExportFormat format :
       {ExportFormat::kJsonl, ExportFormat::kOcsf, ExportFormat::kFhir, ExportFormat::kRfc5424}) {
    const std::string text = exported_line(line, format);
    for (const char* part : {"/contact", "SEC-411", "phi.email"})
      EXPECT_NE(text.find(part), std::string::npos) << part << " " << text;
  }
  EXPECT_EQ(Json::parse(exported_line(line, ExportFormat::kOcsf))["unmapped"]["exempted"], exempted);
}

TEST(Export, OfSyslogIsOneMessageWhateverAMemberHolds) {
  const std::string syslog =
      exported_line(line_of({{"event", "refuse"}, {"detail", "a\"b\\c]d\ne\x1b"}, {"reported", {"x]", "y"}}}),
                    ExportFormat::kRfc5424);
  EXPECT_TRUE(
      syslog.starts_with("<85>1 2026-11-26T09:30:01.250999Z host.example signerd - refuse "
                         "[signer@32473 origin=\"host.example/signer/00ff\" "))
      << syslog;
  EXPECT_NE(syslog.find(R"(detail="a\"b\\c\]d e ")"), std::string::npos) << syslog;
  EXPECT_NE(syslog.find(R"(reported="x\] y")"), std::string::npos) << syslog;
  EXPECT_TRUE(syslog.ends_with("\"]\n"));
  EXPECT_EQ(std::count(syslog.begin(), syslog.end(), '\n'), 1);
  const std::string odd = exported_line(R"({"event":"a b","index":7,"time":"then","v":2})", ExportFormat::kRfc5424);
  EXPECT_TRUE(odd.starts_with("<86>1 - host.example signerd - - [")) << odd;
}

}  // namespace
}  // namespace signer::audit
