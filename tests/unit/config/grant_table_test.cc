// SPDX-License-Identifier: Apache-2.0
//
// What a [[grant]] may say.  Without these a grant would allow what its author did not write.
#include <gtest/gtest.h>

#include <set>

#include "config/config.h"
#include "tests/unit/config/example.h"
#include "tests/unit/config/problems.h"

namespace signer::config {
namespace {

using test::kConfigText;
using test::problems_of;
using test::with;

Result<Config> with_verbs(const std::string& verbs) {
  return parse(with(kConfigText, "[\"issue\"]", verbs), "f");
}

TEST(GrantTable, EachVerbHasAWordOfItsOwn) {
  std::set<std::string_view> words;
  for (const auto& [verb, word] : kVerbWords) {
    words.insert(word);
    const auto config = with_verbs("[\"" + std::string(word) + "\"]");
    ASSERT_TRUE(config) << config.error().text;
    EXPECT_EQ(config->grants[0].verbs, std::vector<Verb>{verb});
    EXPECT_EQ(to_string(verb), word);
  }
  EXPECT_EQ(words, (std::set<std::string_view>{"issue", "sign-payload", "create", "rotate", "status", "read-evidence",
                                               "read-audit"}));
  for (const char* bad : {"Issue", "sign_payload", "read", "", "*", "all"}) {
    EXPECT_FALSE(with_verbs("[\"" + std::string(bad) + "\"]")) << bad;
  }
}

TEST(GrantTable, AVerbThatIsForAKeyNeedsKeysAndOneThatMintsNeedsProfiles) {
  const std::string keyless = with(kConfigText, "keys = [\"issuer\"]\n", "");
  const std::string bare = with(keyless, "profiles = [\"access\"]\n", "");
  for (const char* verb : {"issue", "sign-payload", "create", "rotate", "read-evidence"}) {
    const std::string text = problems_of(with(keyless, "\"issue\"", "\"" + std::string(verb) + "\""));
    EXPECT_TRUE(text.starts_with("signer.toml:22: grant.keys: is missing; say for which keys the caller has '" +
                                 std::string(verb) + "'"))
        << text;
  }
  for (const char* verb : {"status", "read-audit"}) {
    EXPECT_EQ(problems_of(with(bare, "\"issue\"", "\"" + std::string(verb) + "\"")), "") << verb;
  }
  const std::string profileless = with(kConfigText, "profiles = [\"access\"]\n", "");
  for (const char* verb : {"create", "rotate", "read-evidence"}) {
    EXPECT_EQ(problems_of(with(profileless, "\"issue\"", "\"" + std::string(verb) + "\"")), "") << verb;
  }
  EXPECT_EQ(problems_of(with(profileless, "\"issue\"", "\"sign-payload\", \"create\", \"issue\"")),
            "signer.toml:22: grant.profiles: is missing; say with which profiles the caller has 'sign-payload', "
            "'issue'");
}

TEST(GrantTable, VerbsThatNoCallAsksForAreSaidAndNotSwallowed) {
  const auto config = with_verbs(R"(["issue", "rotate", "read-evidence"])");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->notes, std::vector<std::string>{"grant idp: 'rotate' kept; no call of this version "
                                                    "asks for it"});
  EXPECT_TRUE(with_verbs(R"(["issue", "create", "status", "read-audit"])")->notes.empty());
}

TEST(GrantTable, AUnitIsAServiceOrScopeInFullAndEnoughForAMatch) {
  const auto with_match = [](const std::string& match) { return with(kConfigText, "{ uid = 1001 }", match); };
  for (const char* good : {"idp.service", "idp@1.service", "session-3.scope", "user@1000.service", "a.b_c:d.service"}) {
    const auto config = parse(with_match("{ unit = \"" + std::string(good) + "\" }"), "f");
    ASSERT_TRUE(config) << config.error().text;
    EXPECT_EQ(config->grants[0].match.unit, good);
    EXPECT_FALSE(config->grants[0].match.uid);
  }
  for (const char* bad : {"idp", "idp@.service", "system.slice", ".service", "idp.timer", "idp .service", "a/b.service",
                          "*.service", "@1.service", "idp.service "}) {
    const std::string text = problems_of(with_match("{ unit = \"" + std::string(bad) + "\" }"));
    EXPECT_TRUE(text.starts_with("signer.toml:24: grant.match.unit: must be a service or scope in full")) << text;
  }
  EXPECT_EQ(problems_of(with_match("{ unit = \"" + std::string(247, 'a') + ".service\" }")), "");
  EXPECT_NE(problems_of(with_match("{ unit = \"" + std::string(248, 'a') + ".service\" }")), "");
  EXPECT_NE(problems_of(with_match("{ unit = \"\" }")), "");
}

TEST(GrantTable, ConcurrencyIsACountFromOneTo4096) {
  const auto with_concurrency = [](const std::string& value) {
    return std::string(kConfigText) + "concurrency = " + value + "\n";
  };
  EXPECT_FALSE(parse(kConfigText, "f")->grants[0].concurrency) << "no limit unless there is one";
  for (const std::size_t good : {1U, 16U, 4096U}) {
    const auto config = parse(with_concurrency(std::to_string(good)), "f");
    ASSERT_TRUE(config) << config.error().text;
    EXPECT_EQ(config->grants[0].concurrency, good);
  }
  for (const char* bad : {"0", "-1", "4097", "\"16\"", "1.5", "true"}) {
    const std::string text = problems_of(with_concurrency(bad));
    EXPECT_TRUE(text.starts_with("signer.toml:28: grant.concurrency: must be ")) << bad << " gave: " << text;
  }
}

}  // namespace
}  // namespace signer::config
