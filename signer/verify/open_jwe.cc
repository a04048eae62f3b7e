// SPDX-License-Identifier: Apache-2.0

#include "verify/open_jwe.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <utility>

#include "jose/base64url.h"
#include "jose/jwe.h"
#include "jose/openssl.h"
#include "signer/jws.h"
#include "verify/object.h"
#include "verify/private_keys.h"

namespace signer::verify {

namespace {

using jose::ContentKey;

constexpr std::size_t kModulusBytesMax = 512;
constexpr std::size_t kCiphertextBytesMax = 1UL << 30U;  // OpenSSL counts in int

// RFC 7516 §7.1: five parts, four dots.
std::optional<std::array<std::string_view, 5>> split_jwe(std::string_view compact) {
  std::array<std::string_view, 5> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t dot = compact.find('.');
    if ((dot == std::string_view::npos) != (i + 1 == parts.size())) return std::nullopt;
    parts[i] = compact.substr(0, dot);
    compact.remove_prefix(dot == std::string_view::npos ? compact.size() : dot + 1);
  }
  return parts;
}

// RFC 7519 §4.1.3: one text or an array of them.
bool read_header_audiences(const Object& object, const Value& value, std::vector<std::string>& out) {
  if (value.is_text()) {
    out.emplace_back(value.text);
    return true;
  }
  if (value.kind != Value::Kind::kArray) return false;
  for (const Value* name = object.first(value); name != nullptr; name = object.after(value, *name)) {
    if (!name->is_text()) return false;
    out.emplace_back(name->text);
  }
  return true;
}

bool is_media_type(std::string_view text, std::string_view media_type) {
  return jws::TypeRule::normalized(text) == jws::TypeRule::normalized(media_type);
}

// The header as far as it is believed: alg, enc and cty must be there and are ours, kid, typ and the repeated claims
// may be, and there is nothing else (zip, crit, epk, jku, ...).
class JweHeaderReader {
 public:
  explicit JweHeaderReader(Content content) : content_(content) {}

  bool read(std::string_view text) {
    const auto object = Object::parse(text, {.depth_max = 2, .members_max = 64});
    if (!object) return false;
    const Value& root = object->root();
    for (const Value* value = object->first(root); value != nullptr; value = object->after(root, *value)) {
      if (!(value->is_text() ? read_text(value->name, value->text) : value->name == "aud") ||
          (value->name == "aud" && !read_audiences(*object, *value))) {
        return false;
      }
    }
    return algorithm_ && encryption_ && content_type_;
  }

  std::optional<std::string> kid;
  OpenedJwe repeated;  // without the plaintext

 private:
  bool read_text(std::string_view name, std::string_view text) {
    const bool nested = content_ == Content::kToken;
    if (name == "alg") return algorithm_ = text == jose::kJweAlgorithm;
    if (name == "enc") return encryption_ = text == jose::kJweEncryption;
    if (name == "cty") {
      return content_type_ = is_media_type(text, nested ? jose::kNestedTokenContent : jose::kClaimsContent);
    }
    if (name == "typ") return nested && is_media_type(text, "JWT");
    if (name == "kid") return jose::is_acceptable_kid(kid.emplace(text));
    if (name == "iss") return nested && !repeated.issuer.emplace(text).empty();
    if (name == "sub") return nested && !repeated.subject.emplace(text).empty();
    return name == "aud";
  }

  bool read_audiences(const Object& object, const Value& value) {
    return content_ == Content::kToken && read_header_audiences(object, value, repeated.audiences.emplace());
  }

  Content content_;
  bool algorithm_ = false;
  bool encryption_ = false;
  bool content_type_ = false;
};

jose::ContextPtr unwrapping_context(EVP_PKEY* key) {
  jose::ContextPtr context(::EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (context == nullptr || ::EVP_PKEY_decrypt_init(context.get()) != 1 ||
      ::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      ::EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), ::EVP_sha256()) != 1 ||
      ::EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), ::EVP_sha256()) != 1) {
    return nullptr;
  }
  return context;
}

