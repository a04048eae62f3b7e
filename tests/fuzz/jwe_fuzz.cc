// SPDX-License-Identifier: Apache-2.0
// Target functions: jwt::Verifier::verify_nested, jwt::open_encrypted_claims (and verify::open_jwe below them),
// DecryptionKeys::from_jwk and from_pem, jose::JweRecipient::from_jwk and from_jwks.
//
// The keys are made anew in each process, so no input holds a token that opens: what opens is what the target sealed
// around the input, and only if an independent reading of the input says that it should.
#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "fuzz/fuzz.h"
#include "jose/json.h"
#include "jose/jwe.h"
#include "signer/decryption_keys.h"
#include "signer/encrypted_claims.h"
#include "signer/jwt.h"
#include "tests/support/encryption_key.h"
#include "tests/support/signing_key.h"

namespace signer::fuzz {
namespace {

using jose::Json;

constexpr std::size_t kHeaderBytesMax = 2048;
constexpr std::chrono::sys_seconds kNow{std::chrono::seconds(1'700'000'000)};

struct JweFixture {
  std::string inner =
      test::SigningKey::first().token(R"({"alg":"RS256","kid":"a","typ":"at+jwt"})",
                                      R"({"iss":"i","aud":["a","b"],"sub":"s","iat":1700000000,"exp":1700000060})");
  KeySet keys =
      *KeySet::from_jwks(R"({"keys":[)" + test::SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a")") + "]}");
  jwt::Verifier verifier =
      *jwt::Verifier::make({{Algorithm::kRs256}, jwt::Issuers{"i"}, jwt::Audiences{"a"}, jws::TypeRule::is("at+jwt")});
  DecryptionKeys private_keys = *DecryptionKeys::from_pem(test::EncryptionKey::first().private_pem());
  // One content key for all: what it protects is known anyway.
  Bytes content_key = Bytes(32, 0x5a);
  Bytes encrypted_key = test::EncryptionKey::first().wrap(content_key);

  [[nodiscard]] std::string seal(std::string_view header, std::string_view plaintext) const {
    test::JweParts parts{std::string(header), encrypted_key, Bytes(12, 0x01), {}, {}};
    std::tie(parts.ciphertext, parts.tag) =
        test::gcm_seal(content_key, parts.iv, jose::base64url_encode(header), plaintext);
    return parts.compact();
  }
};

const JweFixture& jwe_fixture() {
  static const JweFixture fixture;
  return fixture;
}

bool is_type(const Json& value, const std::string& type) {
  if (!value.is_string()) return false;
  std::string text = value.get<std::string>();
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text == type || text == "application/" + type;
}

bool is_audience_of_the_inner(const Json& value) {
  return value == Json::array({"a", "b"});
}

// Whether docs/encryption.md takes this header.
bool should_take(std::string_view header, bool nested) {
  if (jose::base64url_encode(header).size() * 3 / 4 > kHeaderBytesMax) return false;
  const auto object = jose::parse_json_object(header, {.bytes_max = header.size(), .depth_max = 2, .members_max = 64});
  if (!object) return false;
  for (const auto& [name, value] : object->items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : std::string();
    const bool known =
        (name == "alg" && text == "RSA-OAEP-256") || (name == "enc" && text == "A256GCM") ||
        (name == "cty" && is_type(value, nested ? "jwt" : "json")) ||
        (name == "kid" && jose::is_acceptable_kid(text)) ||
        (nested && ((name == "typ" && is_type(value, "jwt")) || (name == "iss" && text == "i") ||
                    (name == "sub" && text == "s") || (name == "aud" && is_audience_of_the_inner(value))));
    if (!known) return false;
  }
  return object->contains("alg") && object->contains("enc") && object->contains("cty");
}

void require_one_error(const Result<jwt::Claims, VerifyError>& claims) {
  require(claims || claims.error() == VerifyError::kDecryptFailed, "one error");
}

void nested(std::string_view header, std::string_view plaintext) {
  const JweFixture& f = jwe_fixture();
  // "=" stands for the good token, which no input can hold.
  const std::string_view text = plaintext == "=" ? std::string_view(f.inner) : plaintext;
  const auto claims = f.verifier.verify_nested(f.seal(header, text), f.private_keys, f.keys, kNow);
  require_one_error(claims);
  require(claims.has_value() == (should_take(header, true) && text == f.inner), "opens if and only if it should");
}

void selective(std::string_view header, std::string_view plaintext) {
  const JweFixture& f = jwe_fixture();
  const Json outside = {{"iss", "i"}, {"aud", "a"}, {"iat", 1700000000}, {"exp", 1700000060}, {"shown", true}};
  Json payload = outside;
  payload[std::string(kEncryptedClaims)] = f.seal(header, plaintext);
  const auto claims = f.verifier.verify(
      test::SigningKey::first().token(R"({"alg":"RS256","kid":"a","typ":"at+jwt"})", jose::dump_json(payload)), f.keys,
      kNow);
  if (!claims) return;  // too large
  const auto opened = jwt::open_encrypted_claims(*claims, f.private_keys);
  require_one_error(opened);
  const auto inside = jose::parse_json_object(plaintext);
  bool good = should_take(header, false) && inside.has_value();
  if (good) {
    const std::set<std::string> never = {"iss", "aud", "iat", "exp", "nbf", "shown", std::string(kEncryptedClaims)};
    for (const auto& [name, value] : inside->items()) {
      const bool text = name == "sub" || name == "jti" || name == "client_id";
      good = good && !never.contains(name) && (!text || value.is_string());
    }
  }
  require(opened.has_value() == good, "opens if and only if it should");
  if (!opened) return;
  Json both = outside;
  both.update(*inside);
  require(jose::parse_json_object(opened->payload_json(), {.depth_max = 64, .members_max = 4096}).value() == both,
          "all claims together and no other");
}

// What the refusals of private keys say.
constexpr std::string_view kOwnWords =
    "key 0123456789: decryption key: PEM text larger than 16384 bytes|decryption key: the PEM block is encrypted; "
    "decrypt it with: openssl pkey -in FILE -out PLAIN_FILE|decryption key: not one PEM block \"PRIVATE KEY\"; make "
    "one "
    "with: openssl pkey -in FILE|decryption key: PEM_read_bio_PrivateKey refused the text|decryption key: the PEM "
    "block "
    "holds no RSA key|decryption key: text larger than 131072 bytes|decryption key: not one strict JSON object|"
    "decryption key: \"keys\" is not an array|decryption key: no key to decrypt with; one with kty \"RSA\", use "
    "\"enc\" "
    "and alg \"RSA-OAEP-256\" would do|decryption key: an element of \"keys\" that is not a JWK|decryption key: more "
    "than "
    "two primes|decryption key: more than 16 keys|no text member n; no text member e; no text member d; no text member "
    "p; no text member q; no text member dp; no text member dq; no text member qi; a private JWK has n, e, d, p, q, "
    "dp, "
    "dq, qi|decryption key: a number that is not exact base64url, or begins with zero|decryption key: kid is not text|"
    "decryption key: kid is not 1 to 256 printable ASCII characters without spaces|decryption key: several keys, and "
    "one of them without a kid|decryption key: two keys with one kid|decryption key: EVP_PKEY_fromdata refused the "
    "numbers|decryption key: EVP_PKEY_public_check refused the numbers|decryption key: EVP_PKEY_check refused the "
    "numbers|decryption key: public key: RSA modulus not an odd number of 2048 to 4096 bits|decryption key: public "
    "key: "
    "RSA exponent out of range|decryption key: RSA modulus made by a faulty library (CVE-2017-15361)";

void keys(std::string_view text) {
  for (const auto& loaded : {DecryptionKeys::from_jwk(text), DecryptionKeys::from_pem(text, "k")}) {
    if (loaded) {
      require(loaded->size() > 0, "keys are some");
    } else {
      require(loaded.error().code == ErrorCode::kInvalidRequest, "a bad key is the sender's fault");
      require(!quotes(loaded.error().text, text, kOwnWords), "a refusal quotes nothing");
    }
  }
  for (const auto& recipient :
       {jose::JweRecipient::from_jwk(text), jose::JweRecipient::from_jwks(text, std::nullopt)}) {
    if (recipient) {
      require(recipient->thumbprint().size() == 43, "a recipient has a thumbprint");
      require(jose::jwe_encrypt(*recipient, {.cty = "JWT", .typ = {}}, "x").has_value(),
              "a recipient can be encrypted to");
    } else {
      require(recipient.error().text.starts_with("recipient: "), "a refusal says what was refused");
    }
  }
}

}  // namespace
}  // namespace signer::fuzz

// 't': the rest is a token.  'n', 'c': a line of header, then what is inside a nested token or encrypted claims.  'k':
// the text of a key.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using namespace signer::fuzz;
  if (size == 0) return 0;
  std::string_view rest = text_of({data + 1, size - 1});
  if (data[0] == 'k') {
    keys(rest);
  } else if (data[0] == 'n' || data[0] == 'c') {
    const std::string_view header = take_line(rest);
    data[0] == 'n' ? nested(header, rest) : selective(header, rest);
  } else {
    const JweFixture& f = jwe_fixture();
    const auto claims = f.verifier.verify_nested(rest, f.private_keys, f.keys, kNow);
    require(!claims && claims.error() == VerifyError::kDecryptFailed, "a text of others is one error");
  }
  return 0;
}
