// SPDX-License-Identifier: Apache-2.0
//
// The form of the member `pkcs11`.  It is written by a machine that the auditor does not trust: what the judge does not
// know it must refuse, and nothing may make it fall over.
#include <gtest/gtest.h>

#include <set>

#include "base/hex.h"
#include "evidence/attribute_list.h"
#include "evidence/judge_pkcs11.h"
#include "tests/unit/evidence/model_pkcs11.h"

namespace signer::evidence {
namespace {

using namespace signer::test;

void expect_malformed(const Json& part, std::string_view why) {
  const Judgement judgement = judge_pkcs11(part, made_up_key());
  EXPECT_EQ(judgement.grade, Grade::kFailed) << why;
  EXPECT_EQ(bad_checks(judgement), "pkcs11.form") << why;
}

// `visit` gets every object of the value, with where it is.
void for_each_object(const Json& value, const Json::json_pointer& at,
                     const std::function<void(const Json::json_pointer&)>& visit) {
  if (value.is_object()) visit(at);
  if (!value.is_structured()) return;
  for (const auto& [name, member] : value.items()) {
    if (value.is_array()) {
      for_each_object(member, at / static_cast<std::size_t>(std::stoul(name)), visit);
    } else {
      for_each_object(member, at / name, visit);
    }
  }
}

TEST(Pkcs11Form, WhatIsNoObjectOrHasAMemberThatNobodyKnowsFails) {
  for (const Json& part : {Json(), Json(1), Json("x"), Json::array(), Json::object()}) {
    expect_malformed(part, part.dump());
  }
  Json good = good_pkcs11(made_up_key());
  good["objects"].push_back(other_object(4, false));
  std::size_t objects = 0;
  for_each_object(good, Json::json_pointer(), [&](const Json::json_pointer& at) {
    ++objects;
    Json part = good;
    part[at]["more"] = 1;
    expect_malformed(part, at.to_string());
  });
  EXPECT_GT(objects, 100U);
}

TEST(Pkcs11Form, EachMemberThatMustBeThereIsMissedAndOfEachTheTypeCounts) {
  Json good = good_pkcs11(made_up_key());
  good["objects"].push_back(other_object(4, false));
  const std::set<std::string> may_be_absent{"environment", "public_key", "objects_more", "validation", "throwaway"};
  for (const char* place : {"", "/library", "/slot", "/token", "/mechanisms/0", "/private_key/0", "/objects/0",
                            "/throwaway", "/tried/0", "/private_key/20"}) {
    const Json::json_pointer at(place);
    for (const auto& [name, value] : good.at(at).items()) {
      for (const Json& wrong : {Json(nullptr), Json(true), Json(-1), Json(1.5), Json(std::string(4097, 'a')),
                                Json::array({1}), Json::object()}) {
        if (name == "same_modulus" && wrong.is_boolean()) continue;
        Json part = good;
        part[at][name] = wrong;
        expect_malformed(part, std::string(place) + "/" + name + " " + wrong.dump().substr(0, 20));
      }
      Json part = good;
      part[at].erase(name);
      const bool optional = (*place == '\0' && may_be_absent.contains(name)) || name == "attribute" ||
                            name == "length" || (name == "attributes" && std::string_view(place) == "/throwaway");
      if (optional) {
        EXPECT_NE(judge_pkcs11(part, made_up_key()).grade, Grade::kFailed) << place << "/" << name;
      } else {
        expect_malformed(part, std::string(place) + "/" + name + " is missing");
      }
    }
  }
}

TEST(Pkcs11Form, AttributesThatAreAmbiguousOrSecretFail) {
  const auto spoilt = [](const std::function<void(Json&)>& spoil) {
    Json part = good_pkcs11(made_up_key());
    spoil(part["private_key"]);
    return part;
  };
  expect_malformed(spoilt([](Json& list) { list.push_back(flag_of("CKA_SENSITIVE", 0x103, true)); }), "twice");
  expect_malformed(spoilt([](Json& list) { attribute(list, "CKA_SENSITIVE")["name"] = "CKA_SIGN"; }), "misnamed");
  expect_malformed(spoilt([](Json& list) { attribute(list, "CKA_SENSITIVE")["rv"] = "CKR_OK"; }), "value and rv");
  expect_malformed(spoilt([](Json& list) { attribute(list, "CKA_ID")["value"] = "A9"; }), "upper case");
  expect_malformed(spoilt([](Json& list) { attribute(list, "CKA_ID")["value"] = "a"; }), "half a byte");
  expect_malformed(spoilt([](Json& list) { attribute(list, "CKA_TRUSTED")["rv"] = "no"; }), "no return value");
  expect_malformed(spoilt([](Json& list) { list.push_back(bytes_of_attribute("CKA_VALUE", 0x11, "01")); }), "a value");
  expect_malformed(spoilt([](Json& list) { list.push_back(bytes_of_attribute("CKA_PRIME_1", 0x124, "01")); }),
                   "a prime");
}

TEST(Pkcs11Form, SizesAreLimits) {
  Json part = good_pkcs11(made_up_key());
  part["token"]["label"] = std::string(1024, 'a');
  EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kProbed);
  part["token"]["label"] = std::string(1025, 'a');
  expect_malformed(part, "a label of 1025 bytes");
  part = good_pkcs11(made_up_key());
  while (part["objects"].size() < 256) part["objects"].push_back(other_object(4, false));
  EXPECT_EQ(judge_pkcs11(part, made_up_key()).grade, Grade::kProbed);
  Json no_count = part;
  no_count.erase("objects_more");
  expect_malformed(no_count, "as many as can be listed, and nobody says that there are no more");
  part["objects"].push_back(other_object(4, false));
  expect_malformed(part, "257 objects");
  part = good_pkcs11(made_up_key());
  while (part["mechanisms"].size() < 513) part["mechanisms"].push_back(part["mechanisms"][0]);
  expect_malformed(part, "513 mechanisms");
}

TEST(Pkcs11Form, WhatStrangersWriteIsShownAsPlainAscii) {
  Json part = good_pkcs11(made_up_key());
  part["token"]["label"] = "\x1b[2Jmain\n\xc3\xa4";
  part["\x1b[31m"] = 1;
  for (const Json& each : {part, part["token"]}) {
    for (const Check& check : judge_pkcs11(each, made_up_key()).checks) {
      EXPECT_EQ(check.found, shown(check.found)) << check.name;
    }
  }
  part.erase("\x1b[31m");
  for (const Check& check : judge_pkcs11(part, made_up_key()).checks)
    EXPECT_EQ(check.found, shown(check.found)) << check.name;
}

TEST(Ulong, IsReadInEachFormThatMachinesHave) {
  for (const char* one : {"0100000000000000", "0000000000000001", "01000000", "00000001"}) {
    const auto form = UlongForm::of_one(*from_hex(one));
    ASSERT_TRUE(form) << one;
    EXPECT_EQ(form->read(*from_hex(one)), 1U);
    EXPECT_EQ(form->read(Bytes(std::string_view(one).size() / 2, 0xff)), form->unavailable());
    EXPECT_FALSE(form->read(Bytes(3)));
    EXPECT_FALSE(form->read_several(Bytes(9)));
    EXPECT_EQ(form->read_several(Bytes(16))->size(), std::string_view(one).size() == 16 ? 2U : 4U);
  }
  EXPECT_EQ(UlongForm::of_one(*from_hex("0000000000000001"))->read(*from_hex("0000000000000203")), 0x203U);
  EXPECT_EQ(UlongForm::of_one(*from_hex("01000000"))->read(*from_hex("03020000")), 0x203U);
  for (const char* wrong :
       {"", "01", "0200000000000000", "0001000000000000", "010000000000000001", "0100000000000001"}) {
    EXPECT_FALSE(UlongForm::of_one(*from_hex(wrong))) << wrong;
  }
}

}  // namespace
}  // namespace signer::evidence
