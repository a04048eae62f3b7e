// SPDX-License-Identifier: Apache-2.0
//
// The examples of docs/configuration.md and docs/claim-policy.md.  Without these a reader could copy a configuration
// that signerd refuses, or one that decides otherwise than the page says.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "config/config.h"
#include "ctl/command_line.h"
#include "jose/json.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/source/document.h"

namespace signer::test {
namespace {

// The one TOML block of a page that begins so.
std::string block_of(const Document& document, std::string_view beginning) {
  std::string found;
  for (const CodeBlock& block : document.blocks) {
    if (block.language != "toml" || !block.text.starts_with(beginning)) continue;
    EXPECT_EQ(found, "") << document.name << " has two blocks that begin with " << beginning;
    found = block.text;
  }
  EXPECT_NE(found, "") << document.name << " has no block that begins with " << beginning;
  return found;
}

class PolicyDocument : public testing::Test {
 protected:
  // The configuration that the pages' examples make together, with these tables as its profiles and grants.
  std::string configuration(const std::string& profiles) const {
    std::string text = "state_dir = \"/var/lib/signer\"\n";
    for (const CodeBlock& block : manual_.blocks) {
      if (block.language == "toml" && block.text.starts_with("[[") && !block.text.starts_with("[[profile]]"))
        text += block.text;
    }
    return text + profiles;
  }

  static config::Config parsed(const std::string& text) {
    auto config = config::parse(text, "signer.toml");
    EXPECT_TRUE(config) << config.error().text << "\n" << text;
    return config ? *std::move(config) : config::Config{};
  }

  ctl::Outcome test_cases(const std::string& cases, const std::string& profile) const {
    write_text(directory_ / "signer.toml", configuration(profile));
    write_text(directory_ / "cases.toml", cases);
    return ctl::run({"signerctl", "policy", "test", "--config", directory_ / "signer.toml", directory_ / "cases.toml"});
  }

