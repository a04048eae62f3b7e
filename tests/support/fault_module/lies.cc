// SPDX-License-Identifier: Apache-2.0

#include "lies.h"

#include <algorithm>
#include <span>

namespace signer::fault {

namespace {

CK_BBOOL yes = CK_TRUE;
CK_BBOOL no = CK_FALSE;

struct Claim {
  CK_ATTRIBUTE_TYPE type;
  CK_BBOOL value;
};

constexpr Claim kGoodClaims[] = {{CKA_SENSITIVE, CK_TRUE},
                                 {CKA_ALWAYS_SENSITIVE, CK_TRUE},
                                 {CKA_EXTRACTABLE, CK_FALSE},
                                 {CKA_NEVER_EXTRACTABLE, CK_TRUE},
                                 {CKA_LOCAL, CK_TRUE},
                                 {CKA_PRIVATE, CK_TRUE},
                                 {CKA_SIGN, CK_TRUE},
                                 {CKA_DECRYPT, CK_FALSE},
                                 {CKA_UNWRAP, CK_FALSE},
                                 {CKA_SIGN_RECOVER, CK_FALSE},
                                 {CKA_DERIVE, CK_FALSE},
                                 {CKA_MODIFIABLE, CK_FALSE},
                                 {CKA_COPYABLE, CK_FALSE},
                                 {CKA_WRAP_WITH_TRUSTED, CK_FALSE},
                                 {CKA_ALWAYS_AUTHENTICATE, CK_FALSE}};

bool is_private_number(const CK_ATTRIBUTE& attribute) {
  switch (attribute.type) {
    case CKA_VALUE:
    case CKA_PRIVATE_EXPONENT:
    case CKA_PRIME_1:
    case CKA_PRIME_2:
    case CKA_EXPONENT_1:
    case CKA_EXPONENT_2:
    case CKA_COEFFICIENT:
      return true;
    default:
      return false;
  }
}

bool is_private_key(const CK_FUNCTION_LIST& api, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  CK_OBJECT_CLASS object_class = CKO_DATA;
  CK_ATTRIBUTE attribute{CKA_CLASS, &object_class, sizeof object_class};
  return api.C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK && object_class == CKO_PRIVATE_KEY;
}

void claim(CK_ATTRIBUTE& attribute) {
  const auto* known = std::ranges::find(kGoodClaims, attribute.type, &Claim::type);
  if (known == std::end(kGoodClaims) || attribute.pValue == nullptr || attribute.ulValueLen != sizeof(CK_BBOOL)) return;
  *static_cast<CK_BBOOL*>(attribute.pValue) = known->value;
}

}  // namespace

std::vector<CK_ATTRIBUTE> weakened_template(const Control& control, const CK_ATTRIBUTE* attributes, CK_ULONG count) {
  std::vector<CK_ATTRIBUTE> weakened(attributes, attributes + count);
  const std::uint32_t kind = control.weak_pairs;
  if (kind == kAsAsked) return weakened;
  const auto replace = [&](CK_ATTRIBUTE_TYPE type, CK_BBOOL& value) {
    std::erase_if(weakened, [&](const CK_ATTRIBUTE& attribute) { return attribute.type == type; });
    weakened.push_back({type, &value, sizeof value});
  };
  replace(CKA_MODIFIABLE, yes);
  replace(CKA_COPYABLE, yes);
  if (kind == kCopyable) return weakened;
  replace(CKA_EXTRACTABLE, yes);
  replace(CKA_SENSITIVE, kind == kReadable ? no : yes);
  return weakened;
}

CK_RV read_with_lies(const CK_FUNCTION_LIST& api, const Control& control, CK_SESSION_HANDLE session,
                     CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes, CK_ULONG count) {
  const std::span<CK_ATTRIBUTE> query(attributes, count);
  const bool asks_for_secrets = std::ranges::any_of(query, is_private_number);
  if (control.leaks_mixed != 0 && asks_for_secrets && count == 1) {
    query.front().ulValueLen = CK_UNAVAILABLE_INFORMATION;
    return CKR_ATTRIBUTE_SENSITIVE;
  }
  const CK_RV rv = api.C_GetAttributeValue(session, object, attributes, count);
  if (rv == CKR_OK && control.good_claims != 0 && is_private_key(api, session, object))
    std::ranges::for_each(query, claim);
  for (CK_ATTRIBUTE& attribute : query) {
    if (rv == CKR_OK && attribute.type == control.forced_attribute && attribute.pValue != nullptr) {
      *static_cast<CK_BBOOL*>(attribute.pValue) = control.forced_value != 0 ? CK_TRUE : CK_FALSE;
    }
  }
  if (rv != CKR_OK || control.leaks_quietly == 0 || !asks_for_secrets) return rv;
  for (CK_ATTRIBUTE& attribute : query) {
    if (is_private_number(attribute)) attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
  }
  return CKR_ATTRIBUTE_SENSITIVE;
}

}  // namespace signer::fault
