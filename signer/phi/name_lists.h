// SPDX-License-Identifier: Apache-2.0
//
// The words of names.cc.  An entry is written without separators and matches words that are written one after another:
// "dateofbirth" stands for date_of_birth, dateOfBirth, DATE-OF-BIRTH and dateofbirth.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "phi/place.h"

namespace signer::phi {

enum class Extent : std::uint8_t {
  kWithin,    // PHI, whatever stands before or after these words
  kWhole,     // PHI if nothing but digits stands beside them: client_name is nobody's
  kHarmless,  // no PHI if nothing stands beside them, though they hold words that are
};

struct ListedName {
  std::string_view words;
  Extent extent;
};

template <class Entry, std::size_t kSize>
consteval std::array<Entry, kSize> by_words(std::array<Entry, kSize> entries) {
  std::ranges::sort(entries, {}, &Entry::words);
  return entries;
}

// Identifiers of 45 CFR 164.514(b)(2)(i), what OIDC Core §5.1 and FHIR's Patient call them, and what is known of
// somebody's health.
// Not here: what identifies a login or a record by an opaque value (sub, username, preferred_username, patient,
// encounter, fhirUser), and npi, which is a provider's.
inline constexpr auto kNamesWithin = std::to_array<std::string_view>(
    {// names of people
     "patientname", "patientnames", "personname", "humanname", "membername", "subscribername", "guardianname",
     "givenname", "givennames", "familyname", "familynames", "firstname", "lastname", "middlename", "middleinitial",
     "fullname", "maidenname", "legalname", "birthname", "realname", "forename", "surname", "nickname", "displayname",
     "preferredname",
     // places smaller than a state
     "address", "addresses", "addressline", "homeaddress", "streetaddress", "mailingaddress", "street", "city",
     "county", "zipcode", "postalcode", "postcode", "geolocation", "latitude", "longitude",
     // dates
     "dob", "birth", "birthdate", "birthday", "birthyear", "birthtime", "birthplace", "dateofbirth", "yearofbirth",
     "placeofbirth", "deathdate", "dateofdeath", "deceased", "admissiondate", "admitdate", "dischargedate",
     "dateofadmission", "dateofservice", "servicedate",
     // telephone, fax, e-mail
     "phone", "phones", "phoneno", "phonenumber", "phonenumbers", "telephone", "telephonenumber", "telecom", "mobileno",
     "mobilenumber", "mobilephone", "cellnumber", "cellphone", "homephone", "workphone", "msisdn", "fax", "faxno",
     "faxnumber", "email", "emails", "emailaddress", "emailaddresses",
     // numbers of people
     "ssn", "socialsecurity", "socialsecurityno", "socialsecuritynumber", "itin", "taxid", "taxpayerid", "nationalid",
     "passport", "passportno", "passportnumber", "mrn", "medicalrecord", "medicalrecordid", "medicalrecordno",
     "medicalrecordnumber", "patientno", "patientnumber", "chartnumber", "nhsnumber", "mbi", "hicn", "medicare",
     "medicareid", "medicarenumber", "medicaid", "medicaidid", "medicaidnumber", "healthplan", "healthplanid",
     "healthplannumber", "healthcard", "healthcardnumber", "beneficiary", "beneficiaryid", "beneficiarynumber",
     "insurance", "insuranceid", "insurancenumber", "insurancepolicy", "memberid", "memberno", "membernumber",
     "subscriberid", "subscriberno", "subscribernumber", "policyid", "policyno", "policynumber", "policyholder",
     "accountno", "accountnumber", "acctno", "acctnumber", "bankaccount", "iban", "creditcard", "creditcardno",
     "creditcardnumber", "debitcard", "cardno", "cardnumber", "driverlicense", "driverslicense", "driverlicence",
     "driverslicence", "drivinglicense", "drivinglicence", "licenseno", "licensenumber", "licenceno", "licencenumber",
     "licenseplate", "numberplate", "vehicle", "vehicleid", "vehicleserial", "vehicleidentificationnumber", "vin",
     "deviceserial", "deviceserialnumber", "deviceidentifier", "serialnumber", "udi", "ipaddr", "ipaddress", "clientip",
     "remoteip",
     // the body
     "biometric", "biometrics", "voiceprint", "faceprint", "photo", "photos", "photograph", "picture", "pictures",
     "headshot", "avatar", "sex", "gender", "genderidentity", "sexualorientation", "race", "ethnicity", "ethnicgroup",
     "religion", "maritalstatus",
     // health
     "diagnosis", "diagnoses", "diagnosiscode", "diagnosiscodes", "dxcode", "icd", "icdcode", "conditioncode",
     "conditionname", "patientcondition", "healthcondition", "medicalcondition", "medicalhistory", "symptom",
     "symptoms", "medication", "medications", "medicationlist", "medicationname", "medicationrequest",
     "medicationstatement", "prescription", "prescriptions", "allergy", "allergies", "allergyintolerance",
     "immunization", "immunizations", "vaccination", "vaccinations", "labresult", "labresults", "bloodtype",
     "bloodgroup", "disability", "pregnancy", "hivstatus"});

inline constexpr auto kNamesWhole = std::to_array<std::string_view>(
    {"name", "names", "locality", "zip", "tel", "mobile", "cell", "mail", "ip", "dx", "condition", "conditions", "rx"});

// Truth values about a claim (OIDC Core §5.1).
inline constexpr auto kNamesHarmless = std::to_array<std::string_view>({"emailverified", "phonenumberverified"});

consteval auto list_names() {
  std::array<ListedName, kNamesWithin.size() + kNamesWhole.size() + kNamesHarmless.size()> list{};
  std::size_t size = 0;
  for (const std::string_view words : kNamesWithin) list[size++] = {words, Extent::kWithin};
  for (const std::string_view words : kNamesWhole) list[size++] = {words, Extent::kWhole};
  for (const std::string_view words : kNamesHarmless) list[size++] = {words, Extent::kHarmless};
  return by_words(list);
}

inline constexpr auto kListedNames = list_names();

static_assert(std::ranges::adjacent_find(kListedNames, {}, &ListedName::words) == kListedNames.end(), "listed twice");

struct HintWords {
  std::string_view words;
  Hint hint;
};

// Words of a claim's name that tell what its text is.
inline constexpr auto kNameHints = by_words(std::to_array<HintWords>({{"ssn", Hint::kSsn},
                                                                      {"socialsecurity", Hint::kSsn},
                                                                      {"socialsecuritynumber", Hint::kSsn},
                                                                      {"taxid", Hint::kSsn},
                                                                      {"taxpayerid", Hint::kSsn},
                                                                      {"npi", Hint::kNpi},
                                                                      {"nppes", Hint::kNpi},
                                                                      {"dob", Hint::kBirthDate},
                                                                      {"birth", Hint::kBirthDate},
                                                                      {"birthdate", Hint::kBirthDate},
                                                                      {"birthday", Hint::kBirthDate},
                                                                      {"birthyear", Hint::kBirthDate},
                                                                      {"born", Hint::kBirthDate},
                                                                      {"dateofbirth", Hint::kBirthDate},
                                                                      {"yearofbirth", Hint::kBirthDate},
                                                                      {"email", Hint::kEmail},
                                                                      {"emailaddress", Hint::kEmail},
                                                                      {"emails", Hint::kEmail},
                                                                      {"mail", Hint::kEmail},
                                                                      {"upn", Hint::kEmail},
                                                                      {"phone", Hint::kPhone},
                                                                      {"phones", Hint::kPhone},
                                                                      {"phoneno", Hint::kPhone},
                                                                      {"phonenumber", Hint::kPhone},
                                                                      {"cellphone", Hint::kPhone},
                                                                      {"homephone", Hint::kPhone},
                                                                      {"workphone", Hint::kPhone},
                                                                      {"mobilephone", Hint::kPhone},
                                                                      {"mobilenumber", Hint::kPhone},
                                                                      {"telephone", Hint::kPhone},
                                                                      {"telecom", Hint::kPhone},
                                                                      {"tel", Hint::kPhone},
                                                                      {"mobile", Hint::kPhone},
                                                                      {"msisdn", Hint::kPhone},
                                                                      {"fax", Hint::kPhone},
                                                                      {"faxnumber", Hint::kPhone},
                                                                      {"sms", Hint::kPhone},
                                                                      {"card", Hint::kCard},
                                                                      {"cardnumber", Hint::kCard},
                                                                      {"creditcard", Hint::kCard},
                                                                      {"creditcardnumber", Hint::kCard},
                                                                      {"debitcard", Hint::kCard},
                                                                      {"pan", Hint::kCard},
                                                                      {"condition", Hint::kIcd10},
                                                                      {"conditions", Hint::kIcd10},
                                                                      {"diagnosis", Hint::kIcd10},
                                                                      {"diagnoses", Hint::kIcd10},
                                                                      {"diagnosiscode", Hint::kIcd10},
                                                                      {"diagnosiscodes", Hint::kIcd10},
                                                                      {"dx", Hint::kIcd10},
                                                                      {"dxcode", Hint::kIcd10},
                                                                      {"icd", Hint::kIcd10},
                                                                      {"icdcode", Hint::kIcd10},
                                                                      {"problem", Hint::kIcd10},
                                                                      {"problems", Hint::kIcd10},
                                                                      {"oid", Hint::kVersion},
                                                                      {"ver", Hint::kVersion},
                                                                      {"version", Hint::kVersion}}));

// Words in a text that tell what follows them; fewer than of names, because words stand in a text by chance.
inline constexpr auto kWordHints = by_words(std::to_array<HintWords>({{"ssn", Hint::kSsn},
                                                                      {"npi", Hint::kNpi},
                                                                      {"dob", Hint::kBirthDate},
                                                                      {"birth", Hint::kBirthDate},
                                                                      {"birthdate", Hint::kBirthDate},
                                                                      {"birthday", Hint::kBirthDate},
                                                                      {"born", Hint::kBirthDate},
                                                                      {"email", Hint::kEmail},
                                                                      {"mailto", Hint::kEmail},
                                                                      {"callto", Hint::kPhoneWord},
                                                                      {"fax", Hint::kPhoneWord},
                                                                      {"phone", Hint::kPhoneWord},
                                                                      {"sms", Hint::kPhoneWord},
                                                                      {"tel", Hint::kPhoneWord},
                                                                      {"telephone", Hint::kPhoneWord},
                                                                      {"card", Hint::kCard},
                                                                      {"diagnosis", Hint::kIcd10},
                                                                      {"icd", Hint::kIcd10},
                                                                      {"oid", Hint::kVersion},
                                                                      {"ver", Hint::kVersion},
                                                                      {"version", Hint::kVersion}}));

}  // namespace signer::phi