  Document manual_ = read_document("docs/configuration.md");
  Document policy_ = read_document("docs/claim-policy.md");
  std::string profile_ = block_of(policy_, "[[profile]]");
  TemporaryDirectory directory_;
};

TEST_F(PolicyDocument, TheTablesOfTheManualMakeAConfiguration) {
  const config::Config config = parsed(configuration(block_of(manual_, "[[profile]]")));
  ASSERT_EQ(config.profiles.size(), 1U);
  ASSERT_EQ(config.grants.size(), 1U);
  EXPECT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(config.tokens.size(), 2U) << "one of each driver";
  EXPECT_EQ(config.keys.size(), 1U);
  EXPECT_EQ(config.hmac_keys.size(), 1U);
  EXPECT_EQ(config.grants[0].profiles, std::vector{config.profiles[0].name});
}

TEST_F(PolicyDocument, TheAuditTableOfTheManualIsReadWithItsAnchorsAndGrants) {
  const config::Config config = parsed(configuration(block_of(manual_, "[[profile]]") + block_of(manual_, "[audit]")));
  EXPECT_EQ(config.audit.token, "main");
  ASSERT_EQ(config.audit.anchors.size(), 3U) << "one of each kind";
  EXPECT_EQ(config.audit.anchors[0].command.front(), "/usr/local/bin/send-checkpoint");
  EXPECT_EQ(config.audit.anchors[1].file, "/mnt/append-only/checkpoints");
  EXPECT_TRUE(config.audit.anchors[2].syslog);
  ASSERT_EQ(config.keys.size(), 2U);
  EXPECT_EQ(config.keys[1].name, config::kCheckpointKey);
  EXPECT_EQ(config.grants.size(), 3U) << "who reads checkpoints and who makes the key";
}

TEST_F(PolicyDocument, TheProfileIsReadWithAllThatItSays) {
  const config::Config config = parsed(configuration(profile_));
  ASSERT_EQ(config.profiles.size(), 1U);
  const config::Profile& profile = config.profiles[0];
  EXPECT_EQ(profile.version, 3);
  EXPECT_EQ(profile.typ, "at+jwt");
  EXPECT_EQ(profile.max_ttl, std::chrono::minutes(15));
  ASSERT_EQ(profile.exemptions.size(), 1U);
  EXPECT_EQ(profile.exemptions[0].claim, "device/model");
  EXPECT_EQ(profile.exemptions[0].detector, phi::Detector::kPhone);
  const auto rule = [&profile](std::string_view name) {
    return std::ranges::find(profile.rules, name, &claims::Rule::name);
  };
  ASSERT_NE(rule("scope"), profile.rules.end());
  EXPECT_TRUE(rule("scope")->required);
  EXPECT_EQ(rule("fhirUser"), profile.rules.end()) << "left out by 'without'";
  ASSERT_NE(rule("device"), profile.rules.end());
  EXPECT_EQ(rule("device")->type, claims::Type::kObject);
}

TEST_F(PolicyDocument, AnExemptionOfAnotherClaimIsRefused) {
  std::string wrong = profile_;
  wrong.replace(wrong.find("device/model"), 12, "device/modle");
  EXPECT_FALSE(config::parse(configuration(wrong), "signer.toml"));
}

TEST_F(PolicyDocument, APairwiseSubjectIsReadWithItsSectorAndSecret) {
  const std::string pairwise = block_of(policy_, "pairwise");
  const config::Config config =
      parsed(configuration("[[profile]]\n" + pairwise + profile_.substr(profile_.find('\n') + 1)));
  ASSERT_EQ(config.profiles.size(), 1U);
  ASSERT_TRUE(config.profiles[0].pairwise);
  EXPECT_EQ(config.profiles[0].pairwise->sector, "api.example");
  EXPECT_EQ(config.profiles[0].pairwise->secret_file, "/etc/signer/pairwise.secret");
}

TEST_F(PolicyDocument, APairwiseSubjectByAKeyIsReadWithTheKeyOfTheManual) {
  const std::string both = block_of(policy_, "[[hmac_key]]");
  const config::Config config = parsed(configuration(both.substr(both.find("[[profile]]")) + profile_));
  ASSERT_EQ(config.profiles.size(), 2U);
  ASSERT_TRUE(config.profiles[0].pairwise);
  ASSERT_EQ(config.hmac_keys.size(), 1U);
  EXPECT_EQ(config.profiles[0].pairwise->secret_key, config.hmac_keys[0].name);
  EXPECT_TRUE(both.starts_with("[[hmac_key]]\nname = \"" + config.hmac_keys[0].name + "\"\ntoken = \"" +
                               config.hmac_keys[0].token + "\"\n"));
}

TEST_F(PolicyDocument, ARecipientIsReadAndAProfileCanEncryptToIt) {
  const std::string recipient = block_of(policy_, "[[recipient]]");
  const std::string encrypts = "[[profile]]\nencrypt_to = \"billing\"\nencrypt_claims = [\"ward\"]\n";
  const config::Config config = parsed(configuration(recipient + encrypts + profile_.substr(profile_.find('\n') + 1)));
  ASSERT_EQ(config.recipients.size(), 1U);
  EXPECT_EQ(config.recipients[0].name, "billing");
  EXPECT_EQ(config.recipients[0].kid, "2026-11");
  ASSERT_EQ(config.profiles.size(), 1U);
  EXPECT_EQ(config.profiles[0].encrypt_claims, std::vector<std::string>{"ward"});
  EXPECT_FALSE(config::parse(configuration(encrypts + profile_.substr(profile_.find('\n') + 1)), "signer.toml"))
      << "without the recipient";
}

// With the profile of either page.
TEST_F(PolicyDocument, TheCasesComeOutAsThePageSays) {
  const std::string cases = block_of(policy_, "[[case]]");
  const std::string manuals = block_of(manual_, "[[profile]]");
  for (const std::string& profile : {manuals, profile_}) {
    const ctl::Outcome tested = test_cases(cases, profile);
    EXPECT_EQ(tested.exit, ctl::Exit::kYes) << tested.out << tested.err;
    EXPECT_EQ(tested.out, "OK, 2 cases\n");
  }

  std::string wrong = cases;
  wrong.replace(wrong.find("phi.ssn"), 7, "phi.mbi");
  const ctl::Outcome other = test_cases(wrong, manuals);
  EXPECT_EQ(other.exit, ctl::Exit::kNo);
  EXPECT_NE(other.out.find("rule: expected phi.mbi, got phi.ssn"), std::string::npos) << other.out;
}

TEST_F(PolicyDocument, TheExplanationOfThePageIsWhatSignerctlPrints) {
  const auto block = [this](std::string_view beginning) {
    const auto at = std::ranges::find_if(policy_.blocks,
                                         [beginning](const CodeBlock& one) { return one.text.starts_with(beginning); });
    return at == policy_.blocks.end() ? std::string() : at->text;
  };
  const std::string command = block("echo '{");
  const std::size_t claims = command.find('\'') + 1;
  ASSERT_NE(command, "");
  write_text(directory_ / "signer.toml", configuration(block_of(manual_, "[[profile]]")));
  write_text(directory_ / "claims.json", command.substr(claims, command.find('\'', claims) - claims));
  const ctl::Outcome explained = ctl::run({"signerctl", "policy", "explain", "--config", directory_ / "signer.toml",
                                           "--user", "idp", "--key", "issuer", "--claims", directory_ / "claims.json"});
  EXPECT_EQ(explained.exit, ctl::Exit::kYes) << explained.out << explained.err;
  std::istringstream page(block("verdict "));
  std::size_t lines = 0;
  for (std::string line; std::getline(page, line); ++lines) {
    if (line == "…") continue;
    EXPECT_NE(explained.out.find(line + "\n"), std::string::npos) << line << "\n" << explained.out;
  }
  EXPECT_GE(lines, 6U);
}

TEST_F(PolicyDocument, TheRefusalOfThePageIsWhatIsSaidOfSuchClaims) {
  const auto example =
      std::ranges::find_if(policy_.blocks, [](const CodeBlock& block) { return block.language == "json"; });
  ASSERT_NE(example, policy_.blocks.end());
  const jose::Json page = jose::Json::parse(example->text);
  write_text(directory_ / "signer.toml",
             configuration(block_of(manual_, "[[profile]]") + "[[profile.claim]]\nname = \"note\"\ntype = \"text\"\n"));
  write_text(directory_ / "claims.json", R"({"sub":"client-1","client_id":"portal","note":"123-45-6789"})");
  const ctl::Outcome explained =
      ctl::run({"signerctl", "policy", "explain", "--json", "--config", directory_ / "signer.toml", "--user", "idp",
                "--key", "issuer", "--claims", directory_ / "claims.json"});
  EXPECT_EQ(explained.exit, ctl::Exit::kNo) << explained.err;
  const jose::Json verdict = jose::Json::parse(explained.out);
  EXPECT_EQ(page["code"], verdict["verdict"]);
  for (const char* member : {"rule", "pointer", "detail"}) EXPECT_EQ(page[member], verdict[member]) << member;
}

}  // namespace
}  // namespace signer::test
