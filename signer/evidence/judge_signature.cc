// SPDX-License-Identifier: Apache-2.0

#include "evidence/judge_signature.h"

#include <array>
#include <string_view>

#include "evidence/strict_object.h"
#include "jose/base64url.h"
#include "jose/hash.h"
#include "verify/verification_key.h"

namespace signer::evidence {

namespace {

constexpr jose::JsonLimits kSmallJson{.bytes_max = 2048, .depth_max = 1, .members_max = 8};

struct JwsPieces {
  std::string_view signing_input;
  jose::Json header;
  jose::Json payload;
  Bytes signature;
};

std::optional<jose::Json> small_object(std::string_view encoded) {
  const auto bytes = jose::base64url_decode(encoded);
  if (!bytes) return std::nullopt;
  auto object = jose::parse_json_object(text_of(*bytes), kSmallJson);
  if (!object) return std::nullopt;
  return *std::move(object);
}

std::optional<JwsPieces> take_apart(std::string_view jws) {
  const std::size_t first = jws.find('.');
  const std::size_t second = jws.find('.', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  auto header = small_object(jws.substr(0, first));
  auto payload = small_object(jws.substr(first + 1, second - first - 1));
  auto signature = jose::base64url_decode(jws.substr(second + 1));
  if (!header || !payload || !signature) return std::nullopt;
  return JwsPieces{jws.substr(0, second), *std::move(header), *std::move(payload), *std::move(signature)};
}

bool is(const jose::Json& object, const jose::Json& wanted, std::string_view name, Judgement& judgement,
        std::string_view good, std::string_view wrong) {
  const bool right = object == wanted;
  judgement.add(std::string(name), right ? Finding::kGood : Finding::kBad, right ? "as it must be" : "something else",
                std::string(right ? good : wrong));
  return right;
}

}  // namespace

std::optional<jose::PublicKey> judge_jwk(const Statement& statement, Judgement& judgement) {
  auto key = jose::from_jwk(statement.jwk);
  if (!key) {
    judgement.add("key.jwk", Finding::kBad, shown(key.error().text), "this is no public key that may sign");
    return std::nullopt;
  }
  const bool ours = key->algorithm == Algorithm::kRs256 || key->algorithm == Algorithm::kEs256;
  if (!ours || jose::to_jwk(*key) != statement.jwk) {
    judgement.add("key.jwk", Finding::kBad, "other members", "this is not how signerd publishes a key");
    return std::nullopt;
  }
  const bool named = jose::thumbprint(*key) == statement.kid;
  judgement.add(
      "key.kid", named ? Finding::kGood : Finding::kBad, shown(statement.kid),
      named ? "the kid is the thumbprint of the public key" : "the kid is not the thumbprint of the public key");
  if (!named) return std::nullopt;
  return *std::move(key);
}

bool judge_signature(const Bundle& bundle, const Statement& statement, const jose::PublicKey& key,
                     Judgement& judgement) {
  const auto pieces = take_apart(bundle.jws);
  if (!pieces) {
    judgement.add("signature.form", Finding::kBad, "no compact JWS", "the signature cannot be read");
    return false;
  }
  const std::string hash = jose::base64url_encode(jose::sha256(bytes_of(bundle.statement_text)));
  const std::string_view algorithm = key.algorithm == Algorithm::kRs256 ? "RS256" : "ES256";
  const jose::Json header = {{"alg", algorithm}, {"kid", statement.kid}, {"typ", kSignatureType}};
  const jose::Json payload = {{"nonce", statement.nonce}, {"statement_sha256", hash}};
  const bool intact =
      is(pieces->header, header, "signature.header", judgement, "it is a signature of this key under evidence",
         "alg, kid or typ are not those of evidence by this key, or there is more") &&
      is(pieces->payload, payload, "signature.payload", judgement, "it is of this statement and this nonce",
         "the statement was changed after it was signed, or another one was signed");
  if (!intact) return false;
  const auto verifier = verify::VerificationKey::make(key);
  if (!verifier) {
    judgement.add("key.jwk", Finding::kBad, shown(verifier.error().text), "the public key is a weak one");
    return false;
  }
  const bool signed_by_key = verifier->verify(bytes_of(pieces->signing_input), pieces->signature);
  judgement.add(
      "signature", signed_by_key ? Finding::kGood : Finding::kBad, std::string(algorithm),
      signed_by_key ? "the private key of this public key has signed the statement" : "this key has not signed it");
  return signed_by_key;
}

}  // namespace signer::evidence
