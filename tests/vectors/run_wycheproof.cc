// SPDX-License-Identifier: Apache-2.0
//
// run_wycheproof [--present] DIRECTORY: drives the verification library with the files of a checkout of Wycheproof
// (C2SP/wycheproof) that concern it, counts by file what was accepted and refused, prints every mismatch, and exits
// with 1 on any that is not in the list of exceptions below, and if a file is missing.  With --present older
// collections will do, such as the one that Debian's source package of BoringSSL holds (wycheproof_of_debian.sh): files
// that are not there are named and passed over, as long as there is one.  Without a directory it says so and exits with
// 77, which CTest calls skipped.
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/hex.h"
#include "jose/algorithms.h"
#include "jose/json.h"
#include "signer/jws.h"
#include "verify/verification_key.h"

namespace signer {
namespace {

using jose::Json;

constexpr int kSkipped = 77;
constexpr std::size_t kFileBytesMax = 64UL * 1024 * 1024;

// Labelled valid, and refused on purpose.
struct Exception {
  std::string_view file;
  int test;
  std::string_view why;
};

constexpr Exception kExceptions[] = {
    {"json_web_signature_test.json", 346, "the key is pinned to PS256, the header says PS384"},
    {"json_web_signature_test.json", 350, "the key is pinned to PS256, the header says PS384"},
    {"json_web_signature_test.json", 347, "the key's alg is \"ES521\", which is no algorithm"},
    {"json_web_signature_test.json", 351, "the key's alg is \"ES521\", which is no algorithm"},
};

struct SignatureFile {
  std::string_view name;
  Algorithm algorithm;
};

enum class Missing { kFails, kIsPassedOver };

// Raw signatures.  Those labelled acceptable break a rule that some implementations are lax about: refused.
constexpr SignatureFile kSignatureFiles[] = {
    {"rsa_signature_2048_sha256_test.json", Algorithm::kRs256},
    {"rsa_signature_3072_sha256_test.json", Algorithm::kRs256},
    {"rsa_signature_4096_sha256_test.json", Algorithm::kRs256},
    {"rsa_signature_8192_sha256_test.json", Algorithm::kRs256},
    {"rsa_signature_2048_sha384_test.json", Algorithm::kRs384},
    {"rsa_signature_3072_sha384_test.json", Algorithm::kRs384},
    {"rsa_signature_4096_sha384_test.json", Algorithm::kRs384},
    {"rsa_signature_2048_sha512_test.json", Algorithm::kRs512},
    {"rsa_signature_3072_sha512_test.json", Algorithm::kRs512},
    {"rsa_signature_4096_sha512_test.json", Algorithm::kRs512},
    {"rsa_pss_2048_sha256_mgf1_32_test.json", Algorithm::kPs256},
    {"rsa_pss_3072_sha256_mgf1_32_test.json", Algorithm::kPs256},
    {"rsa_pss_4096_sha256_mgf1_32_test.json", Algorithm::kPs256},
    {"rsa_pss_2048_sha384_mgf1_48_test.json", Algorithm::kPs384},
    {"rsa_pss_4096_sha384_mgf1_48_test.json", Algorithm::kPs384},
    {"rsa_pss_4096_sha512_mgf1_64_test.json", Algorithm::kPs512},
    {"ecdsa_secp256r1_sha256_p1363_test.json", Algorithm::kEs256},
    {"ecdsa_secp384r1_sha384_p1363_test.json", Algorithm::kEs384},
    {"ed25519_test.json", Algorithm::kEd25519},
    {"eddsa_test.json", Algorithm::kEd25519},  // its name before version 1
};

struct Count {
  int accepted = 0;    // valid ones
  int refused = 0;     // invalid ones
  int not_ours = 0;    // symmetric keys and algorithms that the library does not have
  int exceptions = 0;  // named above
  int mismatches = 0;
};

std::string text_of_member(const Json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? *member->get_ptr<const std::string*>() : std::string();
}

// Big-endian, without the zero in front that the files write for the sign, and at least `size_min` bytes.
Bytes number(const Json& object, const char* name, std::size_t size_min) {
  Bytes bytes = from_hex(text_of_member(object, name)).value_or(Bytes{});
  while (bytes.size() > size_min && bytes.front() == 0) bytes.erase(bytes.begin());
  bytes.insert(bytes.begin(), size_min - std::min(size_min, bytes.size()), 0);
  return bytes;
}

// Where a group has its key: in "publicKey"; before version 1 of the files in "key", and RSA's in the group itself.
const Json& numbers_of(const Json& group) {
  for (const char* name : {"publicKey", "key"}) {
    if (const auto found = group.find(name); found != group.end()) return *found;
  }
  return group;
}

jose::PublicKey key_of(const Json& group, Algorithm algorithm) {
  const jose::AlgorithmRow& row = *jose::find_algorithm(algorithm);
  jose::PublicKey key;
  key.algorithm = algorithm;
  const Json& numbers = numbers_of(group);
  if (row.scheme == jose::Scheme::kEddsa) {
    key.x = number(numbers, "pk", row.coordinate_bytes);
  } else if (row.scheme == jose::Scheme::kEcdsa) {
    key.x = number(numbers, "wx", row.coordinate_bytes);
    key.y = number(numbers, "wy", row.coordinate_bytes);
  } else {
    const bool older = numbers.contains("n");
    key.modulus = number(numbers, older ? "n" : "modulus", 0);
    key.exponent = number(numbers, older ? "e" : "publicExponent", 0);
  }
  return key;
}

void judge(std::string_view file, const Json& test, bool accepted, std::string_view reason, Count& count) {
  const std::string result = text_of_member(test, "result");
  if (accepted == (result == "valid")) {
    ++(accepted ? count.accepted : count.refused);
    return;
  }
  const int id = static_cast<int>(jose::json_integer(test["tcId"]).value_or(-1));
  for (const Exception& exception : kExceptions) {
    if (exception.file != file || exception.test != id || accepted) continue;
    ++count.exceptions;
    return;
  }
  ++count.mismatches;
  std::printf("  MISMATCH %.*s tcId %d (%s): %s, but %s %.*s\n", static_cast<int>(file.size()), file.data(), id,
              text_of_member(test, "comment").c_str(), result.c_str(),
              accepted ? "accepted" : "refused:", static_cast<int>(reason.size()), reason.data());
}

void run_signatures(const SignatureFile& file, const Json& groups, Count& count) {
  for (const Json& group : groups) {
    const auto key = verify::VerificationKey::make(key_of(group, file.algorithm), jose::RsaLimit::k8192);
    for (const Json& test : group["tests"]) {
      const Bytes message = from_hex(text_of_member(test, "msg")).value_or(Bytes{});
      const Bytes signature = from_hex(text_of_member(test, "sig")).value_or(Bytes{});
      const bool accepted = key && key->verify(message, signature);
      judge(file.name, test, accepted, key ? "" : key.error().text, count);
    }
  }
}

// The keys of a group as a JWK Set, with a kid where the file has none.  Nothing if they are not for us.
std::optional<Json> key_set_of(const Json& group) {
  const auto object = group.find("public");
  if (object == group.end()) return std::nullopt;
  Json set = object->contains("keys") ? *object : Json{{"keys", Json::array({*object})}};
  bool ours = false;
  for (Json& key : set["keys"]) {
    if (!key.contains("kid")) key["kid"] = "none";
    const std::string alg = text_of_member(key, "alg");
    ours = ours || jose::find_algorithm(std::string_view(alg)) != nullptr || alg == "ES521" || alg == "RSA1_5";
  }
  if (!ours) return std::nullopt;
  return set;
}

void run_tokens(std::string_view file, const Json& groups, Count& count) {
  std::vector<Algorithm> all;
  for (const jose::AlgorithmRow& row : jose::kAlgorithms) all.push_back(row.algorithm);
  jws::Policy policy(all, jws::TypeRule::any());
  policy.kid_may_be_absent = true;
  for (const Json& group : groups) {
    const auto set = key_set_of(group);
    if (!set) {
      count.not_ours += static_cast<int>(group["tests"].size());
      continue;
    }
    const auto keys = KeySet::from_jwks(jose::dump_json(*set));
    for (const Json& test : group["tests"]) {
      if (!keys) {
        judge(file, test, false, keys.error().text, count);
        continue;
      }
      const auto verified = jws::verify(text_of_member(test, "jws"), *keys, policy);
      judge(file, test, verified.has_value(), verified ? "" : to_string(verified.error()), count);
    }
  }
}

// False if the file cannot be read: a directory without the files has judged nothing.
template <class Run>
bool run_file(const std::filesystem::path& directory, std::string_view name, int& mismatches, const Run& run) {
  const auto text = read_file(directory / name, kFileBytesMax);
  if (!text) {
    std::printf("%-44.*s %s\n", static_cast<int>(name.size()), name.data(), text.error().text.c_str());
    return false;
  }
  const Json file = Json::parse(*text, nullptr, false);
  const auto groups = file.is_object() ? file.find("testGroups") : file.end();
  if (!file.is_object() || groups == file.end()) {
    std::printf("%-44.*s is no file of test groups\n", static_cast<int>(name.size()), name.data());
    return false;
  }
  Count count;
  run(*groups, count);
  std::printf("%-44.*s valid accepted %4d  invalid refused %4d  not ours %3d  exceptions %d  mismatches %d\n",
              static_cast<int>(name.size()), name.data(), count.accepted, count.refused, count.not_ours,
              count.exceptions, count.mismatches);
  mismatches += count.mismatches;
  return true;
}

// The names of Ed25519's file: one or the other is there.
bool is_other_name(const std::filesystem::path& directory, std::string_view name) {
  constexpr std::string_view kNew = "ed25519_test.json";
  constexpr std::string_view kOld = "eddsa_test.json";
  const bool has_new = std::filesystem::exists(directory / kNew);
  return name == (has_new || !std::filesystem::exists(directory / kOld) ? kOld : kNew);
}

int run_all(std::filesystem::path directory, Missing missing) {
  if (std::filesystem::exists(directory / "testvectors_v1")) directory /= "testvectors_v1";
  int mismatches = 0;
  int judged = 0;
  int unread = 0;
  const auto run = [&](std::string_view name, const auto& judge_groups) {
    if (is_other_name(directory, name)) return;
    ++(run_file(directory, name, mismatches, judge_groups) ? judged : unread);
  };
  for (const std::string_view name :
       {std::string_view("json_web_signature_test.json"), std::string_view("json_web_key_test.json")}) {
    run(name, [name](const Json& groups, Count& count) { run_tokens(name, groups, count); });
  }
  for (const SignatureFile& file : kSignatureFiles) {
    run(file.name, [&file](const Json& groups, Count& count) { run_signatures(file, groups, count); });
  }
  for (const Exception& exception : kExceptions) {
    std::printf("exception: %.*s tcId %d: %.*s\n", static_cast<int>(exception.file.size()), exception.file.data(),
                exception.test, static_cast<int>(exception.why.size()), exception.why.data());
  }
  std::printf("%d files judged, %d not there, %d mismatches\n", judged, unread, mismatches);
  const bool complete = missing == Missing::kFails ? unread == 0 : judged > 0;
  return mismatches == 0 && complete ? 0 : 1;
}

}  // namespace
}  // namespace signer

int main(int argc, char** argv) {
  const bool present = argc > 1 && std::string_view(argv[1]) == "--present";
  const char* directory = argc > 1 ? argv[argc - 1] : "";
  if (directory[0] == '\0' || argc > (present ? 3 : 2) || (present && argc != 3)) {
    std::puts(
        "skipped: no checkout of Wycheproof was given (run_wycheproof [--present] DIRECTORY, or cmake "
        "-DSIGNER_WYCHEPROOF=DIRECTORY)");
    return signer::kSkipped;
  }
  return signer::run_all(directory, present ? signer::Missing::kIsPassedOver : signer::Missing::kFails);
}
