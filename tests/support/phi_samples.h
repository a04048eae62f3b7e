// SPDX-License-Identifier: Apache-2.0
//
// Made-up identifiers, valid by their own rules and nobody's, and the ids and texts that legitimate tokens carry: what
// must be found and what must pass.  Written from the issuers' rules, not from the detectors.
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>

namespace signer::test {

class PhiSamples {
 public:
  explicit PhiSamples(unsigned seed) : random_(seed) {}

  // From 0 to `count` - 1.
  std::size_t below(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }

  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  template <std::size_t kSize>
  std::string_view pick(const std::array<std::string_view, kSize>& choices) {
    return choices[below(kSize)];
  }

  char one(std::string_view characters) { return characters[below(characters.size())]; }

  std::string many(std::string_view characters, std::size_t count) {
    std::string text;
    for (; count > 0; --count) text += one(characters);
    return text;
  }

  // --- what must be found

  // The digit that makes the number pass ISO/IEC 7812-1 annex B: tried out, so that no sum is written twice.
  static char check_digit(const std::string& body) {
    for (const char last : kDigits) {
      int sum = 0;
      const std::string number = body + last;
      for (std::size_t i = 0; i < number.size(); ++i) {
        const int digit = number[i] - '0';
        const bool doubled = (number.size() - i) % 2 == 0;
        sum += doubled ? digit * 2 / 10 + digit * 2 % 10 : digit;
      }
      if (sum % 10 == 0) return last;
    }
    return '?';
  }

  std::string ssn(std::string_view separator = "-") {
    int area = between(1, 898);
    if (area >= 666) ++area;
    return padded(area, 3) + std::string(separator) + padded(between(1, 99), 2) + std::string(separator) +
           padded(between(1, 9999), 4);
  }

  std::string mbi(std::string_view separator) {
    constexpr std::string_view kLetters = "ACDEFGHJKMNPQRTUVWXY";
    constexpr std::string_view kEither = "ACDEFGHJKMNPQRTUVWXY0123456789";
    std::string text = many("123456789", 1) + one(kLetters) + one(kEither) + one(kDigits);
    text += separator;
    text += many(kLetters, 1) + one(kEither) + one(kDigits);
    text += separator;
    return text + one(kLetters) + one(kLetters) + one(kDigits) + one(kDigits);
  }

  std::string npi() {
    const std::string body = many("12", 1) + many(kDigits, 8);
    return body + check_digit("80840" + body);
  }

  // The digits of a card of a common kind.
  std::string card() {
    struct Kind {
      std::string_view prefix;
      std::size_t size;
    };
    constexpr std::array kKinds = {Kind{"4", 16},    Kind{"51", 16},   Kind{"55", 16},  Kind{"2221", 16},
                                   Kind{"2720", 16}, Kind{"34", 15},   Kind{"37", 15},  Kind{"6011", 16},
                                   Kind{"65", 16},   Kind{"3528", 16}, Kind{"300", 14}, Kind{"62", 19}};
    const Kind& kind = kKinds[below(kKinds.size())];
    const std::string body = std::string(kind.prefix) + many(kDigits, kind.size - kind.prefix.size() - 1);
    return body + check_digit(body);
  }

  // Four digits, a separator, four digits ...
  std::string grouped_card(char separator) {
    std::string grouped;
    for (const char digit : card()) {
      if (grouped.size() % 5 == 4) grouped += separator;
      grouped += digit;
    }
    return grouped;
  }

  std::string email() {
    constexpr std::array<std::string_view, 6> kUsers = {"mary", "j.doe", "o'neil", "anna+lab", "x", "first_last"};
    constexpr std::array<std::string_view, 5> kHosts = {"example.com", "mail.example.org", "a-b.example",
                                                        "xn--p1ai.example", "clinic.co.uk"};
    return std::string(pick(kUsers)) + std::to_string(between(0, 99)) + "@" + std::string(pick(kHosts));
  }

  std::string phone() {
    const std::string area = many("2345678", 1) + one("02345678") + one("023456789");
    const std::string exchange = many("23456789", 1) + one("02345678") + one(kDigits);
    const std::string line = many(kDigits, 4);
    switch (below(5)) {
      case 0:
        return "(" + area + ") " + exchange + "-" + line;
      case 1:
        return area + "." + exchange + "." + line;
      case 2:
        return "+1" + area + exchange + line;
      case 3:
        return "1 " + area + " " + exchange + " " + line;
      default:
        return area + "-" + exchange + "-" + line;
    }
  }

