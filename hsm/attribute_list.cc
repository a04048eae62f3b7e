// SPDX-License-Identifier: Apache-2.0

#include "hsm/attribute_list.h"

#include <algorithm>
#include <array>

#include "base/hex.h"
#include "hsm/attributes.h"
#include "hsm/ckr.h"

namespace signer::hsm {

using jose::Json;

namespace {

constexpr std::size_t kValueBytesMax = 4096;

constexpr CK_ATTRIBUTE_TYPE kOfPrivateKeys[] = {CKA_CLASS,
                                                CKA_KEY_TYPE,
                                                CKA_TOKEN,
                                                CKA_PRIVATE,
                                                CKA_SENSITIVE,
                                                CKA_ALWAYS_SENSITIVE,
                                                CKA_EXTRACTABLE,
                                                CKA_NEVER_EXTRACTABLE,
                                                CKA_LOCAL,
                                                CKA_KEY_GEN_MECHANISM,
                                                CKA_SIGN,
                                                CKA_SIGN_RECOVER,
                                                CKA_DECRYPT,
                                                CKA_UNWRAP,
                                                CKA_DERIVE,
                                                CKA_MODIFIABLE,
                                                CKA_COPYABLE,
                                                CKA_DESTROYABLE,
                                                CKA_WRAP_WITH_TRUSTED,
                                                CKA_ALWAYS_AUTHENTICATE,
                                                CKA_TRUSTED,
                                                CKA_ALLOWED_MECHANISMS,
                                                CKA_ID,
                                                CKA_LABEL};

constexpr CK_ATTRIBUTE_TYPE kOfPublicKeys[] = {CKA_CLASS,   CKA_KEY_TYPE, CKA_TOKEN, CKA_PRIVATE,        CKA_MODIFIABLE,
                                               CKA_VERIFY,  CKA_ENCRYPT,  CKA_WRAP,  CKA_VERIFY_RECOVER, CKA_DERIVE,
                                               CKA_TRUSTED, CKA_LOCAL,    CKA_ID,    CKA_LABEL};

constexpr CK_ATTRIBUTE_TYPE kOfOtherKeys[] = {CKA_CLASS,
                                              CKA_KEY_TYPE,
                                              CKA_TOKEN,
                                              CKA_PRIVATE,
                                              CKA_SENSITIVE,
                                              CKA_EXTRACTABLE,
                                              CKA_NEVER_EXTRACTABLE,
                                              CKA_LOCAL,
                                              CKA_WRAP,
                                              CKA_UNWRAP,
                                              CKA_ENCRYPT,
                                              CKA_DECRYPT,
                                              CKA_SIGN,
                                              CKA_DERIVE,
                                              CKA_WRAP_WITH_TRUSTED,
                                              CKA_TRUSTED,
                                              CKA_ID,
                                              CKA_LABEL};

constexpr CK_ATTRIBUTE_TYPE kOfValidations[] = {CKA_VALIDATION_TYPE,
                                                CKA_VALIDATION_VERSION,
                                                CKA_VALIDATION_LEVEL,
                                                CKA_VALIDATION_MODULE_ID,
                                                CKA_VALIDATION_FLAG,
                                                CKA_VALIDATION_AUTHORITY_TYPE,
                                                CKA_VALIDATION_COUNTRY,
                                                CKA_VALIDATION_CERTIFICATE_IDENTIFIER,
                                                CKA_VALIDATION_CERTIFICATE_URI,
                                                CKA_VALIDATION_VENDOR_URI,
                                                CKA_VALIDATION_PROFILE};

AttributeTypes with_numbers(std::span<const CK_ATTRIBUTE_TYPE> types, bool rsa) {
  AttributeTypes all(types.begin(), types.end());
  all.push_back(rsa ? CKA_MODULUS : CKA_EC_PARAMS);
  all.push_back(rsa ? CKA_PUBLIC_EXPONENT : CKA_EC_POINT);
  return all;
}

Json attribute_entry(const Session& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  std::array<std::uint8_t, kValueBytesMax> buffer{};
  CK_ATTRIBUTE attribute{type, buffer.data(), buffer.size()};
  const CK_RV rv = session.api().C_GetAttributeValue(session.handle(), object, &attribute, 1);
  Json entry{{"name", attribute_name(type)}, {"type", exact_number(type)}};
  if (rv == CKR_OK && attribute.ulValueLen <= buffer.size()) {
    entry["value"] = to_hex(ByteView(buffer).first(attribute.ulValueLen));
  } else {
    entry["rv"] = ckr_name(rv);
  }
  return entry;
}

}  // namespace

AttributeTypes private_key_attributes(bool rsa) {
  return with_numbers(kOfPrivateKeys, rsa);
}

AttributeTypes public_key_attributes(bool rsa) {
  return with_numbers(kOfPublicKeys, rsa);
}

std::span<const CK_ATTRIBUTE_TYPE> other_key_attributes() {
  return kOfOtherKeys;
}

std::span<const CK_ATTRIBUTE_TYPE> validation_attributes() {
  return kOfValidations;
}

Json attribute_list(const Session& session, CK_OBJECT_HANDLE object, std::span<const CK_ATTRIBUTE_TYPE> types) {
  Json list = Json::array();
  for (const CK_ATTRIBUTE_TYPE type : types) list.push_back(attribute_entry(session, object, type));
  return list;
}

Json exact_number(CK_ULONG number) {
  constexpr std::uint64_t kExactMax = (std::uint64_t{1} << 53U) - 1;
  return std::min<std::uint64_t>(number, kExactMax);
}

}  // namespace signer::hsm
