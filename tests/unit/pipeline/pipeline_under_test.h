// SPDX-License-Identifier: Apache-2.0
//
// The pipeline with profiles and callers for its tests.
#pragma once

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "base/file.h"
#include "jose/json.h"
#include "tests/support/process.h"
#include "tests/support/signing_pipeline.h"

namespace signer::pipeline {

using std::chrono::milliseconds;
using std::chrono::seconds;

class PipelineUnderTest : public test::SigningPipeline {
 protected:
  PipelineUnderTest() : SigningPipeline(configuration()) {}

  // A list of texts that may hold e-mail addresses.
  static config::Profile exempting_profile() {
    config::Profile profile;
    profile.name = "exempting";
    profile.issuer = "https://idp.example";
    profile.audiences = {"https://api.example"};
    claims::Rule element;
    element.type = claims::Type::kText;
    element.exempt = element.exempt.with(phi::Detector::kEmail);
    element.reasons = {{phi::Detector::kEmail, kReason}};
    claims::Rule list;
    list.name = "l";
    list.type = claims::Type::kArray;
    list.parts = {element};
    profile.rules = {list};
    return profile;
  }

  // The `exempted` and `exempted_more` of the record of a token with so many addresses.
  std::pair<jose::Json, std::size_t> exempted_of(std::size_t addresses) {
    const std::vector<std::string> list(addresses, "it@example.org");
    const Answer answer = issue(seconds(20), kExempt, {{"l", list}});
    if (!run_until([&] { return answer->has_value(); }) || !**answer) return {nullptr, 0};
    const std::string text = read_file(directory_ / "audit/00000000000000000000.jsonl", 1UL << 22U).value();
    const std::size_t end = text.find_last_of('\n');
    const std::size_t begin = text.find_last_of('\n', end - 1) + 1;
    const jose::Json record = jose::parse_json(std::string_view(text).substr(begin, end - begin)).value();
    return {record.value("exempted", jose::Json::array()), record.value("exempted_more", 0U)};
  }

  static config::Config configuration() {
    config::Config config;
    config.file = "test.toml";
    config::Profile profile;
    profile.name = "access";
    profile.typ = "at+jwt";
    profile.issuer = "https://idp.example";
    profile.audiences = {"https://api.example"};
    profile.max_ttl = seconds(900);
    config.hmac_keys.push_back({"pairwise", "main"});
    config.profiles.push_back(profile);
    profile.name = "pairwise";
    profile.pairwise = config::Pairwise{"s", "", "pairwise"};
    config.profiles.push_back(std::move(profile));
    config.profiles.push_back(exempting_profile());
    config::Match match;
    match.uid = 1;
    config.grants.push_back({"g", match, {"issuer"}, {"access"}, {Verb::kIssue}, std::nullopt});
    match.uid = 3;
    config.grants.push_back({"few", match, {"issuer"}, {"access"}, {Verb::kIssue}, std::nullopt, kPlaces});
    match.uid = kPairwise;
    config.grants.push_back({"pairwise", match, {"issuer"}, {"pairwise"}, {Verb::kIssue}, std::nullopt, kPlaces});
    match.uid = kExempt;
    config.grants.push_back({"exempt", match, {"issuer"}, {"exempting"}, {Verb::kIssue}, std::nullopt});
    return config;
  }

  // How many requests of `uid` find a place now.  Leaves them under way.
  std::size_t places_of(uid_t uid) {
    std::size_t found = 0;
    for (Answer answer = issue(seconds(20), uid); !answer->has_value(); answer = issue(seconds(20), uid)) ++found;
    return found;
  }

  static constexpr std::size_t kPlaces = 3;
  static constexpr uid_t kFew = 3;       // the uid whose grant has so many
  static constexpr uid_t kPairwise = 4;  // another, whose tokens have pseudonyms
  static constexpr uid_t kExempt = 5;
  static inline const std::string kReason = std::string(200, 'r');

  using Answer = std::shared_ptr<std::optional<Judged<IssuedToken>>>;

  Answer issue(milliseconds patience = seconds(20), uid_t uid = 1, const jose::Json& claims = {{"sub", "x"}}) {
    auto answer = std::make_shared<std::optional<Judged<IssuedToken>>>();
    const RequestContext context{"0123456789abcdef", {uid, 1, 4242, {}, "/s"}, clock_.steady() + patience};
    pipeline_->issue(context, {"issuer", std::nullopt, claims},
                     [answer](Judged<IssuedToken> result) { answer->emplace(std::move(result)); });
    return answer;
  }
};

}  // namespace signer::pipeline