  std::string e164() {
    constexpr std::array<std::string_view, 4> kCountries = {"+49", "+44", "+91", "+352"};
    return std::string(pick(kCountries)) + many("123456789", 1) + many(kDigits, 6 + below(5));
  }

  // The year first, with this between its parts.
  std::string birth_date_parted(char separator) {
    return std::to_string(between(1900, 2026)) + separator + padded(between(1, 12), 2) + separator +
           padded(between(1, 28), 2);
  }

  // The area first, with this between its parts.
  std::string phone_parted(char separator) {
    return many("2345678", 1) + one("02345678") + one("023456789") + separator + many("23456789", 1) + one("02345678") +
           one(kDigits) + separator + many(kDigits, 4);
  }

  std::string birth_date() {
    const std::string year = std::to_string(between(1900, 2026));
    const int month = between(1, 12);
    const int day = between(1, 28);
    switch (below(5)) {
      case 0:
        return std::to_string(month) + "/" + std::to_string(day) + "/" + year;
      case 1:
        return padded(day, 2) + "." + padded(month, 2) + "." + year;
      case 2:
        return year + "-" + padded(month, 2) + "-" + padded(day, 2) + "T00:00:00Z";
      default:
        return year + "-" + padded(month, 2) + "-" + padded(day, 2);
    }
  }

  std::string ipv4() {
    return std::to_string(between(1, 126)) + "." + std::to_string(between(0, 255)) + "." +
           std::to_string(between(0, 255)) + "." + std::to_string(between(0, 255));
  }

  std::string ipv6() {
    const std::string head = "2001:db8:" + many(kHex, 1 + below(4)) + ":";
    if (below(2) == 0) return head + ":" + many("123456789abcdef", 1);
    return head + "1:" + many(kHex, 4) + ":" + many(kHex, 4) + ":0:" + many(kHex, 2);
  }

  std::string icd10() {
    const std::string category = many("ABCDEFGHIJKLMNOPQRSTVWXYZ", 1) + many(kDigits, 2);
    return below(4) == 0 ? category : category + "." + many(kDigits, 1 + below(4));
  }

  // --- what must pass

  std::string uuid() {
    std::string text = many(kHex, 8) + "-" + many(kHex, 4) + "-4" + many(kHex, 3) + "-";
    return text + one("89ab") + many(kHex, 3) + "-" + many(kHex, 12);
  }

  // FHIR's id: [A-Za-z0-9\-\.]{1,64}, in the styles that servers give out.
  std::string fhir_id() {
    switch (below(8)) {
      case 0:
        return uuid();
      case 1:
        return many("123456789", 1) + many(kDigits, below(9));  // counters of up to nine digits
      case 2:
        return many(kHex, 24);  // MongoDB
      case 3:
        return many(kHex, 32);
      case 4:
        return "e" + many(kLettersAndDigits, 10) + "-" + many(kLettersAndDigits, 20) + ".3";
      case 5:
        return many(kLettersAndDigits, 22 + below(23));
      case 6:
        return "pat-" + many(kDigits, 6);
      default:
        return many("123456789", 1) + many(kDigits, 9);  // ten digits
    }
  }

  std::string jti() {
    constexpr std::string_view kBase64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return below(3) == 0 ? uuid() : many(kBase64url, below(2) == 0 ? 22 : 43);
  }

