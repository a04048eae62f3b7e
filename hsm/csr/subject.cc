// SPDX-License-Identifier: Apache-2.0

#include "hsm/csr/subject.h"

#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "signer/bytes.h"

namespace signer::p11 {

namespace {

struct Type {
  std::string_view name;
  int nid;
};

// OpenSSL would take any object identifier it knows, such as /RSA=x.
constexpr std::array kTypes{Type{"C", NID_countryName},
                            Type{"ST", NID_stateOrProvinceName},
                            Type{"L", NID_localityName},
                            Type{"O", NID_organizationName},
                            Type{"OU", NID_organizationalUnitName},
                            Type{"CN", NID_commonName},
                            Type{"DC", NID_domainComponent},
                            Type{"UID", NID_userId},
                            Type{"serialNumber", NID_serialNumber},
                            Type{"emailAddress", NID_pkcs9_emailAddress}};

Failure<Error> refuse(const std::string& why) {
  return fail(ErrorCode::kInvalidRequest, "subject: " + why + "; write it as \"/C=DE/O=Example/CN=issuer\"");
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// The characters up to the next one of `stop` that no backslash precedes; `rest` starts there.
Result<std::string> take_until(char stop, std::string_view& rest) {
  std::string taken;
  while (!rest.empty() && rest.front() != stop) {
    if (rest.front() == '\\') rest.remove_prefix(1);
    if (rest.empty()) return refuse("ends with a backslash");
    taken += rest.front();
    rest.remove_prefix(1);
  }
  return taken;
}

Result<void> add(X509_NAME* name, const std::string& type, const std::string& value) {
  const auto* const known = std::ranges::find(kTypes, type, &Type::name);
  if (known == kTypes.end()) {
    return refuse("has a type other than C, ST, L, O, OU, CN, DC, UID, serialNumber, emailAddress");
  }
  if (value.empty()) return refuse(type + " has no value");
  if (::X509_NAME_add_entry_by_NID(name, known->nid, MBSTRING_UTF8, bytes_of(value).data(),
                                   static_cast<int>(value.size()), -1, 0) != 1) {
    ::ERR_clear_error();
    return refuse("the value of " + type + " is too long or too short, or has characters that do not belong there");
  }
  return {};
}

}  // namespace

Result<NamePtr> parse_subject(std::string_view text) {
  if (text.size() > kSubjectBytesMax) return refuse("is longer than " + std::to_string(kSubjectBytesMax) + " bytes");
  if (text.empty() || text.front() != '/') return refuse("does not start with a slash");
  if (std::ranges::any_of(text, is_control)) return refuse("has a control character");
  NamePtr name(::X509_NAME_new());
  if (!name) return fail(ErrorCode::kInternal, "subject: X509_NAME_new: out of memory");
  while (!text.empty()) {
    text.remove_prefix(1);  // the slash
    const std::size_t equals = text.find_first_of("=/\\");
    if (equals == std::string_view::npos || text[equals] != '=') return refuse("has a part that is not TYPE=VALUE");
    const std::string type(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    SIGNER_ASSIGN_OR_RETURN(const std::string value, take_until('/', text));
    SIGNER_RETURN_IF_ERROR(add(name.get(), type, value));
  }
  return name;
}

}  // namespace signer::p11
