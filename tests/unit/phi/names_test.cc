// SPDX-License-Identifier: Apache-2.0
//
// Names of claims that say what they hold, in every way of writing them, and names that only look so.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/unit/phi/finds.h"

namespace signer::phi {
namespace {

using Words = std::vector<std::string>;

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

std::string in_upper_case(std::string text) {
  for (char& c : text) c = upper(c);
  return text;
}

std::string joined(const Words& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(separator)) + word;
  return text;
}

std::string camel_case(const Words& words, bool capital) {
  std::string text;
  for (std::string word : words) {
    if (capital || !text.empty()) word[0] = upper(word[0]);
    text += word;
  }
  return text;
}

std::vector<std::string> styles(const Words& words) {
  std::vector<std::string> all = {camel_case(words, false), camel_case(words, true)};
  for (const std::string_view separator : {"_", "-", ".", " ", "", "__"}) {
    all.push_back(joined(words, separator));
    all.push_back(in_upper_case(joined(words, separator)));
  }
  return all;
}

const std::vector<Words>& forbidden() {
  static const std::vector<Words> names = {{"ssn"},
                                           {"social", "security", "number"},
                                           {"social", "security"},
                                           {"mrn"},
                                           {"medical", "record", "number"},
                                           {"dob"},
                                           {"birthdate"},
                                           {"birth", "date"},
                                           {"date", "of", "birth"},
                                           {"given", "name"},
                                           {"family", "name"},
                                           {"first", "name"},
                                           {"last", "name"},
                                           {"middle", "name"},
                                           {"full", "name"},
                                           {"maiden", "name"},
                                           {"name"},
                                           {"nickname"},
                                           {"patient", "name"},
                                           {"surname"},
                                           {"address"},
                                           {"street", "address"},
                                           {"street"},
                                           {"city"},
                                           {"zip"},
                                           {"zip", "code"},
                                           {"postal", "code"},
                                           {"locality"},
                                           {"phone"},
                                           {"phone", "number"},
                                           {"home", "phone"},
                                           {"fax"},
                                           {"fax", "number"},
                                           {"email"},
                                           {"email", "address"},
                                           {"telephone"},
                                           {"telecom"},
                                           {"mobile"},
                                           {"cell", "phone"},
                                           {"diagnosis"},
                                           {"diagnoses"},
                                           {"diagnosis", "code"},
                                           {"condition"},
                                           {"conditions"},
                                           {"icd"},
                                           {"icd", "code"},
                                           {"medication"},
                                           {"medications"},
                                           {"medication", "list"},
                                           {"allergies"},
                                           {"allergy", "intolerance"},
                                           {"insurance", "id"},
                                           {"member", "id"},
                                           {"policy", "id"},
                                           {"policy", "number"},
                                           {"subscriber", "id"},
                                           {"health", "plan"},
                                           {"health", "plan", "id"},
                                           {"beneficiary", "id"},
                                           {"gender"},
                                           {"sex"},
                                           {"race"},
                                           {"ethnicity"},
                                           {"photo"},
                                           {"picture"},
                                           {"biometric"},
                                           {"license", "number"},
                                           {"drivers", "license"},
                                           {"license", "plate"},
                                           {"vehicle", "id"},
                                           {"vin"},
                                           {"device", "serial"},
                                           {"serial", "number"},
                                           {"account", "number"},
                                           {"credit", "card"},
                                           {"credit", "card", "number"},
                                           {"passport", "number"},
                                           {"iban"},
                                           {"marital", "status"},
                                           {"deceased"},
                                           {"admission", "date"},
                                           {"discharge", "date"},
                                           {"ip", "address"},
                                           {"medicare", "number"},
                                           {"mbi"},
                                           {"hicn"},
                                           {"latitude"},
                                           {"voiceprint"},
                                           {"immunizations"},
                                           {"lab", "results"}};
  return names;
}

TEST(PhiName, EveryForbiddenNameIsOneInEveryStyle) {
  for (const Words& words : forbidden()) {
    for (const std::string& name : styles(words)) EXPECT_TRUE(names_phi(name)) << name;
  }
}

TEST(PhiName, DigitsBehindANameAndAUriBeforeItChangeNothing) {
  for (const Words& words : forbidden()) {
    const std::string name = joined(words, "_");
    for (const std::string& other : {name + "2", name + "_01", "https://idp.example/claims/" + name,
                                     "urn:example:" + name, "https://idp.example/schema#" + name, name + "/"}) {
      EXPECT_TRUE(names_phi(other)) << other;
    }
  }
}

// A letter more or less, or other letters around, and it is another word.
TEST(PhiName, WordsAreComparedWhole) {
  for (const Words& words : forbidden()) {
    const std::string name = joined(words, "");
    for (const std::string& other : {"q" + name, name + "q", "q" + name + "q"}) EXPECT_FALSE(names_phi(other)) << other;
  }
}

TEST(PhiName, OtherWordsMayStandBesideIt) {
  for (const std::string_view name : {"patientSSN",
                                      "SSNValue",
                                      "patientMRNCode",
                                      "ssn_last4",
                                      "user_email",
                                      "workEmailAddress",
                                      "home_address_line1",
                                      "sexAtBirth",
                                      "us-core-race",
                                      "primary_diagnosis_code",
                                      "icd10",
                                      "ICD-10-CM",
                                      "patient.name.family",
                                      "emergencyContactPhone",
                                      "eMail",
                                      "e-mail",
                                      "D.O.B.",
                                      "S_S_N",
                                      "patient_dob_verified",
                                      "email_verified_at"}) {
    EXPECT_TRUE(names_phi(name)) << name;
  }
}

TEST(PhiName, NamesOfTokensThatAreNoOnesAreLeftAlone) {
  for (const std::string_view name : {"",
                                      "aud",
                                      "iss",
                                      "sub",
                                      "exp",
                                      "nbf",
                                      "iat",
                                      "jti",
                                      "client_id",
                                      "azp",
                                      "scope",
                                      "scp",
                                      "acr",
                                      "amr",
                                      "auth_time",
                                      "at_hash",
                                      "c_hash",
                                      "nonce",
                                      "sid",
                                      "cnf",
                                      "act",
                                      "may_act",
                                      "roles",
                                      "groups",
                                      "entitlements",
                                      "typ",
                                      "events",
                                      "toe",
                                      "txn",
                                      "vot",
                                      "patient",
                                      "encounter",
                                      "fhirUser",
                                      "fhirContext",
                                      "need_patient_banner",
                                      "smart_style_url",
                                      "tenant",
                                      "intent",
                                      "username",
                                      "user_name",
                                      "preferred_username",
                                      "website",
                                      "profile",
                                      "locale",
                                      "zoneinfo",
                                      "updated_at",
                                      "email_verified",
                                      "emailVerified",
                                      "phone_number_verified",
                                      "rename",
                                      "namespace",
                                      "hostname",
                                      "filename",
                                      "surnames_count",
                                      "client_name",
                                      "software_id",
                                      "software_version",
                                      "kubernetes.io",
                                      "pod",
                                      "node",
                                      "serviceaccount",
                                      "warnafter",
                                      "uid",
                                      "npi",
                                      "practitioner",
                                      "organization",
                                      "tenant_id",
                                      "subject_id",
                                      "purpose_of_use",
                                      "extensions",
                                      "hl7-b2b",
                                      "cash",
                                      "essence",
                                      "velocity",
                                      "capacity",
                                      "trace",
                                      "addressee",
                                      "preconditions",
                                      "phonetics",
                                      "emailed",
                                      "telemetry",
                                      "https://idp.example/claims/roles",
                                      "key_name",
                                      "/",
                                      "#",
                                      "___",
                                      "123",
                                      "zip_alg",
                                      "condition_id",
                                      "mobile_app"}) {
    EXPECT_FALSE(names_phi(name)) << name;
  }
}

TEST(PhiName, LookAlikesAreFolded) {
  EXPECT_TRUE(names_phi("\xef\xbd\x93\xef\xbd\x93\xef\xbd\x8e"));  // fullwidth ssn
  EXPECT_TRUE(names_phi("s\xe2\x80\x8bs\xc2\xadn"));               // zero-width space, soft hyphen
  EXPECT_TRUE(names_phi("patient\xc2\xa0name"));                   // no-break space
  EXPECT_TRUE(names_phi("patient%5Fname"));
  EXPECT_TRUE(names_phi("\xf0\x9d\x90\xac\xf0\x9d\x90\xac\xf0\x9d\x90\xa7"));  // mathematical bold ssn
  EXPECT_FALSE(names_phi("\xd1\x95\xd1\x95n"));                                // Cyrillic dze: not covered
  EXPECT_FALSE(names_phi("pr\xc3\xa9nom"));
  EXPECT_FALSE(names_phi("\xff\xfe"));
}

TEST(PhiName, NoTextIsFoundByIt) {
  EXPECT_EQ(find("name", "name", DetectorSet::none().with(Detector::kName)), std::nullopt);
}

}  // namespace
}  // namespace signer::phi
