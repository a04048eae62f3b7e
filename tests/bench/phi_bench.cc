// SPDX-License-Identifier: Apache-2.0
//
// How often legitimate tokens are taken for PHI, how often made-up PHI is found, and what looking costs, from one run,
// so that none of the three is tuned against the others.  Usage: phi-bench [tokens [seed]]
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "phi/phi.h"
#include "tests/support/phi_samples.h"

namespace {

using signer::phi::Detector;
using signer::phi::DetectorSet;
using signer::phi::kDetectors;
using signer::test::PhiSamples;

constexpr std::string_view kOthers = "._~:";  // separators of opaque ids besides the hyphen
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kSmallLettersAndDigits = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kBase64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct Claim {
  std::string name;
  std::string text;
  std::optional<long long> number;
};

using Token = std::vector<Claim>;

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void add_times(PhiSamples& samples, Token& token) {
  const long long now = samples.epoch();
  for (const auto& [name, offset] : {std::pair{"iat", 0}, {"nbf", -5}, {"exp", 900}, {"auth_time", -3600}}) {
    token.push_back({name, "", now + offset});
  }
  if (samples.below(4) == 0) token.push_back({"iat_ms", "", now * 1000 + samples.between(0, 999)});
  if (samples.below(4) == 0) token.push_back({"consent", "granted at " + std::to_string(now), {}});
  if (samples.below(4) == 0) token.push_back({"updated", samples.timestamp(), {}});
  if (samples.below(4) == 0) token.push_back({"closes", samples.time_of_day(), {}});
}

// What a token server sends for an app that was launched from a health record, or a service, or a pod.
Token legitimate_token(PhiSamples& samples) {
  Token token = {{"iss", samples.url(), {}},
                 {"aud", samples.url(), {}},
                 {"sub", samples.below(2) == 0 ? samples.fhir_id() : samples.uuid(), {}},
                 {"jti", samples.jti(), {}},
                 {"client_id", samples.name_of_a_thing(), {}},
                 {"scope", samples.scope(), {}},
                 {"ver", samples.version(), {}},
                 {"sid", samples.jti(), {}},
                 {"azp", samples.name_of_a_thing(), {}},
                 {"acr", "urn:example:loa:2", {}},
                 {"jkt", samples.many(kBase64url, 43), {}}};
  add_times(samples, token);
  if (samples.below(2) == 0) {
    token.push_back({"patient", samples.fhir_id(), {}});
    token.push_back({"encounter", samples.fhir_id(), {}});
    token.push_back({"fhirUser", "https://fhir.example/r4/Practitioner/" + samples.fhir_id(), {}});
  }
  if (samples.below(16) == 0)
    token.push_back({"session", samples.many("123456789", 1) + samples.many(kDigits, 11 + samples.below(9)), {}});
  if (samples.below(4) == 0) token.push_back({"resource", samples.name_of_a_thing(), {}});
  if (samples.below(4) == 0) token.push_back({"tenant", samples.joined_id(), {}});
  if (samples.below(4) == 0) token.push_back({"cnf_fingerprint", samples.fingerprint(), {}});
  return token;
}

bool found_in(const Claim& claim, DetectorSet wanted) {
  if (wanted.contains(Detector::kName) && signer::phi::names_phi(claim.name)) return true;
  const auto found = claim.number ? signer::phi::find_number(*claim.number, claim.name, wanted)
                                  : signer::phi::find(claim.text, claim.name, wanted);
  return found.has_value();
}

bool found_in(const Token& token, DetectorSet wanted) {
  for (const Claim& claim : token) {
    if (found_in(claim, wanted)) return true;
  }
  return false;
}

double percent(std::size_t hits, std::size_t of) {
  return 100.0 * static_cast<double>(hits) / static_cast<double>(of);
}

void print_false_positives(const std::vector<Token>& tokens) {
  std::size_t refused = 0;
  std::array<std::size_t, kDetectors.size()> by_detector{};
  for (const Token& token : tokens) {
    refused += found_in(token, DetectorSet::all()) ? 1U : 0U;
    for (const Detector detector : kDetectors) {
      by_detector[static_cast<std::size_t>(detector)] += found_in(token, DetectorSet::none().with(detector)) ? 1U : 0U;
    }
  }
  std::printf("\nlegitimate tokens in which something is found (target: below 0.1 %%)\n");
  for (const Detector detector : kDetectors) {
    const std::size_t hits = by_detector[static_cast<std::size_t>(detector)];
    std::printf("  %-16s %6zu  %.4f %%\n", signer::phi::rule_of(detector).data(), hits, percent(hits, tokens.size()));
  }
  std::printf("  %-16s %6zu  %.4f %%\n", "any", refused, percent(refused, tokens.size()));
}

struct Kind {
  const char* title;
  std::string name;
  std::function<std::string(PhiSamples&)> make;
  DetectorSet wanted = DetectorSet::all().without(Detector::kName);
};

// Kinds of ids and texts by themselves, those included that are often taken for something: nothing is hidden in a mix.
std::vector<Kind> kinds() {
  const auto decimal = [](std::size_t size) {
    return [size](PhiSamples& samples) { return samples.many("123456789", 1) + samples.many(kDigits, size - 1); };
  };
  const auto numbers = [](std::size_t count, std::string_view joints) {
    return [count, joints](PhiSamples& samples) { return samples.joined_numbers(count, joints); };
  };
  const auto long_version = [](PhiSamples& samples) {
    return std::to_string(samples.between(0, 130)) + "." + std::to_string(samples.between(0, 99)) + "." +
           std::to_string(samples.between(0, 9999));
  };
  const DetectorSet no_address = DetectorSet::all().without(Detector::kName).without(Detector::kIpAddress);
  return {{"UUID", "id", [](PhiSamples& samples) { return samples.uuid(); }},
          {"FHIR id, mixed styles", "id", [](PhiSamples& samples) { return samples.fhir_id(); }},
          {"base64url, 22 or 43", "id",
           [](PhiSamples& samples) { return samples.many(kBase64url, samples.below(2) == 0 ? 22 : 43); }},
          {"11 of a-z 0-9", "id", [](PhiSamples& samples) { return samples.many(kSmallLettersAndDigits, 11); }},
          {"decimal, 9 digits", "id", decimal(9)},
          {"decimal, 10 digits", "id", decimal(10)},
          {"decimal, 10 digits, named npi", "npi", decimal(10)},
          {"epoch seconds, named npi", "npi", [](PhiSamples& samples) { return std::to_string(samples.epoch()); }},
          {"decimal, 9 digits, named ssn", "ssn", decimal(9)},
          {"decimal, 14 digits", "id", decimal(14)},
          {"decimal, 15 digits", "id", decimal(15)},
          {"decimal, 16 digits", "id", decimal(16)},
          {"decimal, 19 digits", "id", decimal(19)},
          {"time of now", "updated", [](PhiSamples& samples) { return samples.timestamp(); }},
          {"time of day", "closes", [](PhiSamples& samples) { return samples.time_of_day(); }},
          {"version", "build", [](PhiSamples& samples) { return samples.version(); }},
          {"version, up to 130.99.9999", "build", long_version},
          {"the same, named version", "version", long_version},
          {"version, four parts", "build",
           [](PhiSamples& samples) {
             return std::to_string(samples.between(0, 130)) + ".0." + std::to_string(samples.between(0, 9999)) + "." +
                    std::to_string(samples.between(256, 999));
           }},
          {"fingerprint, AB:01:...", "id", [](PhiSamples& samples) { return samples.fingerprint(); }},
          {"words and numbers joined", "id", [](PhiSamples& samples) { return samples.joined_id(); }},
          {"3 numbers joined by '-'", "id", numbers(3, "-")},
          {"3 numbers joined by . : _ ~", "id", numbers(3, ".:_~")},
          {"3 numbers joined by '/'", "id", numbers(3, "/")},
          {"6 numbers joined by . :", "id", numbers(6, ".:")},
          {"IPv4, all but phi.ip_address", "host", [](PhiSamples& samples) { return samples.ipv4(); }, no_address},
          {"IPv6, all but phi.ip_address", "host", [](PhiSamples& samples) { return samples.ipv6(); }, no_address},
          {"scope", "scope", [](PhiSamples& samples) { return samples.scope(); }},
          {"URL, OID, URN, ARN, hash ...", "id",
           [](PhiSamples& samples) { return samples.below(2) == 0 ? samples.url() : samples.name_of_a_thing(); }},
          {"a day, as in an API's version", "ver",
           [](PhiSamples& samples) { return "2024-0" + std::to_string(samples.between(1, 9)) + "-15"; }},
          {"URL with an IPv4 host", "iss", [](PhiSamples& samples) { return "https://" + samples.ipv4() + "/x"; }}};
}

void print_kinds(PhiSamples& samples, std::size_t count) {
  std::printf("\ntexts of one kind in which something is found, of %zu each\n", count);
  for (const Kind& kind : kinds()) {
    std::size_t hits = 0;
    for (std::size_t i = 0; i < count; ++i)
      hits += found_in({kind.name, kind.make(samples), {}}, kind.wanted) ? 1U : 0U;
    std::printf("  %-30s %8.4f %%\n", kind.title, percent(hits, count));
  }
}

// What PHI looks like in a claim: alone, or within other text.
std::string in_text(PhiSamples& samples, const std::string& value) {
  constexpr std::array<std::string_view, 4> kBefore = {"", "", "id ", "urn:example:"};
  constexpr std::array<std::string_view, 4> kAfter = {"", "", ", and more", "/x"};
  return std::string(samples.pick(kBefore)) + value + std::string(samples.pick(kAfter));
}

// Made-up PHI, and the detector that is to find it.
std::vector<std::pair<Detector, Kind>> kinds_of_phi() {
  return {
      {Detector::kSsn, {"SSN, separated", "note", [](PhiSamples& s) { return s.ssn(s.below(2) == 0 ? "-" : " "); }}},
      {Detector::kSsn,
       {"SSN, parted by . _ ~ :", "note", [](PhiSamples& s) { return s.ssn(std::string(1, s.one(kOthers))); }}},
      {Detector::kSsn, {"SSN, undashed, named", "ssn", [](PhiSamples& s) { return s.ssn(""); }}},
      {Detector::kSsn, {"SSN, undashed, not named", "note", [](PhiSamples& s) { return s.ssn(""); }}},
      {Detector::kMbi, {"MBI", "note", [](PhiSamples& s) { return s.mbi(s.below(2) == 0 ? "-" : ""); }}},
      {Detector::kMbi,
       {"MBI, parted by . _ ~ : /", "note", [](PhiSamples& s) { return s.mbi(std::string(1, s.one("._~:/"))); }}},
      {Detector::kNpi, {"NPI, named", "npi", [](PhiSamples& s) { return s.npi(); }}},
      {Detector::kNpi, {"NPI, not named", "note", [](PhiSamples& s) { return s.npi(); }}},
      {Detector::kBirthDate, {"day of birth", "note", [](PhiSamples& s) { return s.birth_date(); }}},
      {Detector::kBirthDate,
       {"day of birth, parted by _ ~ :", "note", [](PhiSamples& s) { return s.birth_date_parted(s.one("_~:")); }}},
      {Detector::kEmail, {"e-mail address", "note", [](PhiSamples& s) { return s.email(); }}},
      {Detector::kPhone,
       {"telephone number", "note", [](PhiSamples& s) { return s.below(2) == 0 ? s.phone() : s.e164(); }}},
      {Detector::kPhone,
       {"telephone, parted by . _ ~ :", "note", [](PhiSamples& s) { return s.phone_parted(s.one(kOthers)); }}},
      {Detector::kCard, {"card, undivided", "note", [](PhiSamples& s) { return s.card(); }}},
      {Detector::kCard, {"card, in groups", "note", [](PhiSamples& s) { return s.grouped_card(s.one(" -")); }}},
      {Detector::kCard,
       {"card, parted by . _ ~ : /", "note", [](PhiSamples& s) { return s.grouped_card(s.one("._~:/")); }}},
      {Detector::kIpAddress,
       {"IP address", "note", [](PhiSamples& s) { return s.below(2) == 0 ? s.ipv4() : s.ipv6(); }}},
      {Detector::kIcd10, {"ICD-10-CM, named", "diagnosis", [](PhiSamples& s) { return s.icd10(); }}},
      {Detector::kIcd10, {"ICD-10-CM, not named", "note", [](PhiSamples& s) { return s.icd10(); }}},
  };
}

void print_detection(PhiSamples& samples, std::size_t count) {
  std::printf("\nmade-up PHI that its detector finds, of %zu each\n", count);
  for (const auto& [detector, kind] : kinds_of_phi()) {
    std::size_t hits = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Claim claim{kind.name, in_text(samples, kind.make(samples)), {}};
      hits += found_in(claim, DetectorSet::none().with(detector)) ? 1U : 0U;
    }
    std::printf("  %-30s %8.4f %%\n", kind.title, percent(hits, count));
  }
}

