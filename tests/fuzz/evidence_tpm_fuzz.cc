// SPDX-License-Identifier: Apache-2.0
// Target functions: evidence::judge_tpm, evidence::read_public_area, evidence::read_attest,
// evidence::read_creation_data, evidence::Certificate::read.
//
// The first byte says what the rest is.  'J': the JSON of a part.  'E': edits of a good part's bytes, four bytes each:
// which member, where (two bytes), what.  Anything else: the bytes of a structure.  Whatever is signed must be what was
// signed, or the judge must not say `attested`; and a structure has one length.
#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <utility>

#include "evidence/certificates.h"
#include "evidence/judge_tpm.h"
#include "evidence/tpm_structures.h"
#include "fuzz/fixed_tpm_evidence.h"
#include "fuzz/fuzz.h"
#include "jose/base64url.h"

namespace signer::fuzz {
namespace {

using namespace signer::evidence;
using jose::Json;

// What the attestation key's signatures cover, and they themselves.
constexpr std::array<const char*, 19> kSigned{
    "/attStmt/certInfo", "/attStmt/sig",       "/attStmt/pubArea", "/ak/pubArea",          "/ek/pubArea",
    "/creation/data",    "/creation/certInfo", "/creation/sig",    "/quote/certInfo",      "/quote/sig",
    "/quote/pcrs/0",     "/quote/pcrs/1",      "/quote/pcrs/2",    "/quote/pcrs/3",        "/quote/pcrs/4",
    "/quote/pcrs/5",     "/quote/pcrs/6",      "/quote/pcrs/7",    "/storage_root/pubArea"};

// What nobody but the issuers signed.
constexpr std::array<const char*, 3> kCertificates{"/attStmt/x5c/0", "/ek/certificates/0", "/ek/certificates/1"};

Bytes decoded(std::string_view text) {
  return jose::base64url_decode(text).value();
}

struct Fixture {
  Json part = jose::parse_json(kGoodTpmPart).value();
  jose::PublicKey key{
      .algorithm = Algorithm::kRs256, .modulus = decoded(kPublishedModulus), .exponent = {1, 0, 1}, .x = {}, .y = {}};
  Bytes nonce = decoded(kTpmNonce);
  Bytes context = decoded(kTpmContext);
  Trust trust{.roots = {decoded(kManufacturerRoot)},
              .intermediates = {},
              .attestation_roots = {decoded(kAttestationRoot)},
              .enrolled = {},
              .allow_simulator = false,
              .now = kJudgedAt};
};

const Fixture& fixture() {
  static const Fixture made;
  return made;
}

// A creation that is not there claims nothing; one that is there must be the good one.
bool is_what_was_signed(const Json& part) {
  return std::ranges::all_of(kSigned, [&part](const char* path) {
    const Json::json_pointer at(path);
    if (!part.contains("creation") && std::string_view(path).starts_with("/creation")) return true;
    return part.contains(at) && part.at(at) == fixture().part.at(at);
  });
}

Judgement judge(const Json& part) {
  const Fixture& given = fixture();
  Judgement judgement = judge_tpm(part, given.key, {.nonce = given.nonce, .context = given.context}, given.trust);
  std::set<std::string_view> names;
  for (const Check& check : judgement.checks) {
    require(names.insert(check.name).second, "a check is there once");
    require(check.found == shown(check.found), "what is shown is short and printable");
    require(!check.meaning.empty(), "a check has a meaning");
  }
  require(!judgement.checks.empty(), "there is a check");
  require(judgement.has_bad() == (judgement.grade == Grade::kFailed), "a bad check fails, and nothing else does");
  require(!judgement.reason.empty(), "each grade has a reason");
  require(is_what_was_signed(part) || judgement.grade == Grade::kFailed, "what was not signed fails");
  return judgement;
}

// Beyond the end a byte is added; a zero cuts.
void edit(Bytes& bytes, std::size_t at, std::uint8_t value) {
  if (value == 0) {
    bytes.resize(std::min(bytes.size(), at));
  } else if (at < bytes.size()) {
    bytes[at] ^= value;
  } else {
    bytes.push_back(value);
  }
}

void judge_edited(ByteView edits) {
  Json part = fixture().part;
  for (; edits.size() >= 4; edits = edits.subspan(4)) {
    const std::size_t which = edits[0] % (kSigned.size() + kCertificates.size());
    const Json::json_pointer at(which < kSigned.size() ? kSigned[which] : kCertificates[which - kSigned.size()]);
    Bytes bytes = decoded(part.at(at).get<std::string>());
    edit(bytes, static_cast<std::size_t>(edits[1]) << 8U | edits[2], edits[3]);
    part[at] = jose::base64url_encode(bytes);
  }
  const Judgement judgement = judge(part);
  require(part != fixture().part || judgement.grade == Grade::kAttested, "the good part is attested");
}

template <class Read>
void check_one_length(ByteView bytes, Read read) {
  if (!read(bytes)) return;
  require(!read(bytes.first(bytes.size() - 1)), "a structure that is cut is none");
  Bytes longer(bytes.begin(), bytes.end());
  longer.push_back(0);
  require(!read(longer), "a structure has nothing behind it");
}

void check_structure(ByteView bytes) {
  check_one_length(bytes, read_public_area);
  check_one_length(bytes, read_attest);
  check_one_length(bytes, read_creation_data);
  check_one_length(bytes, Certificate::read);
  if (const auto certificate = Certificate::read(bytes)) {
    static_cast<void>(certificate->key());
    static_cast<void>(certificate->usages());
    static_cast<void>(certificate->tpm_manufacturer());
    static_cast<void>(shown(certificate->subject()));
  }
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  if (size == 0) return 0;
  const ByteView rest = ByteView(data, size).subspan(1);
  if (data[0] == 'J') {
    if (const auto part = jose::parse_json(text_of(rest))) fuzz::judge(*part);
  } else if (data[0] == 'E') {
    fuzz::judge_edited(rest);
  } else {
    fuzz::check_structure(rest);
  }
  return 0;
}
