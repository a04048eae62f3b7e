// SPDX-License-Identifier: Apache-2.0

#include "signer/decryption_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

#include <array>
#include <set>

#include "jose/base64url.h"
#include "jose/jwe.h"
#include "jose/openssl.h"
#include "verify/load_key.h"
#include "verify/object.h"
#include "verify/pem.h"
#include "verify/private_keys.h"

namespace signer {

namespace {

using verify::Object;
using verify::Value;
using PrivateKey = DecryptionKeys::Keys::Entry;

Failure<Error> no_decryption_key(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "decryption key: " + std::string(why));
}

Failure<Error> loading_failed(std::string_view call) {
  return fail(ErrorCode::kInternal, "decryption key: " + std::string(call) + " failed");
}

// The public half as strictly as any other, then whether the private one belongs to it.
Result<void> check_key_pair(EVP_PKEY* key) {
  jose::PublicKey numbers;
  numbers.modulus = verify::number_of(key, OSSL_PKEY_PARAM_RSA_N, 1);
  numbers.exponent = verify::number_of(key, OSSL_PKEY_PARAM_RSA_E, 1);
  if (const auto shape = jose::check_shape(numbers); !shape) return no_decryption_key(shape.error().text);
  if (const auto loaded = jose::load_rsa_key(numbers); !loaded) return no_decryption_key(loaded.error().text);
  const jose::QuietErrors quiet;
  const jose::ContextPtr checker(::EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (checker == nullptr) return loading_failed("EVP_PKEY_CTX_new_from_pkey");
  if (::EVP_PKEY_check(checker.get()) != 1) return no_decryption_key("EVP_PKEY_check refused the numbers");
  return {};
}

Result<PrivateKey> checked(jose::KeyPtr key, std::optional<std::string> kid) {
  if (kid && !jose::is_acceptable_kid(*kid)) {
    return no_decryption_key("kid is not 1 to 256 printable ASCII characters without spaces");
  }
  SIGNER_RETURN_IF_ERROR(check_key_pair(key.get()));
  return PrivateKey{std::move(kid), std::move(key)};
}

bool says(const Value* member, std::string_view text) {
  return member != nullptr && member->is_text() && member->text == text;
}

bool says_or_is_absent(const Value* member, std::string_view text) {
  return member == nullptr || says(member, text);
}

const Value* member_of(const Object& object, const Value& jwk, std::string_view name) {
  for (const Value* member = object.first(jwk); member != nullptr; member = object.after(jwk, *member)) {
    if (member->name == name) return member;
  }
  return nullptr;
}

// RFC 7517 §4.3.
bool allows_decryption(const Object& object, const Value* operations) {
  if (operations == nullptr) return true;
  if (operations->kind != Value::Kind::kArray) return false;
  std::set<std::string_view> named;
  for (const Value* name = object.first(*operations); name != nullptr; name = object.after(*operations, *name)) {
    if (!name->is_text() || !named.insert(name->text).second) return false;
  }
  return named.contains("decrypt") || named.contains("unwrapKey");
}

bool is_for_decryption(const Object& object, const Value& jwk) {
  return says(member_of(object, jwk, "kty"), "RSA") && says_or_is_absent(member_of(object, jwk, "use"), "enc") &&
         says_or_is_absent(member_of(object, jwk, "alg"), jose::kJweAlgorithm) &&
         allows_decryption(object, member_of(object, jwk, "key_ops"));
}

// RFC 7518 §6.3.1 and §6.3.2, as OpenSSL calls them.
struct NumberName {
  std::string_view jwk;
  const char* openssl;
};

constexpr std::array kNumberNames = {
    NumberName{"n", OSSL_PKEY_PARAM_RSA_N},          NumberName{"e", OSSL_PKEY_PARAM_RSA_E},
    NumberName{"d", OSSL_PKEY_PARAM_RSA_D},          NumberName{"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
    NumberName{"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    NumberName{"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
    NumberName{"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, NumberName{"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};

using SecretNumberPtr = std::unique_ptr<BIGNUM, Freer<&::BN_clear_free>>;

// A "secure" number, so that OpenSSL cleanses the copies that it makes on the way to a key.
Result<SecretNumberPtr> read_number(std::string_view text) {
  Bytes bytes;
  const bool exact = jose::base64url_decode_into(text, bytes) && !bytes.empty() && bytes.front() != 0;
  SecretNumberPtr number(::BN_secure_new());
  const bool read =
      exact && number != nullptr && ::BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), number.get()) != nullptr;
  ::OPENSSL_cleanse(bytes.data(), bytes.size());
  if (!exact) return no_decryption_key("a number that is not exact base64url, or begins with zero");
  if (!read) return loading_failed("BN_bin2bn");
  return number;
}

Result<PrivateKey> key_of_jwk(const Object& object, const Value& jwk) {
  if (member_of(object, jwk, "oth") != nullptr) return no_decryption_key("more than two primes");
  const jose::BuilderPtr builder(::OSSL_PARAM_BLD_new());
  if (builder == nullptr) return loading_failed("OSSL_PARAM_BLD_new");
  std::vector<SecretNumberPtr> numbers;  // The builder keeps references to them.
  for (const NumberName& name : kNumberNames) {
    const Value* member = member_of(object, jwk, name.jwk);
    if (member == nullptr || !member->is_text()) {
      return no_decryption_key("no text member " + std::string(name.jwk) +
                               "; a private JWK has n, e, d, p, q, dp, dq, qi");
    }
    SIGNER_ASSIGN_OR_RETURN(SecretNumberPtr number, read_number(member->text));
    if (::OSSL_PARAM_BLD_push_BN(builder.get(), name.openssl, number.get()) != 1) {
      return loading_failed("OSSL_PARAM_BLD_push_BN");
    }
    numbers.push_back(std::move(number));
  }
  const jose::ParamsPtr params(::OSSL_PARAM_BLD_to_param(builder.get()));
  auto key = jose::key_of_params("RSA", EVP_PKEY_KEYPAIR, params.get());
  if (!key) return fail(key.error().code, "decryption key: " + key.error().text);
  const Value* kid = member_of(object, jwk, "kid");
  if (kid != nullptr && !kid->is_text()) return no_decryption_key("kid is not text");
  return checked(*std::move(key), kid == nullptr ? std::nullopt : std::optional<std::string>(kid->text));
}

Result<DecryptionKeys::Keys> keys_of_jwks(const Object& object, const Value& list) {
  DecryptionKeys::Keys keys;
  std::size_t place = 0;
  for (const Value* jwk = object.first(list); jwk != nullptr; jwk = object.after(list, *jwk), ++place) {
    if (jwk->kind != Value::Kind::kObject) return no_decryption_key("an element of \"keys\" that is not a JWK");
    if (!is_for_decryption(object, *jwk)) continue;
    if (keys.entries.size() == DecryptionKeys::kKeysMax) {
      return no_decryption_key("more than " + std::to_string(DecryptionKeys::kKeysMax) + " keys");
    }
    auto entry = key_of_jwk(object, *jwk);
    if (!entry) return fail(entry.error().code, "key " + std::to_string(place) + ": " + entry.error().text);
    keys.entries.push_back(*std::move(entry));
  }
  return keys;
}

// What several keys need so that a kid finds one.
Result<void> check_kids(const DecryptionKeys::Keys& keys) {
  std::set<std::string_view> kids;
  if (keys.entries.size() == 1) return {};
  for (const PrivateKey& entry : keys.entries) {
    if (!entry.kid) return no_decryption_key("several keys, and one of them without a kid");
    if (!kids.insert(*entry.kid).second) return no_decryption_key("two keys with one kid");
  }
  return {};
}

}  // namespace

Result<DecryptionKeys> DecryptionKeys::from_pem(std::string_view pem, std::string kid) {
  if (pem.size() > verify::kPemBytesMax) {
    return no_decryption_key("PEM text larger than " + std::to_string(verify::kPemBytesMax) + " bytes");
  }
  // RFC 5958 §3, RFC 1421 §4.6.1.1.
  if (pem.starts_with("-----BEGIN ENCRYPTED") || pem.find("Proc-Type:") != std::string_view::npos) {
    return no_decryption_key("the PEM block is encrypted; decrypt it with: openssl pkey -in FILE -out PLAIN_FILE");
  }
  if (!verify::is_one_pem_block(pem, "PRIVATE KEY") && !verify::is_one_pem_block(pem, "RSA PRIVATE KEY")) {
    return no_decryption_key("not one PEM block \"PRIVATE KEY\"; make one with: openssl pkey -in FILE");
  }
  const jose::QuietErrors quiet;
  const jose::BioPtr text(::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (text == nullptr) return loading_failed("BIO_new_mem_buf");
  jose::KeyPtr read(::PEM_read_bio_PrivateKey(text.get(), nullptr, &verify::no_password, nullptr));
  if (read == nullptr) return no_decryption_key("PEM_read_bio_PrivateKey refused the text");
  if (::EVP_PKEY_is_a(read.get(), "RSA") != 1) return no_decryption_key("the PEM block holds no RSA key");
  SIGNER_ASSIGN_OR_RETURN(PrivateKey entry,
                          checked(std::move(read), kid.empty() ? std::nullopt : std::optional(std::move(kid))));
  Keys keys;
  keys.entries.push_back(std::move(entry));
  return DecryptionKeys(std::make_shared<const Keys>(std::move(keys)));
}

Result<DecryptionKeys> DecryptionKeys::from_jwk(std::string_view json) {
  if (json.size() > kTextBytesMax) {
    return no_decryption_key("text larger than " + std::to_string(kTextBytesMax) + " bytes");
  }
  // Read in place: a tree would leave copies of the private numbers behind.
  const auto object = Object::parse(json, {.depth_max = 8, .members_max = 1024});
  if (!object) return no_decryption_key("not one strict JSON object");
  Keys keys;
  if (const Value* list = object->find("keys"); list != nullptr) {
    if (list->kind != Value::Kind::kArray) return no_decryption_key("\"keys\" is not an array");
    SIGNER_ASSIGN_OR_RETURN(keys, keys_of_jwks(*object, *list));
  } else if (is_for_decryption(*object, object->root())) {
    SIGNER_ASSIGN_OR_RETURN(PrivateKey entry, key_of_jwk(*object, object->root()));
    keys.entries.push_back(std::move(entry));
  }
  if (keys.entries.empty()) {
    return no_decryption_key(
        "no key to decrypt with; one with kty \"RSA\", use \"enc\" and alg \"RSA-OAEP-256\" would do");
  }
  SIGNER_RETURN_IF_ERROR(check_kids(keys));
  return DecryptionKeys(std::make_shared<const Keys>(std::move(keys)));
}

Result<DecryptionKeys> DecryptionKeys::with(const DecryptionKeys& more) const {
  Keys keys = *keys_;
  keys.entries.insert(keys.entries.end(), more.keys_->entries.begin(), more.keys_->entries.end());
  if (keys.entries.size() > kKeysMax) return no_decryption_key("more than " + std::to_string(kKeysMax) + " keys");
  SIGNER_RETURN_IF_ERROR(check_kids(keys));
  return DecryptionKeys(std::make_shared<const Keys>(std::move(keys)));
}

std::size_t DecryptionKeys::size() const noexcept {
  return keys_->entries.size();
}

std::vector<std::string> DecryptionKeys::kids() const {
  std::vector<std::string> kids;
  for (const Keys::Entry& entry : keys_->entries) {
    if (entry.kid) kids.push_back(*entry.kid);
  }
  return kids;
}

}  // namespace signer
