// SPDX-License-Identifier: Apache-2.0
//
// Profiles as they are written.  Without these a profile could allow more than its author reads in it.
#include <gtest/gtest.h>

#include "jose/json.h"
#include "tests/unit/config/problems.h"

namespace signer::config {
namespace {

using claims::Rule;
using claims::Type;
using test::kConfigText;
using test::with;

// `members` go into the profile of the example, which begins at line 16.
std::string text_with(std::string_view members) {
  return with(kConfigText, "max_ttl = \"15m\"\n", "max_ttl = \"5m\"\n" + std::string(members));
}

Profile profile_with(std::string_view members) {
  const auto config = parse(text_with(members), "signer.toml");
  EXPECT_TRUE(config) << config.error().text;
  return config ? config->profiles.at(0) : Profile{};
}

void expect_refused(std::string_view members, std::string_view says) {
  const std::string text = test::problems_of(text_with(members));
  EXPECT_NE(text.find(says), std::string::npos) << members << " gave: " << text;
  EXPECT_EQ(test::lines_in(text), 1) << members << " gave: " << text;
}

const Rule* rule_of(const Profile& profile, std::string_view name) {
  for (const Rule& rule : profile.rules) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

std::string claim(std::string_view members) {
  return "[[profile.claim]]\n" + std::string(members) + "\n";
}

TEST(ProfileTable, WithoutAKindAllowsASubjectAndAJtiAlone) {
  const Profile profile = profile_with("");
  ASSERT_EQ(profile.rules.size(), 2U);
  EXPECT_EQ(profile.rules[0].name, "jti");
  EXPECT_EQ(profile.rules[1].name, "sub");
  EXPECT_EQ(profile.phi, claims::PhiMode::kEnforce);
  EXPECT_EQ(profile.bytes_max, 4096U);
  EXPECT_EQ(profile.version, 1);
}

TEST(ProfileTable, AKindBringsItsClaimsAndItsType) {
  const Profile profile = profile_with("kind = \"rfc9068-access-token\"\nversion = 7\n");
  EXPECT_EQ(profile.typ, "at+jwt");
  EXPECT_EQ(profile.version, 7);
  EXPECT_EQ(profile.subject, claims::Subject::kNotIssuer);
  ASSERT_NE(rule_of(profile, "client_id"), nullptr);
  EXPECT_TRUE(rule_of(profile, "client_id")->required);
  for (const claims::Kind& kind : claims::shipped_kinds()) {
    const std::string chain = kind.certificate_chain ? "certificate_chain = \"/c.pem\"\n" : "";
    EXPECT_EQ(profile_with("kind = \"" + std::string(kind.name) + "\"\n" + chain).rules.size(), kind.rules.size());
  }
}

TEST(ProfileTable, AKindIsNotWidened) {
  expect_refused("kind = \"access-token\"\n", "known: rfc9068-access-token, oidc-id-token");
  expect_refused("kind = \"oidc-id-token\"\ntyp = \"at+jwt\"\n", "profile.typ: is \"JWT\" for this kind");
  expect_refused("typ = \"signer-evidence\"\n", "profile.typ: is that of evidence");
  expect_refused("kind = \"oidc-id-token\"\n" + claim("name = \"extensions\"\ntype = \"text\""),
                 "marks tokens of a kind");
  expect_refused(claim("name = \"kubernetes.io\"\ntype = \"text\""), "marks tokens of a kind");
  const auto access = [](std::string_view members) { return "kind = \"rfc9068-access-token\"\n" + claim(members); };
  for (const char* wider :
       {"name = \"client_id\"\ntype = \"boolean\"", "name = \"client_id\"\ntype = \"text\"",
        "name = \"client_id\"\ntype = \"enum\"\nvalues = [\"two words\"]", "name = \"scope\"\ntype = \"text\"",
        "name = \"roles\"\ntype = \"array\"\nitems = { type = \"text\" }", "name = \"auth_time\"\ntype = \"number\"",
        "name = \"cnf\"\ntype = \"object\"\nmembers = [{ name = \"jwk\", type = \"text\" }]"})
    expect_refused(access(wider), "would be wider than the kind has it");
  expect_refused("kind = \"udap-client-assertion\"\ncertificate_chain = \"/c\"\n" +
                     claim("name = \"extensions\"\ntype = \"text\""),
                 "marks tokens of a kind");
  EXPECT_NE(
      test::problems_of(with(kConfigText, "max_ttl = \"15m\"", "max_ttl = \"6m\"\nkind = \"smart-client-assertion\""))
          .find("more than the 300s that this kind allows"),
      std::string::npos);
}

TEST(ProfileTable, AClaimTakesThePlaceOfTheKindsAndStaysRequired) {
  const Profile profile = profile_with("kind = \"rfc9068-access-token\"\n" +
                                       claim("name = \"client_id\"\ntype = \"enum\"\nvalues = [\"portal\"]") +
                                       claim("name = \"ward\"\ntype = \"const\"\nvalue = \"north\""));
  EXPECT_EQ(rule_of(profile, "client_id")->type, Type::kEnum);
  EXPECT_TRUE(rule_of(profile, "client_id")->required);
  EXPECT_EQ(rule_of(profile, "ward")->values, std::vector<std::string>{"north"});
  EXPECT_TRUE(std::ranges::is_sorted(profile.rules, {}, &Rule::name));
}

TEST(ProfileTable, AClaimOfAKindCanBeNarrowed) {
  const auto access = [](std::string_view members) {
    return profile_with("kind = \"rfc9068-access-token\"\n" + claim(members));
  };
  const Profile roles = access(
      "name = \"roles\"\ntype = \"array\"\nmax_items = 200\nitems = { type = \"enum\", values = "
      "[\"nurse\"] }");
  EXPECT_EQ(rule_of(roles, "roles")->items_max, 32U) << "the kind's";
  EXPECT_EQ(rule_of(roles, "roles")->parts.at(0).type, Type::kEnum);
  const Profile sub = access("name = \"sub\"\ntype = \"pattern\"\npattern = \".*\"\nmax_length = 4000");
  EXPECT_EQ(rule_of(sub, "sub")->length_max, 128U);
  EXPECT_TRUE(claims::fits_grammar(*rule_of(sub, "sub"), "a.b"));
  EXPECT_FALSE(claims::fits_grammar(*rule_of(sub, "sub"), "two words")) << "the kind's grammar is asked too";
  EXPECT_EQ(rule_of(access("name = \"sub\"\ntype = \"uuid\""), "sub")->type, Type::kUuid);
}

TEST(ProfileTable, WhatSignerdReadsItselfIsAText) {
  expect_refused(claim("name = \"jti\"\ntype = \"number\""), "'jti' must be an \"opaque_id\", \"uuid\" or \"pattern\"");
  expect_refused(claim("name = \"jti\"\ntype = \"text\""), "'jti' must be");
  const std::string long_jti = claim("name = \"jti\"\ntype = \"opaque_id\"\nmax_length = 4000");
  EXPECT_EQ(rule_of(profile_with(long_jti), "jti")->length_max, 128U);
  expect_refused(claim("name = \"sub\"\ntype = \"number\""), "'sub' must be of a type of text");
  expect_refused(claim("name = \"sub\"\ntype = \"array\"\nitems = { type = \"text\" }"), "'sub' must be");
  EXPECT_EQ(rule_of(profile_with(claim("name = \"jti\"\ntype = \"uuid\"\n")), "jti")->type, Type::kUuid);
}

// What signerd sets when nothing is sent would else be a jti that the profile refuses.
TEST(ProfileTable, AJtiThatSignerdCannotMakeMustBeSent) {
  const std::string problem = "'jti' must be required: signerd's own, 22 characters of base64url, might not be so";
  for (const std::string more : {"type = \"pattern\"\npattern = \"[0-9]+\"", "type = \"opaque_id\"\nmax_length = 21"}) {
    expect_refused(claim("name = \"jti\"\n" + more), problem);
    EXPECT_TRUE(rule_of(profile_with(claim("name = \"jti\"\nrequired = true\n" + more)), "jti")->required);
    EXPECT_TRUE(rule_of(profile_with("required = [\"jti\"]\n" + claim("name = \"jti\"\n" + more)), "jti")->required);
    expect_refused("kind = \"internal-service\"\n" + claim("name = \"jti\"\n" + more), problem);
  }
  EXPECT_EQ(rule_of(profile_with(claim("name = \"jti\"\ntype = \"opaque_id\"\nmax_length = 22")), "jti")->length_max,
            22U);
}

TEST(ProfileTable, AJtiAndASubjectThatBecomesAPseudonymAreNeverExempt) {
  const std::string exempt = "[[profile.exempt]]\nclaim = \"jti\"\nrule = \"phi.ssn\"\nreason = \"r\"\n";
  expect_refused(exempt, "'jti' is in the audit log and cannot be exempt");
  expect_refused(
      "pairwise = { sector = \"s\", secret_file = \"/s\" }\n[[profile.exempt]]\nclaim = \"sub\"\nrule = "
      "\"phi.ssn\"\nreason = \"r\"\n",
      "'sub' is what a pseudonym is made from and cannot be exempt");
}

TEST(ProfileTable, OptionalClaimsOfAKindCanBeTakenOut) {
  EXPECT_EQ(rule_of(profile_with("kind = \"rfc9068-access-token\"\nwithout = [\"patient\"]\n"), "patient"), nullptr);
  expect_refused("kind = \"rfc9068-access-token\"\nwithout = [\"sub\"]\n", "'sub' is required");
  expect_refused("without = [\"x\"]\n", "'x' is not allowed anyway");
}

TEST(ProfileTable, EveryTypeIsReadWithItsMembers) {
  const Profile profile = profile_with(
      claim("name = \"a\"\ntype = \"pattern\"\npattern = \"[a-z]+\"\nmax_length = 9\nrequired = true") +
      claim("name = \"b\"\ntype = \"number\"\nmin = -5\nmax = 5") +
      claim("name = \"c\"\ntype = \"array\"\nmax_items = 3\nitems = { type = \"uuid\" }") +
      claim(
          "name = \"d\"\ntype = \"object\"\nmembers = [{ name = \"z\", type = \"time\" }, { name = \"y\", type = "
          "\"array\", items = { type = \"object\", members = [{ name = \"x\", type = \"boolean\", required = true }] } "
          "}]"));
  EXPECT_EQ(rule_of(profile, "a")->pattern->expression(), "[a-z]+");
  EXPECT_EQ(rule_of(profile, "a")->length_max, 9U);
  EXPECT_TRUE(rule_of(profile, "a")->required);
  EXPECT_EQ(rule_of(profile, "b")->minimum, -5);
  EXPECT_EQ(rule_of(profile, "b")->maximum, 5);
  EXPECT_EQ(rule_of(profile, "c")->items_max, 3U);
  EXPECT_EQ(rule_of(profile, "c")->parts.at(0).type, Type::kUuid);
  const Rule& object = *rule_of(profile, "d");
  ASSERT_EQ(object.parts.size(), 2U);
  EXPECT_EQ(object.parts[0].name, "y") << "sorted";
  EXPECT_TRUE(object.parts[0].parts.at(0).parts.at(0).required);
}

TEST(ProfileTable, AClaimThatIsWrittenWrongIsNamedWithWhatToDo) {
  expect_refused(claim("name = \"a\"\ntype = \"string\""), "profile.claim.type: is not known; known: const, enum");
  expect_refused(claim("name = \"a\""), "profile.claim.type: is missing");
  expect_refused(claim("type = \"text\""), "profile.claim.name: is missing");
  expect_refused(claim("name = \"a b\"\ntype = \"text\""), "printable ASCII characters without blanks");
  expect_refused(claim("name = \"a\"\ntype = \"pattern\"\npattern = \"(\""), "is no pattern of RE2: missing )");
  expect_refused(claim("name = \"a\"\ntype = \"text\"\npattern = \"x\""), "has no meaning for the type \"text\"");
  expect_refused(claim("name = \"a\"\ntype = \"enum\""), "profile.claim.values: is missing");
  expect_refused(claim("name = \"a\"\ntype = \"const\""), "profile.claim.value: is missing");
  expect_refused(claim("name = \"a\"\ntype = \"array\""), "profile.claim.items: is missing");
  expect_refused(claim("name = \"a\"\ntype = \"object\""), "profile.claim.members: is missing");
  expect_refused(claim("name = \"a\"\ntype = \"number\"\nmin = 2\nmax = 1"), "is below min");
  expect_refused(claim("name = \"a\"\ntype = \"text\"\nmax_length = 4097"), "from 1 to 4096");
  expect_refused(claim("name = \"a\"\ntype = \"text\"\nrequired = \"yes\""), "must be true or false");
  expect_refused(claim("name = \"a\"\ntype = \"text\"") + claim("name = \"a\"\ntype = \"uuid\""), "names 'a' twice");
  expect_refused(claim("name = \"exp\"\ntype = \"time\""), "'exp' is set and bounded by the profile itself");
  expect_refused(claim("name = \"encrypted_claims\"\ntype = \"text\""), "is signerd's alone");
  expect_refused(claim("name = \"a\"\ntype = \"array\"\nitems = { type = \"text\", name = \"x\" }"),
                 "profile.claim.items.name: is not known");
}

TEST(ProfileTable, ClaimsNestSixLevelsAndNotSeven) {
  const auto nested = [](int arrays) {
    std::string items = "{ type = \"uuid\" }";
    for (int i = 1; i < arrays; ++i) items = "{ type = \"array\", items = " + items + " }";
    return claim("name = \"a\"\ntype = \"array\"\nitems = " + items);
  };
  EXPECT_TRUE(parse(text_with(nested(5)), "signer.toml"));
  EXPECT_NE(test::problems_of(text_with(nested(6))).find("nests deeper than 6 levels"), std::string::npos);
}

TEST(ProfileTable, RequiresWhatItAllowsAndSetsNbfAlone) {
  const Profile profile = profile_with("required = [\"sub\", \"exp\"]\nset = [\"nbf\"]\n");
  EXPECT_TRUE(rule_of(profile, "sub")->required);
  EXPECT_EQ(profile.required, std::vector<std::string>{"exp"});
  EXPECT_TRUE(profile.set_nbf);
  expect_refused("required = [\"x\"]\n", "'x' is not on the allow-list");
  expect_refused("required = [\"iss\"]\n", "'iss' is set by signerd");
  expect_refused("set = [\"sub\"]\n", "'sub' cannot be chosen here");
  expect_refused("set = [\"nbf\"]\nrequired = [\"nbf\"]\n", "keep one");
}

TEST(ProfileTable, ANameOfPhiNeedsAnExemptionWithItsReason) {
  const std::string email = claim("name = \"email\"\ntype = \"text\"");
  expect_refused(email, "'email' is a name of protected health information; leave the claim out, or add");
  const std::string exempt =
      "[[profile.exempt]]\nclaim = \"email\"\nrule = \"phi.name\"\nreason = \"of the help desk\"\n";
  const Profile profile = profile_with(email + exempt);
  ASSERT_EQ(profile.exemptions.size(), 1U);
  EXPECT_EQ(profile.exemptions[0].reason, "of the help desk");
  EXPECT_TRUE(rule_of(profile, "email")->exempt.contains(phi::Detector::kName));
  EXPECT_FALSE(rule_of(profile, "email")->exempt.contains(phi::Detector::kEmail));
  expect_refused(email + "[[profile.exempt]]\nclaim = \"email\"\nrule = \"phi.name\"\n", "exempt.reason: is missing");
}

// The reason stands in records: it has a bound, ends no line, and there is one.
TEST(ProfileTable, TheReasonOfAnExemptionIsFitForARecord) {
  const auto exempt = [](const std::string& reason) {
    return "[[profile.exempt]]\nclaim = \"sub\"\nrule = \"phi.email\"\nreason = \"" + reason + "\"\n";
  };
  const Profile profile = profile_with(exempt(std::string(198, 'r') + "\\u00e4"));
  ASSERT_EQ(rule_of(profile, "sub")->reasons.size(), 1U);
  EXPECT_EQ(rule_of(profile, "sub")->reasons[0].detector, phi::Detector::kEmail);
  EXPECT_EQ(rule_of(profile, "sub")->reasons[0].text, std::string(198, 'r') + "\u00e4");
  for (const std::string& bad :
       {std::string(201, 'r'), std::string("two\\nlines"), std::string("\\u001b[2J"), std::string("\\u007f")})
    expect_refused(exempt(bad), "exempt.reason: must be at most 200 bytes without control characters");
  expect_refused(exempt("\\u0000"), "exempt.reason: must not hold a zero byte");
  expect_refused(exempt("one") + exempt("another"), "exempt.rule: is taken off this claim twice");
}

TEST(ProfileTable, AnExemptionFindsItsClaimAtAnyDepth) {
  const std::string object = claim(
      "name = \"a/b\"\ntype = \"array\"\nitems = { type = \"object\", members = [{ name = \"x~y\", type = \"text\" }] "
      "}");
  const auto exempt = [&object](std::string_view path) {
    return object + "[[profile.exempt]]\nclaim = \"" + std::string(path) + "\"\nrule = \"phi.email\"\nreason = \"r\"\n";
  };
  const Profile profile = profile_with(exempt("a~1b/x~0y"));
  EXPECT_TRUE(rule_of(profile, "a/b")->parts[0].parts[0].exempt.contains(phi::Detector::kEmail));
  expect_refused(exempt("a~1b/z"), "exempt.claim: is not a claim of this profile");
  expect_refused(exempt("x"), "exempt.claim: is not a claim of this profile");
  expect_refused("[[profile.exempt]]\nclaim = \"sub\"\nrule = \"phi.mail\"\nreason = \"r\"\n",
                 "known: phi.name, phi.ssn");
}

TEST(ProfileTable, APhiModeIsOneOfTwo) {
  EXPECT_EQ(profile_with("phi = \"report\"\n").phi, claims::PhiMode::kReport);
  expect_refused("phi = \"off\"\n", R"(must be "enforce" or "report")");
}

TEST(ProfileTable, EncryptionNeedsARecipientAndClaimsThatMayBeHidden) {
  const std::string recipient = "[[recipient]]\nname = \"billing\"\njwks_file = \"/etc/b.json\"\n";
  const auto config = parse(text_with("encrypt_to = \"billing\"\nencrypt_claims = [\"sub\"]\n") + recipient, "f");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->profiles[0].encrypt_to, "billing");
  EXPECT_EQ(config->recipients.at(0).jwks_file, "/etc/b.json");
  expect_refused("encrypt_to = \"x\"\n", "names 'x', which does not exist; none is configured");
  expect_refused("encrypt_claims = [\"sub\"]\n", "needs encrypt_to");
  const auto refused = [&recipient](std::string_view members) {
    return test::problems_of(text_with("encrypt_to = \"billing\"\n" + std::string(members)) + recipient);
  };
  EXPECT_NE(refused("encrypt_claims = [\"exp\"]\n").find("'exp' is not a claim that can be encrypted"),
            std::string::npos);
  EXPECT_NE(refused("encrypt_claims = [\"client_id\"]\n" + claim("name = \"client_id\"\ntype = \"number\""))
                .find("'client_id' must be of a type of text to be encrypted"),
            std::string::npos)
      << "no verifier would take it out again";
  EXPECT_NE(refused("kind = \"rfc9068-access-token\"\nencrypt_claims = [\"sub\"]\n").find("must be readable in tokens"),
            std::string::npos);
}

TEST(ProfileTable, AUdapAssertionNeedsItsCertificates) {
  expect_refused("kind = \"udap-client-assertion\"\n",
                 "profile.certificate_chain: is missing; tokens of this kind carry");
  expect_refused("certificate_chain = \"c.pem\"\n", "must be an absolute path");
  EXPECT_EQ(profile_with("certificate_chain = \"/c.pem\"\n").certificate_chain, "/c.pem");
}

TEST(ProfileTable, APairwiseSubjectHasASectorAndASecret) {
  const Profile profile = profile_with("pairwise = { sector = \"s\", secret_file = \"/etc/s\" }\n");
  EXPECT_EQ(profile.pairwise->sector, "s");
  expect_refused("pairwise = { sector = \"s\" }\n", "pairwise.secret_key: is missing; name an [[hmac_key]], or a file");
  expect_refused("pairwise = { sector = \"s\", secret_file = \"s\" }\n", "must be an absolute path");
  expect_refused("kind = \"smart-client-assertion\"\npairwise = { sector = \"s\", secret_file = \"/s\" }\n",
                 "does not fit this kind");
}

// Whatever decides about a token is in the text, so that no change of it leaves the hash alone.
TEST(ProfileText, ChangesWithEverythingThatDecides) {
  const std::string recipient = "[[recipient]]\nname = \"r\"\njwks_file = \"/r\"\n";
  const std::string members[] = {
      "",
      "version = 2\n",
      "kind = \"oidc-id-token\"\n",
      "kind = \"oidc-id-token\"\nwithout = [\"sid\"]\n",
      "typ = \"x\"\n",
      "required = [\"sub\"]\n",
      "required = [\"exp\"]\n",
      "set = [\"nbf\"]\n",
      "max_bytes = 300\n",
      "phi = \"report\"\n",
      "pairwise = { sector = \"s\", secret_file = \"/s\" }\n",
      "encrypt_to = \"r\"\n",
      "certificate_chain = \"/c.pem\"\n",
      "encrypt_to = \"r\"\nencrypt_claims = [\"sub\"]\n",
      claim("name = \"a\"\ntype = \"text\""),
      claim("name = \"a\"\ntype = \"text\"\nmax_length = 3"),
      claim("name = \"a\"\ntype = \"number\""),
      claim("name = \"a\"\ntype = \"number\"\nmax = 3"),
      claim("name = \"a\"\ntype = \"pattern\"\npattern = \"x\""),
      claim("name = \"a\"\ntype = \"pattern\"\npattern = \"y\""),
      claim("name = \"a\"\ntype = \"array\"\nitems = { type = \"uuid\" }"),
      claim("name = \"a\"\ntype = \"array\"\nitems = { type = \"uuid\" }\nmax_items = 2"),
      claim("name = \"a\"\ntype = \"enum\"\nvalues = [\"x\"]"),
      "[[profile.exempt]]\nclaim = \"sub\"\nrule = \"phi.email\"\nreason = \"r\"\n",
      "[[profile.exempt]]\nclaim = \"sub\"\nrule = \"phi.ssn\"\nreason = \"r\"\n",
  };
  std::set<std::string> texts;
  std::set<std::string> hashes;
  for (const std::string& one : members) {
    const auto config = parse(text_with(one) + recipient, "f");
    ASSERT_TRUE(config) << config.error().text;
    const std::string text = profile_text(config->profiles[0]);
    EXPECT_TRUE(texts.insert(text).second) << one;
    EXPECT_TRUE(hashes.insert(profile_sha256(config->profiles[0])).second) << one;
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(jose::dump_json(jose::parse_json(text).value()), text) << "members in the order of the alphabet";
  }
  EXPECT_EQ(profile_sha256(profile_with("")), profile_sha256(profile_with(""))) << "and with nothing else";
}

}  // namespace
}  // namespace signer::config
