// SPDX-License-Identifier: Apache-2.0

#include "hsm/attributes.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

namespace signer::hsm {

namespace {

struct Named {
  CK_ULONG value;
  const char* name;
};

#define SIGNER_NAMED(code) \
  Named {                  \
    code, #code            \
  }

constexpr Named kAttributes[] = {
    SIGNER_NAMED(CKA_CLASS),
    SIGNER_NAMED(CKA_TOKEN),
    SIGNER_NAMED(CKA_PRIVATE),
    SIGNER_NAMED(CKA_LABEL),
    SIGNER_NAMED(CKA_KEY_TYPE),
    SIGNER_NAMED(CKA_ID),
    SIGNER_NAMED(CKA_SENSITIVE),
    SIGNER_NAMED(CKA_ENCRYPT),
    SIGNER_NAMED(CKA_DECRYPT),
    SIGNER_NAMED(CKA_WRAP),
    SIGNER_NAMED(CKA_UNWRAP),
    SIGNER_NAMED(CKA_SIGN),
    SIGNER_NAMED(CKA_SIGN_RECOVER),
    SIGNER_NAMED(CKA_VERIFY),
    SIGNER_NAMED(CKA_DERIVE),
    SIGNER_NAMED(CKA_MODULUS),
    SIGNER_NAMED(CKA_MODULUS_BITS),
    SIGNER_NAMED(CKA_PUBLIC_EXPONENT),
    SIGNER_NAMED(CKA_VALUE_LEN),
    SIGNER_NAMED(CKA_EXTRACTABLE),
    SIGNER_NAMED(CKA_LOCAL),
    SIGNER_NAMED(CKA_NEVER_EXTRACTABLE),
    SIGNER_NAMED(CKA_ALWAYS_SENSITIVE),
    SIGNER_NAMED(CKA_KEY_GEN_MECHANISM),
    SIGNER_NAMED(CKA_MODIFIABLE),
    SIGNER_NAMED(CKA_COPYABLE),
    SIGNER_NAMED(CKA_DESTROYABLE),
    SIGNER_NAMED(CKA_EC_PARAMS),
    SIGNER_NAMED(CKA_EC_POINT),
    SIGNER_NAMED(CKA_ALWAYS_AUTHENTICATE),
    SIGNER_NAMED(CKA_WRAP_WITH_TRUSTED),
    SIGNER_NAMED(CKA_ALLOWED_MECHANISMS),
};

constexpr Named kMechanismNames[] = {
    SIGNER_NAMED(CKM_RSA_PKCS_KEY_PAIR_GEN),
    SIGNER_NAMED(CKM_RSA_X9_31_KEY_PAIR_GEN),
    SIGNER_NAMED(CKM_RSA_PKCS),
    SIGNER_NAMED(CKM_RSA_X_509),
    SIGNER_NAMED(CKM_SHA256_RSA_PKCS),
    SIGNER_NAMED(CKM_EC_KEY_PAIR_GEN),
    SIGNER_NAMED(CKM_ECDSA),
    SIGNER_NAMED(CKM_ECDSA_SHA256),
    SIGNER_NAMED(CKM_SHA256_HMAC),
    SIGNER_NAMED(CKM_GENERIC_SECRET_KEY_GEN),
};

#undef SIGNER_NAMED

template <std::size_t N>
std::string name_in(const Named (&names)[N], CK_ULONG value, const char* prefix) {
  for (const Named& named : names) {
    if (named.value == value) return named.name;
  }
  std::array<char, 24> hex{};
  std::snprintf(hex.data(), hex.size(), "0x%lx", value);
  return std::string(prefix) + hex.data();
}

}  // namespace

std::string attribute_name(CK_ATTRIBUTE_TYPE type) {
  return name_in(kAttributes, type, "CKA_");
}

std::string mechanism_name(CK_MECHANISM_TYPE type) {
  if (type == CK_UNAVAILABLE_INFORMATION) return "unavailable";
  return name_in(kMechanismNames, type, "CKM_");
}

std::string mechanism_names(ByteView value) {
  std::vector<CK_MECHANISM_TYPE> types(value.size() / sizeof(CK_MECHANISM_TYPE));
  if (!types.empty()) std::memcpy(types.data(), value.data(), types.size() * sizeof(CK_MECHANISM_TYPE));
  std::ranges::sort(types);  // it is a set; tokens keep it in any order
  std::string names;
  for (const CK_MECHANISM_TYPE type : types) {
    if (!names.empty()) names += ',';
    names += mechanism_name(type);
  }
  return names;
}

}  // namespace signer::hsm