  long long epoch() { return 1'700'000'000LL + static_cast<long long>(below(300'000'000)); }

  // A time of now as programs write it; to the second, or with its fraction.
  std::string timestamp() {
    std::string text = std::to_string(between(2023, 2032)) + "-" + padded(between(1, 12), 2) + "-" +
                       padded(between(1, 28), 2) + "T" + padded(between(0, 23), 2) + ":" + padded(between(0, 59), 2) +
                       ":" + padded(between(0, 59), 2);
    return text + (below(2) == 0 ? "Z" : "." + many(kDigits, 3) + "+00:00");
  }

  std::string scope() {
    constexpr std::array<std::string_view, 6> kBasics = {"openid",         "fhirUser", "launch/patient",
                                                         "offline_access", "profile",  "email phone address"};
    constexpr std::array<std::string_view, 3> kWhose = {"patient", "user", "system"};
    constexpr std::array<std::string_view, 8> kResources = {
        "Observation", "Condition", "MedicationRequest", "*",
        "Patient",     "Encounter", "DiagnosticReport",  "Immunization"};
    constexpr std::array<std::string_view, 5> kRights = {"rs", "read", "cruds", "*", "rs?category=laboratory"};
    std::string text(pick(kBasics));
    for (std::size_t i = below(6); i > 0; --i) {
      text += " ";
      text += std::string(pick(kWhose)) + "/" + std::string(pick(kResources)) + "." + std::string(pick(kRights));
    }
    return text;
  }

  std::string url() {
    constexpr std::array<std::string_view, 5> kHosts = {"idp.example", "fhir.example:8443", "127.0.0.1:8080",
                                                        "api-2.example.org", "hapi.fhir.example"};
    constexpr std::array<std::string_view, 6> kPaths = {"/r4",
                                                        "/oauth2/v1/token",
                                                        "/.well-known/jwks.json",
                                                        "/realms/main",
                                                        "/fhir/R4?_format=json&x=%20y",
                                                        "/baseR4/Patient/"};
    const std::string address = "https://" + std::string(pick(kHosts)) + std::string(pick(kPaths));
    return address.ends_with('/') ? address + fhir_id() : address;
  }

  std::string version() {
    return std::to_string(between(0, 30)) + "." + std::to_string(between(0, 40)) + "." +
           std::to_string(between(0, 40)) +
           (below(3) == 0 ? "-rc." + std::to_string(between(1, 9)) + "+" + many(kHex, 7) : "");
  }

  std::string time_of_day() {
    const std::string text =
        padded(between(0, 23), 2) + ":" + padded(between(0, 59), 2) + ":" + padded(between(0, 59), 2);
    return below(2) == 0 ? text : text + "." + many(kDigits, 3 + below(4));
  }

  // Ids whose parts a server joins by one character: a kind and a number, twice ("org:42:user:1937").
  std::string joined_id() {
    constexpr std::array<std::string_view, 5> kParts = {"org", "user", "team", "shard", "build"};
    const std::string joint(1, one("._~:/-"));
    const auto part = [&] {
      return std::string(pick(kParts)) + joint + many("123456789", 1) + many(kDigits, below(6));
    };
    const std::string first = part();
    return first + joint + part();
  }

  // `count` numbers of one to six digits, joined by one of these characters.
  std::string joined_numbers(std::size_t count, std::string_view joints) {
    const char joint = one(joints);
    std::string text;
    for (; count > 0; --count) {
      if (!text.empty()) text += joint;
      text += many("123456789", 1) + many(kDigits, below(6));
    }
    return text;
  }

  // The bytes of a hash as openssl writes them: AB:01:...
  std::string fingerprint() {
    std::string text = many("0123456789ABCDEF", 2);
    while (text.size() < 95) {
      text += ':';
      text += many("0123456789ABCDEF", 2);
    }
    return text;
  }

  // OIDs, URNs, ARNs, SPIFFE ids, names in Kubernetes, client ids, hashes.
  std::string name_of_a_thing() {
    constexpr std::array<std::string_view, 4> kOids = {"2.16.840.1.113883.4.6", "urn:oid:1.2.36.146.595.217.0.1",
                                                       "urn:oid:2.16.840.1.113883.3.72.5.9.1",
                                                       "1.3.6.1.4.1.311.20.2.3"};
    switch (below(9)) {
      case 0:
        return std::string(pick(kOids));
      case 1:
        return "arn:aws:iam::" + many(kDigits, 12) + ":role/token-server";
      case 2:
        return "urn:uuid:" + uuid();
      case 3:
        return "spiffe://cluster.local/ns/prod-" + std::to_string(below(100)) + "/sa/builder";
      case 4:
        return "system:serviceaccount:team-" + std::to_string(below(100)) + ":ci-" + many(kHex, 5);
      case 5:
        return "smart-app-" + many(kLettersAndDigits, 8);
      case 6:
        return many(kHex, 40);
      case 7:
        return "sha256:" + many(kHex, 64);
      default:
        return "builder-" + many("bcdfghjklmnpqrstvwxz2456789", 10) + "-" + many("bcdfghjklmnpqrstvwxz2456789", 5);
    }
  }

 private:
  static constexpr std::string_view kDigits = "0123456789";
  static constexpr std::string_view kHex = "0123456789abcdef";
  static constexpr std::string_view kLettersAndDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

  static std::string padded(int value, std::size_t size) {
    const std::string text = std::to_string(value);
    return std::string(size - std::min(size, text.size()), '0') + text;
  }

  std::mt19937 random_;
};

}  // namespace signer::test
