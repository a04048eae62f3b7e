// SPDX-License-Identifier: Apache-2.0
// Target functions: jws::verify, jws::unverified_header, jwt::Verifier::verify.
//
// A key set of one key, all of whose signatures are known (fixed_key.h): whatever else verifies is a forgery.  After
// each input the good token must still verify, whatever the input left in the header cache.
#include "fuzz/fixed_key.h"
#include "fuzz/fuzz.h"
#include "jose/base64url.h"
#include "signer/jwt.h"

namespace signer::fuzz {
namespace {

struct Fixture {
  KeySet keys;
  jwt::Verifier verifier;
  jws::Policy any_type;
  jws::Policy lenient;
};

const Fixture& fixture() {
  static const Fixture fixture = [] {
    auto keys = KeySet::from_jwks(R"({"keys":[)" + std::string(kJwk) + "]}");
    require(keys.has_value(), "the fixed key set loads");
    auto verifier = jwt::Verifier::make({{Algorithm::kRs256},
                                         jwt::Issuers{"https://idp.example"},
                                         jwt::Audiences{"https://api.example"},
                                         jws::TypeRule::is("at+jwt")});
    require(verifier.has_value(), "the profile is one");
    jws::Policy lenient({Algorithm::kRs256}, jws::TypeRule::any());
    lenient.ignored_parameters = {"x5t", "crit", "jku", "b64"};
    return Fixture{*std::move(keys), *std::move(verifier), {{Algorithm::kRs256}, jws::TypeRule::any()}, lenient};
  }();
  return fixture;
}

bool signed_by_the_key(std::string_view text) {
  return text == kGoodToken || text == kIdToken || text == kExpiredToken || text == kNotClaimsToken;
}

// 't': the rest is a token.  Anything else: a line of header and then payload, to which the good token's signature is
// added, so that the mutations need not get through base64url.
std::string token_of(std::string_view input) {
  if (input.empty()) return {};
  const char mode = input.front();
  input.remove_prefix(1);
  if (mode == 't') return std::string(input);
  const std::string_view header = take_line(input);
  return jose::base64url_encode(header) + "." + jose::base64url_encode(input) +
         std::string(kGoodToken.substr(kGoodToken.rfind('.')));
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using namespace signer::fuzz;
  const Fixture& f = fixture();
  const std::chrono::system_clock::time_point now{std::chrono::seconds(kIssuedAt + 60)};
  const std::string token = token_of(text_of({data, size}));

  for (const jws::Policy* policy : {&f.any_type, &f.lenient}) {
    const auto verified = jws::verify(token, f.keys, *policy);
    require(verified.has_value() == signed_by_the_key(token), "verified if and only if the fixed key signed it");
    if (verified) require(verified->kid() == kKid, "the kid is the key's");
    const auto header = jws::unverified_header(token, *policy);
    require(!verified || (header && header->alg == "RS256" && header->kid == kKid), "what verified has a good header");
    if (!verified) {
      require(!to_string(verified.error()).empty() && !public_face(verified.error()).empty(), "an error has words");
      require(verified.error() != VerifyError::kInternal, "no internal error");
    }
  }
  const auto claims = f.verifier.verify(token, f.keys, now);
  require(claims.has_value() == (token == kGoodToken), "the verifier takes the one token of its profile");
  const auto again = f.verifier.verify(kGoodToken, f.keys, now);
  require(again && again->issuer() == "https://idp.example" && again->jwt_id() == "seed", "the good token stays good");
  return 0;
}
