// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/evidence/model_bundle.h"

#include "jose/base64url.h"
#include "jose/hash.h"
#include "tests/support/signing_key.h"

namespace signer::test {

jose::PublicKey model_key() {
  return SigningKey::first().public_key();
}

jose::Json model_statement(const jose::Json& pkcs11) {
  return model_statement(pkcs11, model_key());
}

jose::Json model_statement(const jose::Json& pkcs11, const jose::PublicKey& key) {
  return {{"format", "signer-evidence/1"},
          {"fmt", "pkcs11"},
          {"made", 1'767'225'600},
          {"nonce", kNonce},
          {"key", "issuer"},
          {"kid", jose::thumbprint(key)},
          {"jwk", jose::to_jwk(key)},
          {"daemon",
           {{"version", "0.1.0"},
            {"build_id", "0a1b2c3d"},
            {"config_sha256", jose::base64url_encode(jose::sha256(bytes_of("configuration")))}}},
          {"audit", {{"checkpoint", kNote}, {"vkey", "signer.example/log+00000000+Ag"}}},
          {"pkcs11", pkcs11}};
}

SignedParts parts_for(const jose::Json& statement) {
  const auto member = [&statement](const char* name) {
    return statement.contains(name) ? statement.at(name) : jose::Json("");
  };
  const std::string hash = jose::base64url_encode(jose::sha256(bytes_of(statement.dump())));
  return {{{"alg", "RS256"}, {"kid", member("kid")}, {"typ", "signer-evidence"}},
          {{"nonce", member("nonce")}, {"statement_sha256", hash}}};
}

std::string model_file(const SignedParts& parts, const jose::Json& statement) {
  const std::string jws = SigningKey::first().token(parts.header.dump(), parts.payload.dump());
  return R"({"signature":")" + jws + R"(","statement":)" + statement.dump() + "}\n";
}

std::string model_file(const jose::Json& statement) {
  return model_file(parts_for(statement), statement);
}

}  // namespace signer::test