// Leaves the unwrapped content key in `out`, or a random one: the caller cannot tell, and must not.  False if OpenSSL
// fails before it has seen the encrypted key.
bool unwrap(EVP_PKEY* key, ByteView encrypted_key, ContentKey& out) {
  const jose::ContextPtr context = unwrapping_context(key);
  if (context == nullptr || ::RAND_priv_bytes(out.bytes.data(), static_cast<int>(out.bytes.size())) != 1) return false;
  std::array<std::uint8_t, kModulusBytesMax> unwrapped{};
  std::size_t size = unwrapped.size();
  const int outcome =
      ::EVP_PKEY_decrypt(context.get(), unwrapped.data(), &size, encrypted_key.data(), encrypted_key.size());
  // Without a branch on what came out.
  const auto good = static_cast<unsigned>(outcome == 1) & static_cast<unsigned>(size == out.bytes.size());
  const auto mask = static_cast<std::uint8_t>(0U - good);
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    out.bytes[i] = static_cast<std::uint8_t>((unwrapped[i] & mask) | (out.bytes[i] & ~mask));
  }
  ::OPENSSL_cleanse(unwrapped.data(), unwrapped.size());
  return true;
}

// RFC 7516 §5.2 step 16.
std::optional<Secret> decrypt(const ContentKey& key, ByteView iv, std::string_view encoded_header, ByteView ciphertext,
                              ByteView tag) {
  const jose::CipherContextPtr context(::EVP_CIPHER_CTX_new());
  std::string plaintext(ciphertext.size(), '\0');
  auto* const out = reinterpret_cast<std::uint8_t*>(plaintext.data());
  std::array<std::uint8_t, jose::kJweTagBytes> expected{};
  std::ranges::copy(tag, expected.begin());
  const ByteView aad = bytes_of(encoded_header);
  int size = 0;
  const bool good =
      context != nullptr &&
      ::EVP_DecryptInit_ex2(context.get(), ::EVP_aes_256_gcm(), key.bytes.data(), iv.data(), nullptr) == 1 &&
      ::EVP_DecryptUpdate(context.get(), nullptr, &size, aad.data(), static_cast<int>(aad.size())) == 1 &&
      ::EVP_DecryptUpdate(context.get(), out, &size, ciphertext.data(), static_cast<int>(ciphertext.size())) == 1 &&
      ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, jose::kJweTagBytes, expected.data()) == 1 &&
      ::EVP_DecryptFinal_ex(context.get(), out + ciphertext.size(), &size) == 1;
  Secret secret(std::move(plaintext));  // which cleanses what a bad tag left there, too
  if (!good) return std::nullopt;
  return secret;
}

}  // namespace

std::optional<OpenedJwe> open_jwe(std::string_view compact, const DecryptionKeys& keys, Content content,
                                  std::size_t header_bytes_max) {
  const auto parts = split_jwe(compact);
  if (!parts || parts->front().size() * 3 / 4 > header_bytes_max) return std::nullopt;
  const auto header_text = jose::base64url_decode((*parts)[0]);
  const auto encrypted_key = jose::base64url_decode((*parts)[1]);
  const auto iv = jose::base64url_decode((*parts)[2]);
  const auto ciphertext = jose::base64url_decode((*parts)[3]);
  const auto tag = jose::base64url_decode((*parts)[4]);
  if (!header_text || !encrypted_key || !iv || !ciphertext || !tag) return std::nullopt;
  JweHeaderReader header(content);
  if (!header.read(text_of(*header_text))) return std::nullopt;
  EVP_PKEY* const key = keys.keys().find(header.kid);
  if (key == nullptr || encrypted_key->size() != static_cast<std::size_t>(::EVP_PKEY_get_size(key)) ||
      iv->size() != jose::kJweIvBytes || tag->size() != jose::kJweTagBytes ||
      ciphertext->size() > kCiphertextBytesMax) {
    return std::nullopt;
  }
  const jose::QuietErrors quiet;
  ContentKey content_key;
  if (!unwrap(key, *encrypted_key, content_key)) return std::nullopt;
  auto plaintext = decrypt(content_key, *iv, (*parts)[0], *ciphertext, *tag);
  if (!plaintext) return std::nullopt;
  header.repeated.plaintext = *std::move(plaintext);
  return std::move(header.repeated);
}

}  // namespace signer::verify
