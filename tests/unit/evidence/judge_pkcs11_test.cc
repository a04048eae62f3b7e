// SPDX-License-Identifier: Apache-2.0
//
// What a token says of a key.  If a key that can leave were graded as one that cannot, an auditor would sign for it.
#include <gtest/gtest.h>

#include <algorithm>

#include "evidence/judge_pkcs11.h"
#include "tests/unit/evidence/model_pkcs11.h"

namespace signer::evidence {
namespace {

using namespace signer::test;

Judgement judged(const std::function<void(Json&)>& spoil) {
  Json part = good_pkcs11(made_up_key());
  spoil(part);
  return judge_pkcs11(part, made_up_key());
}

struct Spoilt {
  const char* what;
  std::function<void(Json&)> spoil;
  std::string check;  // the one that must say so
};

void expect_findings(const std::vector<Spoilt>& rows, Finding finding, Grade grade) {
  for (const Spoilt& row : rows) {
    SCOPED_TRACE(row.what);
    const Judgement judgement = judged(row.spoil);
    EXPECT_EQ(judgement.grade, grade) << bad_checks(judgement) << judgement.reason;
    EXPECT_EQ(finding_of(judgement, row.check), finding) << row.check;
    EXPECT_EQ(judgement.has_bad(), grade == Grade::kFailed) << bad_checks(judgement);
    if (grade == Grade::kFailed) {
      EXPECT_NE(judgement.reason.find(": "), std::string::npos) << judgement.reason;
    }
  }
}

TEST(JudgePkcs11, Invariant04_AGoodKeyWhoseTriesWereAllRefusedIsProbedAndNoMore) {
  const Judgement judgement = judge_pkcs11(good_pkcs11(made_up_key()), made_up_key());
  EXPECT_EQ(judgement.grade, Grade::kProbed) << judgement.reason << bad_checks(judgement);
  for (const Check& check : judgement.checks) {
    EXPECT_TRUE(check.finding == Finding::kGood || check.finding == Finding::kInformation ||
                check.name == "attribute.CKA_TRUSTED" || check.name.ends_with(".CKF_HW"))
        << check.name << ": " << check.found << ", " << check.meaning;
    EXPECT_FALSE(check.found.empty()) << check.name;
    EXPECT_FALSE(check.meaning.empty()) << check.name;
  }
}

TEST(JudgePkcs11, Invariant04_EachKindOfBadKeyFailsForItsReason) {
  const auto with = [](std::string name, bool value) {
    return [name = std::move(name), value](Json& part) { set_flag(part["private_key"], name, value); };
  };
  expect_findings(
      {{"extractable", with("CKA_EXTRACTABLE", true), "attribute.CKA_EXTRACTABLE"},
       {"not sensitive", with("CKA_SENSITIVE", false), "attribute.CKA_SENSITIVE"},
       {"hardened later", with("CKA_ALWAYS_SENSITIVE", false), "attribute.CKA_ALWAYS_SENSITIVE"},
       {"laundered", with("CKA_NEVER_EXTRACTABLE", false), "attribute.CKA_NEVER_EXTRACTABLE"},
       {"imported", with("CKA_LOCAL", false), "attribute.CKA_LOCAL"},
       {"usable without a login", with("CKA_PRIVATE", false), "attribute.CKA_PRIVATE"},
       {"a session object", with("CKA_TOKEN", false), "attribute.CKA_TOKEN"},
       {"no signing key", with("CKA_SIGN", false), "attribute.CKA_SIGN"},
       {"decrypts", with("CKA_DECRYPT", true), "attribute.CKA_DECRYPT"},
       {"unwraps", with("CKA_UNWRAP", true), "attribute.CKA_UNWRAP"},
       {"recovers", with("CKA_SIGN_RECOVER", true), "attribute.CKA_SIGN_RECOVER"},
       {"derives", with("CKA_DERIVE", true), "attribute.CKA_DERIVE"},
       {"wrapped by trusted keys alone, and extractable",
        [](Json& part) {
          set_flag(part["private_key"], "CKA_WRAP_WITH_TRUSTED", true);
          set_flag(part["private_key"], "CKA_EXTRACTABLE", true);
        },
        "attribute.CKA_EXTRACTABLE"},
       {"of unknown making",
        [](Json& part) { attribute(part["private_key"], "CKA_KEY_GEN_MECHANISM")["value"] = "ffffffffffffffff"; },
        "attribute.CKA_KEY_GEN_MECHANISM"},
       {"made by something else",
        [](Json& part) { attribute(part["private_key"], "CKA_KEY_GEN_MECHANISM")["value"] = "5010000000000000"; },
        "attribute.CKA_KEY_GEN_MECHANISM"},
       {"a flag of two bytes", [](Json& part) { attribute(part["private_key"], "CKA_SENSITIVE")["value"] = "0101"; },
        "attribute.CKA_SENSITIVE"},
       {"a flag that is neither true nor false",
        [](Json& part) { attribute(part["private_key"], "CKA_EXTRACTABLE")["value"] = "02"; },
        "attribute.CKA_EXTRACTABLE"},
       {"a public key as the private one",
        [](Json& part) { attribute(part["private_key"], "CKA_CLASS")["value"] = "0200000000000000"; },
        "attribute.CKA_CLASS"},
       {"of another type",
        [](Json& part) { attribute(part["private_key"], "CKA_KEY_TYPE")["value"] = "0300000000000000"; },
        "attribute.CKA_KEY_TYPE"}},
      Finding::kBad, Grade::kFailed);
}

TEST(JudgePkcs11, Invariant04_WhatGuardsTheKeyAndIsNotReportedFails) {
  for (const char* name : {"CKA_SENSITIVE", "CKA_ALWAYS_SENSITIVE", "CKA_EXTRACTABLE", "CKA_NEVER_EXTRACTABLE",
                           "CKA_LOCAL", "CKA_PRIVATE", "CKA_TOKEN", "CKA_SIGN"}) {
    expect_findings(
        {{name, [name](Json& part) { make_absent(part["private_key"], name); }, "attribute." + std::string(name)},
         {name, [name](Json& part) { remove_attribute(part["private_key"], name); }, "attribute." + std::string(name)}},
        Finding::kBad, Grade::kFailed);
  }
}

TEST(JudgePkcs11, WhatHsmsOftenDoNotReportIsSaidAndIsNoPass) {
  for (const char* name :
       {"CKA_DECRYPT", "CKA_UNWRAP", "CKA_SIGN_RECOVER", "CKA_DERIVE", "CKA_MODIFIABLE", "CKA_COPYABLE",
        "CKA_KEY_GEN_MECHANISM", "CKA_ALLOWED_MECHANISMS", "CKA_DESTROYABLE", "CKA_PUBLIC_EXPONENT", "CKA_MODULUS"}) {
    Json part = good_pkcs11(made_up_key());
    make_absent(part["private_key"], name);
    make_absent(part["throwaway"]["attributes"], name);
    const Judgement judgement = judge_pkcs11(part, made_up_key());
    EXPECT_EQ(finding_of(judgement, "attribute." + std::string(name)), Finding::kNotReported) << name;
    EXPECT_EQ(judgement.grade, Grade::kProbed) << name << judgement.reason;
  }
  expect_findings({{"no public key", [](Json& part) { part.erase("public_key"); }, "public"},
                   {"no hash", [](Json& part) { part["library"]["sha256"] = ""; }, "library.sha256"},
                   {"no variables", [](Json& part) { part.erase("environment"); }, "environment"},
                   {"no validations", [](Json& part) { part.erase("validation"); }, "validation"}},
                  Finding::kNotReported, Grade::kProbed);
}

TEST(JudgePkcs11, AnotherKeyThanThePublishedOneFails) {
  const auto other_modulus = [](Json& list) {
    std::string hex = attribute(list, "CKA_MODULUS")["value"];
    hex.back() = hex.back() == '1' ? '2' : '1';
    attribute(list, "CKA_MODULUS")["value"] = hex;
  };
  expect_findings(
      {{"the private key's", [&](Json& part) { other_modulus(part["private_key"]); }, "attribute.CKA_MODULUS"},
       {"the public key's", [&](Json& part) { other_modulus(part["public_key"]); }, "public.CKA_MODULUS"},
       {"the exponent", [](Json& part) { attribute(part["private_key"], "CKA_PUBLIC_EXPONENT")["value"] = "010003"; },
        "attribute.CKA_PUBLIC_EXPONENT"},
       {"nobody's",
        [](Json& part) {
          make_absent(part["private_key"], "CKA_MODULUS");
          make_absent(part["public_key"], "CKA_MODULUS");
        },
        "key.numbers"},
       {"no pair", [](Json& part) { attribute(part["public_key"], "CKA_ID")["value"] = "a901f8b3"; }, "public.CKA_ID"},
       {"none under the id", [](Json& part) { part["same_id"] = 0; }, "key.same_id"},
       {"two under the id", [](Json& part) { part["same_id"] = 2; }, "key.same_id"}},
      Finding::kBad, Grade::kFailed);
  Json part = good_pkcs11(made_up_key());
  attribute(part["private_key"], "CKA_MODULUS")["value"] =
      "00" + attribute(part["private_key"], "CKA_MODULUS")["value"].get<std::string>();
  EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kProbed) << "a leading zero is no other number";
}

TEST(JudgePkcs11, AKeyThatIsTooShortOrOfAnotherExponentFails) {
  jose::PublicKey shorter = made_up_key();
  shorter.modulus.resize(255);
  EXPECT_EQ(bad_checks(judge_pkcs11(good_pkcs11(shorter), shorter)), "key.bits");
  jose::PublicKey one_bit = made_up_key();
  one_bit.modulus.front() = 0x7f;
  EXPECT_EQ(bad_checks(judge_pkcs11(good_pkcs11(one_bit), one_bit)), "key.bits") << "2047 bits";
  jose::PublicKey exponent = made_up_key();
  exponent.exponent = {1, 0, 3};
  EXPECT_EQ(bad_checks(judge_pkcs11(good_pkcs11(exponent), exponent)), "key.exponent");
}

TEST(JudgePkcs11, Invariant04_ASecondCopyOfThePrivateKeyFails) {
  expect_findings(
      {{"a private key", [](Json& part) { part["objects"].push_back(other_object(3, true)); }, "objects.second_copy"},
       {"an object of unknown class",
        [](Json& part) {
          Json object = other_object(3, true);
          make_absent(object["attributes"], "CKA_CLASS");
          part["objects"].push_back(object);
        },
        "objects.second_copy"}},
      Finding::kBad, Grade::kFailed);
  expect_findings({{"a public key alone", [](Json& part) { part["objects"].push_back(other_object(2, true)); },
                    "objects.second_public_key"}},
                  Finding::kWarning, Grade::kProbed);
}

TEST(JudgePkcs11, DangerousNeighboursAreListed) {
  const auto neighbour = [](std::uint64_t object_class, std::vector<std::pair<const char*, bool>> flags) {
    return [object_class, flags = std::move(flags)](Json& part) {
      Json object = other_object(object_class, false);
      for (const auto& [name, value] : flags) set_flag(object["attributes"], name, value);
      part["objects"].push_back(object);
    };
  };
  expect_findings(
      {{"wraps and decrypts", neighbour(4, {{"CKA_WRAP", true}, {"CKA_DECRYPT", true}}), "objects.wrap_and_decrypt"},
       {"wraps and unwraps", neighbour(4, {{"CKA_WRAP", true}, {"CKA_UNWRAP", true}}), "objects.wrap_and_decrypt"},
       {"wraps", neighbour(2, {{"CKA_WRAP", true}}), "objects.wrap"},
       {"unwraps", neighbour(3, {{"CKA_UNWRAP", true}}), "objects.unwrap"},
       {"extractable", neighbour(4, {{"CKA_EXTRACTABLE", true}}), "objects.extractable"},
       {"not sensitive", neighbour(4, {{"CKA_SENSITIVE", false}}), "objects.extractable"}},
      Finding::kWarning, Grade::kProbed);
  const Judgement judgement = judged(neighbour(4, {{"CKA_WRAP", true}, {"CKA_DECRYPT", true}}));
  const auto at = std::ranges::find(judgement.checks, "objects.wrap_and_decrypt", &Check::name);
  ASSERT_NE(at, judgement.checks.end());
  EXPECT_EQ(at->found, "1: other");
}

TEST(JudgePkcs11, KeysThatWereLeftOutMayBeCopies) {
  expect_findings({{"behind a secret key",
                    [](Json& part) {
                      part["objects"].push_back(other_object(4, false));
                      part["objects_more"] = 1;
                    },
                    "objects.complete"}},
                  Finding::kNotReported, Grade::kClaimed);
  expect_findings({{"public ones",
                    [](Json& part) {
                      part["objects"].push_back(other_object(2, false));
                      part["objects_more"] = 1;
                    },
                    "objects.complete"}},
                  Finding::kGood, Grade::kProbed);
}

TEST(JudgePkcs11, WeaknessesThatDoNotLetTheKeyOutAreWarnings) {
  const auto allowed = [](std::string hex) {
    return
        [hex = std::move(hex)](Json& part) { attribute(part["private_key"], "CKA_ALLOWED_MECHANISMS")["value"] = hex; };
  };
  expect_findings(
      {{"any mechanism", allowed(""), "attribute.CKA_ALLOWED_MECHANISMS"},
       {"a hash of the caller's", allowed("40000000000000000100000000000000"), "attribute.CKA_ALLOWED_MECHANISMS"},
       {"raw RSA", allowed("0300000000000000"), "attribute.CKA_ALLOWED_MECHANISMS"},
       {"the public key wraps", [](Json& part) { set_flag(part["public_key"], "CKA_WRAP", true); }, "public.CKA_WRAP"},
       {"the public key encrypts", [](Json& part) { set_flag(part["public_key"], "CKA_ENCRYPT", true); },
        "public.CKA_ENCRYPT"},
       {"no hardware slot", [](Json& part) { part["slot"]["flags"] = 1; }, "slot.CKF_HW_SLOT"},
       {"nShield is told to be lax",
        [](Json& part) { part["environment"].push_back("CKNFAST_OVERRIDE_SECURITY_ASSURANCES"); }, "environment"},
       {"a PIN of somebody else", [](Json& part) { part["token"]["flags"] = 0x8042d; },
        "token.CKF_USER_PIN_TO_BE_CHANGED"},
       {"the officer's PIN of delivery", [](Json& part) { part["token"]["flags"] = 0x80042d; },
        "token.CKF_SO_PIN_TO_BE_CHANGED"},
       {"a wrong PIN", [](Json& part) { part["token"]["flags"] = 0x1042d; }, "token.CKF_USER_PIN_COUNT_LOW"}},
      Finding::kWarning, Grade::kProbed);
  for (const char* name : {"CKA_MODIFIABLE", "CKA_COPYABLE"}) {
    Json part = good_pkcs11(made_up_key());
    set_flag(part["private_key"], name, true);
    set_flag(part["throwaway"]["attributes"], name, true);
    const Judgement judgement = judge_pkcs11(part, made_up_key());
    EXPECT_EQ(finding_of(judgement, "attribute." + std::string(name)), Finding::kWarning);
    EXPECT_EQ(judgement.grade, Grade::kProbed);
  }
}

TEST(JudgePkcs11, ATokenThatNeedsNoPinFails) {
  expect_findings({{"no login", [](Json& part) { part["token"]["flags"] = 0x429; }, "token.CKF_LOGIN_REQUIRED"},
                   {"no PIN", [](Json& part) { part["token"]["flags"] = 0x425; }, "token.CKF_USER_PIN_INITIALIZED"},
                   {"not set up", [](Json& part) { part["token"]["flags"] = 0x2d; }, "token.CKF_TOKEN_INITIALIZED"}},
                  Finding::kBad, Grade::kFailed);
}

TEST(JudgePkcs11, Invariant04_AProgramIsNeverMoreThanSoftwareAndIsNamed) {
  const auto token = [](const char* manufacturer, const char* model) {
    return [manufacturer, model](Json& part) {
      part["token"]["manufacturer"] = manufacturer;
      part["token"]["model"] = model;
    };
  };
  const std::vector<Spoilt> rows{
      {"SoftHSM2", token("SoftHSM project", "SoftHSM v2"), "token.program"},
      {"NSS", token("Mozilla Foundation", "NSS 3"), "token.program"},
      {"opencryptoki's soft token", token("IBM", "Soft"), "token.program"},
      {"Kryoptic", token("Kryoptic Project", "v1"), "token.program"},
      {"tpm2-pkcs11 over swtpm", token("IBM", "SW   TPM"), "token.program"},
      {"Microsoft's TPM simulator", token("MSFT", "xCG fTPM"), "token.program"},
      {"in capitals", token("SOFTHSM PROJECT", ""), "token.program"},
      {"the library's file", [](Json& part) { part["library"]["path"] = "/usr/lib/softhsm/libsofthsm2.so"; },
       "token.program"},
      {"the library's words", [](Json& part) { part["library"]["description"] = "NSS Internal Crypto Services"; },
       "token.program"},
      {"the slot's", [](Json& part) { part["slot"]["description"] = "Example HSM Simulator"; }, "token.program"}};
  expect_findings(rows, Finding::kWarning, Grade::kSoftware);
  for (const Spoilt& row : rows) {
    EXPECT_NE(judged(row.spoil).reason.find("program"), std::string::npos) << row.what;
  }
  expect_findings({{"hardware behind opencryptoki", token("IBM", "EP11"), "token.program"},
                   {"a folder of that name",
                    [](Json& part) { part["library"]["path"] = "/opt/simulation/libexample.so"; }, "token.program"}},
                  Finding::kInformation, Grade::kProbed);
}

TEST(JudgePkcs11, Invariant04_AProgramWithABadKeyFailsAllTheSame) {
  expect_findings({{"SoftHSM2",
                    [](Json& part) {
                      part["token"]["manufacturer"] = "SoftHSM project";
                      set_flag(part["private_key"], "CKA_EXTRACTABLE", true);
                    },
                    "attribute.CKA_EXTRACTABLE"}},
                  Finding::kBad, Grade::kFailed);
}

TEST(JudgePkcs11, AProgramIsFoundBehindAHiddenName) {
  const std::vector<std::pair<const char*, Json>> hidden = {{"/token/model", "Vendor NSS"},
                                                            {"/token/manufacturer", "Soft\u200bHSM"},
                                                            {"/library/path", "/usr/lib/softhsm/lib.so"},
                                                            {"/environment", Json::array({"SOFTHSM2_CONF"})}};
  for (const auto& [place, value] : hidden) {
    Json part = good_pkcs11(made_up_key());
    part[Json::json_pointer(place)] = value;
    EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kSoftware) << place;
  }
  Json part = good_pkcs11(made_up_key());
  part["environment"] = Json::array({"PKCS11_MODULE"});
  EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kProbed);
}

}  // namespace
}  // namespace signer::evidence
