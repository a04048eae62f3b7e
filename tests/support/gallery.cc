// SPDX-License-Identifier: Apache-2.0

#include "tests/support/gallery.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/freer.h"
#include "hsm/attribute_template.h"

namespace signer::test {

namespace {

using hsm::Leniency;
using hsm::Session;
using hsm::Template;

constexpr std::array<std::uint8_t, 3> kF4{1, 0, 1};
constexpr std::array<std::uint8_t, 1> kThree{3};

// What is said of a private key.  As it stands: a good one.
struct Flags {
  CK_BBOOL token = CK_TRUE;
  CK_BBOOL private_object = CK_TRUE;
  CK_BBOOL sensitive = CK_TRUE;
  CK_BBOOL extractable = CK_FALSE;
  CK_BBOOL decrypts = CK_FALSE;
  CK_BBOOL modifiable = CK_FALSE;
  CK_BBOOL copyable = CK_FALSE;
  CK_BBOOL wrap_with_trusted = CK_FALSE;
};

void add_flags(Template& t, const Flags& flags, ByteView key_id) {
  t.flag(CKA_TOKEN, flags.token);
  t.flag(CKA_PRIVATE, flags.private_object);
  t.flag(CKA_SENSITIVE, flags.sensitive);
  t.flag(CKA_EXTRACTABLE, flags.extractable);
  t.flag(CKA_SIGN, CK_TRUE);
  t.flag(CKA_DECRYPT, flags.decrypts);
  t.flag(CKA_UNWRAP, flags.decrypts);
  t.flag(CKA_SIGN_RECOVER, CK_FALSE);
  t.flag(CKA_DERIVE, CK_FALSE);
  t.flag(CKA_WRAP_WITH_TRUSTED, flags.wrap_with_trusted);
  t.bytes(CKA_ID, key_id);
  t.bytes(CKA_LABEL, bytes_of("gallery"));
  t.bytes(CKA_ALLOWED_MECHANISMS, hsm::raw_bytes({CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS}));
  t.flag(CKA_COPYABLE, flags.copyable);
  t.flag(CKA_MODIFIABLE, flags.modifiable);  // last: SoftHSM's C_UnwrapKey refuses what comes behind a zero
}

struct Pair {
  CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
};

CK_RV generate(const Session& session, const Flags& flags, ByteView key_id, Pair& pair, CK_ULONG bits = 2048,
               ByteView exponent = kF4) {
  Template public_part(Leniency::kNone);
  public_part.flag(CKA_TOKEN, flags.token);
  public_part.flag(CKA_VERIFY, CK_TRUE);
  public_part.flag(CKA_ENCRYPT, CK_FALSE);
  public_part.flag(CKA_WRAP, CK_FALSE);
  public_part.number(CKA_MODULUS_BITS, bits);
  public_part.bytes(CKA_PUBLIC_EXPONENT, exponent);
  public_part.bytes(CKA_ID, key_id);
  Template private_part(Leniency::kNone);
  add_flags(private_part, flags, key_id);
  CK_MECHANISM mechanism{CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
  return session.api().C_GenerateKeyPair(session.handle(), &mechanism, public_part.data(), public_part.size(),
                                         private_part.data(), private_part.size(), &pair.public_key, &pair.private_key);
}

Bytes number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (::EVP_PKEY_get_bn_param(key, name, &number) != 1) {
    std::fprintf(stderr, "gallery: no %s\n", name);
    std::abort();
  }
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)));
  ::BN_bn2bin(number, bytes.data());
  ::BN_clear_free(number);
  return bytes;
}

struct OutsideKey {
  Bytes modulus;
  std::vector<Bytes> private_numbers;
};