// CPU nanoseconds of one call, the best of some rounds.
double nanoseconds(std::size_t calls, const std::function<void(std::size_t)>& call) {
  double best = 1e9;
  for (int round = 0; round < 15; ++round) {
    const double start = cpu_seconds();
    for (std::size_t i = 0; i < calls; ++i) call(i);
    best = std::min(best, (cpu_seconds() - start) * 1e9 / static_cast<double>(calls));
  }
  return best;
}

void print_cost(const std::vector<Token>& tokens) {
  constexpr std::size_t kCalls = 2000;
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  std::size_t claims = 0;
  for (std::size_t i = 0; i < kCalls; ++i) {
    std::string text;
    for (const Claim& claim : tokens[i % tokens.size()]) {
      bytes += claim.name.size() + (claim.number ? 10 : claim.text.size()) + 6;  // quotes, colon, comma
      ++claims;
      text += "\"" + claim.name + "\":\"" + claim.text + "\",";
    }
    while (text.size() < 400) text += text;
    texts.push_back(text.substr(0, 400));
  }
  std::size_t hits = 0;  // used, so that nothing is optimised away
  const double judged = nanoseconds(
      kCalls, [&](std::size_t i) { hits += found_in(tokens[i % tokens.size()], DetectorSet::all()) ? 1U : 0U; });
  const double read = nanoseconds(
      kCalls, [&](std::size_t i) { hits += signer::phi::find(texts[i], "note", DetectorSet::all()) ? 1U : 0U; });
  std::printf("\ncost, CPU time\n");
  std::printf("  a claim set of %zu claims, %zu bytes: names and values %.0f ns\n", claims / kCalls, bytes / kCalls,
              judged);
  std::printf("  one text of 400 bytes: %.0f ns   (findings %zu)\n", read, hits);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000;
  const auto seed = static_cast<unsigned>(argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 20'251'123UL);
  if (count == 0) {
    std::fprintf(stderr, "usage: %s [tokens [seed]]\n", argv[0]);
    return 2;
  }
  std::printf("tokens %zu seed %u\n", count, seed);
  PhiSamples samples(seed);
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(legitimate_token(samples));
  print_false_positives(tokens);
  print_kinds(samples, count);
  print_detection(samples, count);
  print_cost(tokens);
  return 0;
}
