// SPDX-License-Identifier: Apache-2.0

#include "jose/jwe.h"

#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <set>
#include <utility>

#include "jose/base64url.h"
#include "jose/json.h"
#include "jose/object_writer.h"
#include "jose/openssl.h"

namespace signer::jose {

namespace {

constexpr JsonLimits kRecipientLimits{.bytes_max = 256UL * 1024, .depth_max = 8, .members_max = 4096};

Failure<Error> no_recipient(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "recipient: " + std::string(why));
}

Failure<Error> encryption_failed(std::string_view call) {
  return fail(ErrorCode::kInternal, "jwe: " + std::string(call) + " failed");
}

bool is_absent_or(const Json& jwk, const char* name, std::string_view value) {
  const auto member = jwk.find(name);
  return member == jwk.end() || (member->is_string() && *member->get_ptr<const std::string*>() == value);
}

// RFC 7517 §4.3: what encrypts a content encryption key calls it either "encrypt" or "wrapKey".
bool allows_encryption(const Json& jwk) {
  const auto operations = jwk.find("key_ops");
  if (operations == jwk.end()) return true;
  if (!operations->is_array()) return false;
  std::set<std::string> named;
  for (const Json& operation : *operations) {
    const auto* name = operation.get_ptr<const std::string*>();
    if (name == nullptr || !named.insert(*name).second) return false;  // "Duplicate key operation values MUST NOT be"
  }
  return named.contains("encrypt") || named.contains("wrapKey");
}

// What no file of public keys may hold, whichever key is asked for.
Result<void> check_is_public(const Json& jwk) {
  if (!jwk.is_object()) return no_recipient("not a JWK object");
  const auto kty = jwk.find("kty");
  if (kty == jwk.end() || !kty->is_string()) return no_recipient("a JWK without kty");
  if (*kty == "oct") return no_recipient("a symmetric key (kty \"oct\"); only a public RSA key can be encrypted to");
  if (has_private_member(jwk)) {
    return no_recipient("holds private members; give the public key alone, and let its owner replace this one");
  }
  return {};
}

// Why a public JWK is not for RSA-OAEP-256, or nullptr.
const char* unfitness(const Json& jwk) {
  if (!is_absent_or(jwk, "kty", "RSA")) return "kty is not RSA; the recipient needs an RSA key";
  if (!is_absent_or(jwk, "use", "enc")) return "use is not \"enc\": the key is for something else; make one to encrypt";
  if (!is_absent_or(jwk, "alg", kJweAlgorithm)) return "alg is not \"RSA-OAEP-256\", the only one that is made here";
  if (!allows_encryption(jwk)) return "key_ops allows neither \"encrypt\" nor \"wrapKey\"";
  return nullptr;
}

Result<Bytes> wrap(const JweRecipient& recipient, const ContentKey& content_key) {
  const ContextPtr context(::EVP_PKEY_CTX_new_from_pkey(nullptr, recipient.key(), nullptr));
  if (context == nullptr || ::EVP_PKEY_encrypt_init(context.get()) != 1 ||
      ::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      ::EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), ::EVP_sha256()) != 1 ||
      ::EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), ::EVP_sha256()) != 1) {
    return encryption_failed("EVP_PKEY_encrypt_init");
  }
  Bytes wrapped(static_cast<std::size_t>(::EVP_PKEY_get_size(recipient.key())));
  std::size_t size = wrapped.size();
  if (::EVP_PKEY_encrypt(context.get(), wrapped.data(), &size, content_key.bytes.data(), content_key.bytes.size()) !=
          1 ||
      size != wrapped.size()) {
    return encryption_failed("EVP_PKEY_encrypt");
  }
  return wrapped;
}

struct Sealed {
  Bytes ciphertext;
  std::array<std::uint8_t, kJweTagBytes> tag{};
};

// RFC 7516 §5.1 steps 14 and 15: the additional authenticated data is the encoded header.
Result<Sealed> seal(const ContentKey& key, ByteView iv, std::string_view encoded_header, std::string_view plaintext) {
  const CipherContextPtr context(::EVP_CIPHER_CTX_new());
  Sealed sealed;
  sealed.ciphertext.resize(plaintext.size());
  const ByteView aad = bytes_of(encoded_header);
  const ByteView text = bytes_of(plaintext);
  int size = 0;
  // GCM is a stream: the final call has nothing left to write, and its place may be the end.
  if (context == nullptr ||
      ::EVP_EncryptInit_ex2(context.get(), ::EVP_aes_256_gcm(), key.bytes.data(), iv.data(), nullptr) != 1 ||
      ::EVP_EncryptUpdate(context.get(), nullptr, &size, aad.data(), static_cast<int>(aad.size())) != 1 ||
      ::EVP_EncryptUpdate(context.get(), sealed.ciphertext.data(), &size, text.data(), static_cast<int>(text.size())) !=
          1 ||
      ::EVP_EncryptFinal_ex(context.get(), sealed.ciphertext.data() + sealed.ciphertext.size(), &size) != 1 ||
      ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kJweTagBytes, sealed.tag.data()) != 1) {
    return encryption_failed("AES-256-GCM");
  }
  return sealed;
}