const OutsideKey& outside_key() {
  static const OutsideKey made = [] {
    const std::unique_ptr<EVP_PKEY, Freer<&::EVP_PKEY_free>> key(
        ::EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
    if (!key) std::abort();
    OutsideKey outside{number_of(key.get(), OSSL_PKEY_PARAM_RSA_N), {}};
    for (const char* name :
         {OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
          OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1}) {
      outside.private_numbers.push_back(number_of(key.get(), name));
    }
    return outside;
  }();
  return made;
}

CK_RV import(const Session& session, const Flags& flags, ByteView key_id) {
  Template t(Leniency::kNone);
  t.number(CKA_CLASS, CKO_PRIVATE_KEY);
  t.number(CKA_KEY_TYPE, CKK_RSA);
  add_flags(t, flags, key_id);
  t.bytes(CKA_MODULUS, outside_key().modulus);
  t.bytes(CKA_PUBLIC_EXPONENT, kF4);
  constexpr CK_ATTRIBUTE_TYPE kTypes[] = {CKA_PRIVATE_EXPONENT, CKA_PRIME_1,    CKA_PRIME_2,
                                          CKA_EXPONENT_1,       CKA_EXPONENT_2, CKA_COEFFICIENT};
  for (std::size_t i = 0; i < std::size(kTypes); ++i) t.bytes(kTypes[i], outside_key().private_numbers[i]);
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  return session.api().C_CreateObject(session.handle(), t.data(), t.size(), &key);
}

// Out of the token and in again, under a key that stays there.
CK_RV unwrap(const Session& session, ByteView key_id) {
  const CK_FUNCTION_LIST& api = session.api();
  Pair pair;
  CK_RV rv = generate(session, {.token = CK_FALSE, .extractable = CK_TRUE}, key_id, pair);
  if (rv != CKR_OK) return rv;
  Template wrapping(Leniency::kNone);
  wrapping.number(CKA_VALUE_LEN, 32);
  wrapping.flag(CKA_TOKEN, CK_FALSE);
  wrapping.flag(CKA_WRAP, CK_TRUE);
  wrapping.flag(CKA_UNWRAP, CK_TRUE);
  CK_MECHANISM generator{CKM_AES_KEY_GEN, nullptr, 0};
  CK_OBJECT_HANDLE wrapper = CK_INVALID_HANDLE;
  rv = api.C_GenerateKey(session.handle(), &generator, wrapping.data(), wrapping.size(), &wrapper);
  if (rv != CKR_OK) return rv;
  CK_MECHANISM mechanism{CKM_AES_KEY_WRAP_PAD, nullptr, 0};
  Bytes blob(4096);
  CK_ULONG size = blob.size();
  rv = api.C_WrapKey(session.handle(), &mechanism, wrapper, pair.private_key, blob.data(), &size);
  if (rv != CKR_OK) return rv;
  Template t(Leniency::kNone);
  t.number(CKA_CLASS, CKO_PRIVATE_KEY);
  t.number(CKA_KEY_TYPE, CKK_RSA);
  add_flags(t, {}, key_id);
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  rv = api.C_UnwrapKey(session.handle(), &mechanism, wrapper, blob.data(), size, t.data(), t.size(), &key);
  for (const CK_OBJECT_HANDLE object : {pair.private_key, pair.public_key, wrapper}) {
    if (rv == CKR_OK) rv = api.C_DestroyObject(session.handle(), object);
  }
  return rv;
}

CK_RV launder(const Session& session, ByteView key_id) {
  Pair pair;
  CK_RV rv = generate(session, {.sensitive = CK_FALSE, .extractable = CK_TRUE, .modifiable = CK_TRUE}, key_id, pair);
  for (const CK_ATTRIBUTE_TYPE type : {CKA_SENSITIVE, CKA_EXTRACTABLE}) {
    CK_BBOOL value = type == CKA_SENSITIVE ? CK_TRUE : CK_FALSE;
    CK_ATTRIBUTE attribute{type, &value, sizeof value};
    if (rv == CKR_OK) rv = session.api().C_SetAttributeValue(session.handle(), pair.private_key, &attribute, 1);
  }
  return rv;
}

CK_RV copy(const Session& session, ByteView key_id) {
  Pair pair;
  const CK_RV rv = generate(session, {.modifiable = CK_TRUE, .copyable = CK_TRUE}, key_id, pair);
  if (rv != CKR_OK) return rv;
  Bytes other_id(key_id.begin(), key_id.end());
  for (const char c : std::string_view("-copy")) other_id.push_back(static_cast<std::uint8_t>(c));
  Template changed(Leniency::kNone);
  changed.bytes(CKA_ID, other_id);
  CK_OBJECT_HANDLE second = CK_INVALID_HANDLE;
  return session.api().C_CopyObject(session.handle(), pair.private_key, changed.data(), changed.size(), &second);
}

}  // namespace

std::string_view to_string(GalleryKey kind) {
  switch (kind) {
    case GalleryKey::kGood:
      return "good";
    case GalleryKey::kExtractable:
      return "extractable";
    case GalleryKey::kNonSensitive:
      return "non-sensitive";
    case GalleryKey::kReadable:
      return "readable";
    case GalleryKey::kImported:
      return "imported";
    case GalleryKey::kUnwrapped:
      return "unwrapped";
    case GalleryKey::kLaundered:
      return "laundered";
    case GalleryKey::kWrapWithTrusted:
      return "wrap-with-trusted";
    case GalleryKey::kDecryptCapable:
      return "decrypt-capable";
    case GalleryKey::kNoLogin:
      return "no-login";
    case GalleryKey::kSecondCopy:
      return "second-copy";
    case GalleryKey::kShort:
      return "short";
    case GalleryKey::kLowExponent:
      return "low-exponent";
  }
  return "?";
}

CK_RV make_gallery_key(const Session& session, GalleryKey kind, ByteView key_id) {
  Pair pair;
  switch (kind) {
    case GalleryKey::kGood:
      return generate(session, {}, key_id, pair);
    case GalleryKey::kExtractable:
      return generate(session, {.extractable = CK_TRUE}, key_id, pair);
    case GalleryKey::kNonSensitive:
      return generate(session, {.sensitive = CK_FALSE}, key_id, pair);
    case GalleryKey::kReadable:
      return generate(session, {.sensitive = CK_FALSE, .extractable = CK_TRUE}, key_id, pair);
    case GalleryKey::kImported:
      return import(session, {}, key_id);
    case GalleryKey::kUnwrapped:
      return unwrap(session, key_id);
    case GalleryKey::kLaundered:
      return launder(session, key_id);
    case GalleryKey::kWrapWithTrusted:
      return generate(session, {.extractable = CK_TRUE, .wrap_with_trusted = CK_TRUE}, key_id, pair);
    case GalleryKey::kDecryptCapable:
      return generate(session, {.decrypts = CK_TRUE}, key_id, pair);
    case GalleryKey::kNoLogin:
      return generate(session, {.private_object = CK_FALSE}, key_id, pair);
    case GalleryKey::kSecondCopy:
      return copy(session, key_id);
    case GalleryKey::kShort:
      return generate(session, {}, key_id, pair, 1024);
    case GalleryKey::kLowExponent:
      return generate(session, {}, key_id, pair, 2048, kThree);
  }
  return CKR_ARGUMENTS_BAD;
}

const std::vector<Bytes>& imported_private_numbers() {
  return outside_key().private_numbers;
}

CK_RV import_readable_key(const Session& session, ByteView key_id) {
  return import(session, {.sensitive = CK_FALSE, .extractable = CK_TRUE}, key_id);
}

}  // namespace signer::test