std::string header_text(const JweRecipient& recipient, const JweHeader& header) {
  ObjectWriter writer(256);
  writer.text("alg", kJweAlgorithm);
  if (!header.cty.empty()) writer.text("cty", header.cty);
  writer.text("enc", kJweEncryption);
  if (recipient.kid()) writer.text("kid", *recipient.kid());
  if (!header.typ.empty()) writer.text("typ", header.typ);
  return std::move(writer).finish();
}

}  // namespace

Result<JweRecipient> JweRecipient::from_json(const Json& jwk) {
  SIGNER_RETURN_IF_ERROR(check_is_public(jwk));
  if (const char* why = unfitness(jwk); why != nullptr) return no_recipient(why);
  std::optional<std::string> kid;
  if (const auto member = jwk.find("kid"); member != jwk.end()) {
    if (!member->is_string() || !is_acceptable_kid(*member->get_ptr<const std::string*>())) {
      return no_recipient("kid is not 1 to 256 printable ASCII characters without spaces");
    }
    kid = *member->get_ptr<const std::string*>();
  }
  const auto numbers = rsa_numbers_from_jwk(jwk);
  if (!numbers) return no_recipient(numbers.error().text);
  auto key = load_rsa_key(*numbers);
  if (!key) return fail(key.error().code, "recipient: " + key.error().text);
  return JweRecipient(*std::move(key), std::move(kid), jose::thumbprint(*numbers));
}

Result<JweRecipient> JweRecipient::from_jwk(std::string_view json) {
  const auto jwk = parse_json_object(json, kRecipientLimits);
  if (!jwk) return no_recipient(jwk.error().text);
  if (jwk->contains("keys")) return no_recipient("a JWK Set where one JWK is asked for");
  return from_json(*jwk);
}

Result<JweRecipient> JweRecipient::from_jwks(std::string_view json, const std::optional<std::string>& kid) {
  const auto set = parse_json_object(json, kRecipientLimits);
  if (!set) return no_recipient(set.error().text);
  const auto list = set->find("keys");
  if (list == set->end() || !list->is_array()) return no_recipient("no array \"keys\"; a JWK Set is {\"keys\":[...]}");
  const Json* chosen = nullptr;
  for (const Json& jwk : *list) {
    SIGNER_RETURN_IF_ERROR(check_is_public(jwk));
    if (kid ? !jwk.contains("kid") || jwk["kid"] != *kid : unfitness(jwk) != nullptr) continue;
    if (chosen != nullptr) {
      return no_recipient(kid ? "two keys of the set have that kid"
                              : "several keys of the set fit; name one by its kid");
    }
    chosen = &jwk;
  }
  if (chosen == nullptr) {
    return no_recipient(
        kid ? "no key of the set has that kid"
            : "no key of the set fits; one with kty \"RSA\", use \"enc\" and alg \"RSA-OAEP-256\" would");
  }
  return from_json(*chosen);
}

Result<std::string> jwe_encrypt(const JweRecipient& recipient, const JweHeader& header, std::string_view plaintext) {
  if (plaintext.size() > kJwePlaintextBytesMax) {
    return fail(ErrorCode::kInvalidRequest,
                "jwe: more than " + std::to_string(kJwePlaintextBytesMax) + " bytes to encrypt");
  }
  const QuietErrors quiet;
  ContentKey content_key;
  std::array<std::uint8_t, kJweIvBytes> iv{};
  if (::RAND_priv_bytes(content_key.bytes.data(), static_cast<int>(content_key.bytes.size())) != 1 ||
      ::RAND_bytes(iv.data(), static_cast<int>(iv.size())) != 1) {
    return encryption_failed("RAND_bytes");
  }
  SIGNER_ASSIGN_OR_RETURN(const Bytes wrapped, wrap(recipient, content_key));
  std::string compact = base64url_encode(header_text(recipient, header));
  SIGNER_ASSIGN_OR_RETURN(const Sealed sealed, seal(content_key, iv, compact, plaintext));
  for (const ByteView part : {ByteView(wrapped), ByteView(iv), ByteView(sealed.ciphertext), ByteView(sealed.tag)}) {
    compact += '.';
    compact += base64url_encode(part);
  }
  return compact;
}

}  // namespace signer::jose
